"""The result of a run, frozen: models with their layers, findings, errors and notes.

Everything here turns into the JSON of a report with `to_dict` and comes back with `from_dict`,
which is also how a worker's results reach the front end. Nothing here imports torch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from modellint._version import __version__
from modellint.admitted import Sizes
from modellint.made import Made
from modellint.picture import Picture
from modellint.rules import SEVERITIES, Severity

if TYPE_CHECKING:
    from modellint.baseline import Baselined

Shape = tuple[int | str, ...]
"""The sizes of a tensor: an int, or an expression over the model's symbols such as `H - 2`."""

Status = Literal["analysed", "partial", "not-analysed", "failed"]
FailLevel = Literal["error", "warning", "info", "never"]

#: What is not the fault of the linted files: these end a run with exit status 2.
OWN_FAULTS = frozenset({"plugin-error", "internal-error"})


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of a model: its symbolic shape, the example's, and where the shape came from."""

    name: str
    shape: Shape
    example: tuple[int, ...]
    dtype: str
    source: str
    guessed: bool

    def to_dict(self) -> dict[str, Any]:
        """The entry of `inputs` in JSON."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "example": list(self.example),
            "dtype": self.dtype,
            "source": self.source,
            "guessed": self.guessed,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelInput:
        """Read an entry of `inputs`."""
        fields = {**data, "shape": tuple(data["shape"]), "example": tuple(data["example"])}
        return cls(**fields)


@dataclass(frozen=True)
class Layer(Made):
    """One call of a layer: shapes, cost, window and receptive field.

    Shapes are symbolic in `inputs` and `outputs`, the example's in the other two. `parameters`
    counts numbers, `macs` multiply-accumulates of one sample. `kernel`, `stride` and `padding` are
    `None` where the layer has no window.
    """

    key: str
    path: str
    type: str
    op: str
    line: int
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    example_inputs: tuple[tuple[int, ...], ...]
    example_outputs: tuple[tuple[int, ...], ...]
    parameters: int
    macs: int
    receptive_field: tuple[int, ...] | None
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[tuple[int, int], ...] | None = None

    @property
    def input(self) -> Shape:
        """The shape of its first input."""
        return self.inputs[0]

    @property
    def output(self) -> Shape:
        """The shape of its first output."""
        return self.outputs[0]

    def to_dict(self) -> dict[str, Any]:
        """The entry of `layers` in JSON."""
        return {
            "key": self.key,
            "path": self.path,
            "type": self.type,
            "op": self.op,
            "line": self.line,
            "inputs": _lists(self.inputs),
            "outputs": _lists(self.outputs),
            "example_inputs": _lists(self.example_inputs),
            "example_outputs": _lists(self.example_outputs),
            "parameters": self.parameters,
            "macs": self.macs,
            "receptive_field": _list(self.receptive_field),
            "kernel": _list(self.kernel),
            "stride": _list(self.stride),
            "padding": None if self.padding is None else _lists(self.padding),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layer:
        """Read an entry of `layers`."""
        nested = ("inputs", "outputs", "example_inputs", "example_outputs", "padding")
        flat = ("receptive_field", "kernel", "stride")
        fields = {**data, **{name: _tuples(data[name]) for name in nested}}
        return cls(**{**fields, **{name: _tuple(data[name]) for name in flat}})


@dataclass(frozen=True, slots=True)
class SkippedCheck:
    """A layer that a rule could not judge, and why."""

    rule: str
    layer: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The entry of `skipped` in JSON."""
        return {"rule": self.rule, "layer": self.layer, "reason": self.reason}


@dataclass(frozen=True)
class ModelReport:
    """What a run knows of one model; `layers` are by key, in execution order.

    `contract` says which sizes it accepts a symbol, `joint` what ties several, `accepts` both in
    words; `confirmed` whether sizes inside and outside were tried. `picture` is there where one
    was asked for.
    """

    path: str
    name: str
    class_name: str
    line: int
    status: Status
    reason: str | None = None
    inputs: tuple[ModelInput, ...] = ()
    parameters: int | None = None
    macs: int | None = None
    layers: Mapping[str, Layer] = field(default_factory=dict)
    contract: Mapping[str, Sizes] = field(default_factory=dict)
    joint: tuple[str, ...] = ()
    confirmed: bool = False
    skipped: tuple[SkippedCheck, ...] = ()
    accepts: str | None = None
    picture: Picture | None = field(default=None, repr=False)

    def to_dict(self, *, pictures: bool = False) -> dict[str, Any]:
        """The entry of `models` in JSON, with its picture only if asked for: it is large."""
        drawn = self.picture if pictures else None
        return {
            "path": self.path,
            "name": self.name,
            "class": self.class_name,
            "line": self.line,
            "status": self.status,
            "reason": self.reason,
            "inputs": [given.to_dict() for given in self.inputs],
            "parameters": self.parameters,
            "macs": self.macs,
            "layers": [layer.to_dict() for layer in self.layers.values()],
            "contract": {symbol: sizes.to_dict() for symbol, sizes in self.contract.items()},
            "joint": list(self.joint),
            "confirmed": self.confirmed,
            "skipped": [skipped.to_dict() for skipped in self.skipped],
            "accepts": self.accepts,
            **({} if drawn is None else {"picture": drawn.to_dict()}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelReport:
        """Read an entry of `models`."""
        layers = [Layer.from_dict(layer) for layer in data["layers"]]
        contract = data["contract"].items()
        return cls(
            path=data["path"],
            name=data["name"],
            class_name=data["class"],
            line=data["line"],
            status=data["status"],
            reason=data["reason"],
            inputs=tuple(ModelInput.from_dict(given) for given in data["inputs"]),
            parameters=data["parameters"],
            macs=data["macs"],
            layers={layer.key: layer for layer in layers},
            contract={symbol: _sizes(sizes) for symbol, sizes in contract},
            joint=tuple(data["joint"]),
            confirmed=data["confirmed"],
            skipped=tuple(SkippedCheck(**skipped) for skipped in data["skipped"]),
            accepts=data["accepts"],
            picture=Picture.from_dict(data["picture"]) if "picture" in data else None,
        )


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a finding, such as the line of `forward` that calls."""

    path: str
    line: int
    column: int
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The entry of `related` in JSON."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding as reported: what a rule said, at the place that built the layer.

    Lines and columns count from 1, `end_column` is exclusive. `layers` are the keys of all `count`
    calls that the same construction line was flagged for; `layer` is the first.
    """

    rule: str
    category: str
    severity: Severity
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    model: str
    layer: str
    count: int
    layers: tuple[str, ...]
    message: str
    help: str | None = None
    related: tuple[Related, ...] = ()

    @property
    def order(self) -> tuple[str, int, int, str, str, str]:
        """The key that reports are sorted by: place, then rule, then model and layer."""
        return (self.path, self.line, self.column, self.rule, self.model, self.layer)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `findings` in JSON."""
        return {
            "rule": self.rule,
            "category": self.category,
            "severity": self.severity,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "model": self.model,
            "layer": self.layer,
            "count": self.count,
            "layers": list(self.layers),
            "message": self.message,
            "help": self.help,
            "related": [related.to_dict() for related in self.related],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnostic:
        """Read an entry of `findings`."""
        related = tuple(Related(**entry) for entry in data["related"])
        return cls(**{**data, "layers": tuple(data["layers"]), "related": related})


@dataclass(frozen=True, slots=True)
class Silenced:
    """What an ignore comment kept out of the findings: a rule, at these layers of a model.

    `path` and `line` are the comment's.
    """

    rule: str
    path: str
    line: int
    model: str
    layers: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The entry of `silenced` in JSON."""
        return {
            "rule": self.rule,
            "path": self.path,
            "line": self.line,
            "model": self.model,
            "layers": list(self.layers),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Silenced:
        """Read an entry of `silenced`."""
        return cls(**{**data, "layers": tuple(data["layers"])})


@dataclass(frozen=True, slots=True)
class RulePage:
    """A rule as it describes itself, for formats that carry the pages of their rules.

    `summary` is one sentence, `text` the docstring, `page` what `--explain` prints with headings
    in Markdown; `default` says whether the rule is on unless something says otherwise.
    """

    name: str
    category: str
    severity: Severity
    default: bool
    summary: str
    text: str
    page: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry of `errors`: what of the linted files, or of a rule, fails by its own fault."""

    path: str
    line: int
    kind: str
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The entry of `errors` in JSON."""
        return {"path": self.path, "line": self.line, "kind": self.kind, "message": self.message}


@dataclass(frozen=True, slots=True)
class Note:
    """A remark on a file that changes no result, such as a statement that was left out."""

    path: str
    line: int
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The entry of `notes` in JSON."""
        return {"path": self.path, "line": self.line, "message": self.message}


@dataclass(frozen=True, repr=False)
class Report:
    """Everything a run found, in the order in which it is printed.

    `torch` is the installed version, `None` where there is none. `fail_level` and `strict` decide
    `ok` and the exit status; they change nothing else. `texts` holds the source of files that are
    not on disk, such as standard input; `remarks` what `-v` tells of the run besides its results.
    `fail_levels` are those of files that are configured to have another one than `fail_level`, by
    the path that findings have. `baseline` is what one held back, where the run had one. `rules`
    are the pages of the rules that were on. A report prints as the `full` text, and shows as tables
    in a notebook.
    """

    models: tuple[ModelReport, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    errors: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()
    remarks: tuple[Note, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    torch: str | None = None
    fail_level: FailLevel = "warning"
    strict: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    fail_levels: Mapping[str, FailLevel] = field(default_factory=dict)
    baseline: Baselined | None = None
    rules: tuple[RulePage, ...] = field(default=(), compare=False)

    @cached_property
    def counts(self) -> Counter[str]:
        """How many models there are of each status, and findings of each severity."""
        return Counter(
            [model.status for model in self.models]
            + [finding.severity for finding in self.findings]
        )

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
        """Whether a finding is grave enough to fail the run."""
        level = self.fail_levels.get(finding.path, self.fail_level)
        return finding.severity in _FAILING[level]

    @property
    def ok(self) -> bool:
        """Whether nothing fails: no finding at the fail level or above it, and no error."""
        return self.exit_status == 0

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
            silenced=tuple(dict.fromkeys(one for part in parts for one in part.silenced)),
        ).sorted()

    def sorted(self) -> Report:
        """The same report in its one order, whatever order the files were linted in."""
        return replace(
            self,
            models=tuple(sorted(self.models, key=lambda model: (model.path, model.line))),
            findings=tuple(sorted(self.findings, key=lambda finding: finding.order)),
            errors=tuple(sorted(self.errors, key=_place)),
            notes=tuple(sorted(self.notes, key=_place)),
            remarks=tuple(sorted(self.remarks, key=lambda remark: remark.path)),
            silenced=tuple(sorted(self.silenced, key=_comment)),
        )

    def to_dict(self, *, pictures: bool = False) -> dict[str, Any]:
        """The whole report as the JSON format has it, and what its models look like if wanted."""
        return {
            "version": 1,
            "tool": {"name": "modellint", "version": __version__, "torch": self.torch},
            "models": [model.to_dict(pictures=pictures) for model in self.models],
            "findings": [finding.to_dict() for finding in self.findings],
            "errors": [problem.to_dict() for problem in self.errors],
            "notes": [note.to_dict() for note in self.notes],
            "silenced": [one.to_dict() for one in self.silenced],
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            "summary": {
                "models": len(self.models),
                "analysed": self.analysed,
                "not_analysed": self.counts["not-analysed"],
                "failed": self.counts["failed"],
                **{severity: self.counts[severity] for severity in SEVERITIES},
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Report:
        """Read a report that `to_dict` wrote."""
        return cls(
            models=tuple(ModelReport.from_dict(model) for model in data["models"]),
            findings=tuple(Diagnostic.from_dict(finding) for finding in data["findings"]),
            errors=tuple(Problem(**problem) for problem in data["errors"]),
            notes=tuple(Note(**note) for note in data["notes"]),
            silenced=tuple(Silenced.from_dict(one) for one in data["silenced"]),
            torch=data["tool"]["torch"],
        )

    def render(
        self,
        format: str = "full",  # noqa: A002
        *,
        color: bool = False,
        layers: bool = False,
        contract: bool = False,
        statistics: bool = False,
    ) -> str:
        """The report as text, with the formats and the further parts that the command line has."""
        from modellint.report import View, render

        view = View(color=color, layers=layers, contract=contract, statistics=statistics)
        return render(self, format, view)

    def __str__(self) -> str:
        return self.render("full").rstrip("\n")

    def __repr__(self) -> str:
        from modellint.report.lines import last_line

        return f"<Report: {last_line(self)}>"

    def _repr_html_(self) -> str:
        from modellint.report.notebook import tables

        return tables(self)


_FAILING: Mapping[FailLevel, tuple[Severity, ...]] = {
    "error": ("error",),
    "warning": ("error", "warning"),
    "info": SEVERITIES,
    "never": (),
}
#: Under `--strict` these fail the run.
_INCOMPLETE: tuple[Status, ...] = ("partial", "not-analysed")


def _place(entry: Problem | Note) -> tuple[str, int, str]:
    return (entry.path, entry.line, entry.message)


def _comment(entry: Silenced) -> tuple[str, int, str, str, tuple[str, ...]]:
    return (entry.path, entry.line, entry.rule, entry.model, entry.layers)


def _sizes(data: Mapping[str, Any]) -> Sizes:
    return Sizes(**{**data, "values": _tuple(data["values"])})


def _list(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


def _lists(values: tuple[tuple[Any, ...], ...]) -> list[list[Any]]:
    return [list(value) for value in values]


def _tuple(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


def _tuples(values: list[list[Any]] | None) -> tuple[tuple[Any, ...], ...] | None:
    return None if values is None else tuple(tuple(value) for value in values)
