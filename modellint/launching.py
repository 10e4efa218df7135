"""Starts a Python that runs modellint's worker: with which command, environment and log."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from modellint.errors import UsageError, WorkerError

_PACKAGE_FOLDER = str(Path(__file__).parent.parent)
#: The environment of user code: one thread, no GPU, the same order of sets in every run, and
#: weights that were downloaded before without a look for newer ones.
FIXED = {
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
    "HF_HUB_OFFLINE": "1",
}


def launch(function: str, stdin: Any, stdout: Any, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Run a function of `modellint.worker` in a process of its own.

    `-P` keeps the current directory off the path, so that a `torch.py` there is not torch;
    modellint's own folder stands last, for a checkout that is not installed. A session of its own
    keeps Ctrl-C for the front end alone, which then ends the worker.
    """
    start = (
        f"import sys; sys.path.append({_PACKAGE_FOLDER!r}); "
        f"from modellint.worker import {function}; {function}()"
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-c", start],
        stdin=stdin,
        stdout=stdout,
        stderr=log,
        start_new_session=True,
        env={**os.environ, **FIXED},
    )


def new_log() -> IO[bytes]:
    """A file without a name for what a worker's interpreter prints: torch warns when imported."""
    return tempfile.TemporaryFile()


def log_text(log: IO[bytes], most: int = 1 << 20) -> str:
    """The beginning of a log; the bytes that follow are not worth their memory."""
    log.seek(0)
    return log.read(most).decode("utf-8", "backslashreplace")


def check_ready(message: Any) -> None:
    """Raise `UsageError` if a worker's first message says that it has no torch."""
    if message["type"] == "no-torch":
        raise UsageError(
            f"PyTorch is needed to build models, and {sys.executable} cannot import it "
            f"({message['message']}); install modellint where your project's torch is, "
            "or run pip install torch"
        )


def never_ready(log: str) -> WorkerError:
    """The error of a worker that ended while it was starting, with the last line it printed."""
    lines = log.strip().splitlines()
    said = f": {lines[-1]}" if lines else ""
    return WorkerError(f"the worker process ended before it was ready{said}")
