"""Where the files of now were at a revision: by their paths, else by what they hold.

As git does with renames, a file that is there no more is taken for the new one that is most like
it. A class that is asked for by name may have come out of a file that is still there.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from modellint.config.targets import Target
from modellint.engine.trees import Tree
from modellint.source.paths import is_notebook, regular_bytes
from modellint.source.project_files import python_files

#: The part of two files' lines that has to be the same, as git has it for renames.
_ENOUGH = 0.5
#: How many pairs of files are compared: a whole folder that moved has thousands.
_MOST = 20_000
_CLASS = re.compile(rb"^class\s+(\w+)", re.MULTILINE)


def earlier_files(targets: Sequence[Target], tree: Tree) -> Iterator[str]:
    """The files of a tree that targets were, beside those of the same paths, by their tree's paths.

    For what is new, the gone file that is most like it; for each model that a target is asked for
    and that its file did not have, the files that its class may have come from.
    """
    missing = [one for one in targets if not os.path.isfile(tree.inside(one.path))]  # noqa: PTH113
    asked = [one for one in targets if one.explicit]
    if not missing and not asked:
        return
    gone = [*_gone(tree)] if missing else []
    yield from _renamed([one.path for one in missing], gone)
    for target in asked:
        yield from _came_from(target, tree)


def _gone(tree: Tree) -> Iterator[str]:
    """The Python files of a tree that the work tree has no more."""
    for file in python_files(tree.folder):
        path = os.path.join(tree.folder, *file.path.split("/"))  # noqa: PTH118
        if not os.path.lexists(tree.outside(path)):
            yield path


def _renamed(new: Sequence[str], gone: Sequence[str]) -> Iterator[str]:
    if len(new) * len(gone) > _MOST:
        names = {os.path.basename(path) for path in new}  # noqa: PTH119
        yield from (path for path in gone if os.path.basename(path) in names)  # noqa: PTH119
        return
    lines = {path: _lines(path) for path in (*new, *gone)}
    ranked = sorted(
        (-_alike(lines[path], lines[other]), path, other) for path, other in product(new, gone)
    )
    found, taken = set[str](), set[str]()
    for likeness, path, other in ranked:
        if -likeness >= _ENOUGH and path not in found and other not in taken:
            found.add(path)
            taken.add(other)
            yield other


def _lines(path: str) -> Counter[bytes]:
    try:
        return Counter(regular_bytes(path).split(b"\n"))
    except OSError:
        return Counter()


def _alike(one: Counter[bytes], other: Counter[bytes]) -> float:
    """The part of the larger file's lines that the other has too; empty ones count for little."""
    largest = max(one.total(), other.total())
    return (one & other).total() / largest if largest else 0.0


def _came_from(target: Target, tree: Tree) -> Iterator[str]:
    """The files that defined a class then which the target defines now and did not then."""
    there = tree.inside(target.path)
    wanted = _classes(target.path) - _classes(there)
    if target.names:
        wanted &= {re.split(r"\W", name)[0].encode() for name in target.names}
    if not wanted or is_notebook(target.path):
        return
    for file in python_files(tree.folder):
        path = os.path.join(tree.folder, *file.path.split("/"))  # noqa: PTH118
        lost = _classes(path) & wanted
        if path != there and lost and lost - _classes(tree.outside(path)):
            yield path


def _classes(path: str) -> set[bytes]:
    try:
        return {*_CLASS.findall(regular_bytes(Path(path)))}
    except OSError:
        return set()
