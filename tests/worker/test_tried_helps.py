"""Where a change cannot be written, the help says why, and its numbers have been tried."""

from __future__ import annotations

import pytest

from modellint.results.findings import Diagnostic
from tests.offers import offered

TRIMS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, p=0, side=12):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 5, {padding})
        self.fc = nn.Linear({features}, 10)

    def forward(self, x):
        x = self.conv(x){between}
        return self.fc(x.flatten(1))


Net()(torch.rand(2, 1, 16, 16))
"""
GIVEN = "int(p / 2)"


def _trimming(padding: str, features: str = "8 * side * side", between: str = "") -> Diagnostic:
    text = TRIMS.format(padding=padding, features=features, between=between)
    (one,) = [one for one in offered(text) if one.rule == "edge-losing-padding"]
    return one


def test_the_help_says_where_a_value_is_computed() -> None:
    told = _trimming(f"padding={GIVEN}")
    assert told.fix is None
    assert told.no_fix is not None
    assert "line 9" in told.no_fix
    assert GIVEN in told.no_fix
    assert told.no_fix in (told.advice or "")
    assert told.to_dict()["no_fix"] == told.no_fix


@pytest.mark.parametrize(
    ("padding", "part"),
    [
        ("padding=p", "p"),
        ("**dict([('padding', p)])", "**dict"),
        ("*(1, p)", "*(1, p)"),
    ],
)
def test_whatever_cannot_be_written_is_named(padding: str, part: str) -> None:
    told = _trimming(padding)
    assert told.fix is None
    assert part in (told.no_fix or "")


def test_what_follows_is_named_too_as_it_was_tried_on_the_layers() -> None:
    told = _trimming(f"padding={GIVEN}")
    assert "padding=2" in (told.help or "")
    assert f"fc in_features={8 * 16 * 16}" in (told.help or "")


def test_a_fix_that_needs_what_cannot_be_written_is_told_in_the_help() -> None:
    told = _trimming("padding=0")
    assert told.fix is None
    assert f"fc in_features={8 * 16 * 16}" in (told.help or "")
    assert "fc in_features is computed at line 10" in (told.no_fix or "")


def test_a_number_that_does_not_hold_is_not_named() -> None:
    told = _trimming(f"padding={GIVEN}", between="\n        assert x.shape[-1] == 12")
    assert "padding=2" not in (told.help or "")
    assert told.no_fix is not None


def test_what_can_be_written_has_no_such_reason() -> None:
    told = _trimming("padding=0", features="8 * 12 * 12")
    assert told.fix is not None
    assert told.no_fix is None
    assert "no_fix" not in told.to_dict()


def test_a_model_of_an_imported_file_is_tried_and_left_as_it_was() -> None:
    """The layers that are tried belong to one object, which the next trial meets again."""
    text = TRIMS.format(padding=f"padding={GIVEN}", features="8 * side * side", between="")
    text = text.replace("Net()(torch", "net = Net()\nother = net\nnet(torch")
    first, second = ([(one.rule, one.layer, one.help) for one in offered(text)] for _ in range(2))
    assert first == second
