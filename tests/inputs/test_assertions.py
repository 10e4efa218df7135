"""Comparisons in assertions, of which another run would tell nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import modellint


class Patches(nn.Module):
    def __init__(self):
        super().__init__()
        self.size = 32
        self.conv = nn.Conv2d(3, 8, 4, 4)
        self.more = nn.Conv2d(8, 8, 1)


class Asserts(Patches):
    def forward(self, x):
        assert x.shape[2] == self.size and x.shape[3] == self.size, "wrong size"
        return self.conv(x)


class TorchAsserts(Patches):
    def forward(self, x):
        _, _, h, w = x.shape
        torch._assert(h == self.size, f"wrong height {h}")
        torch._assert(w == self.size, f"wrong width {w}")
        return self.conv(x)


class Alternatives(Patches):
    def forward(self, x):
        assert x.shape[2] == self.size or x.shape[2] % 4 == 0
        return self.conv(x)


class Within(Patches):
    def forward(self, x):
        assert (1 if x.shape[2] == self.size else 2) > 0
        return self.conv(x)


class SeveralLines(Patches):
    def forward(self, x):
        assert x.shape[2] == self.size, (
            f"the height is {x.shape[2]}, which is not the one that this model was built for here"
        )
        return self.conv(x)


class Branches(Patches):
    def forward(self, x):
        x = self.conv(x)
        if x.shape[2] == 8:
            x = self.more(x)
        return x


@pytest.mark.parametrize(
    ("model", "runs", "accepted"),
    [
        (Asserts, 1, ("32", "32")),
        (TorchAsserts, 1, ("32", "32")),
        (Alternatives, 2, None),
        (Within, 2, None),
        (SeveralLines, 2, None),
        (Branches, 2, None),
    ],
)
def test_no_second_run_where_another_size_only_raises(model, runs, accepted, monkeypatch):
    from modellint.tracing import forward_run

    made = []
    run = forward_run.run
    monkeypatch.setattr(forward_run, "run", lambda *a, **k: made.append(a) or run(*a, **k))
    graph = modellint.trace(model().eval(), ["2,3,32,32"])
    assert len(made) == runs
    if accepted is not None:
        assert tuple(map(str, graph.inputs[0].node.output.symbolic[2:])) == accepted


class Caught(Patches):
    """Pads what its own check refuses."""

    def check(self, x):
        if x.shape[2] % 4 != 0:
            raise ValueError("the height is no multiple of 4")

    def forward(self, x):
        try:
            self.check(x)
        except ValueError:
            x = nn.functional.pad(x, (0, 0, 0, -x.shape[2] % 4))
        return self.conv(x)


def test_what_a_forward_catches_is_no_demand():
    accepts = modellint.lint(Caught().eval(), ["N,3,H,W"]).models[0].accepts
    assert accepts is not None
    assert "multiple" not in accepts
