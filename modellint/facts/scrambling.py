"""Views that give the sizes of a permutation, and leave the elements in the order of memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple

from modellint.facts.axis_parts import NONE, Part, is_one, name_of, taken_from
from modellint.graph import Graph, Node
from modellint.graph.graph import fact
from modellint.graph.operations import ELEMENTWISE, varying_inputs
from modellint.shapes.core import plain
from modellint.symbolic.dims import Dim, expr_of, same
from modellint.symbolic.expressions import Expr, Floor, divide_exactly, subtract

_VIEWS = ("view", "reshape", "view_as", "reshape_as")
#: Of more axes than these not all orders are tried.
_MOST = 5


class Scrambled(NamedTuple):
    """Axes whose sizes a view gives in another order, while its elements stay where they are.

    `axes` are those before, in the order that they are meant to have; those of one are left out.
    `permuted` is whether each is an axis of the result as it is, none of them merged or split.
    Where axes are to be split first, `axes` are those of the result that each part becomes, in the
    order of the parts, and `split` are the sizes of all of these. `sized` is whether it is so for
    some sizes of the input only, as where an axis may be one.
    """

    node: Node
    axes: tuple[int, ...]
    permuted: bool
    split: tuple[int, ...] = ()
    sized: bool = False


@fact
def scrambled(graph: Graph) -> tuple[Scrambled, ...]:
    """The views of what depends on an input that scramble axes, and that nothing undoes."""
    found = []
    alike: dict[int, Scrambled | None] = {}
    for node in graph.calls(*_VIEWS):
        if node.index not in graph.varying or not node.outputs or not node.input.outputs:
            continue
        like = node.index if node.like is None else node.like
        if like not in alike:
            alike[like] = _scrambled(graph, node)
        one = alike[like]
        if one is not None and not _undoes(graph, node) and not _undone(graph, node):
            found.append(one._replace(node=node))
    return tuple(found)


def _scrambled(graph: Graph, node: Node) -> Scrambled | None:
    sizes, targets = node.input.output.shape, node.output.shape
    if min(map(len, _unlike(sizes, targets))) < 2:
        return None
    if not node.input.output.known or not node.output.known:
        return None
    for before, after in _groups(sizes, targets, _equal(graph)) or ():
        # An axis that is one in this run moves nothing in it, whatever it may be in others.
        axes = [at for at in before if plain(sizes[at]) != 1]
        others = [at for at in after if plain(targets[at]) != 1]
        left, right = [sizes[at] for at in axes], [targets[at] for at in others]
        if min(len(left), len(right)) < 2 or _is_skewed(left, right):
            continue
        shown = not graph.guessed
        order = _order(left, right, shown)
        if order is not None:
            permuted = len(axes) == len(right) and len(sizes) == len(targets)
            meant = tuple(axes[place] for place in order)
            return Scrambled(node, meant, permuted, sized=_is_sized(left + right))
        order = _order(right, left, shown)
        if order is not None:
            parts = tuple(others[place] for place in order)
            made = tuple(targets[at] for at in parts)
            return Scrambled(node, parts, False, made, _is_sized(left + right))
    return None


def _is_sized(sizes: Sequence[int]) -> bool:
    """Whether some of these are no numbers and no sizes of the input as they are."""
    return any(isinstance(size, Dim) and not name_of(size) for size in sizes)


def _is_skewed(left: Sequence[int], right: Sequence[int]) -> bool:
    """Whether rows are shifted against each other: (n, n + 1) as (n + 1, n), as for distances."""
    pairs = ([plain(size) for size in sizes] for sizes in (left, right))
    return all(len(pair) == 2 and abs(pair[0] - pair[1]) == 1 for pair in pairs)


def _unlike(sizes: Sequence[int], targets: Sequence[int]) -> tuple[list[int], list[int]]:
    """What is left of two shapes without the sizes that both begin and end with, and ones."""
    first, last = 0, min(len(sizes), len(targets))
    # One object stands for most equal sizes of a graph.
    while first < last and (sizes[first] is targets[first] or same(sizes[first], targets[first])):
        first += 1
    left, right = [*sizes[first:]], [*targets[first:]]
    while left and right and (left[-1] is right[-1] or same(left[-1], right[-1])):
        left.pop()
        right.pop()
    return [one for one in left if not is_one(one)], [one for one in right if not is_one(one)]


def _equal(graph: Graph) -> Callable[[int, int], bool]:
    """Whether two sizes that are equal in the example are so wherever the forward runs."""
    demanded = [one.expr for one in graph.constraints if one.relation == "=="]

    def equal(one: int, other: int) -> bool:
        if same(one, other):
            return True
        gap = subtract(expr_of(one), expr_of(other))
        return any(divide_exactly(expr, gap) is not None for expr in demanded)

    return equal


def _order(left: Sequence[int], right: Sequence[int], shown: bool) -> tuple[int, ...] | None:
    """The places of the sizes before that those after come of, where that is no order of memory.

    As numbers alone they count where they are `shown`, and no axis has to be split.
    """
    if len(left) == len(right):
        pending = [*enumerate(left)]
        order = []
        for size in right:
            at = next((at for at, (_, one) in enumerate(pending) if same(one, size)), None)
            if at is None:
                break
            order.append(pending.pop(at)[0])
        else:
            return tuple(order) if order != sorted(order) else None
    # Of sizes that a size divides not even whether they are equal is always told.
    if _gives(left, right) or any(_divided(expr_of(size)) for size in (*left, *right)):
        return None
    meant = _swapped(left, right)
    numbers = [plain(size) for size in left]
    targets = [plain(size) for size in right]
    plainly = all(not isinstance(size, Dim) or name_of(size) for size in (*left, *right))
    apart = plainly and len({*numbers}) == len(numbers)
    if meant is not None or not (shown or apart) or _gives(numbers, targets):
        return meant
    # Whole axes first: of one that is split many orders give some sizes.
    return _swapped(numbers, targets, _merged) or (_swapped(numbers, targets) if apart else None)


def _divided(expr: Expr) -> bool:
    """Whether an expression has a floor division by something that is no number."""
    return any(
        isinstance(atom, Floor) and (atom.denominator.constant is None or _divided(atom.numerator))
        for monomial, _ in expr.terms
        for atom, *_ in monomial
    )


def _undoes(graph: Graph, node: Node) -> bool:
    """Whether it gives back the sizes before an earlier view, of which nothing is mixed since."""
    here = node.input
    while here.op in ELEMENTWISE and len(varying_inputs(graph, here)) == 1:
        here = varying_inputs(graph, here)[0]
    return here.op in _VIEWS and _alike(here.input.output.shape, node.output.shape)


def _alike(shape: Sequence[int], other: Sequence[int]) -> bool:
    return len(shape) == len(other) and all(map(same, shape, other))


def _undone(graph: Graph, node: Node) -> bool:
    """Whether all that reads it, position by position, is viewed as it was before anything else."""
    before = node.input.output.shape
    pending, seen = [node], {node.index}
    while pending:
        here = pending.pop()
        readers = graph.readers(here)
        if not readers or here in graph.outputs:
            return False
        for reader in readers:
            if reader.index in seen or not reader.outputs:
                continue
            seen.add(reader.index)
            shape = reader.output.shape
            if reader.op in _VIEWS and _alike(shape, before):
                continue
            if reader.op not in ELEMENTWISE:
                return False
            pending.append(reader)
    return True


def _swapped(
    sizes: Sequence[int],
    targets: Sequence[int],
    gives: Callable[[Sequence[int], Sequence[int]], bool] | None = None,
) -> tuple[int, ...] | None:
    """The order of axes of these sizes that gives the targets, where it is not that of memory.

    Targets may be single axes, or products of several in the new order, or factors of one; `None`
    where they follow each other as they are, or where no order gives them.
    """
    if len(sizes) > _MOST:
        return None
    _, *others = permutations(range(len(sizes)))
    gives = gives or _gives
    return next((one for one in others if gives([sizes[at] for at in one], targets)), None)


def _merged(sizes: Sequence[int], targets: Sequence[int]) -> bool:
    """Whether each target is the product of some sizes that follow each other."""
    pending = [*sizes]
    for target in targets:
        product = pending.pop(0) if pending else 0
        while product < target and pending:
            product *= pending.pop(0)
        if product != target:
            return False
    return not pending


def _gives(sizes: Sequence[int], targets: Sequence[int]) -> bool:
    """Whether consecutive sizes, merged or split, are the targets."""
    pending = [Part(at, NONE, size) for at, size in enumerate(sizes)][::-1]
    return (
        all(is_one(target) or taken_from(pending, target) is not None for target in targets)
        and not pending
    )


def _groups(
    sizes: Sequence[int], targets: Sequence[int], equal: Callable[[int, int], bool]
) -> list[tuple[list[int], list[int]]] | None:
    """The axes before and after a reshape that hold the same elements; `None` if unclear."""
    made: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(sizes) and j < len(targets):
        before, after = [i], [j]
        left, right = sizes[i], targets[j]
        i, j = i + 1, j + 1
        # As numbers first: nearly all that differ do so in the example.
        while (few := plain(left)) != (many := plain(right)) or not equal(left, right):
            if few <= many:
                if i == len(sizes):
                    return None
                left = left * sizes[i]
                before.append(i)
                i += 1
            else:
                if j == len(targets):
                    return None
                right = right * targets[j]
                after.append(j)
                j += 1
        made.append((before, after))
    rest = [*sizes[i:], *targets[j:]]
    return made if all(is_one(size) for size in rest) else None
