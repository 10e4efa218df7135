"""The pages of rules as Markdown, for a folder of documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import dedent

from modellint.report.rules_page import ordered_rules
from modellint.rules import Example, Rule


def rule_page(rule: Rule) -> str:
    """One rule's page: what it says, why, its options, and a model of each kind."""
    return "\n".join(_page(rule)) + "\n"


def index_page(rules: Iterable[Rule]) -> str:
    """The table of all rules, each with a link to its page beside this one."""
    rows = "".join(
        f"| [{rule.name}]({rule.name}.md) | {rule.category.value} | {_severity(rule)} "
        f"| {rule.summary} |\n"
        for rule in ordered_rules(rules)
    )
    return f"# Rules\n\n| rule | category | severity | what it says |\n|---|---|---|---|\n{rows}"


def short_table(rules: Iterable[Rule], folder: str) -> str:
    """The rules by category, for a page elsewhere: links lead into `folder`."""
    found: dict[str, list[str]] = {}
    for rule in ordered_rules(rules):
        kind = f"{rule.category.value} ({rule.category.severity})"
        found.setdefault(kind, []).append(f"[{rule.name}]({folder}/{rule.name}.md)")
    rows = "".join(f"| {kind} | {', '.join(names)} |\n" for kind, names in found.items())
    return f"| category | rules |\n|---|---|\n{rows}"


def _page(rule: Rule) -> Iterator[str]:
    yield f"# {rule.name}\n"
    yield f"*{rule.category.value}, {_severity(rule)}*"
    if rule.aliases:
        yield f"\nAlso known as {', '.join(rule.aliases)}."
    yield f"\n{rule.page}"
    if rule.options:
        yield "\n## Options\n\n```toml"
        yield f"[tool.modellint.rules.{rule.name}]"
        yield from (f"{name} = {_toml(value)}" for name, value in rule.options.items())
        yield "```"
    yield from _example("A model that it flags", rule.flagged)
    yield from _example("A model that it allows", rule.allowed)
    yield "\n## Silence it\n"
    yield "```python"
    yield f"layer = ...  # modellint: ignore[{rule.name}] -- why it is fine here"
    yield "```"


def _example(caption: str, examples: list[Example]) -> Iterator[str]:
    if examples:
        given = ", ".join(f"`{name} = {_toml(v)}`" for name, v in examples[0].options.items())
        yield f"\n## {caption}\n"
        if given:
            yield f"With {given}:\n"
        yield f"```python\n{dedent(examples[0].source).strip(chr(10)).rstrip()}\n```"


def _severity(rule: Rule) -> str:
    return rule.category.severity if rule.default else f"{rule.category.severity}, off by default"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return repr(value)
