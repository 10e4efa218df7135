"""The command `modellint-server`, which an editor starts and talks to by its standard streams."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import NoReturn

from modellint._version import __version__


def main() -> NoReturn:
    """Serve the editor at the other end of the standard streams until it hangs up."""
    parser = argparse.ArgumentParser(
        "modellint-server",
        description="The language server of modellint. An editor starts it, without arguments.",
    )
    parser.add_argument("--version", action="version", version=f"modellint-server {__version__}")
    # What editors pass that can do both.
    parser.add_argument(
        "--stdio", action="store_true", help="talk by the standard streams, as ever"
    )
    parser.parse_args()
    try:
        from modellint.server.features import build
    except ModuleNotFoundError as error:
        sys.exit(f"modellint-server needs {error.name}: pip install 'modellint[server]'")
    # What plugins print, or libraries, would be no message: it goes where nobody reads messages.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.captureWarnings(True)
    # Rules of a project would leave theirs beside them.
    sys.dont_write_bytecode = True
    server = build()
    try:
        server.start_io(sys.stdin.buffer, answers)
    finally:
        server.end()
        # A thread that reads from an editor which is gone may wait for ever.
        os._exit(0)


if __name__ == "__main__":
    main()
