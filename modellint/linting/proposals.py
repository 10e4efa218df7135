"""What rules would change for their findings, as edits that nobody has tried yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modellint.fixes.changes import Fix, SetArgument, SetNumber
from modellint.fixes.edits import Edit
from modellint.fixes.sites import NoEdit, Text
from modellint.fixes.spelling import edits_of
from modellint.graph import Graph
from modellint.results.findings import Diagnostic


@dataclass(frozen=True, slots=True)
class Proposal:
    """A fix of a finding as edits of the file, or why there are none.

    `instead` is what is tried where it does not pass.
    """

    finding: Diagnostic
    fix: Fix
    edits: tuple[Edit, ...]
    hindrance: str = ""
    instead: Proposal | None = None

    @property
    def is_to_be_tried(self) -> bool:
        """Whether it is to be made, or to be tried at least, since its help has a number."""
        return bool(self.edits or (self.finding.rule and self.names_a_number))

    @property
    def names_a_number(self) -> bool:
        """Whether the help says what an argument of a layer is to be."""
        told = self.finding.help or ""
        sets = any(isinstance(change, (SetArgument, SetNumber)) for change in self.fix.changes)
        return sets and any(letter.isdigit() for letter in told)


def proposal(
    finding: Diagnostic, fixes: Iterable[Fix | None], graph: Graph, text: Text
) -> Proposal | None:
    """What mends a finding that stands for one or several of a rule; `None` where nothing does."""
    offered = [fix for fix in fixes if fix is not None]
    if not offered:
        return None
    changes = [change for fix in offered for change in fix.changes]
    fix = offered[0]._replace(changes=changes, safe=all(one.safe for one in offered))
    others = [one.instead for one in offered]
    instead = proposal(finding, others, graph, text) if all(others) else None
    if instead is not None and not instead.edits:
        instead = None
    try:
        return Proposal(finding, fix, edits_of(fix, graph, text), instead=instead)
    except NoEdit as reason:
        return instead or Proposal(finding, fix, (), str(reason))
