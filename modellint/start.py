"""The command `modellint`, from the start of its process."""

from __future__ import annotations

import gc
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    # What is imported stays, so the collector need not look at it: a twentieth of a short run.
    gc.disable()
    from modellint import cli

    gc.freeze()
    gc.enable()
    cli.main()
