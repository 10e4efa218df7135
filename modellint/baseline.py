"""A file of the findings that a project has today, so that only new ones fail.

An entry is known by its rule, the class and the file it stands in and the text of its line, never
by a line number: what is added or moved elsewhere in the file changes nothing.
"""

from __future__ import annotations

import ast
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from modellint.errors import FileError, UsageError
from modellint.paths import absolute_path, shown_path
from modellint.results import Diagnostic, Report
from modellint.source import SourceFile, parse_source, read_source

_VERSION = 1


class Key(NamedTuple):
    """What an entry is known by; `path` is relative to the baseline's folder."""

    path: str
    within: str
    rule: str
    source: str

    def __str__(self) -> str:
        where = f"{self.path} ({self.within})" if self.within else self.path
        return f"{self.rule} in {where}: {self.source}"


@dataclass(frozen=True)
class Baselined:
    """What a baseline did in a run: how many findings it held back, which entries found none.

    `gone` has an entry for each place of its kind that is no longer flagged.
    """

    path: str
    known: int
    gone: tuple[Key, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The entry `baseline` in JSON."""
        gone = [_entry(key, count) for key, count in sorted(Counter(self.gone).items())]
        return {"path": self.path, "known": self.known, "gone": gone}


class Baseline:
    """The entries of a baseline, each with how many places it stands for."""

    def __init__(self, path: str, entries: Mapping[Key, int]) -> None:
        self.path = path
        self.entries = entries

    @classmethod
    def read(cls, path: str) -> Baseline:
        """Read a file that `of` made; raise `UsageError` for any other."""
        shown = shown_path(path)
        try:
            data = json.loads(Path(path).read_text("utf-8"))
            entries = {
                Key(one["path"], one["class"], one["rule"], one["source"]): int(one["count"])
                for one in data["findings"]
            }
            version = data["version"]
        except OSError as error:
            hint = f"--write-baseline {shown} makes one"
            raise UsageError(f"baseline {shown}: {error.strerror or error}; {hint}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{shown} is no baseline that --write-baseline made") from error
        if version != _VERSION:
            raise UsageError(f"baseline {shown} is of version {version}; write it anew")
        return cls(path, entries)

    @classmethod
    def of(cls, report: Report, path: str) -> Baseline:
        """The baseline at a path that holds back every finding of a report."""
        places = _places(report, path)
        return cls(path, {key: len(found) for key, found in places.items()})

    def text(self) -> str:
        """The file's content: sorted, so that its diff is what changed."""
        findings = [_entry(key, count) for key, count in sorted(self.entries.items())]
        return json.dumps({"version": _VERSION, "findings": findings}, indent=2) + "\n"

    def without_known(self, report: Report, settled: Mapping[str, frozenset[str]]) -> Report:
        """The report of what is new, and of what is gone.

        `settled` are the files that the run checked in full, as printed, with the rules that were
        on: only of these it can tell that an entry is gone, and of files that no longer exist.
        """
        known: set[tuple[Key, _Place]] = set()
        places = _places(report, self.path)
        for key, found in places.items():
            known.update((key, place) for place in found[: self.entries.get(key, 0)])
        new = tuple(
            finding
            for key, finding in _keyed(report, self.path)
            if (key, _place(finding)) not in known
        )
        gone = [
            key
            for key, count in sorted(self.entries.items())
            for _ in range(count - len(places.get(key, ())))
            if self._is_settled(key, settled)
        ]
        held = len(report.findings) - len(new)
        baselined = Baselined(shown_path(self.path), held, tuple(gone))
        return replace(report, findings=new, baseline=baselined)

    def _is_settled(self, key: Key, settled: Mapping[str, frozenset[str]]) -> bool:
        path = Path(absolute_path(self.path)).parent / key.path
        on = settled.get(shown_path(path))
        return key.rule in on if on is not None else not path.exists()


_Place = tuple[int, int]


def _entry(key: Key, count: int) -> dict[str, Any]:
    return {
        "rule": key.rule,
        "class": key.within,
        "path": key.path,
        "source": key.source,
        "count": count,
    }


def _place(finding: Diagnostic) -> _Place:
    return finding.line, finding.column


def _places(report: Report, baseline: str) -> Mapping[Key, list[_Place]]:
    """The places of each key, in order; models that share a layer flag it at one place."""
    found: dict[Key, list[_Place]] = {}
    for key, finding in _keyed(report, baseline):
        places = found.setdefault(key, [])
        if _place(finding) not in places:
            places.append(_place(finding))
    return found


def _keyed(report: Report, baseline: str) -> Iterator[tuple[Key, Diagnostic]]:
    folder = os.path.dirname(absolute_path(baseline))  # noqa: PTH120
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
