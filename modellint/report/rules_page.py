"""The list of rules, and the page of one rule."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from textwrap import dedent, indent
from typing import Any

from modellint.report.view import View
from modellint.results.report import RulePage
from modellint.rules import Category, Example, Rule


def ordered_rules(rules: Iterable[Rule]) -> list[Rule]:
    """The rules by category, gravest first, and by name within."""
    categories = list(Category)
    return sorted(rules, key=lambda rule: (categories.index(rule.category), rule.name))


def rules_table(rules: Iterable[Rule], view: View) -> str:
    """Every rule with its category, its severity and the first sentence of its page."""
    if view.terminal:
        from modellint.report.rules_screen import rules_screen

        return rules_screen(rules, view)
    rows = [
        (rule.name, rule.category.value, severity_of(rule), rule.summary)
        for rule in ordered_rules(rules)
    ]
    from tabulate import tabulate  # Slow to import, for what few runs need.

    return tabulate(rows, ("rule", "category", "severity", "what it says"), "simple") + "\n"


def rule_page(rule: Rule, view: View) -> str:
    """The page of one rule: what it says, its options, a model that it flags and one it allows."""
    if view.terminal:
        from modellint.report.rules_screen import rule_screen

        return rule_screen(rule, view)
    return "\n".join(_page(rule, lambda heading: view.paint(heading, bold=True))) + "\n"


def described(rules: Iterable[Rule]) -> tuple[RulePage, ...]:
    """The rules as a report carries them, in order of their names."""
    return tuple(
        _described(rule, len(rule.flagged) + len(rule.allowed))
        for rule in sorted(rules, key=attrgetter("name"))
    )


def file_of(rule: Rule) -> str:
    """The file that a rule is written in."""
    function: Any = inspect.unwrap(rule.check)
    return str(function.__code__.co_filename)


@lru_cache(maxsize=1024)
def _described(rule: Rule, examples: int) -> RulePage:
    """A rule's page, made once: a report on a live model takes less time than all the pages.

    `examples` says how many the rule has by now, since a rule file adds them one by one.
    """
    return RulePage(
        name=rule.name,
        category=rule.category.value,
        severity=rule.category.severity,
        default=rule.default,
        summary=rule.summary,
        text=rule.page,
        page="\n".join(_page(rule, lambda heading: f"### {heading}")) + "\n",
        file=inspect.unwrap(rule.check).__code__.co_filename,
    )


def _page(rule: Rule, heading: Callable[[str], str]) -> Iterator[str]:
    yield heading(rule.name)
    yield f"{rule.category.value}, {severity_of(rule)}"
    if rule.aliases:
        yield f"also known as {', '.join(rule.aliases)}"
    yield ""
    yield rule.page
    if rule.options:
        yield f"\n{heading('Options')}\n"
        yield "\n".join(f"    {name} = {value!r}" for name, value in rule.options.items())
    yield from _example("A model that it flags", rule.flagged, heading)
    yield from _example("A model that it allows", rule.allowed, heading)


def _example(caption: str, examples: list[Example], heading: Callable[[str], str]) -> Iterator[str]:
    if examples:
        yield f"\n{heading(caption)}\n"
        yield indent(dedent(examples[0].source).strip("\n"), "    ")


def severity_of(rule: Rule) -> str:
    """A rule's severity, and whether it is off."""
    return rule.category.severity if rule.default else f"{rule.category.severity}, off by default"
