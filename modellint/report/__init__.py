"""The formats of a report: each turns a finished `Report` into text.

A format imports what it needs when it is used. Never imports torch; nothing below but
`results.report`, when a report is asked to print itself, knows of this room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module

from modellint.errors import UsageError
from modellint.report.view import View
from modellint.results.report import Report

__all__ = ["FORMATS", "View", "annotated", "last_line", "render", "tables"]


def _format(module: str) -> Callable[[Report, View], str]:
    """A format by the module that has it, which is imported when it is used: a run uses one."""

    def rendered(report: Report, view: View) -> str:
        text: str = import_module(f"modellint.report.{module}").render(report, view)
        return text

    return rendered


FORMATS: Mapping[str, Callable[[Report, View], str]] = {
    "full": _format("full"),
    "concise": _format("concise"),
    "json": _format("json_format"),
    "sarif": _format("sarif"),
    "github": _format("github"),
    "gitlab": _format("gitlab"),
    "junit": _format("junit"),
    "markdown": _format("markdown"),
    "html": _format("html"),
}


def render(report: Report, format: str = "full", view: View | None = None) -> str:  # noqa: A002
    """Render a report; raise `UsageError` for a format that there is not."""
    if not isinstance(format, str) or format not in FORMATS:
        near = get_close_matches(str(format), FORMATS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(FORMATS)}"
        raise UsageError(f"there is no format {format!r}{hint}")
    return FORMATS[format](report, view or View())


def last_line(report: Report) -> str:
    """The line that every run ends with: what was checked and what was found."""
    from modellint.report import lines

    return lines.last_line(report)


def annotated(report: Report, sizes: str, *, color: bool) -> str:
    """The source of a report's models with shapes; raise `UsageError` for other `sizes`."""
    from modellint.report.line_notes import annotated_text

    return annotated_text(report, sizes, color=color)


def tables(report: Report, view: View | None = None) -> str:
    """The report as HTML tables, as a notebook shows it."""
    from modellint.report import notebook

    return notebook.tables(report, view or View())
