"""What helps say of a layer's arguments is true of the live layer, in a sample of the faults."""

from __future__ import annotations

import copy

import pytest

from .faults import FAULTS
from .helps import untrue
from .measure import lint, subject_of
from .models import file_models
from .report import read_table

#: Rules whose helps set arguments of the layer that they speak of.
RULES = """asymmetric-same checkerboard-upsampling dead-taps dilation-gridding edge-losing-padding
even-kernel non-square-kernel over-padding pointwise-padding uneven-padding unread-pixels""".split()


@pytest.mark.slow
@pytest.mark.parametrize("exhibit", [*file_models()], ids=str)
def test_the_arguments_that_helps_name_do_what_they_say(exhibit) -> None:  # type: ignore[no-untyped-def]
    subject = subject_of(exhibit)
    faults = {fault.name: fault for fault in FAULTS}
    rows = [row for row in read_table().values() if row.model == str(exhibit)]
    for row in [row for row in rows if row.rule in RULES]:
        fault = faults[row.fault]
        plans = fault.places(subject)
        plan = next(one for one in plans if (one.at, one.change) == (row.at, row.change))
        mutant = copy.deepcopy(subject.model)
        plan.plant(mutant)
        tried = list(untrue(mutant, subject.specs, lint(mutant, subject.specs, fault, plan)))
        assert not [(clause, wrong) for clause, wrong in tried if wrong], row


def test_a_help_that_is_not_true_is_noticed() -> None:
    from dataclasses import replace

    from torch import nn

    import modellint

    model = nn.Sequential(nn.Conv2d(3, 8, 4, padding=1), nn.ReLU())
    report = modellint.lint(model, ["1,3,32,32"])
    (finding,) = report.findings
    assert [wrong for _, wrong in untrue(model, ("1,3,32,32",), report)] == [""]
    false = replace(finding, help="a 3×3 kernel with padding=2 keeps 32×32; padding=2 does so too")
    changed = replace(report, findings=(false,))
    wrong = [wrong for _, wrong in untrue(model, ("1,3,32,32",), changed)]
    assert "it gives 34×34" in wrong[0]
    assert "still" in wrong[1]
