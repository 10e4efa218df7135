"""The formats of a report: each turns a finished `Report` into text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from modellint.errors import UsageError
from modellint.report import (
    concise,
    full,
    github,
    gitlab,
    html,
    json_format,
    junit,
    markdown,
    sarif,
)
from modellint.report.view import View
from modellint.results import Report

__all__ = ["FORMATS", "View", "render"]

FORMATS: Mapping[str, Callable[[Report, View], str]] = {
    "full": full.render,
    "concise": concise.render,
    "json": json_format.render,
    "sarif": sarif.render,
    "github": github.render,
    "gitlab": gitlab.render,
    "junit": junit.render,
    "markdown": markdown.render,
    "html": html.render,
}


def render(report: Report, format: str = "full", view: View | None = None) -> str:  # noqa: A002
    """Render a report; raise `UsageError` for a format that there is not."""
    if format not in FORMATS:
        near = get_close_matches(format, FORMATS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(FORMATS)}"
        raise UsageError(f"there is no format {format!r}{hint}")
    return FORMATS[format](report, view or View())
