"""Folders that cannot be read or have no end, and pipes in the place of files, harm no run."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import modellint

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="a file system of POSIX"),
]

NET = """
import torch
from torch import nn
net = nn.Sequential(nn.Conv2d(3, 8, 1))
net(torch.rand(1, 3, 8, 8))
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model at its top and one in a folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("net.py", "sub/net.py"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(NET)
    return tmp_path


def linted(*arguments: str) -> tuple[int, dict[str, str], list[tuple[str, str]]]:
    """The status of a run, of its models by path, and the kinds of its errors by path."""
    run = modellint("--format", "json", *arguments, cwd=".")
    report = json.loads(run.stdout)
    errors = [(error["path"], error["kind"]) for error in report["errors"]]
    return run.returncode, {one["path"]: one["status"] for one in report["models"]}, errors


def refused(*arguments: str) -> str:
    """What a run says that ends with a usage error."""
    run = modellint(*arguments, cwd=".")
    assert (run.returncode, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr
    return run.stderr


def pipe(path: str) -> None:
    os.mkfifo(path)


def device(path: str) -> None:
    Path(path).symlink_to("/dev/zero")


BOTH = {"net.py": "analysed", "sub/net.py": "analysed"}
odd = pytest.mark.parametrize("make", [pipe, device])


@odd
@pytest.mark.parametrize("name", [".gitignore", "sub/.gitignore"])
def test_a_gitignore_that_is_no_file_says_nothing(make: Callable[[str], None], name: str) -> None:
    make(name)
    assert linted(".") == (0, BOTH, [])


@odd
def test_a_baseline_that_is_no_file_is_refused(make: Callable[[str], None]) -> None:
    make("baseline.json")
    assert "not a regular file" in refused("--baseline", "baseline.json", "net.py")


@odd
@pytest.mark.parametrize("name", ["modellint.toml", "pyproject.toml", "sub/modellint.toml"])
def test_a_configuration_that_is_no_file_is_refused(make: Callable[[str], None], name: str) -> None:
    make(name)
    assert name in refused(".")
    assert "not a regular file" in refused("--config", name, ".")


@odd
def test_a_plugin_that_is_no_file_is_refused(make: Callable[[str], None]) -> None:
    make("own.py")
    Path("modellint.toml").write_text('plugins = ["own.py"]')
    for arguments in (["net.py"], ["--rules"], ["--list", "net.py"]):
        assert "own.py" in refused(*arguments)


def test_a_cache_of_pipes_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    first = linted("net.py")
    entries = [*Path(".modellint_cache").glob("*.json")]
    assert entries
    for entry in entries:
        entry.unlink()
        os.mkfifo(entry)
    assert linted("net.py") == first
    os.mkfifo("pipe")
    monkeypatch.setenv("MODELLINT_CACHE_DIR", "pipe")
    assert linted("net.py") == first


@pytest.mark.parametrize("name", [".venv", "sub/.gitignore", "sub/modellint.toml", "odd.py", "odd"])
def test_links_that_lead_in_a_circle_harm_no_run(name: str) -> None:
    Path("pyproject.toml").touch()
    Path(name).symlink_to(Path(name).name)
    status, models, errors = linted(".")
    assert (status, models, errors) == (0, BOTH, [])


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that may not be listed, nor looked into; root could do both."""
    folder = Path("closed").absolute()
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    list_folder, state = os.scandir, os.stat

    def scandir(path: Any = ".") -> Any:
        if Path(path).absolute() == folder:
            raise PermissionError(13, "Permission denied", str(path))
        return list_folder(path)

    def stat(path: Any, *given: Any, **named: Any) -> Any:
        if isinstance(path, str | Path) and folder in Path(path).absolute().parents:
            raise PermissionError(13, "Permission denied", str(path))
        return state(path, *given, **named)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(os, "stat", stat)
    return folder


@pytest.mark.usefixtures("closed")
def test_a_folder_that_cannot_be_listed_is_told_and_the_rest_is_linted() -> None:
    assert linted(".") == (1, BOTH, [("closed", "unreadable")])
    assert linted("closed", "net.py") == (1, {"net.py": "analysed"}, [("closed", "unreadable")])
    run = modellint("--list", ".", cwd=".")
    assert run.returncode == 1
    assert "sub/net.py:4: net" in run.stdout
    Path("modellint.toml").write_text('exclude = ["closed/"]')
    assert linted(".") == (0, BOTH, [])


@pytest.mark.usefixtures("closed")
def test_a_file_in_a_folder_that_may_not_be_looked_into_is_unreadable() -> None:
    found = linted("closed/net.py", "net.py")
    assert found == (1, {"net.py": "analysed"}, [("closed/net.py", "unreadable")])


@contextlib.contextmanager
def nested(name: str, depth: int) -> Iterator[None]:
    """Folders in each other, with a model in the innermost, for the time of the block.

    They are made and removed step by step: the path as a whole may be too long, and what pytest
    removes folders with recurses.
    """
    here = Path.cwd()
    for _ in range(depth):
        os.mkdir(name)  # noqa: PTH102
        os.chdir(name)
    Path("deep.py").write_text(NET)
    os.chdir(here)
    try:
        yield
    finally:
        for _ in range(depth):
            os.chdir(name)
        Path("deep.py").unlink()
        for _ in range(depth):
            os.chdir("..")
            os.rmdir(name)  # noqa: PTH106


@pytest.mark.slow
def test_folders_may_be_nested_deeper_than_calls() -> None:
    assert sys.getrecursionlimit() < 1200
    Path("modellint.toml").write_text('exclude = ["other/"]')
    with nested("d", 1200):
        deep = f"{'d/' * 1200}deep.py"
        assert linted(".") == (0, {**BOTH, deep: "analysed"}, [])
        assert linted(deep) == (0, {deep: "analysed"}, [])
        assert deep in modellint("--list", ".", cwd=".").stdout


def test_a_path_that_is_longer_than_the_system_allows_is_told() -> None:
    with nested("d" * 200, 30):
        status, models, errors = linted(".")
    assert (status, models) == (1, BOTH)
    ((path, kind),) = errors
    assert kind == "unreadable"
    assert path.startswith("ddd")
    assert "no such file" in refused("d/" * 3000 + "net.py")
