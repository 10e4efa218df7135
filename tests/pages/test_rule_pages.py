"""The pages of the rules are what the rule files say."""

import re
import runpy

import pytest
from documents import ROOT

from modellint.linting.plugins import load_rules

SCRIPT = "docs/make_rule_pages.py"
MADE = dict(runpy.run_path(str(ROOT / SCRIPT))["pages"]())
BUILT_IN = [name for name, one in load_rules().loaded.items() if one.origin == "modellint"]


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_what_its_rule_file_says(path):
    assert path.exists() and path.read_text("utf-8") == MADE[path], f"run python {SCRIPT}"


def test_there_is_no_page_of_a_rule_that_is_gone():
    assert set((ROOT / "docs" / "rules").glob("*.md")) <= set(MADE), f"run python {SCRIPT}"


@pytest.mark.parametrize("page", ["README.md", "docs/rules/README.md"])
def test_a_table_links_to_the_page_of_every_rule(page):
    table = ROOT / page
    rows = "".join(re.findall(r"^\| .*\n", table.read_text("utf-8"), re.M))
    links = dict(re.findall(r"\[([\w-]+)\]\(([\w/.-]+\.md)\)", rows))
    assert set(links) == set(BUILT_IN)
    assert all((table.parent / link).is_file() for link in links.values())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_page_shows_its_options_and_a_model_of_each_kind(name):
    rule = load_rules()[name]
    page = MADE[ROOT / "docs" / "rules" / f"{name}.md"]
    assert rule.page in page
    assert page.count("```python\n") == 3
    for option in rule.options:
        assert re.search(rf"^{option} = ", page, re.M)
