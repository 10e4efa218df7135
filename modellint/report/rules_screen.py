"""The rules and the page of one, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import dedent

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from modellint.report.layout import file_address
from modellint.report.rich_text import markdown, python, rendered
from modellint.report.rules_page import file_of, ordered_rules, severity_of
from modellint.report.view import View
from modellint.rules import Category, Example, Rule

_COLORS = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}
#: Narrower than this, what a rule says stands below its name.
_BESIDE = 70


def rules_screen(rules: Iterable[Rule], view: View) -> str:
    """Every rule with the first sentence of its page, by category, gravest first."""
    ordered = ordered_rules(rules)
    widest = max((len(rule.name) for rule in ordered), default=0)
    parts: list[RenderableType] = []
    for category, group in groupby(ordered, lambda rule: rule.category):
        heading = Text.assemble((f"{category.value} ", "bold"), _severity(category))
        parts += [Text(""), heading] if parts else [heading]
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, pad_edge=False)
        table.add_column(width=widest, no_wrap=view.room >= _BESIDE, overflow="fold")
        table.add_column(overflow="fold")
        for rule in group:
            off = "" if rule.default else " (off by default)"
            table.add_row(_name(rule, view), Text(f"{rule.summary}{off}"))
        parts.append(Padding(table, (0, 0, 0, 2)))
    parts += [Text(""), Text("modellint --explain RULE prints the page of one")]
    return rendered(Group(*parts), view)


def rule_screen(rule: Rule, view: View) -> str:
    """The page of one rule: what it says, its options, a model that it flags and one it allows."""
    return rendered(Group(*_page(rule, view)), view)


def _page(rule: Rule, view: View) -> Iterator[RenderableType]:
    yield Text.assemble(
        _name(rule, view), f"  {rule.category.value}, ", (severity_of(rule), _color(rule.category))
    )
    if rule.aliases:
        yield Text(f"also known as {', '.join(rule.aliases)}")
    yield Text("")
    yield markdown(rule.page, view)
    if rule.options:
        yield Text("\nOptions\n", "bold")
        yield Text("\n".join(f"  {name} = {value!r}" for name, value in rule.options.items()))
    yield from _example("A model that it flags", rule.flagged)
    yield from _example("A model that it allows", rule.allowed)
    yield Text("\nTo accept a finding\n", "bold")
    yield Text(f"  # modellint: ignore[{rule.name}] -- why it is fine here")


def _example(caption: str, examples: list[Example]) -> Iterator[RenderableType]:
    if examples:
        yield Text(f"\n{caption}\n", "bold")
        yield Padding(python(dedent(examples[0].source).strip("\n")), (0, 0, 0, 2))


def _name(rule: Rule, view: View) -> Text:
    address = file_address(file_of(rule)) if view.links else None
    return Text(rule.name, f"bold link {address}" if address else "bold")


def _severity(category: Category) -> Text:
    return Text(category.severity, _color(category))


def _color(category: Category) -> str:
    return _COLORS[category.severity]
