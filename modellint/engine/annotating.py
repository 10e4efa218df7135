"""The report on a run with what the lines of its models make, by linting once more if need be."""

from __future__ import annotations

from dataclasses import replace

from modellint.config.settings import Request
from modellint.engine.engine import lint_targets
from modellint.engine.rounds import check_folder
from modellint.results.report import Report


def with_lines(report: Report) -> Report:
    """The report itself where lines were watched; else that of a new run, or of a live module.

    Raises `UsageError` where the current folder is not that of the run any more.
    """
    request = report.request
    if callable(request):
        again: Report = request()
        return again
    if not isinstance(request, Request) or request.settings.annotated:
        return report
    check_folder(request, "ask for their lines")
    settings = replace(request.settings, annotated=True)
    return lint_targets(request.given, settings, request.stdin, request.stdin_name)
