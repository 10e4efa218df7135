"""Multiply-accumulates of random models against the flops that PyTorch counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import modellint
from modellint.facts.costs import total_macs

Draw = Callable[[st.SearchStrategy[Any]], Any]
few = st.integers(1, 4)
lenient = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Keep to the operations that PyTorch counts: a fused kernel has no count on a CPU."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def counted(model: nn.Module, *shapes: tuple[int, ...]) -> int:
    """Half the flops of one forward: PyTorch counts a multiplication and an addition as two."""
    with torch.no_grad(), plain_kernels(), FlopCounterMode(display=False) as counter:
        model(*(torch.zeros(shape) for shape in shapes))
    return int(counter.get_total_flops()) // 2


class Steps(nn.Module):
    """Functions and layers one after another."""

    def __init__(self, steps: list[Callable[[torch.Tensor], torch.Tensor]]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(step for step in steps if isinstance(step, nn.Module))
        self.steps = steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(x)
        return x


class With(nn.Module):
    """An operation of what comes in and a parameter."""

    def __init__(self, size: tuple[int, ...], apply: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size))
        self.apply_to = apply

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.apply_to(x, self.weight)


class First(nn.Module):
    """The first of a layer's results, for recurrent layers and attention."""

    def __init__(self, layer: nn.Module, times: int = 1) -> None:
        super().__init__()
        self.layer = layer
        self.times = times

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first: torch.Tensor = self.layer(*[x] * self.times)[0]
        return first


def on_a_map(draw: Draw, channels: int, space: int) -> nn.Module:
    """A convolution, as it is or transposed, of a map with so many spatial axes."""
    made = draw(st.sampled_from(CONVOLUTIONS[space]))
    groups = draw(st.sampled_from([n for n in (1, 2, 3) if channels % n == 0]))
    stride, dilation = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel, padding = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    out = groups * draw(st.integers(2, 4))
    layer: nn.Module = made(
        channels, out, kernel, stride, padding, dilation=dilation, groups=groups
    )
    return layer


CONVOLUTIONS: dict[int, list[Any]] = {
    1: [nn.Conv1d, nn.ConvTranspose1d],
    2: [nn.Conv2d, nn.ConvTranspose2d],
    3: [nn.Conv3d, nn.ConvTranspose3d],
}


def flat_product(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The product of all rows of all samples."""
    return torch.mm(x.flatten(0, 1), weight).unflatten(0, x.shape[:2])


def on_a_sequence(draw: Draw, length: int, width: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A layer or product of a tensor of samples, steps and features."""
    # PyTorch multiplies by a single feature without a matrix product.
    out, layers, both = draw(st.integers(2, 5)), draw(st.integers(1, 2)), draw(st.booleans())
    recurrent = {"num_layers": layers, "bidirectional": both, "batch_first": True}
    heads = 2 if width % 2 == 0 else 1
    makers: list[Callable[[], Any]] = [
        lambda: nn.Linear(width, out),
        lambda: First(nn.LSTM(width, out + 1, proj_size=out * both, **recurrent)),
        lambda: First(nn.GRU(width, out, **recurrent)),
        lambda: First(nn.RNN(width, out, **recurrent)),
        lambda: First(nn.MultiheadAttention(width, heads, batch_first=True), times=3),
        lambda: nn.TransformerEncoderLayer(width, heads, out, batch_first=True),
        lambda: lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda: lambda x: torch.bmm(x, x.transpose(1, 2)),
        lambda: lambda x: torch.baddbmm(x.new_zeros(1), x.mT, x),
        lambda: lambda x: torch.linalg.matmul(x.mT, x),
        lambda: With((width, out), torch.matmul),
        lambda: With((out, width), torch.inner),
        lambda: With((width, out), lambda x, w: torch.tensordot(x, w, 1)),
        lambda: With((length, out), lambda x, w: torch.tensordot(x, w, dims=([1], [0]))),
        lambda: With((width, out), flat_product),
        lambda: With((out,), lambda x, b: F.linear(x, b[:, None].expand(-1, x.shape[-1]), b)),
        lambda: nn.LayerNorm(width),
        lambda: torch.relu,
    ]
    step: Callable[[torch.Tensor], torch.Tensor] = draw(st.sampled_from(makers))()
    return step


def tokens(x: torch.Tensor) -> torch.Tensor:
    """A map as a sequence of its positions."""
    return x.flatten(2).transpose(1, 2)


@st.composite
def models(draw: Draw) -> tuple[nn.Module, tuple[int, ...]]:
    """A model of counted operations and the shape of one sample."""
    space = draw(st.integers(0, 3))
    axes = max(space, 1) + 1
    sample = tuple(draw(st.lists(st.integers(3, 7), min_size=axes, max_size=axes)))
    steps: list[Any] = []
    x = torch.zeros(2, *sample)
    on_maps = draw(few) if space else 0
    for at in range(draw(few) + on_maps):
        if at < on_maps:
            steps.append(on_a_map(draw, x.shape[1], space))
        else:
            if x.dim() > 3:
                steps.append(tokens)
                x = tokens(x)
            steps.append(on_a_sequence(draw, *x.shape[1:]))
        try:
            with torch.no_grad():
                x = steps[-1](x)
        except RuntimeError:  # A kernel that is larger than its map.
            reject()
        if not x.numel():
            reject()
    return Steps(steps).eval(), sample


@st.composite
def einsums(draw: Draw) -> tuple[nn.Module, tuple[int, ...]]:
    """An einsum of one sample's tensor and up to two parameters."""
    lengths = {letter: draw(few) for letter in "abcd"}
    letters = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True)
    terms = ["".join(draw(letters)) for _ in range(draw(st.integers(1, 3)))]
    dots = draw(st.sampled_from(["n", "..."]))
    known = sorted({*"".join(terms)})
    kept = draw(st.lists(st.sampled_from(known), unique=True)) if known else []
    equation = f"{dots}{','.join(terms)}->{dots}{''.join(kept)}"
    sizes = [tuple(lengths[letter] for letter in term) for term in terms]

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.others = nn.ParameterList(torch.zeros(size) for size in sizes[1:])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.einsum(equation, x, *self.others)

    return Sum(), sizes[0]


def check(model: nn.Module, sample: tuple[int, ...]) -> None:
    """One sample costs the same, whether one was given, two, or any number."""
    expected = counted(model, (1, *sample))
    for batch in ("1", "2", "N"):
        graph = modellint.trace(model, [",".join([batch, *map(str, sample)])])
        assert graph.mismatch is None
        costs = [(node.key, node.outputs) for node in graph.calls()]
        assert total_macs(graph) == expected, (batch, costs)


@pytest.mark.slow
@lenient
@given(models())
def test_a_sample_costs_the_flops_that_pytorch_counts(
    drawn: tuple[nn.Module, tuple[int, ...]],
) -> None:
    check(*drawn)


@lenient
@given(einsums())
def test_an_einsum_costs_what_its_matrix_products_do(
    drawn: tuple[nn.Module, tuple[int, ...]],
) -> None:
    check(*drawn)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Linear(8, 4)

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.f(a), self.f(b)


def test_each_input_counts_one_sample() -> None:
    expected = counted(Twice(), (1, 8), (1, 8))
    for specs in (["32,8", "32,8"], ["B,8", "M,8"], ["1,8", "7,8"]):
        assert total_macs(modellint.trace(Twice(), specs)) == expected, specs


class Lost(nn.Module):
    """Sizes are known for the example only behind an operation that has no entry in the table."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(9, 8), nn.Linear(7, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.gradient(self.first(x), dim=1)[0][:, 1:]
        return self.second(x[torch.rand(x.shape[0], device=x.device) >= 0])


def test_a_partial_model_counts_one_sample() -> None:
    expected = counted(Lost(), (1, 9))
    for batch in ("1", "2", "32"):
        graph = modellint.trace(Lost(), [f"{batch},9"])
        assert graph.partial
        assert total_macs(graph) == expected


class Tokens(nn.Module):
    """A convolution over positions that came as tokens, or over what has no channels yet."""

    def __init__(self, layer: nn.Module, spread: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.spread = spread

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(self.spread(x))
        return out


def test_an_axis_that_a_convolution_reads_as_its_batch_counts_samples() -> None:
    for layer, spread, sample in (
        (nn.Conv2d(8, 8, 3), lambda x: x.transpose(1, 2).unflatten(2, (7, 7)), (49, 8)),
        (nn.Conv1d(1, 4, 5), lambda x: x.unsqueeze(1), (30,)),
        (nn.Conv2d(1, 4, 5), lambda x: x[:, None], (14, 14)),
        (nn.Conv3d(1, 4, 3), lambda x: x.unsqueeze(1), (5, 6, 7)),
    ):
        model = Tokens(layer, spread)
        for batch in ("32", "N"):
            graph = modellint.trace(model, [",".join([batch, *map(str, sample)])])
            assert graph.inputs[0].node.output.symbolic[0] == "N"
            assert total_macs(graph) == counted(model, (1, *sample))


class Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.f(row) for row in x])


def test_one_sample_that_was_given_is_one_turn_of_a_loop_over_samples() -> None:
    graph = modellint.trace(Rows(), ["1,8"])
    assert graph.inputs[0].node.output.example == (1, 8)
    assert total_macs(graph) == counted(Rows(), (1, 8))


def test_an_image_that_is_given_alone_has_no_batch() -> None:
    for spread in (lambda x: x, lambda x: x.unsqueeze(0)):
        model = Tokens(nn.Conv2d(3, 8, 3), spread)
        graph = modellint.trace(model, ["3,16,16"])
        assert graph.batches == ()
        assert total_macs(graph) == counted(model, (3, 16, 16))
