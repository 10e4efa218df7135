"""Which findings of a run are of one file."""

from __future__ import annotations

from dataclasses import replace

from findings import finding
from reports import BARE

from modellint.mending.comparing import part_of
from modellint.results.report import Report

FIRST, SECOND = (replace(BARE, path=path, name="Net") for path in ("first.py", "second.py"))


def test_a_model_of_the_same_name_in_another_file_is_another_one() -> None:
    found = tuple(replace(finding(7, path=one.path), model="Net") for one in (FIRST, SECOND))
    report = Report(models=(FIRST, SECOND), findings=found)
    assert part_of(report, "first.py").findings == found[:1]
    assert part_of(report, "second.py").findings == found[1:]


def test_a_layer_that_an_imported_file_builds_is_of_the_model() -> None:
    found = (replace(finding(7, path="blocks.py"), model="Net"),)
    report = Report(models=(FIRST,), findings=found)
    assert part_of(report, "first.py").findings == found
    assert part_of(report, "blocks.py").findings == found
