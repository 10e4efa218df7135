"""The shapes of a model beside its text as it stands now, by the lines that are still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modellint.results.annotated import AnnotatedSource, LayerPlace, SizeStyle
from modellint.results.models import Layer, ModelReport
from modellint.results.report import Report
from modellint.server.buffers import Part
from modellint.server.linter import Known
from modellint.server.moved_lines import MovedLines
from modellint.source.paths import shown_path


@dataclass(frozen=True)
class Noted:
    """A line with what is told behind it, by the models that say so."""

    line: int
    notes: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Shapes:
    """What is known of one text of an editor: of a file, or of a cell of a notebook.

    `report` is what a lint told of the text as it was then, `moved` where its lines are by now;
    `old` tells that the text as it stands has no shapes.
    """

    part: Part
    path: str
    report: Report
    moved: MovedLines
    old: bool

    @classmethod
    def of(cls, known: Known, part: Part) -> Shapes | None:
        """The shapes beside a text of an open file, if there are any."""
        if known.shapes is None:
            return None
        before = known.shapes.buffer.part(part.cell)
        if before is None:
            return None
        moved = MovedLines.between(before.lines, part.lines)
        path = shown_path(known.buffer.path)
        return cls(part, path, known.shapes.report, moved, known.old)

    def models(self) -> Iterator[tuple[int, ModelReport]]:
        """The models that the text holds, each with its line."""
        for model in self.report.models:
            line = self.moved.after.get(model.line)
            if (model.path, model.cell) == (self.path, self.part.cell) and line is not None:
                yield line, model

    def notes(self, sizes: SizeStyle) -> Iterator[Noted]:
        """The lines that make tensors, with the shapes that each model has there."""
        found: dict[int, dict[str, tuple[str, ...]]] = {}
        for model, source in self._sources():
            for line, text in source.notes(sizes).items():
                now = self.moved.after.get(line)
                if now is not None:
                    known = found.setdefault(now, {})
                    known[text] = (*known.get(text, ()), model.name)
        for line, notes in sorted(found.items()):
            yield Noted(line, notes)

    def layers_at(self, line: int, column: int) -> list[tuple[ModelReport, LayerPlace, Layer]]:
        """The layers that the innermost expression at a place builds or calls."""
        found = []
        before = self.moved.before.get(line)
        for model, source in self._sources() if before is not None else ():
            for place in source.places:
                if _holds(place, (before or 0, column)) and place.key in model.layers:
                    found.append((model, place, model.layers[place.key]))
        if not found:
            return []
        smallest = min(map(_extent, (place for _, place, _ in found)))
        return [one for one in found if _extent(one[1]) == smallest]

    def _sources(self) -> Iterator[tuple[ModelReport, AnnotatedSource]]:
        for model in self.report.models:
            for source in model.annotated:
                if (source.path, source.cell) == (self.path, self.part.cell):
                    yield model, source


def _holds(place: LayerPlace, at: tuple[int, int]) -> bool:
    return (place.line, place.column) <= at <= (place.end_line, place.end_column)


def _extent(place: LayerPlace) -> tuple[int, int]:
    """How much a place takes: fewer lines are less, then fewer columns."""
    return place.end_line - place.line, place.end_column - place.column
