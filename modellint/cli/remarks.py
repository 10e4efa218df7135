"""What is told of a run besides its report: notes, where inputs come from, what failed in us."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from modellint.report.lines import printable
from modellint.results.crash_reports import CRASH
from modellint.results.models import input_phrase
from modellint.results.report import Note, Report


def remarks(report: Report) -> Iterator[str]:
    """What `-v` adds: notes, where input shapes come from, checks that lacked a fact."""
    yield from map(noted, report.notes)
    for model in report.models:
        place = f"{model.place}: note: {model.name}"
        for given in model.inputs:
            sizes = "×".join(map(str, given.example))
            is_so = f"is {sizes} {given.dtype} ({given.told})"
            yield printable(f"{place}: {input_phrase([(given.name, is_so)])}")
        for skipped in model.skipped:
            yield printable(f"{place}: {skipped.rule} skips {skipped.layer}: {skipped.reason}")
    for remark in report.remarks:
        yield printable(f"{remark.path}: {remark.message}")


def tell_crashes(report: Report) -> None:
    """Write what it takes to mend what failed, where that is asked for; else say how to ask."""
    if not os.environ.get("MODELLINT_DEBUG"):
        click.echo("modellint: -v or MODELLINT_DEBUG=1 prints what a report of it needs", err=True)
        return
    for remark in report.remarks:
        if remark.message.startswith(CRASH):
            click.echo(printable(f"{remark.path}: {remark.message}"), err=True)


def noted(note: Note) -> str:
    """A note at its place."""
    return printable(f"{note.place}: note: {note.message}")
