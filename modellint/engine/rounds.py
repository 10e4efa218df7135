"""Makes the fixes of a report in memory, round after round, until nothing changes.

A round makes the fixes of each file that do not touch each other, and lints what comes out in the
place of the file. Where fixes are not as good together as each alone, they are made one by one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from modellint.config.settings import ALL_TRIALS, Request
from modellint.engine.engine import lint_targets
from modellint.engine.project_index import ProjectIndex
from modellint.engine.running import Pools
from modellint.errors import FileError, UsageError
from modellint.fixes.edits import apart
from modellint.mending.choosing import count_unsafe, offered
from modellint.mending.comparing import is_worse, level_of, part_of
from modellint.mending.rewriting import rewritten
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.report import FixCount, Report
from modellint.source.file import parse_source, text_digest
from modellint.source.paths import absolute_path, is_installed, regular_bytes, shown_path

#: As many rounds nobody needs: each makes a file better by a finding, or leaves a fix out for good.
_ROUNDS = 100

Chosen = Sequence[tuple[Diagnostic, TriedFix]]
_Place = tuple[str, str, tuple[str, ...]]
_Known = tuple[_Place, str]


@dataclass(frozen=True)
class Mended:
    """Files with their fixes made, by their printed paths: what they hold, and what they held.

    `made` are the findings whose fixes were made; `reports` tell of the files as they are now,
    `left` are their findings and those of other files; `troubles` are sentences on what could not
    be changed.
    """

    before: Mapping[str, bytes]
    after: Mapping[str, bytes]
    made: Mapping[str, tuple[Diagnostic, ...]]
    reports: Mapping[str, Report]
    left: tuple[Diagnostic, ...]
    troubles: tuple[str, ...]

    @property
    def changed(self) -> Mapping[str, bytes]:
        """What the files hold that are not as they were."""
        return {path: data for path, data in self.after.items() if self.made[path]}

    def count(self, *, unsafe: bool) -> FixCount:
        """How many fixes were made; how many more would have been, unless those are in already."""
        made = sum(map(len, self.made.values()))
        return FixCount(made, 0 if unsafe else count_unsafe(self.left))


@dataclass(frozen=True)
class _File:
    """A file between two rounds: what it would hold, what a lint of that told, what was fixed.

    `accepted` are findings that stay as they are. `alone` tells that the fixes are made one by one;
    `refused` are those that are not made, `trouble` is why one of them cannot be.
    """

    path: str
    data: bytes
    report: Report
    accepted: frozenset[_Place] = frozenset()
    made: tuple[Diagnostic, ...] = ()
    alone: bool = False
    refused: frozenset[_Known] = frozenset()
    trouble: str = ""

    def chosen(self, *, unsafe: bool) -> Chosen:
        """The fixes of the next round."""
        fixes = [
            (finding, fix)
            for finding, fix in offered(self.report.findings, unsafe=unsafe)
            if _place(finding) not in self.accepted
            if _known(finding) not in self.refused and _is_of(fix, self.path)
        ]
        return apart(fixes, lambda one: one[1].edits)[: 1 if self.alone else None]

    def with_fixes(self, chosen: Chosen) -> bytes:
        """What the file would hold; raise `FileError` where the fixes are of another text."""
        digest = text_digest(parse_source(self.path, self.data).text)
        if any(fix.digest != digest for _, fix in chosen):
            message = "it has changed since it was linted"
            raise FileError("unreadable", self.path, None, message)
        return rewritten(self.path, self.data, [edit for _, fix in chosen for edit in fix.edits])

    def without(self, chosen: Chosen, trouble: str = "") -> _File:
        """The file after a round that shows that fixes do not fit, at least not together."""
        if len(chosen) > 1:
            return replace(self, alone=True)
        refused = self.refused.union(_known(finding) for finding, _ in chosen)
        return replace(self, refused=refused, trouble=self.trouble or trouble)

    def after(self, data: bytes, chosen: Chosen, report: Report) -> _File:
        """The file after a round that made some fixes; as it was where it is worse by them."""
        mended = [finding for finding, _ in chosen]
        if is_worse(self.report, report, level_of(mended), mended):
            return self.without(chosen)
        return replace(self, data=data, report=report, made=(*self.made, *mended))


def _known(finding: Diagnostic) -> _Known:
    """What a finding with its fix is known by from one round to the next."""
    return _place(finding), finding.fix.message if finding.fix is not None else ""


def _place(finding: Diagnostic) -> _Place:
    """What a finding is known by from one round to the next; lines move."""
    return finding.rule, finding.model, finding.layers


def _is_of(fix: TriedFix, path: str) -> bool:
    return all(edit.path == path for edit in fix.edits)


def mend(
    report: Report, *, unsafe: bool, pools: Pools, index: ProjectIndex | None = None
) -> Mended:
    """Make the fixes of a report in memory, until no file has one left that fits.

    `index` is what is known of the projects from earlier runs.
    """
    request = request_of(report)
    # By a baseline a finding is known by its line, which a fix of another one changes.
    settings = replace(request.settings, baseline=None)
    held = report.baseline.held if report.baseline is not None else ()
    known = frozenset(map(_place, held))
    whole = replace(report, findings=(*report.findings, *held))

    def lint(changed: Mapping[str, bytes]) -> Report:
        return lint_targets(
            request.given,
            settings,
            request.stdin,
            request.stdin_name,
            pools=pools,
            changed=changed,
            index=index,
        )

    files: dict[str, _File] = {}
    troubles: list[str] = []
    for path in dict.fromkeys(
        edit.path for _, fix in offered(report.findings, unsafe=unsafe) for edit in fix.edits
    ):
        try:
            files[path] = _File(path, _content(path, request), part_of(whole, path), known)
        except OSError as error:
            troubles.append(unchanged(path, error.strerror or str(error)))
    before = {path: file.data for path, file in files.items()}
    for _ in range(_ROUNDS):
        chosen = {path: file.chosen(unsafe=unsafe) for path, file in files.items()}
        chosen = {path: fixes for path, fixes in chosen.items() if fixes}
        if not chosen:
            break
        attempts: dict[str, bytes] = {}
        for path, fixes in chosen.items():
            try:
                attempts[path] = files[path].with_fixes(fixes)
            except FileError as error:
                files[path] = files[path].without(fixes, error.message)
        again = lint(attempts) if attempts else Report()
        for path, data in attempts.items():
            files[path] = files[path].after(data, chosen[path], part_of(again, path))
    troubles += [unchanged(path, file.trouble) for path, file in files.items() if file.trouble]
    ours = [
        finding
        for file in files.values()
        for finding in file.report.findings
        if _place(finding) not in known
    ]
    others = [one for one in report.findings if one.fix and not _is_among(one.fix, files)]
    return Mended(
        before,
        {path: file.data for path, file in files.items()},
        {path: file.made for path, file in files.items()},
        {path: file.report for path, file in files.items()},
        (*ours, *others),
        tuple(troubles),
    )


def _is_among(fix: TriedFix, files: Mapping[str, _File]) -> bool:
    return any(edit.path in files for edit in fix.edits)


def request_of(report: Report) -> Request:
    """What a report's run was asked for, with as many trials as there are fixes.

    Raises `UsageError` for a report that is not of a run over files in the current folder.
    """
    request = report.request
    if not isinstance(request, Request):
        raise UsageError("only the report of a run over files can make fixes: lint_paths gives one")
    check_folder(request, "make the fixes")
    return replace(request, settings=replace(request.settings, trials=ALL_TRIALS))


def check_folder(request: Request, verb: str) -> None:
    """Raise `UsageError` unless the current folder is the one that a run's paths start from."""
    if request.folder != os.getcwd():  # noqa: PTH109
        raise UsageError(f"the files were linted in {request.folder}: {verb} there")


def _content(path: str, request: Request) -> bytes:
    if is_stdin(path, request):
        return request.stdin or b""
    if is_installed(absolute_path(path)):
        raise OSError("it belongs to an installed package")
    return regular_bytes(absolute_path(path))


def is_stdin(path: str, request: Request) -> bool:
    """Whether a file is what `-` among the targets stands for."""
    return "-" in request.given and path == shown_path(request.stdin_name)


def unchanged(path: str, reason: str) -> str:
    """The sentence on a file that keeps what it held."""
    return f"{path} is not fixed: {reason}"
