"""The targets as they were given: what of them is the value of an option, and what a module."""

from __future__ import annotations

import os
from typing import Any

from modellint.cli.modes import PAGES
from modellint.config.settings import Settings
from modellint.config.targets import unusable


def with_modules(
    targets: tuple[str, ...], settings: Settings, options: dict[str, Any]
) -> tuple[str, ...]:
    """The targets, those that are module paths as the files that these stand for."""
    # A folder or a file costs no import.
    if not all(map(os.path.lexists, targets)):
        from modellint.engine import module_paths

        running = not any(options[one] for one in PAGES)
        found = module_paths.with_modules(targets, settings, running=running)
        targets = tuple(os.fspath(one) for one in found)
    for name in ("fix", "add_ignore") if not options["diff"] else ():
        if options[name] not in (None, False):
            from modellint.engine.module_paths import check_writable

            check_writable(targets, f"--{name.replace('_', '-')}")
    return targets


def with_taken(targets: tuple[str, ...], options: dict[str, Any]) -> tuple[str, ...]:
    """The targets, with the one that `--add-ignore` took for the reason that may follow it."""
    taken = options["add_ignore"]
    if not taken or unusable(taken) is not None:
        return targets
    options["add_ignore"] = ""
    return (taken, *targets)
