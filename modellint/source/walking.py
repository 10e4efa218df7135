"""The nodes of a syntax tree: all of them in a third of the time of `ast.walk`, or those of a kind.

Stages ask a file's tree for its classes, calls and imports again and again: it is walked once.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, cast, overload
from weakref import WeakKeyDictionary

T = TypeVar("T", bound=ast.AST)
U = TypeVar("U", bound=ast.AST)
V = TypeVar("V", bound=ast.AST)

#: Fields that never hold what anybody looks for: texts, numbers, operators, contexts.
_PLAIN = frozenset(
    "ctx op ops id attr module asname level lineno kind type_comment simple is_async".split()
)


class _Fields(dict[type, tuple[str, ...]]):
    """By kind of node, the fields that can hold others."""

    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        all_of_it = () if issubclass(kind, ast.Constant) else kind._fields
        self[kind] = tuple(name for name in all_of_it if name not in _PLAIN)
        return self[kind]


_FIELDS = _Fields()


class _Found(NamedTuple):
    """A node, its places in the order of levels and in that of the text, and its class's name."""

    level: tuple[int, int]
    place: int
    node: ast.AST
    owner: str | None


#: By tree, its nodes by kind; none holds the tree itself, so that it goes where nobody needs it.
_INDEXES: WeakKeyDictionary[ast.Module, Mapping[type, Sequence[_Found]]] = WeakKeyDictionary()


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, level by level as `ast.walk`, without operators and contexts."""
    found = [node]
    for one in found:
        yield one
        found += children(one)


def children(node: ast.AST) -> list[ast.AST]:
    """What stands directly below a node, in the order of its fields."""
    below: list[ast.AST] = []
    for field in _FIELDS[type(node)]:
        value = getattr(node, field, None)
        if isinstance(value, list):
            below += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            below.append(value)
    return below


@overload
def nodes_of(tree: ast.Module, kind: type[T], /) -> list[T]: ...
@overload
def nodes_of(tree: ast.Module, kind: type[T], other: type[U], /) -> list[T | U]: ...
@overload
def nodes_of(
    tree: ast.Module, kind: type[T], other: type[U], third: type[V], /
) -> list[T | U | V]: ...
def nodes_of(tree: ast.Module, *kinds: type[ast.AST]) -> list[Any]:
    """The nodes of some kinds below a tree, which must not change, in the order of `walk`."""
    return [one.node for one in sorted(_of(tree, kinds), key=lambda one: one.level)]


def owned_nodes(
    tree: ast.Module, kind: type[T], other: type[U], /
) -> list[tuple[T | U, str | None]]:
    """The nodes of two kinds in the order of the text, each with the class that it stands in."""
    found = sorted(_of(tree, (kind, other)), key=lambda one: one.place)
    return [(cast("T | U", one.node), one.owner) for one in found]


def _of(tree: ast.Module, kinds: Sequence[type[ast.AST]]) -> list[_Found]:
    index = _INDEXES.get(tree)
    if index is None:
        index = _INDEXES[tree] = _index(tree)
    return [one for kind in kinds for one in index.get(kind, ())]


def _index(tree: ast.Module) -> Mapping[type, Sequence[_Found]]:
    index: dict[type, list[_Found]] = {}
    place = 0
    pending: list[tuple[ast.AST, int, str | None]] = [(one, 1, None) for one in tree.body[::-1]]
    while pending:
        node, depth, owner = pending.pop()
        place += 1
        index.setdefault(type(node), []).append(_Found((depth, place), place, node, owner))
        inner = node.name if isinstance(node, ast.ClassDef) else owner
        pending += [(child, depth + 1, inner) for child in children(node)[::-1]]
    return index


def put_on_first_line(tree: ast.Module) -> None:
    """Have all of a tree stand on its first line."""
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            vars(node).update(lineno=1, end_lineno=1)
