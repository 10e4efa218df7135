"""Fixes of planted faults: most grave findings have one, and each that is offered runs."""

from __future__ import annotations

import pytest

from .fixes_report import page_with_fixes, read_fixes
from .mended import drawn, outcomes
from .report import PAGE, read_table

#: The least part of the findings at warning and above that have a fix.
SHARE = 0.8
FIXES = read_fixes()
#: Models of each family, small enough that a few faults of each are planted and mended again.
SAMPLE = """torchvision:resnet18 timm:test_byobnet pytorchcv:nin_cifar10 smp:unet-resnet18
transformers:BertModel""".split()


def test_most_grave_findings_have_a_fix_and_none_does_what_it_should_not() -> None:
    assert len({one.planted_at for one in FIXES}) >= 300
    assert not [one for one in FIXES if one.is_broken]
    assert sum(one.is_fixed for one in FIXES) >= SHARE * len(FIXES)


def test_the_page_has_the_counts_of_the_table() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with_fixes(FIXES, text) == text


@pytest.mark.zoo
def test_each_fix_of_a_sample_runs_and_mends_its_finding() -> None:
    pytest.importorskip("timm")
    pytest.importorskip("torchvision")
    measured = {one.planted_at for one in FIXES}
    rows = [row for row in read_table().values() if row.model in SAMPLE and row.key in measured]
    planted = drawn(rows, 12)
    found = sorted(outcomes(planted))
    keys = {row.key for row in planted}
    assert found == sorted(one for one in FIXES if one.planted_at in keys)
