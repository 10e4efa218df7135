"""Random models with code that computes sizes: what is printed as known is the eager shape."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nets import eager_shapes, symbolic_shapes
from size_nets import USES, WAYS, Chain, Step, size_nets
from torch import nn

import modellint
from modellint.errors import ModellintError
from modellint.graph import Graph
from modellint.symbolic.dims import Dim, evaluate

#: How many models the long run draws.
MANY = int(os.environ.get("MODELLINT_NETS", "2000"))


def check(model: nn.Module, height: int, width: int, seed: int) -> None:
    """Compare each known size with eager, at sizes that the run admits."""
    example = {"N": 2, "C": 3, "H": height, "W": width}
    try:
        graph = modellint.trace(model, [f"2,3,{height},{width}"])
    except ModellintError as error:
        assert accepted(model, example) is None, f"runs, but {error}"
        return
    if graph.mismatch is not None:
        shapes = accepted(model, example)
        empty = shapes is not None and any(0 in shape for shape in shapes.values())
        assert shapes is None or empty, f"runs, but {graph.mismatch}"
        return
    assert "please report" not in (graph.partial or ""), graph.partial
    symbolic = symbolic_shapes(graph)
    for sizes in [example, *admitted(graph, example, seed)]:
        shapes = accepted(model, sizes)
        if shapes is None:
            assert sizes is not example, model
            continue
        for path, shape in shapes.items():
            said = symbolic[path]
            assert len(said) == len(shape), (path, said, shape)
            for size, made in zip(said, shape, strict=True):
                if isinstance(size, Dim) and size.unknown and sizes is not example:
                    continue
                told = int.__add__(size, 0) if sizes is example else evaluate(size, sizes)
                assert told == made, (path, graph.partial, sizes, said, shape)


def accepted(model: nn.Module, sizes: dict[str, int]) -> dict[str, tuple[int, ...]] | None:
    """The eager shapes, or `None` where eager or the model's code refuses the sizes."""
    try:
        return eager_shapes(model, sizes)
    except (RuntimeError, ValueError, IndexError, KeyError, StopIteration, ZeroDivisionError):
        return None


def admitted(graph: Graph, example: dict[str, int], seed: int) -> Iterator[dict[str, int]]:
    """Random sizes that satisfy what a run demands of the sizes of its input.

    A partial model says which sizes stay at the example's: they are no symbols.
    """
    by = random.Random(seed)
    held = {n: size for n, size in example.items() if graph.partial and n not in graph.symbols}
    about = {"N", "C", "H", "W"}
    demands = [c for c in graph.constraints if {s.name for s in c.expr.symbols} <= about]
    found = (
        {"N": by.randint(1, 3), "C": 3, "H": by.randint(1, 80), "W": by.randint(1, 80)} | held
        for _ in range(200)
    )
    return islice((sizes for sizes in found if all(c.holds(sizes) for c in demands)), 6)


drawn = given(size_nets(), st.integers(9, 48), st.integers(9, 48), st.integers(0, 1 << 20))
lenient = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}


@pytest.mark.parametrize("use", ["resized"])
@pytest.mark.parametrize(
    "way",
    [
        way if at % 5 == 0 else pytest.param(way, marks=pytest.mark.slow)
        for at, way in enumerate(sorted(WAYS))
    ],
)
def test_each_way_to_compute_a_size_is_followed_or_said_to_be_lost(way: str, use: str) -> None:
    assert use in USES
    for seed, (height, width) in enumerate([(33, 32), (20, 45)]):
        check(Chain([Step(way, use, 3, 0.3)]).eval(), height, width, seed)


def test_a_lost_size_is_found_though_one_run_agrees_by_chance() -> None:
    check(Chain([Step("of_a_dict_or_else", "cropped", 2, 0.25)]).eval(), 10, 9, 0)


@settings(max_examples=15, **lenient)  # type: ignore[arg-type]
@drawn
def test_every_size_that_is_known_is_the_eager_size(
    model: nn.Module, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@drawn
def test_every_size_that_is_known_is_the_eager_size_in_a_long_run(
    model: nn.Module, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)
