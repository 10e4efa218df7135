"""Values that the code itself admits are values to build with."""

from __future__ import annotations

import pytest

from modellint.config.settings import Settings
from modellint.discovery.candidates import Candidate
from modellint.engine.engine import lint_targets
from tests.discovery.test_candidates import entries, found, model, only

NET = model("Net", "layers")


def first(candidate: Candidate) -> str:
    return str(candidate.calls[0])


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("assert depth in [18, 34]", "18"),
        ("assert depth in (18, 34), 'no such depth'", "18"),
        ("if depth not in {18, 34}:\n        raise ValueError(depth)", "18"),
        ("assert depth == 18 or depth == 34", "18"),
        ("counts = {18: [2, 2], 34: [3, 4]}[depth]", "18"),
        ("counts = {18: [2, 2], 34: [3, 4]}\n    layers = counts[depth]", "18"),
        ("if depth == 18:\n        pass\n    elif depth == 34:\n        pass\n    else:\n"
         "        raise ValueError('depth')", "18"),
        ("match depth:\n        case 18:\n            pass\n        case _:\n"
         "            raise ValueError", "18"),
    ],
)  # fmt: skip
def test_a_function_is_called_with_what_it_admits(body: str, value: str) -> None:
    text = f"{NET}def make(depth, **words):\n    {body}\n    return Net([1, 1], **words)\n"
    (candidate,) = entries(found(text))
    assert (candidate.name, first(candidate)) == ("make", f"make(depth={value})")
    assert candidate.calls[0].assumed


@pytest.mark.parametrize(
    ("parameters", "body", "call"),
    [
        ("kind: Literal['a', 'b']", "pass", "Net(kind='a')"),
        ('kind: \'Literal["a", "b"]\'', "pass", "Net(kind='a')"),
        ("kind", "assert kind in ('a', 'b')", "Net(kind='a')"),
        ("kind, in_channels", "assert kind in ('a', 'b')", "Net(kind='a', in_channels=3)"),
        ("kind", "self.width = {'a': 3, 'b': 5}[kind]", "Net(kind='a')"),
        ("size", "assert size % 2 == 0", None),
        ("size", "assert size > 3", None),
        ("kind, other", "assert kind in ('a', 'b')", None),
        ("kind", "if kind == 'a':\n            pass", None),
    ],
)
def test_a_class_is_built_with_what_it_admits(parameters: str, body: str, call: str) -> None:
    candidate = only("from typing import Literal\n" + model("Net", parameters, body))
    assert [str(one) for one in candidate.calls] == ([] if call is None else [call])


def test_a_call_says_more_than_what_is_admitted() -> None:
    text = model("Net", "kind", "assert kind in ('a', 'b')") + "net = Net('b')\n"
    assert first(only(text)) == "Net('b')"


def test_a_model_of_admitted_values_is_analysed_and_accused_of_nothing_for_them(tmp_path) -> None:
    text = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.body = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(sum(layers))])

    def forward(self, x):
        return self.body(x).relu()

def make(depth):
    assert depth in [0, 10]
    return Net({0: "a", 10: [2, 2]}[depth])
"""
    (tmp_path / "net.py").write_text(text)
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    assert report.errors == ()
    (one,) = report.models
    assert one.status == "not-analysed"
    assert "make(depth=0)" in one.reason


def test_keys_of_a_table_of_the_module_are_admitted() -> None:
    table = "CONFIGURATIONS = {'VGG11': [64, 'M'], 'VGG13': [64, 64, 'M']}\n"
    text = model("VGG", "name", "self.layers = self.made(CONFIGURATIONS[name])")
    assert [str(call) for call in only(table + text).calls] == ["VGG(name='VGG11')"]
