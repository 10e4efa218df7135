"""The list of rules, and the page of one rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent, indent

from tabulate import tabulate

from modellint.report.view import View
from modellint.rules import Category, Example, Rule


def ordered_rules(rules: Iterable[Rule]) -> list[Rule]:
    """The rules by category, gravest first, and by name within."""
    categories = list(Category)
    return sorted(rules, key=lambda rule: (categories.index(rule.category), rule.name))


def rules_table(rules: Iterable[Rule]) -> str:
    """Every rule with its category, its severity and the first sentence of its page."""
    rows = [
        (rule.name, rule.category.value, _severity(rule), rule.summary)
        for rule in ordered_rules(rules)
    ]
    return tabulate(rows, ("rule", "category", "severity", "what it says"), "simple") + "\n"


def rule_page(rule: Rule, view: View) -> str:
    """The page of one rule: what it says, its options, a model that it flags and one it allows."""
    return "\n".join(_page(rule, view)) + "\n"


def _page(rule: Rule, view: View) -> Iterator[str]:
    yield view.paint(rule.name, bold=True)
    yield f"{rule.category.value}, {_severity(rule)}"
    if rule.aliases:
        yield f"also known as {', '.join(rule.aliases)}"
    yield ""
    yield rule.page
    if rule.options:
        yield f"\n{view.paint('Options', bold=True)}\n"
        yield "\n".join(f"    {name} = {value!r}" for name, value in rule.options.items())
    yield from _example("A model that it flags", rule.flagged, view)
    yield from _example("A model that it allows", rule.allowed, view)


def _example(caption: str, examples: list[Example], view: View) -> Iterator[str]:
    if examples:
        yield f"\n{view.paint(caption, bold=True)}\n"
        yield indent(dedent(examples[0].source).strip("\n"), "    ")


def _severity(rule: Rule) -> str:
    return rule.category.severity if rule.default else f"{rule.category.severity}, off by default"
