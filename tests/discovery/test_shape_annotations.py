"""Shapes in annotations: what they say of inputs, and what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

import modellint
from modellint.discovery.candidates import discover, find
from modellint.source.file import parse_source

HEADER = """
from typing import Annotated
import jaxtyping as jt
from jaxtyping import Float, Int64, Shaped
import torch
from torch import Tensor, nn
"""


def net(parameters: str, returned: str = "Tensor", body: str = "return self.fc(x)") -> str:
    return (
        f"{HEADER}class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.fc = nn.Linear(8, 10)\n    def forward(self, {parameters}) -> {returned}:\n"
        f"        {body}\n"
    )


STATED = {
    "numbers": ('x: Float[Tensor, "2 8"]', [(2, 8)], ["float32"]),
    "names": ('x: Float[torch.Tensor, "batch time 8"]', [(None, None, 8)], ["float32"]),
    "of a module": ('x: jt.Int[Tensor, "b 8"]', [(None, 8)], ["int64"]),
    "another dtype": ('x: Int64[Tensor, "b"]', [(None,)], ["int64"]),
    "any dtype": ('x: Shaped[Tensor, "b 8"]', [(None, 8)], ["float32"]),
    "named numbers": ('x: Float[Tensor, "b dim=8"]', [(None, 8)], ["float32"]),
    "any number of axes": ('x: Float[Tensor, "*b 8"]', [(None, 8)], ["float32"]),
    "quoted": ("x: \"Float[Tensor, 'b 8']\"", [(None, 8)], ["float32"]),
    "two": (
        'x: Float[Tensor, "b 8"], y: Float[Tensor, "b"]',
        [(None, 8), (None,)],
        ["float32"] * 2,
    ),
    "annotated": ('x: Annotated[Tensor, "N, 8"]', [(None, 8)], ["float32"]),
    "one by one": ('x: Annotated[Tensor, "N", 8]', [(None, 8)], ["float32"]),
    "a tuple": ("x: Annotated[Tensor, (4, 8)]", [(4, 8)], ["float32"]),
}


@pytest.mark.parametrize(("parameters", "shapes", "dtypes"), STATED.values(), ids=STATED)
def test_annotations_state_inputs(parameters: str, shapes: object, dtypes: object) -> None:
    found = find(discover(parse_source("net.py", net(parameters).encode())), "Net")
    assert found is not None
    (hint,) = found.inputs
    assert [tensor.shape for tensor in hint.tensors] == shapes
    assert [tensor.dtype for tensor in hint.tensors] == dtypes
    assert hint.source.startswith("annotation at line")


NOT_STATED = {
    "a tensor": "x: Tensor",
    "prose": 'x: Annotated[Tensor, "a list of values"]',
    "an object": "x: Annotated[Tensor, Shape(3)]",
    "another package's": 'x: other.Float[Tensor, "b 8"]',
    "one that may be left out": 'x: Float[Tensor, "b 8"] = None',
}


@pytest.mark.parametrize("parameters", NOT_STATED.values(), ids=NOT_STATED)
def test_what_is_no_shape_states_none(parameters: str) -> None:
    found = find(discover(parse_source("net.py", net(parameters).encode())), "Net")
    assert found is not None and found.inputs == ()


def test_what_a_file_calls_counts_before_what_it_annotates() -> None:
    text = net('x: Float[Tensor, "b 8"]') + "Net()(torch.rand(5, 8))\n"
    found = find(discover(parse_source("net.py", text.encode())), "Net")
    assert found is not None
    assert found.inputs[0].tensors[0].shape == (5, 8)


def test_axes_of_one_name_are_of_one_size_and_results_are_held_to_them(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        net(
            'x: Float[Tensor, "b n 8"], y: Float[Tensor, "b n"]',
            'tuple[Float[Tensor, "b n 10"], Float[Tensor, "b 2*n"]]',
            "return self.fc(x * y.unsqueeze(-1)), torch.cat([y, y], 1)",
        )
    )
    report = modellint.lint_paths([path])
    (model,) = report.models
    assert model.status == "analysed" and not report.findings
    first, second = model.inputs
    assert first.shape[:2] == second.shape and first.origins.rank == "shown"
    path.write_text(path.read_text().replace("2*n", "3*n"))
    assert [one.rule for one in modellint.lint_paths([path]).findings] == ["shape-annotation"]
