"""Random nets over tokens, signals and volumes for properties, and the sizes eager gives them.

What `nets` is for images: recurrent layers, attention, Fourier transforms, indexing, layers that
are lazy, parametrised or wrapped, several inputs and nested outputs. A net returns what each of
its steps gives, so that every step is compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations, rnn
from torch.utils import _pytree as pytree
from torch.utils.checkpoint import checkpoint

from modellint.graph import Graph
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.dims import evaluate

#: Every map has so many channels, whatever its rank.
CHANNELS = 4


class Applied(nn.Module):
    """A function of one tensor, told by a name; modules that it uses are its own."""

    def __init__(self, name: str, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)

    def extra_repr(self) -> str:
        return self.name


# -- sequences (N, L, C) that keep their shape ---------------------------------------------------


def recurrent(s: Tensor, layer: nn.Module) -> Tensor:
    return layer(s)[0]


def packed(s: Tensor, layer: nn.Module) -> Tensor:
    lengths = torch.full((s.shape[0],), s.shape[1])
    states, _ = layer(rnn.pack_padded_sequence(s, lengths, batch_first=True))
    return rnn.pad_packed_sequence(states, batch_first=True)[0]


def attended(s: Tensor, layer: nn.Module) -> Tensor:
    return layer(s, s, s, need_weights=False)[0]


def causal(s: Tensor) -> Tensor:
    mask = torch.ones(s.shape[1], s.shape[1], dtype=torch.bool).tril()
    heads = s.view(s.shape[0], s.shape[1], 2, -1).transpose(1, 2)
    made = F.scaled_dot_product_attention(heads, heads, heads, attn_mask=mask)
    return made.transpose(1, 2).flatten(2)


def einsums(s: Tensor) -> Tensor:
    weights = torch.einsum("blc,bmc->blm", s, s).softmax(-1)
    return torch.einsum("blm,bmc->blc", weights, s)


def gathered(s: Tensor) -> Tensor:
    order = s.mean(-1).argsort(1)
    return s.gather(1, order.unsqueeze(-1).expand_as(s))


def indexed(s: Tensor) -> Tensor:
    order = s.mean(-1).argsort(1)
    return s[torch.arange(s.shape[0])[:, None], order]


def filtered(s: Tensor) -> Tensor:
    spectrum = torch.fft.rfft(s, dim=1)
    return torch.fft.irfft(spectrum * spectrum.conj(), n=s.shape[1], dim=1)


def turned(s: Tensor) -> Tensor:
    waves = torch.fft.fft2(s)
    made = torch.view_as_complex(torch.view_as_real(waves).contiguous())
    return torch.complex(made.imag, made.real).abs()


def placed(s: Tensor, places: nn.Module) -> Tensor:
    return s + places(torch.arange(s.shape[1]))


def scattered(s: Tensor) -> Tensor:
    order = s.argsort(1)
    return torch.zeros_like(s).scatter_add(1, order, s)


def written(s: Tensor) -> Tensor:
    made = s.new_zeros(s.shape)
    made[:, 1:] = s[:, :-1]
    made[:, 0] = s[:, -1]
    return made


def checkpointed(s: Tensor, layer: nn.Module) -> Tensor:
    return checkpoint(layer, s, use_reentrant=False)


def through(s: Tensor, layer: nn.Module) -> Tensor:
    return layer(s)


def _sequences() -> Mapping[str, Callable[[], nn.Module]]:
    c = CHANNELS
    made: dict[str, tuple[Callable[..., Tensor], Callable[[], tuple[nn.Module, ...]]]] = {
        "lstm": (recurrent, lambda: (nn.LSTM(c, c // 2, batch_first=True, bidirectional=True),)),
        "gru": (recurrent, lambda: (nn.GRU(c, c, 2, batch_first=True),)),
        "packed": (packed, lambda: (nn.LSTM(c, c, batch_first=True),)),
        "attention": (attended, lambda: (nn.MultiheadAttention(c, 2, batch_first=True),)),
        "encoder": (
            through,
            lambda: (nn.TransformerEncoderLayer(c, 2, 8, batch_first=True, norm_first=True),),
        ),
        "causal": (causal, tuple),
        "einsum": (einsums, tuple),
        "gather": (gathered, tuple),
        "indexing": (indexed, tuple),
        "filter": (filtered, tuple),
        "complex": (turned, tuple),
        "places": (placed, lambda: (nn.Embedding(600, c),)),
        "scatter": (scattered, tuple),
        "written": (written, tuple),
        "lazy": (through, lambda: (nn.LazyLinear(c),)),
        "normed": (through, lambda: (parametrizations.weight_norm(nn.Linear(c, c)),)),
        "spectral": (through, lambda: (parametrizations.spectral_norm(nn.Linear(c, c)),)),
        "checkpoint": (checkpointed, lambda: (nn.Sequential(nn.Linear(c, c), nn.GELU()),)),
        "parallel": (through, lambda: (nn.DataParallel(nn.Linear(c, c)),)),
        "roll": (lambda s: s.roll(1, 1), tuple),
        "flip": (lambda s: s.flip(1), tuple),
        "cumsum": (lambda s: s.cumsum(1), tuple),
    }
    return {
        name: lambda name=name, function=function, parts=parts: Applied(name, function, *parts())
        for name, (function, parts) in made.items()
    }


SEQUENCES = _sequences()


class Tokens(nn.Module):
    """A step on the map's places as a sequence, and back to the map."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        made = self.body(x.flatten(2).transpose(1, 2)).transpose(1, 2)
        return made.reshape(x.shape[0], -1, *x.shape[2:])


# -- maps (N, C, …) that come out with other sizes -----------------------------------------------


@st.composite
def windows(draw: st.DrawFn, rank: int) -> nn.Module:
    """A convolution, a transposed one, or a pool, of one to three axes."""
    kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2))
    kind = draw(st.sampled_from(["conv", "same", "lazy", "up", "max", "average", "adaptive"]))
    c = CHANNELS
    if kind == "conv":
        mode = draw(st.sampled_from(["zeros", "circular", "replicate"]))
        padding, groups = draw(st.integers(0, 2)), draw(st.sampled_from([1, 2]))
        of = getattr(nn, f"Conv{rank}d")
        return of(c, c, kernel, stride, padding, dilation, groups, padding_mode=mode)
    if kind == "same":
        return getattr(nn, f"Conv{rank}d")(c, c, kernel, padding="same", dilation=dilation)
    if kind == "lazy":
        return getattr(nn, f"LazyConv{rank}d")(c, kernel, stride)
    if kind == "up":
        extra = draw(st.integers(0, max(stride, dilation) - 1))
        of = getattr(nn, f"ConvTranspose{rank}d")
        return of(c, c, kernel, stride, 0, extra, dilation=dilation)
    ceil, padding = draw(st.booleans()), draw(st.integers(0, kernel // 2))
    if kind == "max":
        of = getattr(nn, f"MaxPool{rank}d")
        return of(kernel, stride, padding, dilation, ceil_mode=ceil)
    if kind == "average":
        return getattr(nn, f"AvgPool{rank}d")(kernel, stride, padding, ceil_mode=ceil)
    return getattr(nn, f"AdaptiveAvgPool{rank}d")(draw(st.integers(1, 4)))


def spectra(x: Tensor) -> Tensor:
    """Frames of each channel, and the strength of their sound."""
    made = torch.stft(x.flatten(0, 1), 8, 3, window=torch.ones(8), return_complex=True)
    return made.abs().mean(1).unflatten(0, (x.shape[0], -1))


def frames(x: Tensor, size: int, step: int) -> Tensor:
    return x.unfold(-1, size, step).mean(-1)


@st.composite
def resized(draw: st.DrawFn, rank: int) -> nn.Module:
    """A part of the map, or more than it, along its last axis or all of them."""
    few = draw(st.integers(1, 3))
    step = draw(st.integers(1, 3))
    mode = draw(st.sampled_from(["constant", "circular", "replicate"]))
    grown = draw(st.sampled_from([0.5, 1.5, 2]))
    cut = [draw(st.integers(0, 2)) for _ in range(2 * rank)]
    choices: dict[str, Callable[[Tensor], Tensor]] = {
        "slice": lambda x: x[..., few::step],
        "slice from the end": lambda x: x[..., :-few],
        "narrow": lambda x: x.narrow(-1, few, step),
        "topk": lambda x: x.topk(few, -1).values,
        "frames": lambda x: frames(x, few, step),
        "spectrum": lambda x: torch.fft.rfft(x).abs(),
        "repeated": lambda x: x.repeat_interleave(few, -1),
        "pieces": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
        "chosen": lambda x: x[..., [0, few, 0]],
        "pad": lambda x: F.pad(x, cut, mode),
        "scaled": lambda x: F.interpolate(x, scale_factor=grown),
        "sized": lambda x: F.interpolate(x, size=[n // 2 + few for n in x.shape[2:]]),
    }
    if rank == 1:
        choices["stft"] = spectra
    name = draw(st.sampled_from(sorted(choices)))
    return Applied(name, choices[name])


class Beside(nn.Module):
    """The map with what a step makes of it, brought to its size, as more channels; then fewer."""

    def __init__(self, step: nn.Module, rank: int) -> None:
        super().__init__()
        self.step = step
        self.mix = getattr(nn, f"Conv{rank}d")(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = F.interpolate(self.step(x), size=x.shape[2:])
        return self.mix(torch.cat([x, made], 1))


@st.composite
def steps(draw: st.DrawFn, rank: int) -> nn.Module:
    kind = draw(st.integers(0, 5))
    if kind < 2:
        return Tokens(SEQUENCES[draw(st.sampled_from(sorted(SEQUENCES)))]())
    if kind == 2:
        return Beside(draw(st.one_of(windows(rank), resized(rank))), rank)
    return draw(st.one_of(windows(rank), resized(rank)))


# -- nets ----------------------------------------------------------------------------------------


class Net(nn.Module):
    """Steps one after another on tokens or a map, at the end beside another map, by keyword."""

    def __init__(self, words: bool, steps: list[nn.Module]) -> None:
        super().__init__()
        self.words = nn.Embedding(20, CHANNELS) if words else None
        self.steps = nn.ModuleList(steps)

    def forward(self, x: Tensor, *, beside: Tensor | None = None) -> Any:
        if self.words is not None:
            x = self.words(x).transpose(1, 2)
        made = []
        for step in self.steps:
            x = step(x)
            made.append(x)
        joined = None if beside is None else torch.cat([x.mean(2), beside.mean(2)], 1)
        return {"steps": made, "ends": (x.flatten(1), [joined])}


@dataclass(frozen=True)
class Case:
    """A net, and the sizes and dtype of each of its inputs, by name."""

    model: Net
    inputs: Mapping[str, tuple[tuple[int, ...], str]]

    @property
    def specs(self) -> list[str]:
        """The inputs as `--input` has them."""
        return [
            f"{name}={','.join(map(str, sizes))}:{dtype}"
            for name, (sizes, dtype) in self.inputs.items()
        ]

    def shapes(self, sizes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, ...]]:
        """The shapes of all outputs in a real forward. Raises what the forward raises."""
        given = {
            name: torch.ones(sizes[name], dtype=getattr(torch, dtype))
            for name, (_, dtype) in self.inputs.items()
        }
        with torch.no_grad():
            made = self.model(given.pop("x"), **given)
        return [tuple(leaf.shape) for leaf in pytree.tree_leaves(made) if leaf is not None]


def fed(graph: Graph, values: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The sizes of a graph's inputs where its symbols have these values."""
    return {
        given.name: tuple(evaluate(size, values) for size in given.node.output.shape)
        for given in graph.inputs
    }


def conditions(graph: Graph) -> list[Constraint]:
    """What a graph demands of the sizes of its inputs, not of sizes that values decide."""
    return [c for c in graph.constraints if {s.name for s in c.expr.symbols} <= {*graph.symbols}]


def values_near(
    graph: Graph, count: int, seed: int, *, refused: bool = False, largest: int
) -> list[dict[str, int]]:
    """Random values of the symbols that the constraints admit, or that an operation refuses."""
    drawn = random.Random(seed)
    demands = [c for c in conditions(graph) if not refused or c.origin == "operation"]
    found: list[dict[str, int]] = []
    for _ in range(200):
        values = {
            name: drawn.randint(1, 3 if name.startswith("N") else largest) for name in graph.symbols
        }
        if len(found) < count and all(c.holds(values) for c in demands) is not refused:
            found.append(values)
    return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A net over tokens (N, L), a signal (N, C, L) or a volume (N, C, D, H, W)."""
    kind = draw(st.sampled_from(["tokens", "signal", "volume"]))
    rank = 3 if kind == "volume" else 1
    model = Net(kind == "tokens", [draw(steps(rank)) for _ in range(draw(st.integers(1, 4)))])
    size = st.integers(3, 8) if rank == 3 else st.integers(6, 30)
    sides = tuple(draw(size) for _ in range(rank))
    channels = () if kind == "tokens" else (CHANNELS,)
    inputs = {"x": ((2, *channels, *sides), "int64" if kind == "tokens" else "float32")}
    if draw(st.booleans()):
        inputs["beside"] = ((2, CHANNELS, *sides), "float32")
    return Case(model.eval(), inputs)
