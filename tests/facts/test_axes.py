"""Where axes come from, against torch: one sample is changed, and the rows that change are seen."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import Case, cases
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import modellint
from modellint.facts.axes import layout, mixings
from modellint.facts.axis_parts import Layout
from modellint.facts.batch_axis import stays_whole
from modellint.graph import Graph

N, L, C = 3, 5, 8
#: How many models the long runs draw.
MANY = int(os.environ.get("MODELLINT_NETS", "2000"))
lenient = {"deadline": None, "suppress_health_check": list(HealthCheck)}


class Applied(nn.Module):
    """A step on (N, L, C), or on (L, N, C), that gives the same sizes."""

    def __init__(self, name: str, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.function = function
        self.parts = nn.ModuleList(parts)

    def extra_repr(self) -> str:
        return self.name

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, *self.parts)


def attended(x: Tensor, layer: nn.Module) -> Tensor:
    return x + layer(x, x, x, need_weights=False)[0]


def in_heads(x: Tensor) -> Tensor:
    a, b, c = x.shape
    heads = x.view(a, b, 2, c // 2).permute(2, 0, 1, 3)
    return (heads.softmax(-1) * heads).permute(1, 2, 0, 3).reshape(a, b, c)


def merged(x: Tensor, layer: nn.Module) -> Tensor:
    a, b, _ = x.shape
    return layer(x.reshape(a * b, -1)).view(a, b, -1)


def added(x: Tensor, layer: nn.Module) -> Tensor:
    a, b, c = x.shape
    assert isinstance(layer, nn.Linear)
    return torch.addmm(layer.bias, x.reshape(-1, c), layer.weight).view(a, b, c)


def windows(x: Tensor, layer: nn.Module) -> Tensor:
    """Attention within windows of the features, which are a batch of their own."""
    a, b, c = x.shape
    cut = x.reshape(a, b, c // 4, 2, 2).transpose(1, 2).reshape(-1, 2 * b, 2)
    mixed = layer(cut, cut, cut, need_weights=False)[0]
    return mixed.view(a, c // 4, b, 2, 2).transpose(1, 2).reshape(a, b, c)


def halves_apart(x: Tensor, layer: nn.Module) -> Tensor:
    """Both halves of the features in one batch, the first of all samples before the second."""
    a, b, c = x.shape
    stacked = x.reshape(a, b, 2, c // 2).permute(2, 0, 1, 3).flatten(0, 1)
    return layer(stacked)[0].view(2, a, b, c // 2).permute(1, 2, 0, 3).reshape(a, b, c)


def written(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 0].mul_(2)
    return y + x


STEPS: Mapping[str, Callable[[], tuple[Callable[..., Tensor], tuple[nn.Module, ...]]]] = {
    "linear": lambda: (lambda x, layer: layer(x), (nn.Linear(C, C),)),
    "merged": lambda: (merged, (nn.Linear(C, C),)),
    "lstm": lambda: (lambda x, layer: layer(x)[0], (nn.LSTM(C, C, batch_first=True),)),
    "gru": lambda: (lambda x, layer: layer(x)[0], (nn.GRU(C, C // 2, bidirectional=True),)),
    "attention": lambda: (attended, (nn.MultiheadAttention(C, 2, batch_first=True),)),
    "first": lambda: (attended, (nn.MultiheadAttention(C, 2),)),
    "heads": lambda: (in_heads, ()),
    "norm": lambda: (lambda x, layer: layer(x), (nn.LayerNorm(C),)),
    "softmax 0": lambda: (lambda x: x * x.softmax(0), ()),
    "softmax 1": lambda: (lambda x: x * x.softmax(1), ()),
    "mean 1": lambda: (lambda x: x * x.mean(1, keepdim=True).sigmoid(), ()),
    "mean 0": lambda: (lambda x: x * x.mean(0, keepdim=True).sigmoid(), ()),
    "mean": lambda: (lambda x: x * x.mean().sigmoid(), ()),
    "last": lambda: (lambda x: x + x[:, -1:], ()),
    "product": lambda: (lambda x: x + (x @ x.transpose(1, 2)).softmax(-1) @ x, ()),
    "einsum": lambda: (lambda x: torch.einsum("nlc,nmc->nlm", x, x) @ x, ()),
    "conv": lambda: (
        lambda x, layer: layer(x.transpose(1, 2)).transpose(1, 2),
        (nn.Conv1d(C, C, 3, padding=1),),
    ),
    "halves": lambda: (lambda x: torch.cat(x.chunk(2, -1)[::-1], -1), ()),
    "squeezed": lambda: (lambda x: x * x.sum(-1, keepdim=True).sigmoid(), ()),
    "roll": lambda: (lambda x: x + x.roll(1, 0), ()),
    "turned": lambda: (lambda x: x.transpose(0, 1), ()),
    "stack": lambda: (lambda x: torch.stack([x, x.tanh()], 1).sum(1), ()),
    "turned rows": lambda: (lambda x: x + x.roll(1, -1).flip(1), ()),
    "added": lambda: (added, (nn.Linear(C, C),)),
    "windows": lambda: (windows, (nn.MultiheadAttention(2, 1, batch_first=True),)),
    "halves apart": lambda: (halves_apart, (nn.GRU(C // 2, C // 2, batch_first=True),)),
    "written": lambda: (written, ()),
}


@st.composite
def nets(draw: st.DrawFn) -> nn.Sequential:
    names = draw(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5))
    steps = [Applied(name, *_flat(STEPS[name]())) for name in names]
    return nn.Sequential(
        *steps, *[Applied("turned", lambda x: x.transpose(0, 1))] * (names.count("turned") % 2)
    )


def _flat(made: tuple[Callable[..., Tensor], tuple[nn.Module, ...]]) -> tuple[object, ...]:
    return made[0], *made[1]


def rows_changed(before: Tensor, after: Tensor, axis: int) -> list[int]:
    """The places along an axis where two tensors differ."""
    differs = (before - after).abs() > 1e-9
    others = [at for at in range(differs.dim()) if at != axis]
    return [at for at, changed in enumerate(differs.any(others) if others else differs) if changed]


def hold(told: Layout, before: Tensor, after: Tensor, changed: int, *, mixes: bool = True) -> None:
    """What is told of the batch, where one sample was changed."""
    if "N" in told.lost:
        return
    if "N" in told.mixed:
        if mixes:
            places = told.places("N") or range(before.dim())
            assert any(len(rows_changed(before, after, at)) != 1 for at in places)
        return
    places = told.places("N")
    if not places:
        assert torch.equal(before, after)
    elif len(places) == 1 and [part.key for part in told.axes[places[0]] or ()] == ["N"]:
        assert set(rows_changed(before, after, places[0])) <= {changed}


def check(model: nn.Module, *, mixes: bool = False) -> Graph:
    model = model.double().eval()
    graph = modellint.trace(model, [f"N,{L},{C}:float64"])
    # What is seen quickly is what is followed at length.
    mixed = "N" in {one.root for one in mixings(graph)}
    whole = stays_whole(graph, frozenset(["N"]))
    assert not (mixed and whole)
    x = torch.randn(N, L, C, dtype=torch.float64)
    other = x.clone()
    other[1] = torch.randn(L, C, dtype=torch.float64)
    with torch.no_grad():
        before, after = model(x), model(other)
    hold(layout(graph, graph.outputs[0]), before, after, 1, mixes=mixes)
    if whole:
        samples = graph.outputs[0].output.symbolic.index("N")
        assert set(rows_changed(before, after, samples)) <= {1}
    return graph


#: What mixes the samples, where the first axis counts them.
MIXING = ("first", "gru", "mean", "mean 0", "softmax 0")


@settings(max_examples=20, **lenient)  # type: ignore[arg-type]
@given(
    st.lists(st.sampled_from(sorted({*STEPS} - {*MIXING, "turned", "roll"})), max_size=3),
    st.sampled_from(MIXING),
)
def test_other_rows_change_where_samples_are_mixed(before: list[str], last: str) -> None:
    # Not behind it: a norm takes away again what all rows were multiplied with.
    steps = [Applied(name, *_flat(STEPS[name]())) for name in (*before, last)]
    graph = check(nn.Sequential(*steps), mixes=True)
    assert "N" in layout(graph, graph.outputs[0]).mixed


@settings(max_examples=30, **lenient)  # type: ignore[arg-type]
@given(nets())
def test_a_changed_sample_changes_the_rows_that_are_told(model: nn.Module) -> None:
    check(model)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@given(nets())
def test_a_changed_sample_changes_the_rows_that_are_told_in_a_long_run(model: nn.Module) -> None:
    check(model)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore")
@given(cases(), st.integers(0, 1 << 20))
def test_no_row_changes_with_another_sample_of_maps_and_tokens(case: Case, seed: int) -> None:
    (name, (sizes, dtype)), *others = case.inputs.items()
    if others:
        return
    graph = modellint.trace(case.model, case.specs)
    if graph.mismatch is not None:
        return
    drawn = torch.Generator().manual_seed(seed)
    shape = (4, *sizes[1:])
    x = (
        torch.randn(shape, generator=drawn)
        if dtype == "float32"
        else torch.randint(1, 9, shape, generator=drawn)
    )
    other = x.clone()
    other[2] = x[2].flip(-1) if dtype != "float32" else torch.randn(shape[1:], generator=drawn)
    try:
        with torch.no_grad():
            before, after = (_leaves(case.model.eval()(one)) for one in (x, other))
    except (RuntimeError, ValueError, IndexError):
        return
    for node, one, two in zip(graph.outputs, before, after, strict=True):
        if torch.isfinite(one).all() and not one.is_complex():
            # What a maximum or an index passes over may well not change.
            hold(layout(graph, node), one.double(), two.double(), 2, mixes=False)
    assert name


def _leaves(made: object) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(made) if leaf is not None]


@pytest.mark.parametrize("name", sorted({*STEPS} - {*MIXING, "roll"}))
def test_what_leaves_the_samples_alone_is_seen_quickly(name: str) -> None:
    model = Applied(name, *_flat(STEPS[name]())).double().eval()
    graph = modellint.trace(model, [f"N,{L},{C}:float64"])
    assert stays_whole(graph, frozenset(["N"]))


def told(model: nn.Module, *inputs: str) -> Layout:
    graph = modellint.trace(model.eval(), inputs)
    return layout(graph, graph.outputs[0])


def test_merged_axes_are_known_apart_and_split_again() -> None:
    one = told(Applied("", lambda x: x.flatten(0, 1)), "N,L,8")
    assert [[part.key for part in axis or ()] for axis in one.axes] == [["N", "L"], ["C"]]
    one = told(Applied("", lambda x: x.flatten(0, 1).view(x.shape)), "N,L,8")
    assert [[part.key for part in axis or ()] for axis in one.axes] == [["N"], ["L"], ["C"]]
    assert not one.mixed and not one.lost


def test_a_view_that_scrambles_loses_what_it_scrambles() -> None:
    one = told(Applied("", lambda x: x.view(x.shape[1], x.shape[0], 8)), "N,L,8")
    assert one.axes[0] is None and {"N", "L"} <= one.lost


def test_what_is_mixed_is_told_at_the_operation() -> None:
    graph = modellint.trace(nn.Sequential(nn.Linear(8, 8), nn.Softmax(0), nn.Softmax(0)), ["N,8"])
    assert [(one.node.op, one.root) for one in mixings(graph)] == [
        ("linear", "input[1]"),
        ("softmax", "N"),
    ]
