"""What is said of a forward whose sizes do not fit: where, both sizes, and what would fit."""

import re
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from torch import Tensor, nn

import modellint


class Run(nn.Module):
    """One layer, called by a function."""

    def __init__(self, layer: nn.Module, run: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self.layer, x)


def zeros(*sizes: int) -> Callable[..., Tensor]:
    """A call with a state of these sizes; 0 stands for the input's first size."""

    def run(layer: nn.Module, x: Tensor) -> Tensor:
        state = torch.zeros([size or x.size(0) for size in sizes])
        of_lstm = isinstance(layer, nn.LSTM | nn.LSTMCell)
        out: Tensor = layer(x, (state, state) if of_lstm else state)[0]
        return out

    return run


@pytest.mark.parametrize(
    ("layer", "sizes", "given"),
    [
        (nn.LSTM(7, 5, 2, batch_first=True), (1, 0, 5), "4,6,7"),
        (nn.LSTM(7, 5, 2, batch_first=True), (2, 0, 6), "4,6,7"),
        (nn.LSTM(7, 5, bidirectional=True), (1, 6, 5), "4,6,7"),
        (nn.GRU(7, 5, 2), (2, 0, 5), "4,6,7"),
        (nn.RNN(7, 5), (1, 2, 5), "4,6,7"),
        (nn.GRU(7, 5), (1, 6, 5), "4,6,8"),
        (nn.LSTMCell(7, 5), (0, 6), "4,7"),
        (nn.GRUCell(7, 5), (3, 5), "4,7"),
        (nn.RNNCell(7, 5), (0, 5), "4,8"),
    ],
)
def test_states_and_features_that_a_recurrent_layer_refuses_are_a_mismatch(layer, sizes, given):
    model = Run(layer, zeros(*sizes))
    with pytest.raises(RuntimeError):
        model(torch.zeros([int(size) for size in given.split(",")]))
    graph = modellint.trace(model, [given])
    assert graph.mismatch is not None
    assert graph.mismatch.node.key == "layer"


@pytest.mark.parametrize(
    ("layer", "sizes", "given"),
    [
        (nn.LSTM(7, 5, 2, batch_first=True, bidirectional=True), (4, 0, 5), "4,6,7"),
        (nn.LSTM(7, 5), (1, 5), "6,7"),
        (nn.GRU(7, 5, 2), (2, 6, 5), "4,6,7"),
        (nn.GRU(7, 5), (1, 1, 5), "4,1,7"),
        (nn.LSTMCell(7, 5), (0, 5), "4,7"),
        (nn.GRUCell(7, 5), (5,), "7"),
    ],
)
def test_states_that_fit_are_none(layer, sizes, given):
    model = Run(layer, zeros(*sizes))
    wanted = model(torch.zeros([int(size) for size in given.split(",")])).shape
    graph = modellint.trace(model, [given])
    assert graph.mismatch is None
    assert graph.outputs[0].output.example == wanted


def test_what_a_recurrent_layer_checks_is_as_it_was_after_a_trace():
    checks = nn.RNNBase.check_forward_args, nn.LSTM.check_forward_args
    modellint.trace(nn.LSTM(7, 5), ["4,6,8"])
    assert (nn.RNNBase.check_forward_args, nn.LSTM.check_forward_args) == checks


def test_projected_states_have_sizes_of_their_own():
    def run(layer: nn.Module, x: Tensor) -> Tensor:
        hidden, cell = torch.zeros(1, x.size(1), 3), torch.zeros(1, x.size(1), 5)
        out: Tensor = layer(x, (hidden, cell))[0]
        return out

    graph = modellint.trace(Run(nn.LSTM(7, 5, proj_size=3), run), ["4,6,7"])
    assert graph.mismatch is None
    assert graph.outputs[0].output.symbolic == ("L", "N", 3)


def test_integers_are_no_sequence_of_features():
    with pytest.raises(modellint.ModellintError, match="int64"):
        modellint.trace(Run(nn.GRU(7, 5), lambda layer, x: layer(x.long())[0]), ["4,6,7"])


@pytest.mark.parametrize("rows", [lambda x: -1, lambda x: x.size(0)])
def test_a_view_with_a_wrong_number_names_the_right_one(rows):
    def run(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x).view(rows(x), 16 * 5 * 5)

    graph = modellint.trace(Run(nn.Conv2d(1, 16, 3), run), ["3,1,6,6"])
    assert graph.mismatch is not None
    assert graph.mismatch.help is not None
    assert "= 256" in graph.mismatch.help


def test_a_view_that_is_no_flatten_names_no_number():
    def run(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x).view(7, 11)

    graph = modellint.trace(Run(nn.Conv2d(1, 16, 3), run), ["3,1,6,6"])
    assert graph.mismatch is not None
    assert graph.mismatch.help is None


class Patches(nn.Module):
    """Patches, perhaps a token before them, and learned positions."""

    def __init__(self, positions: int, token: bool, patch: int = 4) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, 8)) if token else None
        self.pos = nn.Parameter(torch.zeros(1, positions, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        if self.token is not None:
            x = torch.cat([self.token.expand(x.size(0), -1, -1), x], 1)
        return x + self.pos


@pytest.mark.parametrize(
    ("positions", "token", "patch", "side"), [(64, True, 4, 32), (196, True, 16, 224)]
)
def test_positions_that_are_one_too_few_for_every_square_are_named(positions, token, patch, side):
    graph = modellint.trace(Patches(positions, token, patch))
    assert graph.mismatch is not None
    assert graph.mismatch.node.op == "add"
    assert graph.inputs[0].node.output.example[-2:] == (side, side)
    assert graph.guessed
    assert graph.mismatch.help is not None
    assert f"{positions + 1}" in graph.mismatch.help


@pytest.mark.parametrize(
    ("positions", "token", "given"),
    [(65, True, []), (64, False, []), (128, False, []), (129, True, []), (64, True, ["1,3,36,28"])],
)
def test_positions_that_some_square_or_oblong_image_is_meant_for_fit(positions, token, given):
    assert modellint.trace(Patches(positions, token), given).mismatch is None


def test_the_block_of_a_shared_line_is_named(tmp_path):
    (tmp_path / "net.py").write_text(
        dedent(
            """
            import torch
            from torch import nn


            class Block(nn.Module):
                def __init__(self, size, out):
                    super().__init__()
                    self.conv = nn.Conv2d(size, out, 3, padding=1)

                def forward(self, x):
                    return self.conv(x)


            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.first = Block(3, 8)
                    self.second = Block(4, 8)

                def forward(self, x):
                    return self.second(self.first(x))
            """
        )
    )
    report = modellint.lint_paths([tmp_path / "net.py"], select=["shape-mismatch"])
    (finding,) = report.findings
    assert (finding.layer, finding.line) == ("second.conv", 9)
    assert 19 in [related.line for related in finding.related]


class Summed(nn.Module):
    """A residual whose body trims the map."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.body(x) + x


def help_of(model: nn.Module, given: str) -> str:
    (finding,) = modellint.lint(model, [given], select=["shape-mismatch"]).findings
    assert finding.help is not None
    return finding.help


@pytest.mark.parametrize(
    "body",
    [
        [nn.Conv2d(4, 4, 3), nn.ReLU()],
        [nn.Conv2d(4, 4, 3, dilation=2), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 5, padding=1)],
        [nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 7), nn.Sigmoid()],
    ],
)
def test_the_padding_that_a_trimmed_sum_is_told_makes_it_fit(body: list[nn.Module]) -> None:
    model = Summed(*body)
    told = re.findall(r"padding=(\d+) of ([\w.]+)", help_of(model, "2,3,20,20"))
    assert told
    for padding, path in told:
        model.get_submodule(path).padding = (int(padding), int(padding))
    assert model(torch.zeros(2, 3, 20, 20)).shape == (2, 4, 20, 20)


class Joined(nn.Module):
    """A map beside itself, made smaller and larger again."""

    def __init__(self, by: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(by)
        self.up = nn.Upsample(scale_factor=by)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.up(self.pool(x))], 1)


@pytest.mark.parametrize("by", [2, 3])
def test_the_sizes_that_a_concatenation_is_told_fit(by: int) -> None:
    told = re.findall(r"as (\d+)", help_of(Joined(by), "1,3,25,24"))
    assert [int(size) % by for size in told] == [0]
    assert Joined(by)(torch.zeros(1, 3, int(told[0]), 24)).shape[1] == 6


def test_a_product_that_a_transposition_would_fit_is_told_so() -> None:
    model = Run(nn.Linear(6, 6), lambda layer, x: torch.bmm(layer(x), x))
    assert "(N, 6, L)" in help_of(model, "2,5,6")


ODD_RESULTS = """
import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def forward(self, x):
        return x + "a"


class Forgot(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 10)

    def block(self, x):
        x = self.fc(x)

    def forward(self, x):
        return F.relu(self.block(x))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.LSTM(10, 16, batch_first=True), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 16), Block())

    def forward(self, x):
        return self.layers(x)


if __name__ == "__main__":
    x = torch.rand(3, 7, 10)
    Forgot()(x), Pair()(x), Nested()(x)
"""


def test_what_reaches_an_operation_in_place_of_a_tensor_is_told_with_its_cause(
    tmp_path: Path,
) -> None:
    (tmp_path / "net.py").write_text(ODD_RESULTS, "utf-8")
    report = modellint.lint_paths([tmp_path / "net.py"])
    told = {error.line: error.message for error in report.errors}
    assert {error.kind for error in report.errors} == {"trace-error"}
    assert told.keys() == {9, 21, 30}
    assert "block (line 17) returns nothing" in told[21]
    assert "layers.1 (ReLU)" in told[30]
    assert "LSTM" in told[30]
    assert "layers.1 (Block)" in told[9]
