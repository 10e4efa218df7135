"""Groups of options of the command line, each a decorator of the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def configuration_options(command: F) -> F:
    """Where the configuration comes from, and what counts in the end."""
    return _all(
        command,
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="The configuration of all targets, whichever lies nearest to them.",
        ),
        click.option("--isolated", is_flag=True, help="Take no notice of configuration files."),
        click.option(
            "--show-settings",
            is_flag=True,
            help="Print the settings that count for each target; runs no code of theirs.",
        ),
    )


def _all(command: F, *options: Callable[[F], F]) -> F:
    """The command with options, the first of them first in --help."""
    for option in reversed(options):
        command = option(command)
    return command
