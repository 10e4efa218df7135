"""Starts a Python that runs modellint's worker: with which command, environment and log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from modellint.config.interpreters import Interpreter
from modellint.engine.installation import torch_version
from modellint.errors import PluginError, UsageError, WorkerError
from modellint.linting.plugins import installed_plugins
from modellint.source.paths import PACKAGE
from modellint.worker.leftovers import NAMES
from modellint.worker.strays import kill_group

#: How long an interpreter may take to answer before it imports torch, and then to import it, in
#: seconds. The first import from a slow disk takes minutes.
PATIENCE = 30.0
LONG_PATIENCE = 600.0
#: The environment of user code: one thread, no GPU, the same order of sets in every run, and
#: weights that were downloaded before without a look for newer ones.
FIXED = {
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "HF_HUB_OFFLINE": "1",
}


#: What only the Python that runs modellint may take to heart.
_OURS = frozenset({"PYTHONHOME", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__"})
#: Loads this very modellint, by path: of our packages the interpreter sees no other, and a
#: modellint that is installed there, of another version perhaps, is not asked.
_START = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("modellint", sys.argv[1])
sys.modules["modellint"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from importlib import import_module
getattr(import_module("modellint." + sys.argv[2]), sys.argv[3])(*sys.argv[4:])
"""


def launch(
    interpreter: Interpreter,
    function: str,
    stdin: Any,
    stdout: Any,
    log: IO[bytes],
    folder: str | None,
) -> subprocess.Popen[bytes]:
    """Run a function of `modellint.worker.server` in a process of an interpreter.

    The function is given the installed plugins as JSON, since their distributions need not be
    installed there. `-P` keeps the current directory off the path, so that a `torch.py` there is
    not torch. Temporary files go to `folder`. A session of its own keeps Ctrl-C for the front end
    alone, which then ends the worker. Raises `UsageError` where the interpreter does not start.
    """
    plugins = json.dumps([asdict(plugin) for plugin in installed_plugins()])
    start = [*_start(interpreter), "worker.server", function, plugins]
    places = dict.fromkeys(NAMES, folder) if folder is not None else {}
    try:
        return subprocess.Popen(
            [*start, folder or ""],
            stdin=stdin,
            stdout=stdout,
            stderr=log,
            start_new_session=True,
            env={**environment_for(interpreter), **FIXED, **places},
        )
    except OSError as error:
        raise wrong(interpreter, f"cannot be started: {error.strerror or error}") from error


def start_function(
    interpreter: Interpreter, module: str, function: str, *arguments: str
) -> subprocess.Popen[bytes]:
    """Run a function of a module of modellint in a process of an interpreter, its output piped.

    The module needs nothing but the standard library. Raises `UsageError` as `start_piped` does.
    """
    return start_piped(interpreter, [*_start(interpreter), module, function, *arguments])


def start_piped(interpreter: Interpreter, command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a command of an interpreter, which is given nothing and whose output is piped.

    Raises `UsageError` where it does not start.
    """
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment_for(interpreter),
        )
    except OSError as error:
        raise wrong(interpreter, f"cannot be started: {error.strerror or error}") from error


def _start(interpreter: Interpreter) -> list[str]:
    return [interpreter.path, "-P", "-c", _START, str(PACKAGE / "__init__.py")]


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group of its own, and what still runs of that group."""
    if os.name == "posix":
        kill_group(process.pid)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def environment_for(interpreter: Interpreter) -> dict[str, str]:
    """The environment that a process of an interpreter inherits.

    Another Python than our own gets nothing that would make it look for its library where ours is,
    or import from where modellint and what it needs are installed.
    """
    environment = dict(os.environ)
    if interpreter.own:
        return environment
    for name in _OURS:
        environment.pop(name, None)
    folders = [one for one in environment.pop("PYTHONPATH", "").split(os.pathsep) if one]
    kept = [one for one in folders if Path(one).resolve() not in _own_folders()]
    if kept:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    return environment


def _own_folders() -> set[Path]:
    """Where our own packages are importable from."""
    return {folder.resolve() for folder in (PACKAGE.parent, *_folder_of("click"))}


def _folder_of(package: str) -> Iterator[Path]:
    """The folder that a package of ours is installed in, without importing it."""
    spec = find_spec(package)
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent.parent


def new_log() -> IO[bytes]:
    """A file without a name for what a worker's interpreter prints: torch warns when imported.

    Raises `WorkerError` where there is neither memory nor a folder for it.
    """
    try:
        if hasattr(os, "memfd_create"):  # Needs no folder that can be written.
            return os.fdopen(os.memfd_create("modellint", os.MFD_CLOEXEC), "w+b")
        import tempfile  # No unchanged file needs it.

        return tempfile.TemporaryFile()
    except OSError as error:
        raise WorkerError(f"no temporary file can be made: {error.strerror or error}") from error


def log_text(log: IO[bytes], most: int = 1 << 20) -> str:
    """The beginning of a log; the bytes that follow are not worth their memory."""
    log.seek(0)
    return log.read(most).decode("utf-8", "backslashreplace")


def check_ready(message: Any, interpreter: Interpreter) -> None:
    """Raise what a worker's answer to its start says it cannot do without.

    `UsageError` for torch or a library to preload, `PluginError` for an installed plugin.
    """
    if message["type"] == "no-preload":
        raise UsageError(message["message"])
    if message["type"] == "no-torch":
        raise without_torch(interpreter, message["message"])
    if message["type"] == "no-plugin":
        raise PluginError(f"{message['message']} (in {interpreter.shown}: {interpreter.why})")


def without_torch(interpreter: Interpreter, error: str) -> UsageError:
    """The error of an interpreter that cannot import torch."""
    return wrong(interpreter, f"has no PyTorch to build models with ({error})", "install it there")


def wrong(interpreter: Interpreter, what: str, remedy: str = "") -> UsageError:
    """The error of an interpreter that cannot run models: which, what chose it, what to do."""
    remedies = [remedy] if remedy else []
    remedies.append(
        'name another with --python PATH, python = "PATH" in the configuration, or MODELLINT_PYTHON'
    )
    if not interpreter.own and torch_version() is not None:
        remedies.append(f"modellint's own, {sys.executable}, has PyTorch {torch_version()}")
    return UsageError(
        f"{interpreter.shown} {what}; it was chosen because {interpreter.why}. "
        f"What to do: {'; '.join(remedies)}"
    )


def never_ready(log: str, interpreter: Interpreter) -> WorkerError:
    """The error of a worker that ended while it was starting, with the last line it printed."""
    lines = log.strip().splitlines()
    said = f": {lines[-1]}" if lines else ""
    place = f"{interpreter.shown} ({interpreter.why})"
    return WorkerError(f"the worker process of {place} ended before it was ready{said}")


def never_imported(interpreter: Interpreter) -> UsageError:
    """The error of a worker that is still importing torch, or what is to be preloaded."""
    what = "PyTorch, or a library that preload names,"
    return wrong(interpreter, f"has not imported {what} within {LONG_PATIENCE:.0f} seconds")
