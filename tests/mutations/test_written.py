"""Fixes of faults that are planted in files: each runs in PyTorch, and most findings have one."""

from __future__ import annotations

import pytest

from .measure import Row
from .mended import Faulty, of_text
from .models import FILES
from .written import written_faults

#: The least part of the findings at warning and above that have a fix.
SHARE = 0.8
pytestmark = pytest.mark.slow


def test_most_findings_have_a_fix_that_runs_and_takes_them_away() -> None:
    found = []
    paths = set()
    for written in written_faults():
        fault = written.fault
        row = Row(fault.rule, fault.name, str(written.path), str(written), "", "", "", "")
        faulty = Faulty(written.text, written.model, written.inputs, fault.rule, {})
        found += of_text(faulty, row)
        paths.add(written.path)
    assert not [one for one in found if one.is_broken]
    assert len(found) >= 100
    assert sum(one.is_fixed for one in found) >= SHARE * len(found)
    assert len(paths) == len(FILES)
