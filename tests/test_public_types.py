"""What is returned has a public type, and what has few values says which."""

from __future__ import annotations

import ast
import builtins
import collections
import collections.abc
import inspect
import os
import re
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

import modellint
from modellint import fixes, graph
from modellint.report import FORMATS
from modellint.rules import SEVERITIES

#: Where else a public type may be found: what fixes are made of, and what a graph holds.
ROOMS = (modellint, graph, fixes)
#: Words of annotations that are none of ours.
OUTSIDE = {
    *vars(typing),
    *vars(collections.abc),
    *vars(collections),
    *vars(builtins),
    *vars(types),
    *(name for name in vars(ast) if name not in graph.__all__),
    "GraphModule",
}
#: A user's file that uses all of the API, as mypy is to see it.
USE = Path(__file__).parent / "typed_use.py"


def returned(thing: Any) -> Iterator[str]:
    """The annotations of what a function returns, or of what can be read of a class."""
    if inspect.isfunction(thing):
        yield str(thing.__annotations__.get("return", ""))
    if not isinstance(thing, type):
        return
    for base in thing.__mro__:
        if not base.__module__.startswith("modellint"):
            continue
        for name, annotation in inspect.get_annotations(base).items():
            if not name.startswith("_"):
                yield str(annotation)
        for name, member in vars(base).items():
            if not name.startswith("_") or name in ("__getitem__", "__call__"):
                function = getattr(member, "fget", None) or getattr(member, "compute", None)
                function = function or getattr(member, "func", None) or member
                yield str(getattr(function, "__annotations__", {}).get("return", ""))


@pytest.mark.parametrize("name", modellint.__all__)
def test_every_type_that_is_returned_is_exported(name: str) -> None:
    public = {word for room in ROOMS for word in room.__all__}
    words = {
        word
        for text in returned(getattr(modellint, name))
        for word in re.findall(r"\b_?[A-Z]\w*", text)
    }
    assert words - OUTSIDE - public == set()


def test_every_public_name_leads_to_what_it_is_called() -> None:
    for name in set(modellint.__all__) - {"__version__"}:
        found = getattr(modellint, name)
        if getattr(found, "__module__", "").startswith("modellint"):
            assert found.__name__ == name
            assert found.__doc__


def test_literals_are_the_values_that_there_are() -> None:
    assert set(get_args(modellint.Format)) == set(FORMATS)
    assert get_args(modellint.Severity) == SEVERITIES
    assert get_args(modellint.CategoryName) == tuple(map(str, modellint.Category))
    assert set(get_args(modellint.FailLevel)) == {*SEVERITIES, "never"}
    assert get_args(modellint.SizeStyle) == ("both", "symbolic", "concrete")


def test_the_file_that_mypy_sees_uses_every_public_function() -> None:
    text = USE.read_text("utf-8")
    missing = [name for name in modellint.__all__ if not re.search(rf"\bmodellint\.{name}\b", text)]
    assert missing == []


def mypy(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What mypy says of a file; an editable installation is no place where it looks by itself."""
    command = [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={folder / 'cache'}"]
    environment = {**os.environ, "MYPYPATH": str(Path(modellint.__file__).parent.parent)}
    return subprocess.run(
        [*command, str(path)], capture_output=True, text=True, cwd=folder, env=environment
    )


@pytest.mark.slow
def test_a_file_that_uses_all_of_it_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is no part of the tests' own packages")
    done = mypy(USE, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import modellint\n\n"
        'modellint.Report().render("ful")\n'
        '@modellint.rule("advise")\n'
        "def check(graph: modellint.Graph) -> object:\n"
        '    modellint.lint_paths(["."], fail_level="fatal")\n'
        "    return graph.fx.no_such_method_of_modules_at_all.x + graph.calls(3)\n"
    )
    done = mypy(wrong, tmp_path)
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert {3, 4, 6, 7} <= lines
