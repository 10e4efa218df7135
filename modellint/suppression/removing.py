"""An ignore comment without some of its rules, or without any of it, as an edit of its file."""

from __future__ import annotations

import re
from collections.abc import Collection

from modellint.fixes.edits import Edit
from modellint.results.findings import TriedFix
from modellint.source.file import IGNORE, Ignore, SourceFile, text_digest

#: Not the number of an issue, as in `see #12`.
_COMMENT = re.compile(r"#\s*[A-Za-z]")


def without_rules(
    ignore: Ignore, rules: Collection[str], source: SourceFile, shown: str
) -> TriedFix | None:
    """The fix that takes rules out of a comment, which goes with the last of them.

    It is safe: a comment is no part of a model. `None` where no rule is to go.
    """
    kept = [name for name in ignore.rules if name not in rules]
    text = source.snippet(ignore.line)
    found = IGNORE.match(text, ignore.column - 1)
    if found is None or len(kept) == len(ignore.rules):
        return None
    if kept:
        message = f"ignore[{', '.join(kept)}]"
        edit = _edit(ignore, source, shown, found.span("rules"), ", ".join(kept))
    else:
        message = "without the comment"
        # What is written behind it is its reason, up to a comment for another tool.
        other = _COMMENT.search(text, found.start() + 1)
        end = len(text) if other is None else other.start()
        start = found.start() if end < len(text) else len(text[: found.start()].rstrip())
        edit = _edit(ignore, source, shown, (start, end), "")
        is_last = ignore.line == len(source.lines)
        if not text[: found.start()].strip() and end == len(text) and not is_last:
            edit = _whole_line(edit, source)
    return TriedFix(True, message, (edit,), text_digest(source.text))


def _edit(ignore: Ignore, source: SourceFile, shown: str, span: tuple[int, int], text: str) -> Edit:
    """The edit of a part of the comment's line, whose columns are those of its file or cell."""
    cell, line = source.place(ignore.line)
    indent = len(source.indent_at(ignore.line))
    start, end = (column + 1 + indent for column in span)
    return Edit(line, start, line, end, text, shown, cell)


def _whole_line(edit: Edit, source: SourceFile) -> Edit:
    """The edit that takes the line of a comment with it; a cell of a notebook keeps its lines."""
    if source.cells is not None:
        return edit
    return edit._replace(column=1, end_line=edit.line + 1, end_column=1)
