"""The command `modellint`, from the start of its process."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    # What is imported stays, so the collector need not look at it: a twentieth of a short run.
    gc.disable()
    try:
        from modellint.cli import command
    except KeyboardInterrupt:  # Ctrl-C as soon as Enter: the import takes a tenth of a second.
        sys.exit(130)
    gc.freeze()
    gc.enable()
    command.main()
