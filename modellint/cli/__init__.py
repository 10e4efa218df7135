"""The command line: options in, text and an exit status out.

The way in is `start`, which the command `modellint` calls. The only room that imports click.
Nothing below knows that it exists.
"""

from modellint.cli.start import main

__all__ = ["main"]
