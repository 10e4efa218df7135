"""What a shell offers for options that take names of rules and categories."""

from __future__ import annotations

import click

from modellint.linting.plugins import load_rules
from modellint.results.error_kinds import KINDS
from modellint.rules import Category


def rule_names(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """The rules and kinds of errors that an unfinished word may mean."""
    return [name for name in (*load_rules(), *KINDS) if name.startswith(incomplete)]


def rules_and_categories(
    _context: click.Context, _option: click.Parameter, incomplete: str
) -> list[str]:
    """What the last of names separated by commas may mean, after those before it."""
    before, comma, last = incomplete.rpartition(",")
    names = [*map(str, Category), "all", "default", *load_rules()]
    return [f"{before}{comma}{name}" for name in names if name.startswith(last)]
