"""Inputs: shapes as people write them, and shapes that nobody had to write."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.errors import UsageError
from modellint.inputs.search import parse_input


class LeNet(nn.Module):
    def __init__(self, folded: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc = nn.Linear(16 * 5 * 5, 10)
        self.folded = folded

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.fc(x.view(-1, 400) if self.folded else x.flatten(1))


@pytest.mark.parametrize("folded", [False, True])
def test_lenets_linear_layer_leads_to_32_by_32_with_the_batch_kept(folded: bool) -> None:
    graph = modellint.trace(LeNet(folded))
    assert graph.mismatch is None
    assert graph.inputs[0].node.output.symbolic == ("N", 1, "H", "W")
    assert graph.inputs[0].node.output.example[2:] == (32, 32)
    assert graph.outputs[0].output.symbolic == ("N", 10)
    assert not graph.inputs[0].guessed


HINT_FREE = [
    (nn.Conv1d(4, 5, 3), ("N", 4, "L"), "float32"),
    (nn.Conv2d(4, 5, 3), ("N", 4, "H", "W"), "float32"),
    (nn.Conv3d(1, 2, 3), ("N", 1, "D", "H", "W"), "float32"),
    (nn.ConvTranspose2d(4, 5, 3), ("N", 4, "H", "W"), "float32"),
    (nn.Sequential(nn.Linear(20, 5), nn.ReLU(), nn.Linear(5, 2)), ("N", 20), "float32"),
    (nn.Embedding(10, 4), ("N", "L"), "int64"),
    (nn.LSTM(7, 5, batch_first=True), ("N", "L", 7), "float32"),
    (nn.LSTM(7, 5), ("L", "N", 7), "float32"),
    (nn.GRU(7, 5, batch_first=True), ("N", "L", 7), "float32"),
    (nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(32, 2)), ("N", 8), "int64"),
    (nn.Sequential(nn.BatchNorm2d(6), nn.Conv2d(6, 2, 1)), ("N", 6, "H", "W"), "float32"),
    (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), None, "float32"),
]


@pytest.mark.parametrize(("model", "shape", "dtype"), HINT_FREE, ids=[str(h[1]) for h in HINT_FREE])
def test_the_first_layers_give_axes_channels_and_dtype(
    model: nn.Module, shape: tuple[int | str, ...] | None, dtype: str
) -> None:
    graph = modellint.trace(model)
    assert graph.mismatch is None
    given = graph.inputs[0].node.output
    assert given.dtype == dtype
    if shape is not None:
        assert given.symbolic == shape
    else:
        assert given.symbolic[0] == "N"
    with torch.no_grad():
        made = model.eval()(torch.zeros(given.example, dtype=getattr(torch, dtype)))
    assert tuple((made[0] if isinstance(made, tuple) else made).shape) == (
        graph.outputs[0].output.example
    )


def test_numbers_are_the_example_and_the_axes_stay_symbols() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3), ["2,3,20,24"])
    given = graph.inputs[0].node.output
    assert given.symbolic == ("N", 3, "H", "W")
    assert given.example == (2, 3, 20, 24)
    assert graph.outputs[0].output.symbolic == ("N", 4, "H - 2", "W - 2")
    assert graph.outputs[0].output.example == (2, 4, 18, 22)


def test_one_sample_is_shown_as_one_although_two_are_run() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3), ["1,3,20,24"])
    assert graph.inputs[0].node.output.symbolic == ("N", 3, "H", "W")
    assert graph.inputs[0].node.output.example == (1, 3, 20, 24)
    assert graph.outputs[0].output.example == (1, 4, 18, 22)


def test_letters_name_the_symbols() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3), ["B,3,Y,X"])
    assert graph.inputs[0].node.output.symbolic == ("B", 3, "Y", "X")
    assert graph.outputs[0].output.symbolic == ("B", 4, "Y - 2", "X - 2")


def test_an_unbatched_map_has_no_batch_symbol() -> None:
    graph = modellint.trace(nn.Conv2d(1, 5, 3), ["1,28,28"])
    assert graph.inputs[0].node.output.symbolic == (1, "H", "W")
    assert graph.inputs[0].node.output.example == (1, 28, 28)
    assert graph.outputs[0].output.symbolic == (5, "H - 2", "W - 2")


def test_one_letter_twice_is_one_size() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3), ["N,3,S,S"])
    assert graph.inputs[0].node.output.symbolic == ("N", 3, "S", "S")
    assert set(graph.symbols) == {"N", "S"}


class Conditioned(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(
        self, x: Tensor, label: Tensor | None = None, *, scale: Tensor | None = None
    ) -> Tensor:
        x = self.conv(x)
        if label is not None:
            x = x + self.embed(label)[:, :, None, None]
        return x if scale is None else x * scale


def test_keyword_inputs_reach_their_parameters() -> None:
    graph = modellint.trace(Conditioned(), ["2,3,8,8", "label=2:int64", "scale=4,1,1"])
    assert [given.name for given in graph.inputs] == ["x", "label", "scale"]
    assert [given.node.output.dtype for given in graph.inputs] == ["float32", "int64", "float32"]
    assert graph.outputs[0].output.example == (2, 4, 8, 8)


def test_parameters_with_defaults_are_left_alone() -> None:
    graph = modellint.trace(Conditioned(), ["2,3,8,8"])
    assert [given.name for given in graph.inputs] == ["x"]
    assert not list(graph.calls("embedding"))


def test_a_name_that_forward_has_not_is_a_usage_error_that_lists_its_own() -> None:
    with pytest.raises(UsageError, match=r"lable.*x, label"):
        modellint.trace(Conditioned(), ["lable=2:int64"])


@pytest.mark.parametrize(
    ("spec", "dims", "dtype", "name"),
    [
        ("1,3,32,32", (1, 3, 32, 32), None, None),
        ("(1, 28, 28)", (1, 28, 28), None, None),
        ("[4,]", (4,), None, None),
        ("N,3,H,W", ("N", 3, "H", "W"), None, None),
        ("N,T:int64", ("N", "T"), "int64", None),
        ("N,T:torch.long", ("N", "T"), "int64", None),
        ("mask=N,L:bool", ("N", "L"), "bool", "mask"),
        (" x = 2 , 3 : half", (2, 3), "float16", "x"),
    ],
)
def test_a_shape_is_read_as_people_write_it(
    spec: str, dims: tuple[int | str, ...], dtype: str | None, name: str | None
) -> None:
    read = parse_input(spec)
    assert (read.dims, read.dtype, read.name) == (dims, dtype, name)


@pytest.mark.parametrize(
    "spec", ["", "1,,3", "1,-3", "0,3", "1.5,2", "N,3:int7", "3x=1,2", "x=", "1;2", "N,3:", "1 2"]
)
def test_what_is_no_shape_is_a_usage_error_that_quotes_it(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_input(spec)
    assert repr(spec) in str(caught.value)


def test_a_given_shape_that_does_not_fit_is_a_mismatch_and_not_replaced() -> None:
    graph = modellint.trace(LeNet(), ["2,1,28,28"])
    assert graph.mismatch is not None
    assert graph.mismatch.node.op == "linear"
    assert graph.inputs[0].node.output.example == (2, 1, 28, 28)
    assert [node.key for node in graph.calls("conv2d")] == ["conv1", "conv2"]


def test_a_channel_count_that_does_not_fit_is_a_mismatch_at_the_first_layer() -> None:
    graph = modellint.trace(LeNet(), ["2,3,32,32"])
    assert graph.mismatch is not None
    assert graph.mismatch.node.key == "conv1"


def test_a_free_size_is_said_to_be_assumed() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3))
    assert graph.inputs[0].guessed
    assert graph.inputs[0].source == "assumed"
    assert not modellint.trace(nn.Conv2d(3, 4, 3), ["2,3,9,9"]).inputs[0].guessed


def test_the_fault_is_where_the_sizes_that_fit_lead() -> None:
    # At 224 fc1 refuses as well; 28 fits it, and the fault is fc2.
    class Typo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(102, 84)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
            x = torch.max_pool2d(torch.relu(self.conv2(x)), 2)
            return self.fc2(torch.relu(self.fc1(torch.flatten(x, 1))))

    mismatch = modellint.trace(Typo()).mismatch
    assert mismatch is not None
    assert mismatch.node.module == "fc2"


def test_what_is_refused_behind_an_embedding_of_tokens_is_the_models_fault() -> None:
    class Typo(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(5000, 100)
            self.fc1 = nn.Linear(100, 64)
            self.fc2 = nn.Linear(46, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc2(self.fc1(self.embed(x)))

    mismatch = modellint.trace(Typo()).mismatch
    assert mismatch is not None
    assert mismatch.node.module == "fc2"


def test_a_condition_without_a_short_form_is_told_as_it_is() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down = nn.Conv2d(3, 16, 3, stride=2, padding=1)
            self.up = nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x, self.up(torch.relu(self.down(x)))], 1)

    report = modellint.lint(Odd()).models[0]
    assert report.contract["H"].max is None
    told = [condition for condition in report.joint if "H" in condition]
    assert len(told) == 1
    assert eval(told[0], {"H": 225})
    assert not eval(told[0], {"H": 224})
