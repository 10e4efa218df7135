"""What a finding is known by from one run to the next, however its file is edited elsewhere.

Baselines and the fingerprints of reports hold on to it: the rule, the class and the file that a
finding stands in, and the text of its line, never the line's number.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from modellint.errors import FileError
from modellint.results.baselined import Key
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.source.file import SourceFile, parse_source, read_source
from modellint.source.paths import absolute_path


def keyed(report: Report, folder: str) -> Iterator[tuple[Key, Diagnostic]]:
    """The findings of a report with what each is known by, paths relative to a folder."""
    sources: dict[str, SourceFile | None] = {}
    for finding in report.findings:
        if finding.path not in sources:
            sources[finding.path] = _source(report, finding.path)
        source = sources[finding.path]
        relative = Path(os.path.relpath(absolute_path(finding.path), folder)).as_posix()
        line = source.line_of(finding.cell, finding.line) if source else 0
        text = source.snippet(line).strip() if source else ""
        within = _class_at(source.tree, line) if source else ""
        yield Key(relative, within, finding.rule, text), finding


def _source(report: Report, path: str) -> SourceFile | None:
    try:
        if path in report.texts:
            return parse_source(path, report.texts[path].encode())
        return read_source(path)
    except FileError:  # Such as `<string>`: its findings are known by rule and path.
        return None


def _class_at(tree: ast.Module, line: int) -> str:
    """The innermost class around a line, with those around it: `Outer.Inner`."""
    names: list[str] = []
    body: list[ast.stmt] = tree.body
    while True:
        around = [s for s in body if s.lineno <= line <= (s.end_lineno or s.lineno)]
        if not around:
            return ".".join(names)
        (inside,) = around[:1]
        if isinstance(inside, ast.ClassDef):
            names.append(inside.name)
        body = [node for node in ast.iter_child_nodes(inside) if isinstance(node, ast.stmt)]
