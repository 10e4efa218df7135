"""Everything that a run found, frozen: models, findings, errors and notes.

Everything here turns into the JSON of a report with `to_dict` and comes back with `from_dict`,
which is also how a worker's results reach the front end. Nothing here imports torch. A report
prints itself through `modellint.report`, makes its fixes through `modellint.engine.fixing` and is
linted once more through `modellint.engine.annotating`, in rooms above this one, imported when they
are first asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from modellint._version import __version__
from modellint.rules import SEVERITIES, Severity

if TYPE_CHECKING:
    from modellint.results.annotated import SizeStyle
    from modellint.results.baselined import Baselined
    from modellint.results.compared import Compared
from modellint.results.findings import Diagnostic, Silenced, TriedFix
from modellint.results.models import ModelReport, Status
from modellint.results.places import in_json, place_of
from modellint.results.user_calls import UserCall

FailLevel = Literal["error", "warning", "info", "never"]
"""The least severity that fails a run."""
Format = Literal[
    "full", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "html"
]
"""What a report can be written as."""

#: What is not the fault of the linted files: these end a run with exit status 2.
OWN_FAULTS = frozenset({"plugin-error", "internal-error"})


@dataclass(frozen=True, slots=True)
class RulePage:
    """A rule as it describes itself, for formats that carry the pages of their rules.

    `summary` is one sentence, `text` the docstring, `page` what `--explain` prints with headings
    in Markdown; `default` says whether the rule is on unless something says otherwise; `file` is
    the rule's own, where it is known.
    """

    name: str
    category: str
    severity: Severity
    default: bool
    summary: str
    text: str
    page: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry of `errors`: what of the linted files, or of a rule, fails by its own fault.

    `model` is there where it is about one. Where user code raised, so are the columns of what did,
    the end exclusive, and `calls`, the user's own that led there, the outermost first; `traceback`
    has all of them in a run with `-v`.
    """

    path: str
    line: int
    kind: str
    message: str
    cell: int | None = None
    model: str | None = None
    column: int | None = None
    end_column: int | None = None
    calls: tuple[UserCall, ...] = ()
    traceback: str | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, self.column, cell=self.cell)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `errors` in JSON; what is not known has no key."""
        told = {
            **in_json(self.path, self.cell),
            "line": self.line,
            "column": self.column,
            "end_column": self.end_column,
            "kind": self.kind,
            "message": self.message,
            "model": self.model,
            "calls": [call.to_dict() for call in self.calls] or None,
            "traceback": self.traceback,
        }
        return {key: value for key, value in told.items() if value is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Problem:
        """Read an entry of `errors`."""
        calls = tuple(map(UserCall.from_dict, data.get("calls", ())))
        return cls(**{**data, "calls": calls})


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a file that changes no result, such as a statement that was left out."""

    path: str
    line: int
    message: str
    cell: int | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, cell=self.cell)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `notes` in JSON."""
        return {**in_json(self.path, self.cell), "line": self.line, "message": self.message}


@dataclass(frozen=True, slots=True)
class FixCount:
    """How many fixes a run has made, and how many more it would have with `--unsafe-fixes`."""

    made: int
    unsafe: int


@dataclass(frozen=True)
class FixedFiles:
    """What came of making the fixes of a report.

    `made` is how many were written into each file, by its printed path; `troubles` are sentences on
    what was not written. `report` is what is left, linted anew where something was written.
    """

    made: Mapping[str, int]
    troubles: tuple[str, ...]
    report: Report


@dataclass(frozen=True, repr=False)
class Report:
    """Everything a run found, in the order in which it is printed.

    `torch` is the installed version, `None` where there is none. `fail_level`, `strict` and
    `max_warnings` decide `ok` and the exit status; they change nothing else. `texts` holds the
    source of files that are not on disk, such as standard input; `remarks` what `-v` tells of the
    run besides its results, and `warnings` what is told of it in any case.
    `fail_levels` are those of files that are configured to have another one than `fail_level`, by
    the path that findings have. `baseline` is what one held back, where the run had one; `compared`
    what became of the models since another revision or file, where that was asked for. `rules`
    are the pages of the rules that were on. `fixed` is there where a run made fixes; `request` is
    what a run over files was asked for, by which it can make them, or what lints a live module once
    more. A report prints as the `full`
    text, and shows as tables in a notebook.
    """

    models: tuple[ModelReport, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    errors: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()
    remarks: tuple[Note, ...] = ()
    warnings: tuple[str, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    torch: str | None = None
    fail_level: FailLevel = "warning"
    strict: bool = False
    max_warnings: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    fail_levels: Mapping[str, FailLevel] = field(default_factory=dict)
    baseline: Baselined | None = None
    compared: Compared | None = None
    rules: tuple[RulePage, ...] = field(default=(), compare=False)
    fixed: FixCount | None = None
    request: Any = field(default=None, compare=False)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many models there are of each status, and findings of each severity."""
        return Counter(
            [model.status for model in self.models]
            + [finding.severity for finding in self.findings]
        )

    @cached_property
    def distinct(self) -> Mapping[Diagnostic, tuple[str, ...]]:
        """The findings as people count them, each with the names of the models that it is about.

        A file's factories often build one class, and its layers then have the same faults in each:
        that is one finding, of the first, however many layers its line has built.
        """
        groups: dict[Diagnostic, list[str]] = {}
        for finding in self.findings:
            groups.setdefault(replace(finding, model=""), []).append(finding.model)
        return {
            replace(finding, model=models[0]): tuple(models) for finding, models in groups.items()
        }

    def told(self, severity: Severity) -> int:
        """How many findings of a severity there are, as people count them."""
        return sum(one.severity == severity for one in self.distinct)

    @property
    def analysed(self) -> int:
        """How many models were checked, those of which some numbers are unknown included."""
        return self.counts["analysed"] + self.counts["partial"]

    @property
    def exit_status(self) -> int:
        """0 clean, 1 findings or failing files, 2 a rule or modellint itself failed."""
        if any(problem.kind in OWN_FAULTS for problem in self.errors):
            return 2
        if self.errors or any(map(self.fails, self.findings)):
            return 1
        return int(self.strict and any(self.counts[status] for status in _INCOMPLETE))

    def fails(self, finding: Diagnostic) -> bool:
        """Whether a finding is grave enough to fail the run, or one of too many."""
        if self.max_warnings is not None and finding.severity == "warning":
            return self.too_many
        level = self.fail_levels.get(finding.path, self.fail_level)
        return finding.severity in _FAILING[level]

    @property
    def too_many(self) -> bool:
        """Whether there are more warnings than the run may have."""
        return self.max_warnings is not None and self.told("warning") > self.max_warnings

    def not_below(self, severity: Severity) -> Report:
        """The same report without findings that are less severe."""
        if severity == SEVERITIES[-1]:
            return self
        kept = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return replace(self, findings=tuple(one for one in self.findings if one.severity in kept))

    @property
    def ok(self) -> bool:
        """Whether nothing fails: no finding at the fail level or above it, and no error."""
        return self.exit_status == 0

    @property
    def fixes(self) -> Mapping[Diagnostic, TriedFix]:
        """The fixes that findings have, each tried: the model was run with it."""
        return {one: one.fix for one in self.findings if one.fix is not None}

    def fix(self, *, unsafe: bool = False) -> FixedFiles:
        """Write the fixes into the files, those that change what a model computes if `unsafe`.

        As `--fix` does: fixes that touch each other one after another, the files being linted again
        after each round, and a file that has changed since it was linted stays as it is. Raises
        `UsageError` for a report that is not of a run over files in the current folder.
        """
        made: FixedFiles = import_module("modellint.engine.fixing").fix_files(self, unsafe=unsafe)
        return made

    def merged(self, *others: Report) -> Report:
        """This report with the contents of others, in order; what two say alike is said once."""
        parts = (self, *others)
        return replace(
            self,
            models=tuple(model for part in parts for model in part.models),
            findings=tuple(finding for part in parts for finding in part.findings),
            errors=tuple(dict.fromkeys(problem for part in parts for problem in part.errors)),
            notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            remarks=tuple(remark for part in parts for remark in part.remarks),
            warnings=tuple(dict.fromkeys(text for part in parts for text in part.warnings)),
            silenced=tuple(dict.fromkeys(one for part in parts for one in part.silenced)),
        ).sorted()

    def sorted(self) -> Report:
        """The same report in its one order, whatever order the files were linted in."""
        return replace(
            self,
            models=tuple(sorted(self.models, key=lambda one: (one.path, one.cell or 0, one.line))),
            findings=tuple(sorted(self.findings, key=lambda finding: finding.order)),
            errors=tuple(sorted(self.errors, key=_place)),
            notes=tuple(sorted(self.notes, key=_place)),
            remarks=tuple(sorted(self.remarks, key=lambda remark: remark.path)),
            silenced=tuple(sorted(self.silenced, key=_comment)),
        )

    def to_dict(self, *, pictures: bool = False, annotated: bool = False) -> dict[str, Any]:
        """The whole report as the JSON format has it, with what is large only if it is wanted.

        That is what models look like, and their source with its shapes.
        """
        return {
            "version": 1,
            "tool": {"name": "modellint", "version": __version__, "torch": self.torch},
            "models": [
                model.to_dict(pictures=pictures, annotated=annotated) for model in self.models
            ],
            "findings": [finding.to_dict() for finding in self.findings],
            "errors": [problem.to_dict() for problem in self.errors],
            "notes": [note.to_dict() for note in self.notes],
            "silenced": [one.to_dict() for one in self.silenced],
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            **({} if self.compared is None else {"comparison": self.compared.to_dict()}),
            "summary": {
                "models": len(self.models),
                "analysed": self.analysed,
                "not_analysed": self.counts["not-analysed"],
                "failed": self.counts["failed"],
                **{severity: self.counts[severity] for severity in SEVERITIES},
                **({} if self.fixed is None else {"fixed": self.fixed.made}),
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Read a report that `to_dict` wrote."""
        return cls(
            models=tuple(ModelReport.from_dict(model) for model in data["models"]),
            findings=tuple(Diagnostic.from_dict(finding) for finding in data["findings"]),
            errors=tuple(map(Problem.from_dict, data["errors"])),
            notes=tuple(Note(**note) for note in data["notes"]),
            silenced=tuple(Silenced.from_dict(one) for one in data["silenced"]),
            torch=data["tool"]["torch"],
        )

    def render(
        self,
        format: Format = "full",  # noqa: A002
        *,
        color: bool = False,
        layers: bool = False,
        contract: bool = False,
        statistics: bool = False,
    ) -> str:
        """The report as text, with the formats and the further parts that the command line has.

        Raises `UsageError` for a format that there is not.
        """
        formats = _formats()
        view = formats.View(color=color, layers=layers, contract=contract, statistics=statistics)
        text: str = formats.render(self, format, view)
        return text

    def annotated(self, sizes: SizeStyle = "both", *, color: bool = False) -> str:
        """The source of each model with the shape behind each line that makes a tensor.

        `sizes` are `symbolic`, formulas over the input's; `concrete`, the example's; or `both`. The
        files of a run that did not watch their lines are linted once more for it. Raises
        `UsageError` for other `sizes`.
        """
        watched = import_module("modellint.engine.annotating").with_lines(self)
        text: str = _formats().annotated(watched, sizes, color=color)
        return text

    def __str__(self) -> str:
        return self.render("full").rstrip("\n")

    def __repr__(self) -> str:
        return f"<Report: {_formats().last_line(self)}>"

    def _repr_html_(self) -> str:
        html: str = _formats().tables(self)
        return html

    def _repr_markdown_(self) -> str:
        return self.render("markdown")


def _formats() -> Any:
    """The room above that prints reports: the one door up to it, opened when it is asked for."""
    return import_module("modellint.report")


_FAILING: Mapping[FailLevel, tuple[Severity, ...]] = {
    "error": ("error",),
    "warning": ("error", "warning"),
    "info": SEVERITIES,
    "never": (),
}
#: Under `--strict` these fail the run.
_INCOMPLETE: tuple[Status, ...] = ("partial", "not-analysed")


def _place(entry: Problem | Note) -> tuple[str, int, int, str]:
    return (entry.path, entry.cell or 0, entry.line, entry.message)


def _comment(entry: Silenced) -> tuple[str, int, int, str, str, tuple[str, ...]]:
    return (entry.path, entry.cell or 0, entry.line, entry.rule, entry.model, entry.layers)
