"""The source of a model with what its lines make: data that a report prints and an editor shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, get_args

from modellint.results.places import file_of, in_json

SizeStyle = Literal["both", "symbolic", "concrete"]
"""How sizes are written: as formulas over the input's, as the example's numbers, or with both."""

#: No file has more lines.
_LAST = 1 << 40
SIZES: tuple[SizeStyle, ...] = get_args(SizeStyle)


@dataclass(frozen=True, slots=True)
class LineTensor:
    """A tensor that a line leaves: its name there, if it has one, and its sizes."""

    name: str
    shape: tuple[int | str, ...]
    example: tuple[int, ...]
    dtype: str

    def text(self, sizes: SizeStyle = "both") -> str:
        """Its shape as a note has it: `(N, 16, H - 4, W - 4) 24×24`."""
        written = self.example if sizes == "concrete" else self.shape
        inside = ", ".join(map(str, written))
        parts = [f"({inside},)" if len(written) == 1 else f"({inside})"]
        if sizes == "both":
            # A single letter is what the line above the source tells.
            pairs = zip(self.shape, self.example, strict=True)
            formulas = [
                str(number)
                for size, number in pairs
                if isinstance(size, str) and not size.isidentifier()
            ]
            parts += ["×".join(formulas)] if formulas else []
        return " ".join(parts + ([] if self.dtype == "float32" else [self.dtype]))

    def to_list(self) -> list[Any]:
        """The tensor as JSON has it, in the order of its fields."""
        return [self.name, list(self.shape), list(self.example), self.dtype]

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> LineTensor:
        """Read a tensor that `to_list` wrote; raise `ValueError` where its sizes do not agree."""
        name, shape, example, dtype = data
        if len(shape) != len(example):
            raise ValueError(f"a tensor of {len(shape)} axes is one of {len(example)} as well")
        return cls(name, tuple(shape), tuple(example), dtype)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the statement on lines `line` to `end_line` leaves behind; its note ends the last.

    `count` is how often it runs; `first` is what it leaves the first time, `last` the last time,
    `between` whether there are other sizes in between. `built` tells that the line builds a layer,
    whose outputs these are.
    """

    line: int
    end_line: int
    count: int
    first: tuple[LineTensor, ...]
    last: tuple[LineTensor, ...]
    between: bool = False
    built: bool = False

    def text(self, sizes: SizeStyle = "both") -> str:
        """What stands behind the line: `×4: (N, 64, H, W) → (N, 512, H // 8, W // 8)`."""
        begin, end = _listed(self.first, sizes), _listed(self.last, sizes)
        parts = [begin] if begin == end and not self.between else [begin, end]
        if self.between:
            parts.insert(1, "…")
        times = f"×{self.count}: " if self.count > 1 else ""
        return times + " → ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `lines` in JSON."""
        return {
            "line": self.line,
            "end_line": self.end_line,
            "text": self.text(),
            "count": self.count,
            "first": [tensor.to_list() for tensor in self.first],
            "last": [tensor.to_list() for tensor in self.last],
            "between": self.between,
            "built": self.built,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Annotation:
        """Read an entry of `lines`."""
        return cls(
            line=data["line"],
            end_line=data["end_line"],
            count=data["count"],
            first=tuple(map(LineTensor.from_list, data["first"])),
            last=tuple(map(LineTensor.from_list, data["last"])),
            between=data["between"],
            built=data["built"],
        )


@dataclass(frozen=True, slots=True)
class LayerPlace:
    """An expression that builds a layer, or calls it: the key of that call among the layers.

    Lines and columns count from 1, the columns in code points; `end_column` is exclusive.
    """

    key: str
    built: bool
    line: int
    column: int
    end_line: int
    end_column: int

    def to_list(self) -> list[Any]:
        """The place as JSON has it, in the order of its fields."""
        return [self.key, self.built, self.line, self.column, self.end_line, self.end_column]

    @classmethod
    def from_list(cls, data: Sequence[Any]) -> LayerPlace:
        """Read a place that `to_list` wrote."""
        return cls(*data)


@dataclass(frozen=True, slots=True)
class AnnotatedSource:
    """The parts of one file that build a model or run in its forward, line by line.

    `path` is as printed; in a notebook it is about one `cell`. `shown` are the parts, first and
    last line of each; `lines` what lines leave behind, in the order of the file. `skipped` are the
    blocks of functions that ran which this run did not take. `stopped` is the line at which the
    forward failed, if it is one of these, and `reason` why. `places` are where layers are built and
    called, in the order of the calls.
    """

    path: str
    shown: tuple[tuple[int, int], ...]
    lines: tuple[Annotation, ...]
    skipped: tuple[tuple[int, int], ...] = ()
    stopped: int | None = None
    reason: str | None = None
    cell: int | None = None
    places: tuple[LayerPlace, ...] = ()

    @property
    def name(self) -> str:
        """The file, or the cell of a notebook, as reports print it."""
        return file_of(self.path, cell=self.cell)

    def notes(self, sizes: SizeStyle = "both") -> dict[int, str]:
        """The text that belongs behind each line, by the line: what an editor shows as hints."""
        found: dict[int, list[Annotation]] = {}
        for one in self.lines:
            found.setdefault(one.end_line, []).append(one)
        notes = {line: "; ".join(_on_one_line(some, sizes)) for line, some in found.items()}
        for first, _ in self.skipped:
            notes.setdefault(first, "not run")
        return dict(sorted(notes.items()))

    def to_dict(self) -> dict[str, Any]:
        """The entry of `annotated` in JSON."""
        return {
            **in_json(self.path, self.cell),
            "shown": [list(one) for one in self.shown],
            "lines": [one.to_dict() for one in self.lines],
            "skipped": [list(one) for one in self.skipped],
            "stopped": self.stopped,
            "reason": self.reason,
            "places": [one.to_list() for one in self.places],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AnnotatedSource:
        """Read an entry of `annotated`; raise `ValueError` where it has lines that no file has."""
        spans = [*data["shown"], *data["skipped"]]
        spans += [(one["line"], one["end_line"]) for one in data["lines"]]
        spans += [(line, end_line) for _, _, line, _, end_line, _ in data["places"]]
        if any(not first <= last <= _LAST for first, last in spans):
            raise ValueError("lines of a source end before they begin, or where no file does")
        return cls(
            path=data["path"],
            shown=tuple((first, last) for first, last in data["shown"]),
            lines=tuple(map(Annotation.from_dict, data["lines"])),
            skipped=tuple((first, last) for first, last in data["skipped"]),
            stopped=data["stopped"],
            reason=data["reason"],
            cell=data.get("cell"),
            places=tuple(map(LayerPlace.from_list, data["places"])),
        )


def _on_one_line(annotations: Sequence[Annotation], sizes: SizeStyle) -> Iterator[str]:
    """The notes of a line; layers that are built side by side are one after another in one note."""
    for built, group in groupby(annotations, lambda one: one.built):
        some = [*group]
        if not built:
            yield from (one.text(sizes) for one in some)
        elif all(one.count == 1 for one in some):
            yield _listed([tensor for one in some for tensor in one.first], sizes)
        else:
            # Each was run several times: what the last of them makes is what goes on.
            yield some[-1].text(sizes)


def _listed(tensors: Sequence[LineTensor], sizes: SizeStyle) -> str:
    """Tensors in a row, those that are alike together."""
    parts = []
    named = False
    for text, group in groupby(tensors, lambda tensor: tensor.text(sizes)):
        names = [tensor.name for tensor in group]
        # That an element is the third of its list is seen by its place.
        plain = all(not name or name.startswith("[") for name in names)
        if plain:
            parts.append(text if len(names) == 1 else f"{len(names)} × {text}")
        else:
            parts.append(f"{', '.join(_shortened(names))}: {text}")
            named = True
    return ("; " if named else ", ").join(parts)


def _shortened(names: Sequence[str]) -> Iterator[str]:
    """The names, runs of elements of one list as one: `maps[0…3]`."""
    for holder, group in groupby(names, lambda name: _ELEMENT.sub("", name)):
        some = [*group]
        yield (
            some[0]
            if len(some) == 1 or not _ELEMENT.search(some[0])
            else (f"{holder}[{some[0][len(holder) + 1 : -1]}…{some[-1][len(holder) + 1 :]}")
        )


#: The index at the end of an element's name.
_ELEMENT = re.compile(r"\[\d+\]$")
