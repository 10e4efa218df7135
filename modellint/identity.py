"""What a finding is known by from one run to the next, however its file is edited elsewhere.

Baselines and the fingerprints of reports hold on to it: the rule, the class and the file that a
finding stands in, and the text of its line, never the line's number.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from modellint.errors import FileError
from modellint.paths import absolute_path
from modellint.results import Diagnostic, Report
from modellint.source import SourceFile, parse_source, read_source


class Key(NamedTuple):
    """What a finding is known by; `path` is relative to a folder."""

    path: str
    within: str
    rule: str
    source: str

    def __str__(self) -> str:
        where = f"{self.path} ({self.within})" if self.within else self.path
        return f"{self.rule} in {where}: {self.source}"


def keyed(report: Report, folder: str) -> Iterator[tuple[Key, Diagnostic]]:
    """The findings of a report with what each is known by, paths relative to a folder."""
    sources: dict[str, SourceFile | None] = {}
    for finding in report.findings:
        if finding.path not in sources:
            sources[finding.path] = _source(report, finding.path)
        source = sources[finding.path]
        relative = Path(os.path.relpath(absolute_path(finding.path), folder)).as_posix()
        text = source.snippet(finding.line).strip() if source else ""
        within = _class_at(source.tree, finding.line) if source else ""
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
