"""The command line, run in the process of the tests, on streams of its own."""

import contextlib
import io
import subprocess
import sys

import pytest

from modellint.cli.command import main


def modellint(*arguments, cwd, stdin=""):
    """Run the command in this process; the worker that runs the models is another one anyhow."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
    read = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    given = ["modellint", *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patched, pytest.raises(SystemExit) as left:
        patched.setattr(sys, "argv", given)
        patched.setattr(sys, "stdin", read)
        with (
            contextlib.chdir(cwd),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main()
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(given, left.value.code, *texts)
