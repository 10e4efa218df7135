"""Random nets over tokens, signals and volumes: every symbolic shape is the eager shape."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from streams import Case, cases, conditions, fed, values_near
from test_random_nets import MANY, lenient

import modellint
from modellint.graph.graph import Graph
from modellint.symbolic.dims import evaluate

#: The elements of the largest tensor that a net is run with: attention's memory is its square.
MOST = 30_000


def check(case: Case, seed: int) -> None:
    """Compare with eager: shapes at four sizes, and refusals at two that an operation refuses."""
    graph = modellint.trace(case.model, case.specs)
    assume(largest_tensor(graph, graph.symbols) <= MOST)
    made = accepted(case, {name: sizes for name, (sizes, _) in case.inputs.items()})
    if made is None:
        empty = any(0 in out.example for node in graph.nodes for out in node.outputs)
        assert graph.mismatch is not None or empty
        return
    assert graph.mismatch is None, graph.mismatch
    outputs = [node.output for node in graph.outputs]
    largest = 8 if len(case.inputs["x"][0]) == 5 else 40
    for values in [dict(graph.symbols), *values_near(graph, 3, seed, largest=largest)]:
        if largest_tensor(graph, values) > MOST:
            continue
        shapes = case.shapes(fed(graph, values))
        assert len(shapes) == len(outputs)
        for shape, told in zip(shapes, outputs, strict=True):
            if told.known:
                made = tuple(evaluate(size, values) for size in told.shape)
                assert made == shape, (values, told)
    for values in values_near(graph, 2, seed, refused=True, largest=8):
        broken = [c.text for c in conditions(graph) if not c.holds(values)]
        assert accepted(case, fed(graph, values)) is None, (values, broken)


def largest_tensor(graph: Graph, values: Mapping[str, int]) -> int:
    """The elements of the largest tensor of a forward at these sizes, of those that are known."""
    outputs = [out for node in graph.nodes for out in node.outputs if out.known]
    return max(math.prod(evaluate(size, values) for size in out.shape) for out in outputs)


def accepted(case: Case, sizes: Mapping[str, tuple[int, ...]]) -> list[tuple[int, ...]] | None:
    """The eager shapes, or `None` where eager refuses the sizes or is left with an empty map."""
    try:
        shapes = case.shapes(sizes)
    except (RuntimeError, ValueError, IndexError):
        return None
    return None if any(0 in shape for shape in shapes) else shapes


@settings(max_examples=15, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore")
@given(cases(), st.integers(0, 1 << 20))
def test_every_symbolic_shape_is_the_eager_shape_at_other_sizes(case: Case, seed: int) -> None:
    check(case, seed)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore")
@given(cases(), st.integers(0, 1 << 20))
def test_every_symbolic_shape_is_the_eager_shape_in_a_long_run(case: Case, seed: int) -> None:
    check(case, seed)
