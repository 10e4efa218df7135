"""Targets that are module paths, `torchvision.models:resnet18`, as the files that they stand for.

The interpreter of the project is asked, as only it knows where its modules lie; nothing of them is
imported, neither here nor there. Where nothing of a project may run, its interpreter included, the
folders are looked into.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from modellint.config.interpreters import Interpreter, packages_of
from modellint.config.plans import Plans
from modellint.config.settings import Settings
from modellint.discovery import module_files
from modellint.engine.launching import PATIENCE, end_process, start_function, wrong
from modellint.engine.probing import Probes
from modellint.errors import UsageError
from modellint.source.paths import is_exported, is_installed, project_root, shown_path

_MODULE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*)(?:::?(.+))?", re.DOTALL)
#: What ends like this is a file, if one that is not there.
_FILES = re.compile(r"\.(py|pyi|pyw|ipynb|pt2|json|md|txt|toml|yaml|yml|cfg)(::|\Z)")
_CALLED = re.compile(r"[^\W\d]\w*")


def with_modules(
    given: Sequence[str | os.PathLike[str]], settings: Settings, *, running: bool = True
) -> tuple[str | os.PathLike[str], ...]:
    """The targets, module paths among them as files, folders or selectors.

    What is neither a module nor a path stays as it is, for whoever tells of paths that do not
    exist. `running` is whether the interpreter may run. Raises `UsageError` for a module of a
    package that there is, and that has none.
    """
    asked = [one for one in given if _is_module(one)]
    if not asked:
        return tuple(given)
    chosen = Plans(settings, loaded=False).here.interpreter
    python = Probes().use(chosen) if running else chosen
    ask = _asked if running else _looked_up
    found: list[str | os.PathLike[str]] = []
    for one in given:
        found += _files(os.fspath(one), python, ask) if one in asked else [one]
    return tuple(found)


def check_writable(given: Sequence[str | os.PathLike[str]], flag: str) -> None:
    """Raise `UsageError` for targets that nobody may write to: installed and exported ones."""
    for one in given:
        path = os.fspath(one).partition("::")[0]
        if is_exported(path):
            raise UsageError(
                f"{flag} writes into source code, and {shown_path(path)} is an exported program: "
                "leave it out"
            )
        if is_installed(os.path.realpath(path)) or is_installed(os.path.abspath(path)):  # noqa: PTH100
            raise UsageError(
                f"{flag} writes into your own files, and {shown_path(path)} is of an installed "
                "package: leave it out"
            )


def _is_module(target: str | os.PathLike[str]) -> bool:
    name = os.fspath(target)
    if name == "-" or os.path.lexists(name) or os.path.lexists(name.partition("::")[0]):
        return False
    return _MODULE.fullmatch(name) is not None and _FILES.search(name) is None


def _files(
    target: str, python: Interpreter, ask: Callable[[Interpreter, str, str], Any]
) -> list[str]:
    """What a module path stands for; itself, where there is no such package at all."""
    match = _MODULE.fullmatch(target)
    assert match is not None
    module, member = match[1], match[2] or ""
    called = _CALLED.match(member)
    name = called[0] if called is not None else ""
    answer = ask(python, module, name)
    missing = answer["missing"]
    if missing is not None:
        if "." not in target and ":" not in target:
            return [target]
        where = f"{python.shown} finds no module {missing}"
        raise UsageError(f"{target}: no such file or directory, and {where}")
    path = answer["path"]
    if member:
        if path is None:
            raise UsageError(f"{target}: {module} is a folder without a file of its own")
        return [f"{_source(target, path)}::{answer['name']}{member[len(name) :]}"]
    return [*answer["folders"]] or [_source(target, path)]


def _source(target: str, path: str | None) -> str:
    if path is None or not path.endswith(".py"):
        raise UsageError(f"{target}: is built in or compiled, so there is no source to lint")
    return path


def _asked(python: Interpreter, module: str, member: str) -> Any:
    """What the interpreter says of a module and a name of it."""
    first = json.dumps(_own_folders())
    process = start_function(python, "discovery.module_files", "main", first, module, member)
    try:
        out, complaints = process.communicate(timeout=PATIENCE)
        return json.loads(out.rpartition(b"\n")[2])
    except subprocess.TimeoutExpired as error:
        raise wrong(python, f"does not answer within {PATIENCE:.0f} seconds") from error
    except ValueError as error:
        lines = complaints.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        raise wrong(python, f"cannot tell where {module} is (it says: {lines[-1]})") from error
    finally:
        end_process(process)


def _looked_up(python: Interpreter, module: str, member: str) -> Any:
    """What folders say of a module and a name of it: the project's, and the interpreter's."""
    for one in (python, *python.further):
        folders = [*_own_folders(), *packages_of(one)]
        answer = module_files.answer(module, member, module_files.within(folders))
        if answer["missing"] is None:
            return answer
    return answer


def _own_folders() -> list[str]:
    """The folders of the project that come first on the path: the current one, its own, `src`."""
    here = project_root(os.path.join(os.getcwd(), "-"))  # noqa: PTH109, PTH118
    return [*dict.fromkeys([os.getcwd(), here, os.path.join(here, "src")])]  # noqa: PTH109, PTH118
