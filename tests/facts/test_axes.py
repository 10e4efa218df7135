"""Where axes come from, against torch: one sample is changed, and the rows that change are seen."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest
import torch
from axis_nets import ALONE, MIXING, Applied, C, L, N, nets, step
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streams import Case, cases
from torch import Tensor, nn
from torch.utils import _pytree as pytree

import modellint
from modellint.facts.axes import layout, mixings
from modellint.facts.axis_parts import Axis, Layout
from modellint.facts.batch_axis import stays_whole
from modellint.graph import Graph, Node
from modellint.symbolic.dims import evaluate

#: How many models the long runs draw.
MANY = int(os.environ.get("MODELLINT_NETS", "2000"))
lenient = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def differing(before: Tensor, after: Tensor) -> Tensor:
    """Which elements of two tensors differ."""
    return (before - after).abs() > 1e-9


def samples_changed(changed: Tensor, axis: Axis, at: int, sizes: Mapping[str, int]) -> set[int]:
    """The samples of the places along an axis at which something changed, by its parts."""
    places = {index[at] for index in changed.nonzero().tolist()}
    inner = 1
    for part in reversed(axis or ()):
        size = evaluate(part.size, sizes)
        if part.key == "N":
            return {place // inner % size for place in places}
        inner *= size
    raise AssertionError("the axis holds no samples")


def hold(graph: Graph, node: Node, changes: Mapping[int, Tensor], samples: int) -> None:
    """What is told of the batch, where some samples were changed, each for itself.

    `changes` are the elements that changed with each of them.
    """
    told, sizes = layout(graph, node), {**graph.symbols, "N": samples}
    if "N" in told.lost or "N" in told.mixed:
        return
    one, other = changes.values()
    assert not (one & other).any()
    if not told.places("N"):
        assert not (one | other).any()
    for at, axis in enumerate(told.axes):
        if any(part.key == "N" for part in axis or ()):
            for sample, changed in changes.items():
                assert samples_changed(changed, axis, at, sizes) <= {sample}


def check(model: nn.Module) -> tuple[Graph, Mapping[int, Tensor]]:
    """The graph of a model, and which elements of its result change with each of two samples."""
    model = model.double().eval()
    graph = modellint.trace(model, [f"N,{L},{C}:float64"])
    # What is seen quickly is what is followed at length.
    mixed = "N" in {one.root for one in mixings(graph)}
    whole = stays_whole(graph, frozenset(["N"]))
    assert not (mixed and whole)
    x = torch.randn(N, L, C, dtype=torch.float64)
    changes = {}
    with torch.no_grad():
        before = model(x)
        for sample in (1, 2):
            other = x.clone()
            other[sample] = torch.randn(L, C, dtype=torch.float64)
            changes[sample] = differing(before, model(other))
    hold(graph, graph.outputs[0], changes, N)
    one, other = changes.values()
    assert not (whole and (one & other).any())
    return graph, changes


@settings(max_examples=20, **lenient)  # type: ignore[arg-type]
@given(
    st.lists(st.sampled_from(ALONE), max_size=3),
    st.sampled_from(sorted(MIXING)),
)
def test_other_rows_change_where_samples_are_mixed(before: list[str], last: str) -> None:
    # Not behind it: a norm takes away again what all rows were multiplied with.
    graph, changes = check(nn.Sequential(*map(step, (*before, last))))
    assert "N" in layout(graph, graph.outputs[0]).mixed
    one, other = changes.values()
    assert (one & other).any()


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
    given = [x, x.clone(), x.clone()]
    for other, sample in zip(given[1:], (1, 2), strict=True):
        new = torch.randn(shape[1:], generator=drawn)
        other[sample] = new if dtype == "float32" else x[sample].flip(-1)
    try:
        with torch.no_grad():
            before, *after = (_leaves(case.model.eval()(one)) for one in given)
    except (RuntimeError, ValueError, IndexError):
        return
    for node, old, *new in zip(graph.outputs, before, *after, strict=True):
        if torch.isfinite(old).all() and not old.is_complex():
            changes = [differing(old.double(), one.double()) for one in new]
            hold(graph, node, dict(enumerate(changes, 1)), 4)
    assert name


def _leaves(made: object) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(made) if leaf is not None]


@pytest.mark.parametrize("name", sorted({*ALONE} - {"cell", "shifted", "state"}))
def test_what_leaves_the_samples_alone_is_seen_quickly(name: str) -> None:
    model = step(name).double().eval()
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
