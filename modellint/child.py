"""The front end's handle on the worker process: start it, give it jobs, read its answers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from modellint.errors import UsageError
from modellint.frames import frame, receive, send
from modellint.pipeline import Job

_PACKAGE_FOLDER = str(Path(__file__).parent.parent)
#: `-P` keeps the current directory off the path, so that a `torch.py` there is not torch;
#: modellint's own folder stands last, for a checkout that is not installed.
_START = (
    f"import sys; sys.path.append({_PACKAGE_FOLDER!r}); from modellint.worker import main; main()"
)
_FORKS = hasattr(os, "fork")
#: How long a worker without fork may take to import torch, in seconds, besides a job's own time.
_IMPORT_TIME = 120.0
#: How long a worker may take to end what it started, in seconds.
_GRACE = 5.0


class Worker:
    """One worker process, started at its first job and used for all of them."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self._process: subprocess.Popen[bytes] | None = None
        self._messages: Iterator[Any] = iter(())
        self._log: IO[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, job: Job) -> Iterator[Any]:
        """Give it a job; yield its messages, the last of type `end`.

        Raises `UsageError` where torch is not installed. A worker that dies is started anew for
        the next job.
        """
        started = self._process is not None
        process = self._process or self._start()
        assert process.stdin is not None
        timer = None if _FORKS else threading.Timer(job.timeout + _IMPORT_TIME, process.kill)
        if timer is not None:
            timer.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # Then there is no answer either.
                send(process.stdin.fileno(), frame(job.to_dict()))
            for message in self._messages:
                if message["type"] == "no-torch":
                    raise UsageError(_no_torch(message["message"]))
                started = started or message["type"] == "ready"
                yield message
                if message["type"] == "end":
                    break
            else:
                yield {"type": "end", **self._death(timer, started)}
        finally:
            if timer is not None:
                timer.cancel()
        if not _FORKS:
            self.close()

    def close(self) -> None:
        """End the process and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        # Asked first, since a file's own process is in a session that only the worker can end.
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()
        if self._log is not None:
            self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        # Kept apart from the user's terminal: torch itself warns when it is imported.
        self._log = None if self.verbose else tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # Ctrl-C reaches the front end alone, which then ends the worker.
            start_new_session=_FORKS,
            env=_environment(verbose=self.verbose),
        )
        assert self._process.stdout is not None
        self._messages = receive(self._process.stdout.fileno())
        return self._process

    def _death(self, timer: threading.Timer | None, started: bool) -> dict[str, Any]:
        expired = timer is not None and not timer.is_alive()
        said = ""
        if self._log is not None:
            self._log.seek(0)
            lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
            said = f": {lines[-1]}" if lines else ""
        self.close()
        if expired:
            return {"kind": "timeout", "message": "ran for too long"}
        # Before it was ready it ran nothing of the user's.
        kind = "crash" if started else "internal-error"
        return {"kind": kind, "message": f"the worker process ended without a result{said}"}


def _environment(*, verbose: bool) -> dict[str, str]:
    """The environment of user code: one thread, no GPU, the same set order in every run."""
    fixed = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0"}
    return {**os.environ, **fixed, **({"PYTHONUNBUFFERED": "1"} if verbose else {})}


def _no_torch(message: str) -> str:
    return (
        f"PyTorch is needed to build models, and {sys.executable} cannot import it ({message}); "
        "install modellint where your project's torch is, or run pip install torch"
    )
