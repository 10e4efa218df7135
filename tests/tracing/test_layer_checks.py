"""What torch's layers refuse by the axes or the width of what they get is a mismatch there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

import modellint

#: Layers of width 6, with what each may get; every one looks at the axes that it gets.
LAYERS: dict[str, Callable[[], nn.Module]] = {
    **{
        f"{name}{space}d": partial(getattr(nn, f"{name}{space}d"), *more)
        for name, more in (
            ("BatchNorm", (6,)),
            ("InstanceNorm", (6, 1e-5, 0.1, True)),
            ("Conv", (6, 6, 1)),
            ("ConvTranspose", (6, 6, 1)),
            ("MaxPool", (1,)),
            ("AvgPool", (1,)),
            ("CircularPad", (1,)),
        )
        for space in (1, 2, 3)
    },
    "GroupNorm": lambda: nn.GroupNorm(2, 6),
    "LayerNorm": lambda: nn.LayerNorm((6, 6)),
    "Softmax2d": nn.Softmax2d,
    "LSTM": lambda: nn.LSTM(6, 4, batch_first=True),
    "GRU": lambda: nn.GRU(6, 4),
    "RNN": lambda: nn.RNN(6, 4, 2),
    "LSTMCell": lambda: nn.LSTMCell(6, 4),
    "GRUCell": lambda: nn.GRUCell(6, 4),
    "RNNCell": lambda: nn.RNNCell(6, 4),
    "Linear": lambda: nn.Linear(6, 4),
    "encoder": lambda: nn.TransformerEncoderLayer(6, 2, 8, batch_first=True),
    "derived": lambda: Derived(6),
    "attention": lambda: Attention(batch_first=True),
    "attention of positions first": lambda: Attention(batch_first=False),
}


class Derived(nn.BatchNorm2d):
    """A class of the user's without a forward of its own."""


class Attention(nn.Module):
    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(6, 2, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> object:
        return self.heads(query=x, key=x, value=x, need_weights=False)


class Net(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> object:
        return self.layer(x)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.filterwarnings("ignore")
def test_what_eager_refuses_is_a_mismatch_at_the_layer(name: str) -> None:
    model = Net(LAYERS[name]()).eval()
    for rank in range(1, 7):
        for width in (6, 8):
            shape = (width,) * rank
            try:
                model(torch.zeros(shape))
                refused = False
            except (RuntimeError, ValueError, AssertionError, IndexError):
                refused = True
            graph = modellint.trace(model, [",".join(map(str, shape))])
            assert (graph.mismatch is not None) is refused, shape
            if graph.mismatch is not None:
                assert graph.mismatch.node.module.startswith("layer"), graph.mismatch
                assert graph.mismatch.node.type != graph.mismatch.node.op


@pytest.mark.parametrize("layer", [nn.LSTM(6, 4), nn.GRU(6, 4), nn.RNN(6, 4)])
def test_a_state_without_a_batch_is_a_mismatch_at_the_layer(layer: nn.Module) -> None:
    class Started(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> object:
            start = torch.zeros(1, 4)
            return self.layer(x, (start, start) if isinstance(self.layer, nn.LSTM) else start)

    graph = modellint.trace(Started(), ["5,2,6"])
    assert graph.mismatch is not None
    assert graph.mismatch.node.key == "layer"


class Wide(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> object:
        attends = isinstance(self.layer, nn.MultiheadAttention)
        return self.layer(x, x, x) if attends else self.layer(x)


def test_a_width_that_only_the_layer_knows_is_found_and_demanded() -> None:
    for layer in (
        nn.MultiheadAttention(24, 2, batch_first=True),
        nn.InstanceNorm2d(24, affine=True),
    ):
        graph = modellint.trace(Wide(layer))
        assert graph.mismatch is None
        assert 24 in graph.inputs[0].node.output.symbolic


class Own(nn.BatchNorm2d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != 4:
            raise ValueError("four axes, please")
        return super().forward(x)


@pytest.mark.parametrize("kind", [Own, nn.Softmax2d])
def test_what_the_users_own_code_raises_stays_its_error(kind: type[nn.Module]) -> None:
    class Caller(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = kind(6) if kind is Own else kind()

        def forward(self, x: torch.Tensor) -> object:
            try:
                return self.layer(x)
            except ValueError as error:
                raise KeyError("another") from error

    report = modellint.lint(Caller(), ["2,6"])
    assert [error.kind for error in report.errors] == ["trace-error"]


def test_a_norm_of_maps_that_gets_rows_is_placed_at_its_construction(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(16, 8)\n        self.bn = nn.BatchNorm2d(8)\n\n"
        "    def forward(self, x):\n        return self.bn(self.fc(x))\n\n\n"
        "Net()(torch.rand(4, 16))\n"
    )
    report = modellint.lint_paths([str(path)])
    (finding,) = report.findings
    assert not report.errors
    assert (finding.rule, finding.layer, finding.line) == ("shape-mismatch", "bn", 9)
    assert [related.line for related in finding.related] == [12, 8]
