"""Which options go together: what a run is for, and what would have no effect on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modellint.errors import UsageError
from modellint.results.annotated import SIZES, SizeStyle

#: What a run can be for besides a report, by the option that asks for it.
_MODES = {
    "--explain": "explain",
    "--rules": "show_rules",
    "--show-settings": "show_settings",
    "--list": "show_list",
    "--write-baseline": "write_baseline",
    "--add-ignore": "add_ignore",
    "--diff": "diff",
    "--fix": "fix",
}
_PAGES = ("--explain", "--rules", "--show-settings", "--list")
#: The same by the names of their values: what only is to be read, so that nothing runs.
PAGES = tuple(_MODES[flag] for flag in _PAGES)
#: What only a report of a run has, by the option that asks for it.
_OF_REPORTS = {
    "--annotate": "annotate",
    "--layers": "layers",
    "--depth": "depth",
    "--contract": "contract",
    "--statistics": "statistics",
    "--strict": "strict",
    "--fail-level": "fail_level",
    "--baseline": "baseline",
    "--unsafe-fixes": "unsafe_fixes",
}
#: What a diff has as well: `--diff` lints, and prints no report.
_OF_DIFFS = ("--baseline", "--unsafe-fixes")


#: Formats that have a place for the source of models, for people or as data.
_WITH_SOURCE = ("full", "github", "html", "json", "markdown")


#: Formats that tell of each model what training it takes.
WITH_TRAINING = ("html", "json")


def sizes_of(options: Mapping[str, Any]) -> SizeStyle:
    """How sizes are to be written; raise `UsageError` where that is asked for in vain."""
    chosen: list[SizeStyle] = [one for one in SIZES if options.get(one)]
    if not chosen:
        return "both"
    if len(chosen) > 1:
        raise UsageError("--symbolic and --concrete are two ways to write sizes: give one of them")
    if not (options["annotate"] or options["layers"]):
        raise UsageError(
            f"--{chosen[0]} says how --annotate and --layers write sizes: give one of these"
        )
    if options["format_"] in ("html", "json"):
        raise UsageError(f"--format {options['format_']} has all sizes: leave out --{chosen[0]}")
    return chosen[0]


def check_modes(options: Mapping[str, Any], targets: Sequence[str] = ()) -> None:
    """Raise `UsageError` for options of which one would silently count for nothing."""
    if options["compare"] is not None:
        _check_comparison(options, targets)
    if options["annotate"] and options["format_"] not in _WITH_SOURCE:
        raise UsageError(
            f"--format {options['format_']} has no place for the source of models: --annotate goes "
            f"with {', '.join(_WITH_SOURCE[:-1])} and {_WITH_SOURCE[-1]}"
        )
    if options["depth"] is not None and not options["layers"]:
        raise UsageError("--depth folds the table of layers: give --layers as well")
    modes = [flag for flag, name in _MODES.items() if _given(options[name])]
    if "--diff" in modes and "--fix" in modes:
        # A diff of what `--fix` would write.
        modes.remove("--fix")
    if len(modes) > 1:
        raise UsageError(f"{' and '.join(modes)} are different things to do: give one of them")
    if options["watch"] and modes:
        raise UsageError(f"--watch lints again and again: {modes[0]} does not go with it")
    if not modes:
        return
    mode = modes[0]
    reported = [flag for flag, name in _OF_REPORTS.items() if _given(options[name])]
    if options["format_"] != "full":
        reported.append("--format")
    if mode in _PAGES and mode != "--list" and options["shard"] is not None:
        reported.append("--shard")
    if mode in _PAGES and reported:
        raise UsageError(f"{mode} runs no model: {_listed(reported)} would have no effect")
    unseen = [flag for flag in reported if flag not in _OF_DIFFS]
    if mode == "--diff" and unseen:
        raise UsageError(f"--diff prints no report: {_listed(unseen)} would have no effect")
    if mode == "--write-baseline" and options["baseline"] is not None:
        raise UsageError("--write-baseline writes all findings, and takes no --baseline")
    if mode == "--write-baseline" and options["shard"] is not None:
        raise UsageError("--write-baseline writes all findings, and --shard lints a part: give one")


def _check_comparison(options: Mapping[str, Any], targets: Sequence[str]) -> None:
    """Raise `UsageError` for what a comparison with another revision has no place for."""
    others = [*_MODES, "--watch"]
    given = [flag for flag in others if _given(options.get(_MODES.get(flag, flag.lstrip("-"))))]
    if given:
        raise UsageError(
            f"--compare reports what changed, and does nothing else: leave out {_listed(given)}"
        )
    if "-" in targets:
        raise UsageError("--compare reads files of git, and - is none: name the file itself")
    if options["baseline"] is not None:
        raise UsageError("--compare and --baseline both say which findings are known: give one")
    if options["shard"] is not None:
        raise UsageError("--compare needs all models, and --shard lints a part: give one")


def _given(value: Any) -> bool:
    return value is not None and value is not False


def _listed(flags: Sequence[str]) -> str:
    return flags[0] if len(flags) == 1 else f"{', '.join(flags[:-1])} and {flags[-1]}"
