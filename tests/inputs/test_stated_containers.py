"""Inputs that a user states in containers: `{"feat": N,8; "mask": N:bool}`, `[N,8; N,4]`."""

from __future__ import annotations

from pathlib import Path

import pytest

import modellint
from modellint.errors import UsageError
from modellint.symbolic.specs import parse_input

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
    def forward(self, batch, maps, scale=None):
        x = self.fc(batch["feat"]) * batch["mask"].unsqueeze(-1)
        return x, sum(one.mean((2, 3)) for one in maps)
"""


@pytest.mark.parametrize(
    "inputs",
    [
        ('batch={"feat": N,8; "mask": N:bool}', "maps=[N,8,64,64; N,8,32,32]"),
        ("{feat: N,8; mask: N:bool}", "(N,8,64,64; N,8,32,32)"),
        ("maps=[N,8,64,64; N,8,32,32]", "{'feat': (N, 8); 'mask': [N]:bool}"),
    ],
)
def test_a_forward_gets_the_containers_that_are_stated(
    tmp_path: Path, inputs: tuple[str, ...]
) -> None:
    path = tmp_path / "net.py"
    path.write_text(NET)
    (model,) = modellint.lint_paths([path], inputs=inputs).models
    assert model.status == "analysed"
    shapes = {one.name: (one.shape[0], one.example[1:], one.dtype) for one in model.inputs}
    assert shapes["batch['feat']"] == ("N", (8,), "float32")
    assert shapes["batch['mask']"] == ("N", (), "bool")
    assert shapes["maps[1]"] == ("N", (8, 32, 32), "float32")
    assert {one.origin for one in model.inputs} <= {"stated", "assumed"}


def test_one_tensor_in_brackets_is_that_tensor() -> None:
    for text in ("[1,3,32,32]", "(1,3,32,32)", "[1]", "x=[1, 3]"):
        assert parse_input(text).kind is None
    for text in ("[1,3;]", "[[1,3]]", "[{a: 1}]"):
        assert parse_input(text).kind == "list"


def test_containers_nest() -> None:
    spec = parse_input("x={a: [N,3; (N,4; N,5)]; b: {c: N:int64}}")
    assert [leaf.dims for leaf in spec.leaves()] == [("N", 3), ("N", 4), ("N", 5), ("N",)]
    assert [leaf.dtype for leaf in spec.leaves()][-1] == "int64"


@pytest.mark.parametrize("text", ["{N,8}", "{a: }", "[;]", "{a: N,8", "[N,8; 0]", "{a: N:floot}"])
def test_what_is_no_container_of_shapes_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_input(text)


def test_a_configuration_may_state_them(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "modellint.toml").write_text(
        '[[models]]\npath = "net.py"\nmodel = "Net"\n'
        'inputs = ["{feat: N,8; mask: N:bool}", "[N,8,9,9;]"]\n'
    )
    (model,) = modellint.lint_paths([tmp_path / "net.py"]).models
    assert model.status == "analysed" and model.inputs[2].example[1:] == (8, 9, 9)
