"""A feed that did not fit: how far its run came, and whether any other could have come further."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import TYPE_CHECKING

from modellint.contracts.solutions import solutions
from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.feeds import Feed
from modellint.inputs.objections import Objected
from modellint.source.executed import words
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced

#: What takes parts of an axis, and less where there is less.
_SLICING = ("getitem", "tensor_split", "chunk", "split")
#: How many sizes a search can tell to have no solution together.
_EXHAUSTED = 2


@dataclass(frozen=True, eq=False)
class Failure:
    """A feed whose run was refused (`traced`, and its `graph` if made) or raised (`error`)."""

    feed: Feed
    graph: Graph | None = None
    traced: Traced | None = None
    error: Exception | None = None

    @property
    def final(self) -> bool:
        """Whether it has a reason of its own: that a forward returns nothing, or needs values."""
        told = isinstance(self.error, NotAnalysed | FileError)
        return told and not isinstance(self.error, Objected)

    @property
    def line(self) -> int | None:
        """The line of the user's that it failed at."""
        if self.traced is not None and self.traced.refused is not None:
            call = self.traced.refused[0].call
            return call.line if call else None
        return self.error.line if isinstance(self.error, FileError) else None

    @property
    def steps(self) -> int:
        """How many operations had run."""
        if self.traced is not None:
            return len(self.traced.tape.records)
        return self.error.steps if isinstance(self.error, Objected) else 0

    @property
    def whatever_sizes(self) -> bool:
        """Whether a refusal is known to hold for all sizes of the input's axes."""
        return self.traced is not None and bool(
            self.traced.refused and self.traced.refused[1].always
        )

    @property
    def lacking(self) -> int:
        """How many channels the refusing convolution gets less than it reads."""
        refused = self.traced is not None and self.traced.refused
        return refused[1].lacking if refused else 0

    @property
    def channels_sliced(self) -> bool:
        """Whether slices took the channels apart, whose number nobody said, and left too few."""
        if self.traced is None or self.lacking < 1:
            return False
        return any(
            c.origin == "branch"
            and c.reason.startswith(_SLICING)
            and any(s.name[0] == "C" and s.name in self.feed.unsaid for s in c.expr.symbols)
            for c in self.traced.tape.constraints.values()
        )

    @property
    def took_input(self) -> bool:
        """Whether a layer had taken the input before something was raised."""
        return isinstance(self.error, Objected) and self.error.took_input

    @property
    def told(self) -> str:
        """What failed, in words."""
        if self.traced is not None and self.traced.refused is not None:
            record, refusal = self.traced.refused
            at = f" at {words(record.call.path, record.call.line)}" if record.call else ""
            return f"{record.op}{at} refuses it: {refusal.message}"
        if isinstance(self.error, Objected):
            return f"it raises {self.error.raised}"
        return str(self.error)

    def goes_beyond(self, other: Failure) -> bool:
        """Whether more ran than of another, and what ended it stands elsewhere."""
        return self.steps > other.steps and self.line != other.line

    @property
    def stands(self) -> bool:
        """Whether sizes that nobody said cannot be what it failed for.

        A refusal stands if its demands speak of none of them, or if no sizes at all satisfy them.
        """
        if self.traced is None:
            return isinstance(self.error, Objected)
        assert self.traced.refused is not None
        if self.whatever_sizes:
            return True
        feed = self.feed
        pins = self.traced.tape.pins
        hard = [
            Constraint(ex.substitute(c.expr, pins), c.relation, c.reason)
            for c in self.traced.tape.constraints.values()
            if c.origin == "operation"
        ]
        hard = [c for c in hard if c.expr.constant is None]
        known = [c for c in hard if all(s.name in feed.example for s in c.expr.symbols)]
        broken = [c for c in known if not c.holds(feed.example)]
        if not broken:
            return len(known) == len(hard)
        if any(map(_impossible, broken)):
            return True
        free = {s.name for c in broken for s in c.expr.symbols} & feed.unsaid
        if len(free) > _EXHAUSTED:
            return False
        return next(solutions(known, feed.example, sorted(free)), None) is None


def _impossible(demand: Constraint) -> bool:
    """Whether an equality has no solution in integers: no multiple of 16 is 401."""
    if demand.relation != "==":
        return False
    factors = [factor for monomial, factor in demand.expr.terms if monomial]
    rest = sum(factor for monomial, factor in demand.expr.terms if not monomial)
    return bool(factors) and rest % reduce(gcd, factors) != 0


def untold(name: str, wanted: tuple[str, ...], failure: Failure) -> str:
    """Why a model whose inputs nobody gave was not followed: what was tried, what would help."""
    feed = failure.feed
    tried = ", ".join(
        f"{called} {'×'.join(str(s if isinstance(s, int) else feed.example[s]) for s in shape)}"
        for called, shape in zip(feed.names, feed.shapes, strict=True)
    )
    shapes = (
        ",".join(map(str, shape)) + ("" if dtype == "float32" else f":{dtype}")
        for shape, dtype in zip(feed.shapes, feed.dtypes, strict=True)
    )
    option = " ".join(f"--input {shape}" for shape in shapes)
    return (
        f"no input shapes are known for {name}.forward({', '.join(wanted)}), and none that were "
        f"tried fit; with {tried}, {failure.told}: call it in the file, or give {option} with "
        "numbers for letters"
    )
