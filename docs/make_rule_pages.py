"""Writes what is told of the rules from the rule files: docs/rules/ and the README's table.

    python docs/make_rule_pages.py

A test fails where a committed page is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modellint.linting.plugins import load_rules
from modellint.report.rules_markdown import index_page, rule_page, short_table

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "rules"
README = ROOT / "README.md"
_TABLE = re.compile(r"(?<=<!-- rules -->\n).*?(?=\n\n)", re.DOTALL)


def pages() -> Iterator[tuple[Path, str]]:
    """Each file that is written, with its text."""
    loaded = load_rules().loaded.values()
    rules = [one.rule for one in loaded if one.origin == "modellint"]
    for rule in rules:
        yield PAGES / f"{rule.name}.md", rule_page(rule)
    yield PAGES / "README.md", index_page(rules)
    table = short_table(rules, "docs/rules").rstrip("\n")
    yield README, _TABLE.sub(lambda _: table, README.read_text("utf-8"))


def main() -> None:
    """Write every page, and remove those of rules that are gone."""
    written = dict(pages())
    PAGES.mkdir(exist_ok=True)
    for old in set(PAGES.glob("*.md")) - set(written):
        old.unlink()
    for path, text in written.items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
