"""Fixes of sources that are written in an odd way: what is offered is applied, and runs in PyTorch.

As many rounds are made as there is something to fix, one fix at a time.
"""

from __future__ import annotations

import warnings
from textwrap import indent

import pytest

from modellint.source.file import parse_source
from tests.offers import offered, with_fix

NET = """import torch
import torch.nn.functional as F
from torch import nn
from collections import OrderedDict


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{layers}

    def forward(self, x):
{forward}


Net()({given})
"""
IMAGE, ROW = "torch.rand(2, 3, 32, 32)", "torch.rand(2, 3)"
NORMED = "return self.n(self.c(x))"
IN_TURN = "return self.net(x)"
CASES = {
    "a callee in parentheses": (
        "self.c = (nn.Conv2d)(3, 8, 4, padding=1)\nself.n = ((nn.BatchNorm2d(8)))",
        NORMED,
        IMAGE,
    ),
    "comments within a call": (
        "self.c = nn.Conv2d(\n    3,  # in\n    8,  # out (8)\n    4,  # kernel, odd?\n"
        "    padding=1,  # pad )\n)\nself.n = nn.BatchNorm2d(8)",
        "return self.n((self.c)((x)))",
        IMAGE,
    ),
    "a comment behind the last argument": (
        "self.c = nn.Conv2d(3, 8, 4  # ), padding\n)\nself.n = nn.BatchNorm2d(8)",
        NORMED,
        IMAGE,
    ),
    "a walrus": (
        "self.c = (c := nn.Conv2d(3, (w := 8), 4, padding=1))\nself.n = nn.BatchNorm2d(w)",
        "if (y := self.c(x)) is not None:\n    return self.n(y)\nreturn y",
        IMAGE,
    ),
    "several statements in a line": (
        "self.c = nn.Conv2d(3, 8, 4, padding=1); self.n = nn.BatchNorm2d(8); "
        "self.d = nn.Dropout(0)",
        "x = self.c(x); x = self.d(x); return self.n(x)",
        IMAGE,
    ),
    "a conditional expression": (
        "self.c = nn.Conv2d(3, 8, 4, padding=1) if F else nn.Conv2d(3, 8, 2)\n"
        "self.n = nn.BatchNorm2d(8)",
        NORMED,
        IMAGE,
    ),
    "a lambda that builds": (
        "conv = lambda i, o: nn.Conv2d(i, o, 4, padding=1)\n"
        "self.net = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU())",
        IN_TURN,
        IMAGE,
    ),
    "a comprehension that builds": (
        "self.net = nn.Sequential(*[nn.Sequential(nn.Conv2d(i, 8, 4, padding=1), "
        "nn.BatchNorm2d(8), nn.ReLU()) for i in (3, 8, 8)])",
        IN_TURN,
        IMAGE,
    ),
    "layers by name": (
        "self.net = nn.Sequential(OrderedDict([('c', nn.Conv2d(3, 8, 4, padding=1)), "
        "('d', nn.Dropout(0.0)), ('r', nn.ReLU()), ('again', nn.ReLU())]))",
        IN_TURN,
        IMAGE,
    ),
    "layers by number": (
        "self.net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Dropout(0), nn.ReLU(), "
        "nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))",
        "x = self.net[0](x)\nreturn self.net[4](self.net[1:4](x))",
        IMAGE,
    ),
    "a chain of methods over lines": (
        "self.c = nn.Conv2d(3, 8, 5)\nself.f = nn.Linear(8 * 28 * 28, 10)",
        "return self.f(\n    self.c(x)\n    .relu()\n    .flatten(1)\n)",
        IMAGE,
    ),
    "a line that goes on behind a backslash": (
        "self.c = nn.Conv2d(3, 8, 5)\nself.f = nn.Linear(8 * 28 * 28, \\\n    10)",
        "y = \\\n    self.c \\\n    (x)\nreturn self.f(y.view(-1, 8 * 28 * 28))",
        IMAGE,
    ),
    "inputs by keyword": (
        "self.c = nn.Conv2d(in_channels=3, out_channels=8, kernel_size=5)\n"
        "self.f = nn.Linear(in_features=8 * 28 * 28, out_features=10)",
        "return self.f(input=torch.flatten(input=self.c(input=x), start_dim=1))",
        IMAGE,
    ),
    "a tuple without parentheses": (
        "self.t = nn.Linear(3, 3), nn.Linear(3, 3)\nself.h = nn.Linear(3, 3)",
        "for layer in self.t:\n    x = layer(x).relu()\nreturn self.h(x)",
        ROW,
    ),
    "no argument but a comment": (
        "self.s = nn.Softmax(  # none\n)\nself.f = nn.Linear(3, 4)",
        "return self.s(self.f(x))",
        ROW,
    ),
    "letters of several bytes": (
        "self.ç = nn.Conv2d(3, 8, 4, padding=1)  # größe 𝔘\n"
        "name = 'ünïcödé 🦊'; self.n = nn.BatchNorm2d(8)",
        "return self.n(self.ç(x))",
        IMAGE,
    ),
    "a layer that is copied": (
        "layer = nn.TransformerEncoderLayer(16, 4, 32)\n"
        "self.e = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)",
        "return self.e(x)[:, -1]",
        "torch.rand(8, 50, 16)",
    ),
}


def _source(name: str) -> str:
    layers, forward, given = CASES[name]
    inside = (indent(part, " " * 8) for part in (layers, forward))
    return NET.format(layers=next(inside), forward=next(inside), given=given)


def _run(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "net.py", "exec"), {"__name__": "net"})


@pytest.mark.parametrize("name", CASES)
def test_what_is_offered_runs_until_nothing_is_left(name: str) -> None:
    text = _source(name)
    _run(text)
    made = 0
    while fixes := [one for one in offered(text) if one.fix is not None]:
        text = with_fix(text, fixes[0])
        parse_source("net.py", text.encode())
        _run(text)
        made += 1
        assert made < 12, "the fixes come back"
    assert made
    assert not [one for one in offered(text) if one.severity != "info"]


def test_tabs_stay_tabs() -> None:
    text = _source("comments within a call").replace("    ", "\t")
    (one,) = [one for one in offered(text) if one.rule == "bias-before-norm"]
    assert "\tpadding=1, bias=False,  # pad )\n" in with_fix(text, one)
