"""Every example of every installed rule is flagged, or allowed, as its rule file says."""

from __future__ import annotations

import pytest

from modellint.linting.plugins import load_rules
from modellint.rules import Rule
from modellint.testing import Case, check_example, examples

RULES = load_rules()


@pytest.mark.parametrize("case", examples(RULES), ids=str)
def test_the_example_is_judged_as_its_rule_file_says(case: Case) -> None:
    check_example(case.rule, case.example)


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_rule_has_a_page_and_examples_of_both_kinds(rule: Rule) -> None:
    assert rule.summary.endswith("."), "the first line of the page is a sentence"
    assert len(rule.page.split("\n\n")) >= 3, "the page says what, why and when it is fine"
    assert rule.flagged
    assert rule.allowed


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_the_page_names_every_option(rule: Rule) -> None:
    missing = [option for option in rule.options if f"`{option}`" not in rule.page]
    assert not missing
