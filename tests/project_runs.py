"""Runs the scripts of projects in PyTorch alone, and tells which models came to their end, and how.

`python -m tests.project_runs FOLDER` reads commands from its input, as JSON: pairs of a project
below the folder and of what would follow `python` in it. It writes, for each in turn, how the run
failed and the models whose forward returned: by `file::Class`, and by `file::name` for what the
script's own names hold, each with its instances (parameters, and the axes of what it was fed, as
`x:4 lengths:1`). Torch is imported once; each command runs in a fork, which inherits it.
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
    # By the number of the module, which is kept so that no other one gets it.
    returned: dict[int, tuple[nn.Module, str, str]] = {}

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: object) -> None:
        if id(module) not in returned:
            count = sum(parameter.numel() for parameter in module.parameters())
            returned[id(module)] = module, str(count), _axes_of(module, args, kwargs)

    register_module_forward_hook(note, with_kwargs=True)
    error, names = None, {}
    try:
        names = _globals_after(path)
    except Exception:
        error = traceback.format_exc()
    ran: dict[str, set[tuple[str, str]]] = {}
    for module, count, axes in returned.values():
        file = Path(_file_of(module))
        if file.is_relative_to(project):
            key = f"{file.relative_to(project).as_posix()}::{type(module).__name__}"
            ran.setdefault(key, set()).add((count, axes))
    for name, value in names.items():
        if id(value) in returned:
            ran.setdefault(f"{script}::{name}", set()).add(returned[id(value)][1:])
    return {"error": error, "ran": {key: sorted(instances) for key, instances in ran.items()}}


def _axes_of(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """How many axes each tensor has that a forward is called with, by its name there."""
    given = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    return " ".join(f"{name}:{tensor.dim()}" for name, tensor in tensors.items())


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
    return json.loads(text) if text else {"ran": {}, "error": f"ended with status {status}"}


def main() -> None:
    """Answer the commands on the input, in their order."""
    folder = Path(sys.argv[1]).resolve()
    commands = json.load(sys.stdin)
    json.dump([_forked(folder / project, command) for project, command in commands], sys.stdout)


if __name__ == "__main__":
    main()
