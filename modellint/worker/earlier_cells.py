"""Models of a notebook that a later cell replaces: each is linted as the cells before that left it.

Whoever reads the notebook meets them, and runs them, one after another.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from modellint.discovery.candidates import Candidate, discover
from modellint.protocol.jobs import Job
from modellint.results.models import ModelReport
from modellint.results.report import Report
from modellint.source.file import SourceFile, parse_cells
from modellint.worker.stages import Told


class Earlier(NamedTuple):
    """A model under a name that tells its cell, and the name that it had in the module `before`.

    That has nothing in the cells from the replacing one on, so that all lines stay where they are.
    """

    model: Candidate
    name: str
    before: SourceFile


def replaced_models(source: SourceFile) -> Iterator[Earlier]:
    """The models of classes that a later cell defines again."""
    cells = source.cells
    defined: dict[str, list[int]] = {}
    for node in source.tree.body if cells is not None else ():
        if isinstance(node, ast.ClassDef):
            defined.setdefault(node.name, []).append(node.lineno)
    for name, lines in defined.items():
        for line, after in pairwise(lines):
            assert cells is not None
            cell, until = cells.place(line)[0], cells.place(after)[0]
            before = _before(source, until)
            for one in discover(before) if cell < until else ():
                # Instances by their own names are built when their cell runs, as it was then.
                if one.is_entry and one.kind == "class" and one.name == name:
                    named = replace(one, name=f"{name} (cell {cell})", aliases=())
                    yield Earlier(named, name, before)


def _before(source: SourceFile, until: int) -> SourceFile:
    """The module of the cells before one."""
    assert source.cells is not None
    starts = source.cells.starts
    ends = [*starts[1:], len(source.lines) + 1]
    texts = [
        "\n".join(source.lines[first - 1 : end - 1]) if number < until else "\n" * (end - first - 1)
        for number, (first, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]
    return parse_cells(source.path, texts, source.cells.indents)


def _renamed(report: Report, name: str) -> Report:
    """The report of such a model under its name."""
    models: tuple[ModelReport, ...] = tuple(replace(one, name=name) for one in report.models)
    return replace(
        report,
        models=models,
        findings=tuple(replace(one, model=name) for one in report.findings),
        silenced=tuple(replace(one, model=name) for one in report.silenced),
    )


def linted_earlier(
    job: Job, source: SourceFile, lint: Callable[[Job, SourceFile], Iterator[Told]]
) -> Iterator[Told]:
    """Lint the models of a notebook that a later cell replaces, each by a job of its own."""
    for one in replaced_models(source) if not job.names else ():
        name = one.model.name
        alone = replace(job, names=(one.name,), models={}, done=(), trials=0, annotated=False)
        for message in () if name in job.done else lint(alone, one.before):
            if isinstance(message, Report):
                yield _renamed(message, name)
            elif message.model is not None:
                yield replace(message, model=name)
            else:
                yield message
