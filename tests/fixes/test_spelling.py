"""Where a change stands in the text: the argument, the call, the container; or why nowhere."""

from __future__ import annotations

import ast

import pytest

from modellint.fixes import edited
from modellint.fixes.arguments import set_argument
from modellint.fixes.signatures import layer_arguments
from modellint.fixes.sites import NoEdit, Text
from modellint.source.file import parse_source

CONV = layer_arguments("Conv2d") or ()


def _text(source: str) -> tuple[Text, ast.Call]:
    """A file, and its call of Conv2d."""
    text = Text(parse_source("net.py", source.encode()))
    calls = [
        node
        for node in ast.walk(text.source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Conv2d")
    ]
    return text, calls[0]


def _set(source: str, name: str, written: str) -> str:
    text, call = _text(source)
    return edited(source, set_argument(text, call, CONV, name, written))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nn.Conv2d(3, 8, 3)", "nn.Conv2d(3, 8, 3, padding=2)"),
        ("nn.Conv2d(3, 8, 3, padding=1)", "nn.Conv2d(3, 8, 3, padding=2)"),
        ("nn.Conv2d(3, 8, 3, 1, 0)", "nn.Conv2d(3, 8, 3, 1, 2)"),
        ("nn.Conv2d(3, 8, 3, 1, (0, 0), bias=False)", "nn.Conv2d(3, 8, 3, 1, 2, bias=False)"),
        ("nn.Conv2d(3, 8, 3,)", "nn.Conv2d(3, 8, 3, padding=2,)"),
        ("nn.Conv2d(3, 8, (3))", "nn.Conv2d(3, 8, (3), padding=2)"),
        ("nn.Conv2d()", "nn.Conv2d(padding=2)"),
        ("nn.Conv2d(3, 8, 3, padding=4 // 2 - 1)", "nn.Conv2d(3, 8, 3, padding=2)"),
        ("nn.Conv2d('é', 8, 3)  # é", "nn.Conv2d('é', 8, 3, padding=2)  # é"),
        (
            "nn.Conv2d(\n    3,  # colours\n    8,\n    3,  # wide\n)",
            "nn.Conv2d(\n    3,  # colours\n    8,\n    3, padding=2,  # wide\n)",
        ),
        (
            "nn.Conv2d(\n    3,\n    8,\n    3  # no comma\n)",
            "nn.Conv2d(\n    3,\n    8,\n    3, padding=2  # no comma\n)",
        ),
        ("p = 1\nnn.Conv2d(3, 8, 3, padding=p)", "p = 2\nnn.Conv2d(3, 8, 3, padding=p)"),
        (
            "def make():\n    p = 1\n    return nn.Conv2d(3, 8, 3, 1, p)",
            "def make():\n    p = 2\n    return nn.Conv2d(3, 8, 3, 1, p)",
        ),
    ],
)
def test_the_value_is_changed_where_it_is_written(before: str, after: str) -> None:
    assert _set(before, "padding", "2") == after


@pytest.mark.parametrize(
    "source",
    [
        "nn.Conv2d(3, 8, 3, padding=k // 2)",
        "nn.Conv2d(*sizes)",
        "nn.Conv2d(3, 8, 3, **more)",
        "p = 1\nnn.Conv2d(3, 8, 3, padding=p)\nprint(p)",
        "p = 1\np = 2\nnn.Conv2d(3, 8, 3, padding=p)",
        "p = 1\nfor p in range(3):\n    nn.Conv2d(3, 8, 3, padding=p)",
        "def make(p):\n    return nn.Conv2d(3, 8, 3, padding=p)",
        "def make(p=1):\n    return nn.Conv2d(3, 8, 3, padding=p)",
        "p = 1\ndef make(p):\n    return nn.Conv2d(3, 8, 3, padding=p)",
        "p = wide()\nnn.Conv2d(3, 8, 3, padding=p)",
        "nn.Conv2d(3, 8, 3, padding=self.p)",
    ],
)
def test_what_is_computed_or_read_elsewhere_is_left(source: str) -> None:
    with pytest.raises(NoEdit):
        _set(source, "padding", "2")
