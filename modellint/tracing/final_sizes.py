"""Sizes and arguments of recorded operations in their final form, as a graph has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from modellint.graph import Node
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.dims import Dim, dim, expr_of
from modellint.symbolic.expressions import Expr, Symbol
from modellint.tracing.binding import arguments_of
from modellint.tracing.tape import ATOMS, Handle, Record, Tape


class Final:
    """What a finished run says of its sizes: pinned symbols as numbers, values at the example.

    It knows no nodes. Each node refers to it, and what knew them all would be a cycle, which only
    the garbage collector takes apart.
    """

    def __init__(self, pins: Mapping[Symbol, Expr], example: Mapping[str, int]) -> None:
        self.pins = pins
        self.example = example
        self._known: dict[tuple[int, Expr], int] = {}

    @property
    def symbols(self) -> frozenset[Symbol]:
        """The symbols of the sizes that were asked for so far: once a graph is made, of all."""
        return frozenset().union(*(expr_of(size).symbols for size in self._known.values()))

    @property
    def shown(self) -> dict[str, int]:
        """The sizes that the example has of those symbols, but for those that nobody knows."""
        return {
            symbol.name: self.example[symbol.name]
            for symbol in sorted(self.symbols, key=lambda s: s.key)
            if symbol.name in self.example and not symbol.unknown
        }

    def size(self, size: int) -> int:
        """A size in its final form."""
        if type(size) is not Dim:
            # A size that the model's code computed with numpy would overflow where ints do not.
            return size if type(size) is int else int(size)
        key = (size.value, size.expr)
        found = self._known.get(key)
        if found is None:
            expr = ex.substitute(size.expr, self.pins)
            value = size.value
            if expr.constant is None and not expr.unknown:
                value = expr.evaluate(self.example)
            found = self._known[key] = dim(value, expr)
        return found

    def arguments(self, record: Record, node: Node) -> dict[str, Any]:
        """The arguments of an operation by name, as rules see them: with nodes for tensors."""
        nodes = dict(zip(record.inputs, node.inputs, strict=True))
        return {
            name: value
            if type(value) in ATOMS
            else nodes[value.record]
            if type(value) is Handle
            else self._argument(value, nodes)
            for name, value in arguments_of(record).items()
        }

    def _argument(self, value: Any, nodes: Mapping[Record, Node]) -> Any:
        """An argument with nodes for tensors, and text for torch's own objects."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is Handle:
            return nodes[value.record]
        if kind is Dim:
            return self.size(value)
        if isinstance(value, Record):
            return nodes[value]
        if kind is tuple and ATOMS.issuperset(map(type, value)):
            return value
        if isinstance(value, (tuple, list)):
            return tuple([self._argument(item, nodes) for item in value])
        if kind is slice:
            bounds = (value.start, value.stop, value.step)
            return slice(*(self._argument(bound, nodes) for bound in bounds))
        if kind is torch.dtype:
            return str(value)[6:]
        if isinstance(value, (torch.device, torch.layout, torch.memory_format)):
            return str(value)
        return value


def demanded(tape: Tape) -> Iterator[Constraint]:
    """The constraints of a run, about the symbols that it left a choice."""
    pins = tape.pins
    for constraint in tape.constraints.values():
        expr = ex.substitute(constraint.expr, pins)
        if expr.constant is None:
            yield Constraint(expr, constraint.relation, constraint.reason, constraint.origin)
    for symbol, value in pins.items():
        # A size that follows from others must be one as well.
        if value.constant is None and ex.least(value) is None and not symbol.unknown:
            yield Constraint(ex.subtract(value, ex.ONE), ">=", f"{symbol.name} is a size")
