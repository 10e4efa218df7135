"""The pages of docs/: their code blocks, each after a comment that names it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def block(page, mark):
    """The text of the code block after a marking comment of a page."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", text, re.DOTALL)
    assert found, f"{page} has no block marked {mark}"
    return found[1]


def marks(page):
    """The marks of a page's code blocks; fails where a block has none, since nothing tests it."""
    text = (DOCS / page).read_text("utf-8")
    found = re.findall(r"<!-- ([\w ]+) -->\n```", text)
    assert len(found) == text.count("\n```") / 2
    return found
