"""What the lines of a file did in one run: which were reached, and the tensors that each left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modellint.graph.nodes import Tensor
from modellint.source.file import SourceFile


@dataclass(frozen=True, slots=True)
class NamedTensor:
    """A tensor that a line left, and what it is called there; nothing where it is the only one.

    Elements are called as Python has them: `[0]`, `hidden[1]`; those of a dictionary by their key.
    """

    name: str
    tensor: Tensor


@dataclass(frozen=True, slots=True)
class LineValue:
    """What a statement on lines `line` to `end_line` left behind, the first and the last time.

    `path` is the file's. `count` is how often it ran, `between` whether other sizes came in
    between. `built` tells that the lines build a module, whose outputs these are.
    """

    path: str
    line: int
    end_line: int
    count: int
    first: tuple[NamedTensor, ...]
    last: tuple[NamedTensor, ...]
    between: bool = False
    built: bool = False


@dataclass(frozen=True, slots=True)
class LineValues:
    """What the lines of `sources`, the files that define a model, did in a run.

    By the path of a file, `reached` are the lines that ran, in order, and `built` those that built
    what ran. `stopped` is the place at which the run ended early, path and line.
    """

    sources: tuple[SourceFile, ...]
    reached: Mapping[str, Sequence[int]]
    built: Mapping[str, Sequence[int]]
    values: tuple[LineValue, ...]
    stopped: tuple[str, int] | None = None
