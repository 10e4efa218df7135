"""Random models: eager PyTorch contradicts no contract that was confirmed."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Iterator, Mapping

import pytest
import torch
from contract_nets import CHANNELS, Model, models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modellint
from modellint.contracts.admitted import Contract
from modellint.contracts.confirming import confirm
from modellint.errors import ModellintError
from modellint.graph import Graph
from modellint.symbolic.dims import evaluate

#: How many models the long run draws.
MANY = int(os.environ.get("MODELLINT_NETS", "2000"))


def check(model: Model, height: int, width: int, seed: int) -> None:
    """Compare a contract with eager at sizes of the whole range, one symbol at a time and all."""
    inputs = [f"2,{CHANNELS},{height},{width}"]
    if model.join is not None:
        by = 2 if model.join == "add" else 1
        inputs.append(f"2,{CHANNELS},{by * height},{by * width}")
    shapes = [tuple(map(int, given.split(","))) for given in inputs]
    try:
        graph = modellint.trace(model, inputs)
    except ModellintError as error:
        assert made_of(model, shapes) is None, f"runs, but {error}"
        return
    if graph.mismatch is not None:
        assert made_of(model, shapes) is None, f"runs, but {graph.mismatch}"
        return
    assert "please report" not in (graph.partial or ""), graph.partial
    found = confirm(graph)
    if not found.confirmed:
        return
    for sizes in drawn(graph, found, seed):
        made = eager(model, graph, sizes)
        text = f"{sizes}: {made} of {found}"
        if not admits(graph, found, sizes):
            differ = sum(sizes[name] != graph.symbols[name] for name in sizes)
            assert differ > 1 or made is None or 0 in made, f"outside, but runs: {text}"
            continue
        assert made is not None, f"inside, but refused: {text}"
        said = [tuple(evaluate(s, sizes) for s in out.output.shape) for out in graph.outputs]
        assert [made] == said, f"inside, but not {said}: {text}"


def drawn(graph: Graph, found: Contract, seed: int) -> Iterator[dict[str, int]]:
    """Sizes near the edges, near the example and anywhere; of one symbol, then of all."""
    by = random.Random(seed)
    for name, example in graph.symbols.items():
        said = found[name]
        edges = [said.min - 1, said.min, said.min + 1, (said.max or 0) + 1, said.max or 0]
        anywhere = [by.randint(1, 1000), by.randint(1, 64), by.randint(1, 64)]
        for size in {*edges, example + 1, example - 1, *anywhere}:
            if 0 < size <= 1024:
                yield {**graph.symbols, name: size}
    for _ in range(6):
        yield {name: by.randint(1, 40) for name in graph.symbols}


def admits(graph: Graph, found: Contract, sizes: Mapping[str, int]) -> bool:
    """Whether the contract admits sizes: each by itself, where one differs; and all conditions."""
    differ = [name for name in sizes if sizes[name] != graph.symbols[name]]
    conditions = all(eval(condition, names(graph, sizes)) for condition in found.joint)
    if len(differ) > 1:
        return conditions and all(demand.holds(sizes) for demand in found.demands)
    return conditions and all(_within(found, name, sizes[name]) for name in differ)


def _within(found: Contract, name: str, size: int) -> bool:
    said = found[name]
    if said.values is not None:
        return size in said.values
    return size >= said.min and size <= (said.max or size) and size % said.multiple_of == 0


def names(graph: Graph, sizes: Mapping[str, int]) -> dict[str, int]:
    """The size of every axis of the inputs, by its name."""
    found = {**sizes}
    for entered in graph.inputs:
        for axis, size in zip(entered.axes, entered.node.output.shape, strict=True):
            found.setdefault(axis, evaluate(size, sizes))
    return found


def eager(model: Model, graph: Graph, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """The shape that eager PyTorch makes of inputs of these sizes; `None` where it refuses."""
    shapes = [tuple(evaluate(s, sizes) for s in g.node.output.shape) for g in graph.inputs]
    if any(size < 1 for shape in shapes for size in shape):
        return None
    return made_of(model, shapes)


def made_of(model: Model, shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The shape that eager PyTorch makes of inputs of these shapes; `None` where it refuses."""
    try:
        with torch.no_grad():
            return tuple(model(*(torch.zeros(shape) for shape in shapes)).shape)
    except (RuntimeError, ValueError, IndexError, AssertionError):
        return None


#: Models, the example's height and width, and what other sizes are drawn by.
drawn_models = given(models(), st.integers(4, 48), st.integers(4, 48), st.integers(0, 1 << 20))
lenient = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
}


@settings(max_examples=8, **lenient)  # type: ignore[arg-type]
@drawn_models
def test_eager_contradicts_no_confirmed_contract(
    model: Model, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@drawn_models
def test_eager_contradicts_no_confirmed_contract_in_a_long_run(
    model: Model, height: int, width: int, seed: int
) -> None:
    check(model, height, width, seed)
