"""Groups of options of the command line, each a decorator of the command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from modellint.config.sharding import parse_shard
from modellint.errors import UsageError
from modellint.protocol.limits import parse_memory
from modellint.rules import SEVERITIES

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


def shape_options(command: F) -> F:
    """The shapes that are printed beside the findings, and how."""
    return _all(
        command,
        click.option(
            "--annotate",
            is_flag=True,
            help="Also print the source of each model, with the shape behind each line.",
        ),
        click.option(
            "--symbolic",
            is_flag=True,
            help="With --annotate or --layers, the formulas of sizes alone.",
        ),
        click.option(
            "--concrete",
            is_flag=True,
            help="With --annotate, only the example's numbers; --layers has these anyway.",
        ),
        click.option("--layers", is_flag=True, help="Also print each model's table of layers."),
        click.option(
            "--depth",
            metavar="N",
            type=click.IntRange(min=1),
            help="With --layers, sum up the layers below this depth, as of the blocks of a model.",
        ),
    )


def level_options(command: F) -> F:
    """What is shown, how much of it a run may have, and where it is not looked for."""
    return _all(
        command,
        click.option(
            "--min-severity",
            type=click.Choice(SEVERITIES),
            default="info",
            show_default=True,
            help="Leave out findings below this severity.",
        ),
        click.option(
            "--max-warnings",
            metavar="N",
            type=click.IntRange(min=0),
            help="Fail for more warnings than this, and not for fewer.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="GLOB",
            help="Leave these files and folders out of a search, instead of those that the "
            "configuration excludes; repeat for several.",
        ),
    )


def acceptance_options(command: F) -> F:
    """What is done about the findings that a project has today."""
    return _all(
        command,
        click.option(
            "--baseline",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Leave out the findings that this file lists; only new ones fail.",
        ),
        click.option(
            "--compare",
            metavar="REV",
            help="Report what changed since a git revision, another file or an earlier report in "
            "JSON; only new findings fail.",
        ),
        click.option(
            "--write-baseline",
            metavar="FILE",
            type=click.Path(dir_okay=False),
            help="Write the findings of this run there, instead of a report.",
        ),
        click.option(
            "--add-ignore",
            metavar="[REASON]",
            is_flag=False,
            flag_value="",
            help="Write an ignore comment at each finding, instead of a report.",
        ),
    )


def fix_options(command: F) -> F:
    """What is changed in the files themselves."""
    return _all(
        command,
        click.option(
            "--fix",
            is_flag=True,
            help="Write the fixes that leave what models compute as it is, and report the rest.",
        ),
        click.option(
            "--diff",
            is_flag=True,
            help="Print what --fix would change as a unified diff, and write nothing.",
        ),
        click.option(
            "--unsafe-fixes",
            is_flag=True,
            help="With these, also the fixes that change what the models compute.",
        ),
    )


def process_options(command: F) -> F:
    """How the processes that run user code are shared and limited."""
    return _all(
        command,
        click.option(
            "--watch",
            is_flag=True,
            help="Lint again whenever a file is saved that the report depends on, until Ctrl-C.",
        ),
        click.option(
            "--python",
            metavar="PATH",
            help="The interpreter that has the project's torch, or its environment's folder.",
        ),
        click.option(
            "-j",
            "--jobs",
            default="auto",
            show_default=True,
            metavar="N",
            callback=lambda _context, _option, value: _jobs(value),
            help="How many files run at once; auto for as many as there are cores.",
        ),
        click.option(
            "--shard",
            metavar="I/N",
            callback=lambda _context, _option, value: (
                value if value is None else parse_shard(value)
            ),
            help="Lint the I-th of N equal parts of the targets.",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            show_default="60",
            metavar="SECONDS",
            help="How long a file may take.",
        ),
        click.option(
            "--memory",
            show_default="8G",
            metavar="LIMIT",
            callback=lambda _context, _option, value: parse_memory(value) if value else None,
            help="How much memory a file may take besides torch, such as 2G or 512M.",
        ),
        click.option(
            "--cache-dir",
            metavar="DIR",
            envvar="MODELLINT_CACHE_DIR",
            type=click.Path(file_okay=False),
            show_default=".modellint_cache",
            help="Where results are kept, for files that do not change.",
        ),
        click.option(
            "--no-cache",
            is_flag=True,
            envvar="MODELLINT_NO_CACHE",
            help="Keep no results, and use none of earlier runs.",
        ),
    )


def _jobs(value: str) -> int | None:
    """A number of files that run at once; `None` stands for `auto`."""
    if value == "auto":
        return None
    if not value.isdecimal() or not int(value):
        raise UsageError(f"-j {value}: give the number of files that run at once, or auto")
    return int(value)


def _all(command: F, *options: Callable[[F], F]) -> F:
    """The command with options, the first of them first in --help."""
    for option in reversed(options):
        command = option(command)
    return command
