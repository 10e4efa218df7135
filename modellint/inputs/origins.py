"""Where each size, the number of axes and the dtype of a model's inputs came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modellint.graph import Origin, Origins
from modellint.inputs.feeds import Feed
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.equalities import LIMIT

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced


def came_from(feed: Feed, traced: Traced) -> Iterator[tuple[str, bool, Origins]]:
    """For each input: its source in words, whether findings may depend on a guess, its origins."""
    pins = traced.tape.pins
    fit = _fitting(feed, traced)
    forced = {symbol.name for symbol, value in pins.items() if value.constant is not None}
    forced |= {name for name, sizes in fit.items() if len(sizes) == 1}

    def origin(size: int | str, base: Origin) -> Origin:
        if isinstance(size, int) or (size not in feed.unsaid and base != "assumed"):
            return base
        value = pins.get(ex.symbol(size))
        followed = {symbol.name for symbol in value.symbols} if value is not None else {size}
        return "forced" if size in forced or followed <= forced else "assumed"

    for at, (shape, source) in enumerate(zip(feed.shapes, feed.sources, strict=True)):
        base: Origin = "assumed" if source == "assumed" else feed.origin
        batch = next((axis for axis, size in enumerate(shape) if size in feed.batches), None)
        sizes = tuple(origin(size, base) for size in shape)
        origins = Origins(
            rank="forced" if base == "assumed" and feed.conv else base,
            dtype=base if at in feed.typed else _dtype(traced, at),
            sizes=sizes,
            batch=batch,
        )
        if source != "assumed":
            yield source, False, origins
            continue
        open_ones = [
            size
            for axis, (size, came) in enumerate(zip(shape, sizes, strict=True))
            if came == "assumed" and axis != batch and size in feed.searched
        ]
        if not open_ones:
            yield "solved from the model's own sizes", False, origins
        elif all(_alike(fit.get(str(size), ())) for size in open_ones):
            least, *_, most = fit[str(open_ones[0])]
            yield f"assumed, where {least} to {most} fit", False, origins
        else:
            yield "assumed", True, origins


def _dtype(traced: Traced, at: int) -> Origin:
    """The origin of a dtype that nobody said: what a table of embeddings reads must be integers."""
    given = traced.inputs[at]
    reading = [record for record in traced.tape.records if record.op in _OF_TABLES]
    return "forced" if any(given in record.inputs for record in reading) else "assumed"


#: What reads the rows of a table of embeddings.
_OF_TABLES = frozenset(["embedding", "embedding_bag", "embedding_renorm"])


def _fitting(feed: Feed, traced: Traced) -> dict[str, list[int]]:
    """The sizes that satisfy what a run demanded, for each symbol that a demand led to.

    Sides of a square are taken together. An oblong map is one of several that fit, so that none of
    its sides is known.
    """
    pins = traced.tape.pins
    solved = [
        name for name in feed.solved if name not in feed.batches and ex.symbol(name) not in pins
    ]
    if len({feed.example[name] for name in solved}) != 1:
        return {}
    hard = [
        Constraint(ex.substitute(c.expr, pins), c.relation)
        for c in traced.tape.constraints.values()
        if c.origin == "operation"
    ]
    about = [
        c
        for c in hard
        if c.expr.constant is None and {s.name for s in c.expr.symbols} <= feed.example.keys()
    ]
    fit = [
        size
        for size in range(1, LIMIT + 1)
        if all(c.holds({**feed.example, **dict.fromkeys(solved, size)}) for c in about)
    ]
    return dict.fromkeys(solved, fit)


def _alike(sizes: list[int] | tuple[int, ...]) -> bool:
    """Whether sizes differ by no more than what strides leave over, as the 32 to 35 of LeNet do."""
    return bool(sizes) and max(sizes) * 4 < min(sizes) * 5
