"""Values for parameters that nothing shows: what the code admits, and what it uses them for."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from modellint.discovery.candidates import Candidate, discover, find
from modellint.source.file import parse_source

HEADER = """
import torch
from torch import nn
from typing import Literal
SETTINGS = {34: [3, 4], 50: [5, 6]}
"""


def candidate(text: str, name: str) -> Candidate:
    found = find(discover(parse_source("net.py", (HEADER + dedent(text)).encode())), name)
    assert found is not None
    return found


def net(parameters: str, body: str) -> Candidate:
    text = (
        f"class Net(nn.Module):\n    def __init__(self, {parameters}):\n"
        f"        super().__init__()\n{indent(dedent(body).strip(), ' ' * 8)}\n"
        "        self.fc = nn.Linear(3, 3)\n    def forward(self, x):\n        return self.fc(x)\n"
    )
    return candidate(text, "Net")


ADMITTED = {
    "a table": ("depth", "assert depth in SETTINGS", "depth=34"),
    "its keys": ("depth", "assert depth in SETTINGS.keys()", "depth=34"),
    "a list of them": (
        "depth",
        "if depth not in list(SETTINGS):\n    raise ValueError",
        "depth=34",
    ),
    "and a width": ("depth, w", "assert depth in (3, 5)\nnn.Linear(w, 3)", "depth=3, w=64"),
}


@pytest.mark.parametrize(("parameters", "body", "words"), ADMITTED.values(), ids=ADMITTED)
def test_what_code_admits_is_a_value_to_build_with(parameters: str, body: str, words: str) -> None:
    (call,) = net(parameters, body).calls
    assert str(call) == f"Net({words})" and call.made_up == words


USED = {
    "widths": ("a, b", "self.l = nn.Linear(a, b)", "a=64, b=64"),
    "by name": ("a, b", "self.l = nn.Linear(out_features=b, in_features=2 * a)", "a=64, b=64"),
    "channels and a kernel": ("c, k", "self.c = nn.Conv2d(3, c, kernel_size=k)", "c=16, k=3"),
    "several at once": (
        "a, n, p",
        "self.a, (self.n, self.p) = a, (n, p)\n"
        "self.l = nn.Linear(self.a, 3)\nself.d = nn.Dropout(self.p)\n"
        "for _ in range(self.n):\n    pass",
        "a=64, n=2, p=0.1",
    ),
    "a word": ("n: str, d", "self.n, self.l = n, nn.Linear(d, 3)", "n='name', d=64"),
    "a rate": ("p", "self.d = nn.Dropout(p)", "p=0.1"),
    "rows and one of them": (
        "n, d, i",
        "self.e = nn.Embedding(n, d, padding_idx=i)",
        "n=1000, d=64, i=0",
    ),
    "rows": ("n, d", "self.e = nn.Embedding(n, d)", "n=1000, d=64"),
    "heads that divide": ("d, h", "self.a = nn.MultiheadAttention(d, h)", "d=64, h=4"),
    "a count": ("n", "self.l = nn.ModuleList([nn.Linear(2, 2) for _ in range(n)])", "n=2"),
    "what is kept first": ("w", "self.w = w\nself.l = nn.Linear(self.w // 2, self.w)", "w=64"),
    "a parameter's size": ("n", "self.p = nn.Parameter(torch.zeros(1, n))", "n=64"),
    "whether": ("wide", "self.l = nn.Linear(2, 4 if wide else 2)", "wide=False"),
    "an annotation": (
        "steps: int, share: float, on: bool",
        "pass",
        "steps=64, share=0.1, on=False",
    ),
    "a list of widths": (
        "sizes",
        "for a, b in zip(sizes[:-1], sizes[1:]):\n    nn.Linear(a, b)",
        "sizes=[64, 64]",
    ),
    "one before a list": (
        "first, sizes",
        "every = [first] + sizes\nfor a, b in zip(every[:-1], every[1:]):\n    nn.Linear(a, b)",
        "first=64, sizes=[64, 64]",
    ),
    "items by number": ("counts", "range(counts[0])\nrange(counts[3])", "counts=[2, 2, 2, 2]"),
}


@pytest.mark.parametrize(("parameters", "body", "words"), USED.values(), ids=USED)
def test_use_tells_what_kind_of_value_a_parameter_is(
    parameters: str, body: str, words: str
) -> None:
    (call,) = net(parameters, body).calls
    assert str(call) == f"Net({words})" and call.assumed
    assert call.made_up == words


def test_use_in_a_part_of_the_file_tells_as_well() -> None:
    text = """
    class Block(nn.Module):
        def __init__(self, width, rate):
            super().__init__()
            self.fc, self.drop = nn.Linear(width, width), nn.Dropout(rate)
        def forward(self, x):
            return self.drop(self.fc(x))
    class Net(nn.Module):
        def __init__(self, w, r):
            super().__init__()
            self.block = Block(w, rate=r)
        def forward(self, x):
            return self.block(x)
    """
    assert [str(call) for call in candidate(text, "Net").calls] == ["Net(w=64, r=0.1)"]


NO_SIZES = {
    "an object": ("cfg", "self.l = nn.Linear(cfg.width, 3)"),
    "a table": ("cfg", "self.l = nn.Linear(cfg['width'], 3)"),
    "a model": ("body", "self.body = body"),
    "a class": ("make", "self.l = make(3)"),
}


@pytest.mark.parametrize(("parameters", "body"), NO_SIZES.values(), ids=NO_SIZES)
def test_what_is_no_plain_value_is_asked_for(parameters: str, body: str) -> None:
    assert net(parameters, body).missing is not None


USED = {
    "names that a shape is unpacked to": (
        "shape",
        "c, h, w = shape\nself.conv = nn.Conv2d(c, 8, 3)\nself.out = (1, h // 4, w // 4)",
        "shape=(3, 128, 128)",
    ),
    "names of which some are not used": (
        "shape",
        "channels, _, _ = shape\nself.conv = nn.Conv2d(channels, 8, 3)",
        "shape=(3, 128, 128)",
    ),
    "the sizes of a tensor": (
        "n, m, dropout",
        "self.w = nn.Parameter(torch.empty(size=(n, m)))\nself.dropout = dropout",
        "n=64, m=64, dropout=0.1",
    ),
    "a tensor of old": ("n", "self.w = nn.Parameter(torch.Tensor(n))", "n=64"),
}


@pytest.mark.parametrize("way", USED)
def test_a_parameter_gets_a_value_by_its_use(way: str) -> None:
    parameters, body, words = USED[way]
    (call,) = net(parameters, body).calls
    assert str(call) == f"Net({words})" and call.assumed


def test_a_function_that_hands_all_on_to_a_layer_tells_of_its_arguments() -> None:
    text = """
        def wide(*args, **kwargs):
            return nn.utils.parametrizations.weight_norm(nn.Conv1d(*args, **kwargs))

        class Net(nn.Module):
            def __init__(self, bins, width):
                super().__init__()
                self.first = wide(bins, 2 * width, kernel_size=7)

            def forward(self, x):
                return self.first(x)
    """
    (call,) = candidate(text, "Net").calls
    assert str(call) == "Net(bins=16, width=16)" and call.assumed
