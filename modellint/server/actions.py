"""What an editor offers to do about a finding: its fix, an ignore comment, the page of its rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from io import BytesIO
from tokenize import detect_encoding

from lsprotocol import types

from modellint.errors import FileError
from modellint.fixes.edits import Edit
from modellint.mending.choosing import offered
from modellint.report.lines import printable
from modellint.results.findings import Diagnostic
from modellint.server.buffers import Buffer, Part
from modellint.server.diagnostics import Diagnostics
from modellint.server.ranges import Ranges
from modellint.server.runs import Result
from modellint.source.file import split_lines
from modellint.source.notebooks import read_notebook
from modellint.source.paths import is_notebook, shown_path
from modellint.suppression.adding import with_ignores

#: All safe fixes of a file, as editors make them when it is saved; and those that are not.
FIX_ALL = "source.fixAll.modellint"
FIX_ALL_UNSAFE = "source.unsafeFixAll.modellint"
KINDS = (types.CodeActionKind.QuickFix, FIX_ALL, FIX_ALL_UNSAFE)
#: The command that shows the page of a rule.
EXPLAIN = "modellint.explain"
#: What a comment cannot silence: it is about comments.
_ABOUT_COMMENTS = "unused-ignore"


@dataclass(frozen=True)
class Actions:
    """The actions that go with the findings of a result, which is that of the text as it stands.

    `versioned` is whether the editor takes edits of one version of a text, and no other.
    """

    result: Result
    diagnostics: Diagnostics
    versioned: bool

    @property
    def _ranges(self) -> Ranges:
        return self.diagnostics.ranges

    @property
    def _buffer(self) -> Buffer:
        return self.result.buffer

    def at(self, part: Part, where: types.Range) -> Iterator[types.CodeAction]:
        """The actions for the findings that a range touches."""
        there = [*self._findings(part, where)]
        for finding in there:
            yield from self._fix(part, finding)
        for finding in there:
            yield from self._ignore(part, finding)
        for rule in dict.fromkeys(finding.rule for finding in there):
            command = types.Command(title=f"Explain {rule}", command=EXPLAIN, arguments=[rule])
            yield types.CodeAction(
                title=command.title, kind=types.CodeActionKind.QuickFix, command=command
            )

    def of_file(self, part: Part) -> Iterator[types.CodeAction]:
        """The actions that make all fixes of the file; what they change is asked for later."""
        findings = self.result.report.findings
        safe = len(offered(findings, unsafe=False))
        every = len(offered(findings, unsafe=True))
        data = {"uri": part.uri}
        if safe:
            title = f"Make all safe fixes of modellint ({safe})"
            yield types.CodeAction(title, kind=FIX_ALL, data={**data, "unsafe": False})
        if every > safe:
            title = f"Make all fixes of modellint, also those that change the model ({every})"
            yield types.CodeAction(title, kind=FIX_ALL_UNSAFE, data={**data, "unsafe": True})

    def changed(self, data: bytes) -> types.WorkspaceEdit:
        """What turns the texts of the file into those of other bytes of it."""
        found = []
        for part, text in zip(self._buffer.parts, _texts(self._buffer, data), strict=True):
            edits = [*_differences(part, text, self._ranges)]
            found += [(part, edits)] if edits else []
        return self._edit(found)

    def _findings(self, part: Part, where: types.Range) -> Iterator[Diagnostic]:
        path = shown_path(self._buffer.path)
        for finding in self.result.report.findings:
            if (finding.path, finding.cell) == (path, part.cell):
                there = self.diagnostics.range(part, finding)
                if there.start <= where.end and where.start <= there.end:
                    yield finding

    def _fix(self, part: Part, finding: Diagnostic) -> Iterator[types.CodeAction]:
        fix = finding.fix
        if fix is None:
            return
        found: dict[int | None, list[Edit]] = {}
        for edit in fix.edits:
            found.setdefault(edit.cell, []).append(edit)
        parts = [(self._buffer.part(cell), edits) for cell, edits in found.items()]
        changes = [
            (there, [self._text_edit(there, edit) for edit in edits])
            for there, edits in parts
            if there is not None
        ]
        what = "" if fix.safe else " (changes what the model computes)"
        yield types.CodeAction(
            title=f"{printable(fix.message)}{what}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[self.diagnostics.finding(part, finding)],
            is_preferred=fix.safe,
            edit=self._edit(changes),
        )

    def _text_edit(self, part: Part, edit: Edit) -> types.TextEdit:
        where = self._ranges.range(part, edit.line, edit.column, edit.end_line, edit.end_column)
        return types.TextEdit(where, edit.text)

    def _ignore(self, part: Part, finding: Diagnostic) -> Iterator[types.CodeAction]:
        if finding.rule == _ABOUT_COMMENTS:
            return
        try:
            changed, _ = with_ignores(self._buffer.path, self._buffer.data, [finding], "")
        except (FileError, UnicodeError):
            return
        yield types.CodeAction(
            title=f"Ignore {finding.rule} here",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[self.diagnostics.finding(part, finding)],
            edit=self.changed(changed),
        )

    def _edit(
        self, changes: Iterable[tuple[Part, Sequence[types.TextEdit]]]
    ) -> types.WorkspaceEdit:
        if not self.versioned:
            return types.WorkspaceEdit(changes={part.uri: edits for part, edits in changes})
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(
                    types.OptionalVersionedTextDocumentIdentifier(part.uri, part.version), edits
                )
                for part, edits in changes
            ]
        )


def _texts(buffer: Buffer, data: bytes) -> list[str]:
    """The texts of a file that holds other bytes, one for each of its parts."""
    if is_notebook(buffer.path):
        notebook = read_notebook(buffer.path, data)
        return [notebook.typed(number) for number in range(1, len(notebook.code) + 1)]
    encoding, _ = detect_encoding(BytesIO(data).readline)
    return [data.decode(encoding)]


def _differences(part: Part, text: str, ranges: Ranges) -> Iterator[types.TextEdit]:
    """Edits of the lines that differ, which leave the others as they are."""
    new = split_lines(text)
    matcher = SequenceMatcher(None, part.lines, new, autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        lines = new[begin:end]
        if last < len(part.lines):
            where = ranges.range(part, first + 1, 1, last + 1, 1)
            yield types.TextEdit(where, "".join(f"{line}\n" for line in lines))
        elif first:
            behind = len(part.lines[first - 1]) + 1
            end_column = len(part.lines[-1]) + 1
            where = ranges.range(part, first, behind, len(part.lines), end_column)
            yield types.TextEdit(where, "".join(f"\n{line}" for line in lines))
        else:
            where = ranges.range(part, 1, 1, len(part.lines), len(part.lines[-1]) + 1)
            yield types.TextEdit(where, "\n".join(lines))
