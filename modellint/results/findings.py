"""What a rule found, where it is reported, and what an ignore comment kept out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modellint.fixes.edits import Edit
from modellint.results.places import in_json, place_of
from modellint.rules import CategoryName, Severity


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that belongs to a finding, such as the line of `forward` that calls."""

    path: str
    line: int
    column: int
    message: str
    cell: int | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, self.column, cell=self.cell)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `related` in JSON."""
        return {
            **in_json(self.path, self.cell),
            "line": self.line,
            "column": self.column,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class TriedFix:
    """What mends a finding, as edits of its file: the model was run with them.

    `safe` tells that it computes the same as before. `digest` is that of the text that the edits
    are of (`modellint.source.file.text_digest`): they fit no other.
    """

    safe: bool
    message: str
    edits: tuple[Edit, ...]
    digest: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The entry `fix` of a finding in JSON."""
        edits = [edit.to_dict() for edit in self.edits]
        told = {"safe": self.safe, "message": self.message, "edits": edits}
        return {**told, "digest": self.digest}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TriedFix:
        """Read an entry `fix`."""
        return cls(**{**data, "edits": tuple(map(Edit.from_dict, data["edits"]))})


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding as reported: what a rule said, at the place that built the layer.

    Lines and columns count from 1, `end_column` is exclusive. In a notebook they are those of its
    `cell`, counted over code cells from 1; `None` in other files. `layers` are the keys of all
    `count` calls that the same construction line was flagged for; `layer` is the first. `no_fix` is
    why what the help says cannot be written into the file, where a rule knows what to change.
    `arguments` are those of the construction that the finding is about, the foremost first.
    """

    rule: str
    category: CategoryName
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
    fix: TriedFix | None = None
    cell: int | None = None
    no_fix: str | None = None
    arguments: tuple[str, ...] = ()

    @property
    def advice(self) -> str | None:
        """The help, with why there is no fix where there is none for a reason."""
        if self.no_fix is None:
            return self.help
        reason = f"no fix: {self.no_fix}"
        return f"{self.help} ({reason})" if self.help else reason

    @property
    def place(self) -> str:
        """Where it is, as reports print it: `net.py:7:22`, or `net.ipynb:cell 3:7:22`."""
        return place_of(self.path, self.line, self.column, cell=self.cell)

    @property
    def order(self) -> tuple[str, int, int, int, str, str, str]:
        """The key that reports are sorted by: place, then rule, then model and layer."""
        return (
            self.path,
            self.cell or 0,
            self.line,
            self.column,
            self.rule,
            self.model,
            self.layer,
        )

    def to_dict(self) -> dict[str, Any]:
        """The entry of `findings` in JSON."""
        told: dict[str, Any] = {
            "rule": self.rule,
            "category": self.category,
            "severity": self.severity,
            **in_json(self.path, self.cell),
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
        if self.arguments:
            told["arguments"] = list(self.arguments)
        if self.no_fix is not None:
            told["no_fix"] = self.no_fix
        return told if self.fix is None else {**told, "fix": self.fix.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnostic:
        """Read an entry of `findings`."""
        related = tuple(Related(**entry) for entry in data["related"])
        fix = TriedFix.from_dict(data["fix"]) if "fix" in data else None
        lists = {name: tuple(data.get(name, ())) for name in ("layers", "arguments")}
        return cls(**{**data, **lists, "related": related, "fix": fix})


@dataclass(frozen=True, slots=True)
class Silenced:
    """What an ignore comment kept out of the findings: a rule, at these layers of a model.

    `path`, `line` and `cell` are the comment's.
    """

    rule: str
    path: str
    line: int
    model: str
    layers: tuple[str, ...]
    cell: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry of `silenced` in JSON."""
        return {
            "rule": self.rule,
            **in_json(self.path, self.cell),
            "line": self.line,
            "model": self.model,
            "layers": list(self.layers),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Silenced:
        """Read an entry of `silenced`."""
        return cls(**{**data, "layers": tuple(data["layers"])})
