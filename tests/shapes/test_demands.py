"""What operations demand of their sizes, and make of their dtypes, against eager PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_shapes import SIZES, eager, tensors, traced
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import rnn

import modellint
from modellint.contracts.confirming import confirm
from modellint.tracing.tape import NeedsValues

SIZE = SIZES[0]  # N 2, C 6, H 12, W 10, L 8, S 5


def _write(x: Tensor, y: Tensor) -> Tensor:
    made = torch.zeros(x.shape[0], 9, 12)
    made[:, : y.shape[1], : y.shape[2]] = y
    return made


#: An operation, its inputs, and sizes that eager PyTorch refuses where it accepts the example.
DEMANDS: list[tuple[str, Callable[..., Any], tuple[str, ...], dict[str, int]]] = [
    ("steps of a size", lambda x: x[:, :: x.shape[1] // 4], ("N,L",), {"L": 3}),
    ("narrow", lambda x: x.narrow(1, 2, 6), ("N,L",), {"L": 7}),
    ("narrow from the end", lambda x: x.narrow(1, -4, 3), ("N,L",), {"L": 3}),
    ("select", lambda x: x.select(1, 3), ("N,L",), {"L": 3}),
    ("an index of a size", lambda x, y: x[:, y.shape[0] - 1], ("N,L", "S"), {"S": 9}),
    ("an index from the end", lambda x: x[:, -4], ("N,L",), {"L": 3}),
    ("a list of indices", lambda x: x[:, [0, 5, 2]], ("N,L",), {"L": 5}),
    ("a list of indices from the end", lambda x: x[:, [0, -6]], ("N,L",), {"L": 5}),
    ("avg_pool3d", lambda x: F.avg_pool3d(x, 4, 2, 1), ("N,2,S,L,L",), {"S": 3}),
    ("topk", lambda x: x.topk(8), ("N,L",), {"L": 7}),
    ("kthvalue", lambda x: x.kthvalue(6, 1), ("N,L",), {"L": 5}),
    ("runs of an axis", lambda x: x.unfold(1, 7, 2), ("N,L",), {"L": 6}),
    ("gather", lambda x, i: x.gather(1, i), ("N,L", "2,3:int64"), {"N": 1}),
    ("scatter", lambda x, i: x.scatter(1, i, 1.0), ("N,L", "2,3:int64"), {"N": 1}),
    ("scatter_add", lambda x, i, y: x.scatter_add(1, i, y), ("N,L", "N,S:int64", "N,5"), {"S": 6}),
    ("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 1), ("N,L", "2,3:int64"), {"N": 3}),
    ("index_add", lambda x, i, y: x.index_add(0, i, y), ("N,L", "1:int64", "1,8"), {"L": 9}),
    ("index_copy", lambda x, i, y: x.index_copy(0, i, y), ("N,L", "1:int64", "1,8"), {"L": 9}),
    ("copy", lambda x, y: x.clone().copy_(y), ("N,L", "8"), {"L": 9}),
    ("writing to a place", _write, ("N,1", "N,S,H"), {"S": 10}),
    ("writing to a place that ends", _write, ("N,1", "N,S,H"), {"H": 13}),
    ("tensordot", lambda x, y: torch.tensordot(x, y, dims=1), ("N,L", "8,3"), {"L": 7}),
    ("bilinear", F.bilinear, ("N,7", "2,4", "5,7,4"), {"N": 3}),
    ("cross_entropy", F.cross_entropy, ("N,6", "2:int64"), {"N": 3}),
    ("stft, reflected", lambda x: torch.stft(x, 8, return_complex=True), ("N,L",), {"L": 4}),
    (
        "stft",
        lambda x: torch.stft(x, 8, center=False, return_complex=True),
        ("N,L",),
        {"L": 7},
    ),
    ("istft", lambda x: torch.istft(torch.complex(x, x), 10), ("C,L",), {"C": 5}),
]


@pytest.mark.parametrize(
    ("call", "inputs", "refused"), [d[1:] for d in DEMANDS], ids=[d[0] for d in DEMANDS]
)
@pytest.mark.filterwarnings("ignore")
def test_what_eager_refuses_at_another_size_the_trace_demands(
    call: Callable[..., Any], inputs: tuple[str, ...], refused: dict[str, int]
) -> None:
    try:
        found = traced(call, inputs, SIZE)
    except NeedsValues:
        pytest.skip("this release of PyTorch has no kernel for it that works on shapes alone")
    assert found.refused is None, found.refused
    demands = found.tape.constraints.values()
    assert all(demand.holds(SIZE) for demand in demands)
    with pytest.raises((RuntimeError, IndexError, ValueError)):
        eager(call, inputs, {**SIZE, **refused})
    assert not all(demand.holds({**SIZE, **refused}) for demand in demands)


#: Calls whose result has a dtype that is not its argument's, or only for some.
TYPED: list[tuple[str, Callable[..., Any], str]] = [
    ("div", lambda x: torch.div(x, 2, rounding_mode="floor"), "int64"),
    ("div", lambda x: x / 2, "int64"),
    ("mul", lambda x: x * 0.5, "int64"),
    ("floor_divide", lambda x: x // 2, "int64"),
    ("cumsum", lambda x: x.cumsum(-1), "bool"),
    ("square", torch.square, "bool"),
    ("clamp", lambda x: x.clamp(0, 1), "bool"),
    ("softsign", F.softsign, "int64"),
    ("lgamma", torch.lgamma, "int64"),
    ("abs", torch.abs, "complex64"),
    ("abs", torch.abs, "complex128"),
    ("angle", torch.angle, "complex64"),
    ("pow", lambda x: x.abs() ** 2, "complex64"),
    ("istft", lambda x: torch.istft(x, 14), "complex128"),
]


@pytest.mark.parametrize(
    ("call", "dtype"), [t[1:] for t in TYPED], ids=[f"{t[0]}-{t[2]}" for t in TYPED]
)
def test_the_dtype_is_that_of_eager(call: Callable[..., Any], dtype: str) -> None:
    found = traced(call, (f"N,L,S:{dtype}",), SIZE)
    made = [str(one.dtype)[6:] for one in tensors(eager(call, (f"N,L,S:{dtype}",), SIZE))]
    assert [record.dtypes[0] for record in found.outputs] == made


class Packed(nn.Module):
    """Sequences of several lengths, packed for a recurrent layer."""

    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 6)
        self.layer = kind(6, 5, batch_first=True, bidirectional=True)
        self.out = nn.Linear(10, 3)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        packed = rnn.pack_padded_sequence(
            self.words(words), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = self.layer(packed)
        states, _ = rnn.pad_packed_sequence(states, batch_first=True, total_length=words.shape[1])
        return self.out(states)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_packed_sequences_whose_lengths_are_an_input_are_no_mismatch(
    kind: type[nn.RNNBase],
) -> None:
    model = Packed(kind)
    graph = modellint.trace(model, ["4,12:int64", "4:int64"])
    assert graph.mismatch is None
    assert graph.partial is not None
    (layer,) = graph.calls("lstm", "gru", "rnn_tanh")
    assert layer.outputs[0].example == (48, 10)
    assert layer.outputs[1].example == (2, 4, 5)
    (out,) = graph.calls("linear")
    assert out.output.example == (4, 12, 3)
    assert confirm(graph).sizes["N"].min == 1


class Translator(nn.Module):
    """Attention everywhere, and a mask of what is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 8)
        self.body = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        padding = source == 0
        return self.body(
            self.words(source),
            self.words(target),
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )


@pytest.mark.filterwarnings("ignore")
def test_a_mask_of_padding_is_not_read() -> None:
    enabled = torch.backends.mha.get_fastpath_enabled()
    graph = modellint.trace(Translator(), ["N,L:int64", "N,T:int64"])
    assert graph.partial is None
    assert torch.backends.mha.get_fastpath_enabled() is enabled
    assert str(graph.outputs[0].output) == "(N, T, 8)"
