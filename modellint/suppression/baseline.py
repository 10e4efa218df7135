"""A file of the findings that a project has today, so that only new ones fail.

An entry is known by its rule, the class and the file it stands in and the text of its line, never
by a line number: what is added or moved elsewhere in the file changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from modellint.errors import UsageError
from modellint.results.baselined import Baselined, Key, baseline_entry
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.source.paths import absolute_path, regular_bytes, shown_path
from modellint.suppression.identity import keyed

_VERSION = 1


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
            data = json.loads(regular_bytes(path).decode("utf-8"))
            entries = {
                Key(one["path"], one["class"], one["rule"], one["source"]): int(one["count"])
                for one in data["findings"]
            }
            version = data["version"]
        except OSError as error:
            hint = f"--write-baseline {shown} makes one"
            raise UsageError(f"baseline {shown}: {error.strerror or error}; {hint}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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
        findings = [baseline_entry(key, count) for key, count in sorted(self.entries.items())]
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
            for key, finding in keyed(report, _folder(self.path))
            if (key, _place(finding)) not in known
        )
        gone = [
            key
            for key, count in sorted(self.entries.items())
            for _ in range(count - len(places.get(key, ())))
            if self._is_settled(key, settled)
        ]
        fresh = {id(finding) for finding in new}
        held = tuple(finding for finding in report.findings if id(finding) not in fresh)
        baselined = Baselined(shown_path(self.path), len(held), tuple(gone), held)
        return replace(report, findings=new, baseline=baselined)

    def _is_settled(self, key: Key, settled: Mapping[str, frozenset[str]]) -> bool:
        path = Path(absolute_path(self.path)).parent / key.path
        on = settled.get(shown_path(path))
        return key.rule in on if on is not None else not os.path.lexists(path)


_Place = tuple[int, int, int]


def _place(finding: Diagnostic) -> _Place:
    return finding.cell or 0, finding.line, finding.column


def _places(report: Report, baseline: str) -> Mapping[Key, list[_Place]]:
    """The places of each key, in order; models that share a layer flag it at one place."""
    found: dict[Key, list[_Place]] = {}
    for key, finding in keyed(report, _folder(baseline)):
        places = found.setdefault(key, [])
        if _place(finding) not in places:
            places.append(_place(finding))
    return found


def _folder(baseline: str) -> str:
    return os.path.dirname(absolute_path(baseline))  # noqa: PTH120
