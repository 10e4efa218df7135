"""Random nets: every symbolic shape is the eager shape at every size that the run admits."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import eager_shapes, nets, sizes_near, symbolic_shapes
from torch import nn

import modellint
from modellint.symbolic.dims import Dim, evaluate

#: How many nets each long run draws.
MANY = int(os.environ.get("MODELLINT_NETS", "2000"))


def check(model: nn.Module, height: int, width: int, seed: int) -> None:
    """Compare with eager: shapes at four sizes, and refusals at two that an operation refuses."""
    example = {"N": 2, "C": 3, "H": height, "W": width}
    graph = modellint.trace(model, [f"2,3,{height},{width}"])
    shapes = accepted(model, example)
    if shapes is None:
        # Eager goes on with an empty map as long as no kernel minds it, and so does the trace.
        empty = any(0 in out.example for node in graph.nodes for out in node.outputs)
        assert graph.mismatch is not None or empty
        return
    assert graph.mismatch is None, graph.mismatch
    symbolic = symbolic_shapes(graph)
    assert set(shapes) <= set(symbolic)
    for sizes in [example, *sizes_near(graph, 3, seed)]:
        shapes = eager_shapes(model, sizes)
        for path, shape in shapes.items():
            if any(isinstance(size, Dim) and size.unknown for size in symbolic[path]):
                continue
            made = tuple(evaluate(size, sizes) for size in symbolic[path])
            assert made == shape, (path, graph.outputs, sizes, made, shape)
    for sizes in sizes_near(graph, 2, seed, refused=True, largest=12):
        broken = [c.text for c in graph.constraints if not c.holds(sizes)]
        assert accepted(model, sizes) is None, (sizes, broken)


def accepted(model: nn.Module, sizes: dict[str, int]) -> dict[str, tuple[int, ...]] | None:
    """The eager shapes, or `None` where eager refuses the sizes or is left with an empty map."""
    try:
        shapes = eager_shapes(model, sizes)
    except (RuntimeError, ValueError):
        return None
    # A few kernels go on with nothing (`mean` of no pixels is nan); others refuse the same.
    return None if any(0 in shape for shape in shapes.values()) else shapes


drawn = given(nets(), st.integers(12, 64), st.integers(12, 64), st.integers(0, 1 << 20))
lenient = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}


@settings(max_examples=12, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore:Using padding")
@drawn
def test_every_symbolic_shape_is_the_eager_shape_at_other_sizes(
    model: nn.Module, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore:Using padding")
@drawn
def test_every_symbolic_shape_is_the_eager_shape_in_a_long_run(
    model: nn.Module, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)
