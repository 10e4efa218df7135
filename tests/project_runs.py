"""Runs the scripts of projects in PyTorch alone, and tells whose forwards came to their end.

`python -m tests.project_runs FOLDER` reads commands from its input, as JSON: pairs of a project
below the folder and of what would follow `python` in it. It writes, for each in turn, the classes
whose forward returned, as `file::Class`, the modules that the script's own names hold, as
`file::name`, and how a run failed. Torch is imported once; each command runs in a fork, which the
import is inherited by.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import runpy
import shlex
import sys
import traceback
import unittest
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook


def run(project: Path, command: str) -> dict[str, Any]:
    """Run one command where it is, with the path that `python -m pytest` gives it."""
    script, *arguments = shlex.split(command)
    path = project / script
    os.chdir(project)
    sys.path[:0] = [str(path.parent), str(project)]
    sys.argv = [script, *arguments]
    torch.set_num_threads(1)
    returned: dict[int, nn.Module] = {}
    register_module_forward_hook(lambda module, *_: returned.update({id(module): module}))
    error, names = None, {}
    try:
        names = _globals_after(path)
    except Exception:
        error = traceback.format_exc()
    ran = {
        f"{Path(file).relative_to(project)}::{type(module).__name__}"
        for module in returned.values()
        if Path(file := _file_of(module)).is_relative_to(project)
    }
    named = {f"{script}::{name}" for name, value in names.items() if id(value) in returned}
    return {"ran": sorted(ran | named), "error": error}


def _globals_after(path: Path) -> dict[str, Any]:
    """Run a script as `python` does, or the tests of a file of tests."""
    if not path.name.startswith("test_"):
        return runpy.run_path(str(path), run_name="__main__")
    names = runpy.run_path(str(path), run_name=path.stem)
    for name, value in names.items():
        if inspect.isclass(value) and issubclass(value, unittest.TestCase):
            result = unittest.TestResult()
            unittest.defaultTestLoader.loadTestsFromTestCase(value).run(result)
            assert result.wasSuccessful(), [text for _, text in result.errors + result.failures]
        elif name.startswith("test_"):
            value()
    return names


def _file_of(module: nn.Module) -> str:
    return inspect.unwrap(type(module).forward).__code__.co_filename


def _forked(project: Path, command: str) -> dict[str, Any]:
    """What a run tells, made in a process of its own; what it prints goes nowhere."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with (
            os.fdopen(writing, "w") as out,
            open(os.devnull, "w") as nowhere,  # noqa: PTH123
            contextlib.redirect_stdout(nowhere),
        ):
            json.dump(run(project, command), out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else {"ran": [], "error": f"ended with status {status}"}


def main() -> None:
    """Answer the commands on the input, in their order."""
    folder = Path(sys.argv[1]).resolve()
    commands = json.load(sys.stdin)
    json.dump([_forked(folder / project, command) for project, command in commands], sys.stdout)


if __name__ == "__main__":
    main()
