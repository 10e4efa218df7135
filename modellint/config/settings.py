"""What a run is asked for, on the command line or in Python: inputs, rules, limits, what fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modellint.config.sharding import Shard
from modellint.results.report import FailLevel
from modellint.rules import Severity

#: How many runs of a file its fixes may take, where nobody asks for them: one for all together,
#: and a few for those that do not pass with the others, each cheaper than the lint before them.
TRIALS = 8
#: How many they may take where the fixes are to be made: as many as there are.
ALL_TRIALS = 10_000


@dataclass(frozen=True)
class Settings:
    """How to lint: input shapes, the rules that are on, limits, and what fails.

    `None` stands for what the configuration says, else the default. `config` is the one file of
    configuration that counts; `isolated` leaves configuration out. `timeout` is in seconds a file,
    `memory` in bytes a file; `jobs` files run at once, by default as many as there are cores.
    `baseline` is the file of the findings that do not count; `compare` the revision of git, or the
    file, whose findings do not. `cache` keeps results for files that
    do not change, in `cache_dir` if that is given. `python` is the interpreter that has the
    project's torch. `pictured` keeps what a page draws, `annotated` what the lines of a model make,
    `training` adds the memory that training takes.
    `exclude` are patterns of what a search of folders leaves out, in place of the configuration's.
    Findings below `min_severity` are left out of the report; more warnings than `max_warnings` fail
    the run, and fewer do not. `shard` is the part of the targets that counts. `trials` is how many
    runs the fixes of a file's findings may take.
    """

    inputs: tuple[str, ...] = ()
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    config: str | None = None
    isolated: bool = False
    timeout: float | None = None
    memory: int | None = None
    jobs: int | None = None
    fail_level: FailLevel | None = None
    strict: bool = False
    min_severity: Severity = "info"
    max_warnings: int | None = None
    exclude: tuple[str, ...] = ()
    verbose: bool = False
    confirmed: bool = False
    pictured: bool = False
    training: bool = False
    annotated: bool = False
    baseline: str | None = None
    compare: str | None = None
    cache: bool = False
    cache_dir: str | None = None
    python: str | None = None
    shard: Shard | None = None
    trials: int = TRIALS


@dataclass(frozen=True)
class Request:
    """What a run was asked to lint, and how, so that it can be asked again.

    `folder` is the current one, which paths are relative to; `stdin` is what `-` among the targets
    stands for, reported as `stdin_name`.
    """

    given: tuple[str, ...]
    settings: Settings
    folder: str
    stdin: bytes | None = None
    stdin_name: str = "-"
