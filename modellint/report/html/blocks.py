"""A picture's steps as blocks within blocks, each with the rows that it is drawn in.

What one module runs in one call is contiguous in the order of execution, since calls nest. So a
block is a run of steps whose paths begin alike, and blocks never wait for each other in a circle,
however often a module is called or its parts are taken in turn. Within a block the layers of the
drawing are longest paths (Sugiyama, Tagawa and Toda 1981); as no block's rows depend on what is
folded inside its parts, the page only has to add up sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import groupby, takewhile

from modellint.results.picture import PARAMETER, Picture, Step

#: How many parts of a block are side by side or below each other at most, before runs of them are
#: put into blocks without a module.
WIDEST = 40
#: So many steps that no module holds stay as they are.
_FEW = 6
#: How often the order within the rows is improved, up and down.
_SWEEPS = 2
#: The end of a connection that is the block's own edge: what it reads, and what it gives.
PORT = -1


@dataclass(frozen=True, slots=True)
class Block:
    """A run of steps from `first` up to `last`, exclusive: one module, or a run of them.

    `path` is the module's, `name` what it is called within the block around it, `type` its class.
    `parts` are in order of execution; `rows` hold their indices, top to bottom and left to right.
    `connections` are pairs of such indices, `PORT` standing for the edge of the block.
    """

    path: str
    name: str
    type: str
    first: int
    last: int
    parts: tuple[Block | int, ...]
    rows: tuple[tuple[int, ...], ...] = ()
    connections: tuple[tuple[int, int], ...] = ()


def blocks(picture: Picture) -> Block:
    """The whole of a picture as one block."""
    steps = picture.steps
    parts = _gathered(picture, range(len(steps)), 0)
    return _drawn(Block("", "", "", 0, len(steps), _bounded(parts, steps)), _readers(steps), steps)


def _gathered(picture: Picture, run: range, depth: int) -> list[Block | int]:
    """The parts of a run of steps whose paths agree up to a depth."""
    depth += _shared([picture.steps[at].module for at in run], depth)
    parts: list[Block | int] = []
    for name, found in groupby(run, lambda at: _component(picture.steps[at], depth)):
        places = [*found]
        if name is None:
            parts += places
            continue
        inside = range(places[0], places[-1] + 1)
        within = _gathered(picture, inside, depth + 1) if len(inside) > 1 else [*inside]
        if len(within) == 1:
            # A block of one part tells nothing that the part does not.
            parts += within
            continue
        path = ".".join(picture.steps[places[0]].module.split(".")[: depth + 1])
        kind = picture.types.get(path, "")
        bounded = _bounded(within, picture.steps)
        parts.append(Block(path, name, kind, inside.start, inside.stop, bounded))
    return parts


def _shared(modules: Sequence[str], depth: int) -> int:
    """How many more components all paths share: blocks of one block each would all be put away."""
    # The first and the last in the order of letters share what all share.
    ends = (min(modules, default=""), max(modules, default=""))
    pairs = zip(*(module.split(".")[depth:] for module in ends), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _component(step: Step, depth: int) -> str | None:
    names = step.module.split(".") if step.module else []
    return names[depth] if depth < len(names) else None


def _bounded(parts: Sequence[Block | int], steps: Sequence[Step]) -> tuple[Block | int, ...]:
    """The parts, runs of them put together until they are few enough to be drawn.

    First those that no module holds: what a detector does to its boxes hides no backbone.
    """
    if len(parts) > WIDEST:
        loose = [[*run] for _, run in groupby(parts, lambda part: isinstance(part, Block) or None)]
        if len(loose) > 1:
            parts = [part for run in loose for part in _together(run, steps)]
    while len(parts) > WIDEST:
        size = max(2, min(WIDEST, -(-len(parts) // WIDEST)))
        runs = [parts[at : at + size] for at in range(0, len(parts), size)]
        parts = [_run(run, steps) if len(run) > 1 else run[0] for run in runs]
    return tuple(parts)


def _together(run: list[Block | int], steps: Sequence[Step]) -> list[Block | int]:
    few = len(run) <= _FEW or isinstance(run[0], Block)
    return run if few else [_run(_bounded(run, steps), steps)]


def _run(parts: Sequence[Block | int], steps: Sequence[Step]) -> Block:
    first, last = _extent(parts[0])[0], _extent(parts[-1])[1]
    ends = (_named(parts[0], steps), _named(parts[-1], steps))
    return Block("", " … ".join(ends), f"{len(parts)} parts", first, last, tuple(parts))


def _named(part: Block | int, steps: Sequence[Step]) -> str:
    if isinstance(part, Block):
        # A run of runs is named by the ends of all.
        return part.name.partition(" … ")[0]
    return name_of(steps[part])


def name_of(step: Step) -> str:
    """What a step is called within the block that it stands in."""
    module, _, count = step.key.partition("#")
    return module.partition("@")[0].rpartition(".")[2] or count


def _extent(part: Block | int) -> tuple[int, int]:
    return (part.first, part.last) if isinstance(part, Block) else (part, part + 1)


def _readers(steps: Sequence[Step]) -> Mapping[int, int]:
    """The last step that reads each one."""
    return {source: at for at, step in enumerate(steps) for source in step.sources}


def _drawn(block: Block, last_reader: Mapping[int, int], steps: Sequence[Step]) -> Block:
    """The block with the rows and connections of it and of all blocks inside."""
    places = enumerate(block.parts)
    owner = {at: place for place, part in places for at in range(*_extent(part))}
    connections = tuple(dict.fromkeys(_connections(block, owner, last_reader, steps)))
    parts = tuple(
        _drawn(part, last_reader, steps) if isinstance(part, Block) else part
        for part in block.parts
    )
    edges = [(a, b) for a, b in connections if a != PORT and b != PORT]
    owned = {at for at, part in enumerate(parts) if _is_parameter(part, steps)}
    rows = _rows(len(parts), edges, owned)
    return Block(
        block.path, block.name, block.type, block.first, block.last, parts, rows, connections
    )


def _is_parameter(part: Block | int, steps: Sequence[Step]) -> bool:
    return isinstance(part, int) and steps[part].op == PARAMETER


def _connections(
    block: Block, owner: Mapping[int, int], last_reader: Mapping[int, int], steps: Sequence[Step]
) -> Iterator[tuple[int, int]]:
    for at in range(block.first, block.last):
        for source in steps[at].sources:
            if source < block.first:
                yield (PORT, owner[at])
            elif owner[source] != owner[at]:
                yield (owner[source], owner[at])
        if last_reader.get(at, at) >= block.last:
            yield (owner[at], PORT)


def _rows(
    count: int, edges: Sequence[tuple[int, int]], owned: Set[int]
) -> tuple[tuple[int, ...], ...]:
    """The parts by the length of the longest path to them, those that belong together close.

    Those `owned`, which read nothing, stand in the row above what first reads them.
    """
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for source, reader in edges:
        above.setdefault(reader, []).append(source)
        below.setdefault(source, []).append(reader)
    rank: dict[int, int] = {}
    # Parts stand in order of execution, so what a part reads has its row already.
    for part in range(count):
        rank[part] = 1 + max((rank[source] for source in above.get(part, ())), default=-1)
    for part in owned & below.keys():
        rank[part] = min(rank[reader] for reader in below[part]) - 1
    rows: list[list[int]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for part in range(count):
        rows[rank[part]].append(part)
    for _ in range(_SWEEPS):
        for line, near in ((range(1, len(rows)), above), (range(len(rows) - 2, -1, -1), below)):
            for row in line:
                rows[row] = _reordered(rows, row, near)
    return tuple(map(tuple, rows))


def _reordered(rows: list[list[int]], row: int, near: Mapping[int, list[int]]) -> list[int]:
    """A row in the order of the mean places of what each part is connected with."""
    if len(rows[row]) < 2:
        return rows[row]
    place = {part: (at + 0.5) / len(line) for line in rows for at, part in enumerate(line)}

    def mean(part: int) -> float:
        found = near.get(part, ())
        return sum(place[other] for other in found) / len(found) if found else place[part]

    return sorted(rows[row], key=mean)
