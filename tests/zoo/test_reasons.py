"""Each warning and error in the committed table has its reason, and each reason its findings."""

from __future__ import annotations

import pytest

from .reasons import Reason, read_reasons, reason_for
from .zoo import Row, read_table

ROWS = tuple(read_table().values())
REASONS = read_reasons()
HITS = [(rule, f"{row.family}:{row.model}") for row in ROWS for rule in row.rules]


def test_every_warning_and_error_of_the_table_has_a_reason() -> None:
    assert not [hit for hit in HITS if reason_for(REASONS, *hit) is None]


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: f"{reason.rule} {reason.models}")
def test_a_reason_is_that_of_some_finding(reason: Reason) -> None:
    models = [model for rule, model in HITS if reason_for(REASONS, rule, model) is reason]
    assert models
    # A pattern whose models have gone would keep its place for ever.
    for pattern in reason.models.split():
        assert any(Reason(reason.rule, pattern, "").covers(reason.rule, m) for m in models), pattern
    assert reason.text == reason.text.strip() and ";" not in reason.text


def test_the_table_says_what_the_reasons_say() -> None:
    assert [row.reasons for row in ROWS] == [row.explained(REASONS).reasons for row in ROWS]


def test_a_finding_without_a_reason_shows() -> None:
    row = Row("timm", "net", "1,3,9,9", "analysed", "", 1, 1, "dead-taps×1 even-kernel×2", 0)
    known = [Reason("even-kernel", "smp:* timm:n*", "a shift"), Reason("even-kernel", "*", "later")]
    assert row.explained(known).reasons == "; a shift"
    assert reason_for(known, "dead-taps", "timm:net") is None
    assert reason_for(known, "even-kernel", "pytorchcv:net") is known[1]
