"""Fixes of faults that are planted in files: each runs in PyTorch, and most findings have one."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from modellint.results.findings import Diagnostic
from modellint.symbolic.specs import parse_input
from tests.offers import offered, with_fix

from .models import FILES
from .written import Written, written_faults

#: The least part of the findings at warning and above that have a fix.
SHARE = 0.8
pytestmark = pytest.mark.slow


def test_most_findings_have_a_fix_that_runs_and_takes_them_away() -> None:
    grave: list[Diagnostic] = []
    paths = set()
    for written in written_faults():
        told = offered(written.text, inputs=written.inputs)
        paths.add(written.path)
        grave += [one for one in told if one.severity != "info"]
        for one in told:
            if one.fix is not None:
                _check(written, told, one)
    assert len(grave) >= 100
    assert sum(one.fix is not None for one in grave) >= SHARE * len(grave)
    assert len(paths) == len(FILES)


def _check(written: Written, told: list[Diagnostic], one: Diagnostic) -> None:
    """Whether a file with a fix runs, has the finding no more, and no error that is new."""
    changed = with_fix(written.text, one)
    _run(changed, written)
    left = offered(changed, inputs=written.inputs, trials=0)
    before, after = _counts(told), _counts(left)
    assert after[one.rule, one.severity] < before[one.rule, one.severity], str(written)
    new = [key for key in after if after[key] > before[key] and key[1] == "error"]
    assert not new, f"{written} brings {new}"


def _counts(findings: list[Diagnostic]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in findings:
        counts[one.rule, one.severity] += one.count
    return counts


def _run(text: str, written: Written) -> None:
    """Build the model of a file and run it in PyTorch, in evaluation mode."""
    namespace: dict[str, object] = {"__name__": "net"}
    exec(compile(text, str(written.path), "exec"), namespace)
    model = namespace[written.model]()  # type: ignore[operator]
    given = []
    for spec in map(parse_input, written.inputs):
        sizes = [size for size in spec.dims if isinstance(size, int)]
        floats = spec.dtype in (None, "float32")
        given.append(torch.rand(sizes) if floats else torch.randint(0, 2, sizes))
    with torch.no_grad():
        model.eval()(*given)
