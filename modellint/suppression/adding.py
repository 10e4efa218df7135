"""Writes ignore comments into source files, one at each finding; nothing else changes in them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modellint.errors import FileError, UsageError
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.source.cells import Cells
from modellint.source.file import IGNORE, Ignore, SourceFile, deep_trees, parse_source
from modellint.source.paths import absolute_path, regular_bytes
from modellint.source.replacing import replace_source

#: What a comment cannot silence: it is about comments.
_ABOUT_COMMENTS = "unused-ignore"
#: A line to change, the rules to add there, and the comment that takes them in.
_Edit = tuple[int, list[str], Ignore | None]
_PHYSICAL = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


@dataclass(frozen=True)
class Suppressed:
    """How many comments were written or extended, by file, and the findings that got none, why."""

    written: Mapping[str, int]
    left: tuple[tuple[Diagnostic, str], ...]


def add_ignores(report: Report, reason: str) -> Suppressed:
    """Write a comment at each finding of a report; one that is there already takes the rule in.

    Encoding, line ends and other comments stay. A file is written only if it says the same to
    Python as before. Raises `UsageError` for a reason that is no text of one line.
    """
    if not reason.isprintable():
        raise UsageError("--add-ignore: the reason must be one line of text")
    written: dict[str, int] = {}
    left: list[tuple[Diagnostic, str]] = []
    by_path: dict[str, list[Diagnostic]] = {}
    for finding in report.findings:
        hindrance = _hindrance(finding, report)
        if hindrance is None:
            by_path.setdefault(finding.path, []).append(finding)
        else:
            left.append((finding, hindrance))
    for path, findings in by_path.items():
        try:
            written[path] = _rewrite(Path(path), findings, reason)
        except (FileError, OSError, UnicodeEncodeError) as error:
            left += [(finding, f"{path} cannot be changed: {error}") for finding in findings]
    return Suppressed(written, tuple(left))


def _hindrance(finding: Diagnostic, report: Report) -> str | None:
    if finding.rule == _ABOUT_COMMENTS:
        return "remove the comment instead"
    if finding.path in report.texts:
        return "standard input cannot be changed"
    path = Path(absolute_path(finding.path))
    if not path.is_relative_to(Path.cwd()) or "site-packages" in path.parts:
        return "the file lies outside of the current folder"
    return None


def _rewrite(path: Path, findings: Iterable[Diagnostic], reason: str) -> int:
    """Change one file; return how many comments it got or had extended."""
    data = regular_bytes(path)
    changed, count = with_ignores(str(path), data, findings, reason)
    replace_source(path, data, changed)
    return count


def with_ignores(
    path: str, data: bytes, findings: Iterable[Diagnostic], reason: str
) -> tuple[bytes, int]:
    """What a file holds with a comment at each of its findings, and how many that are.

    Raises `FileError` where the comments would change what the file says to Python.
    """
    source = parse_source(path, data)
    edits = list(_edits(source, findings))
    if source.cells is None:
        changed = _in_lines(data, edits, reason)
    else:
        changed = _in_cells(path, data, source.cells, edits, reason)
    after = parse_source(path, changed)
    with deep_trees():
        same = ast.dump(after.tree) == ast.dump(source.tree)
    if not same:
        raise FileError("syntax-error", path, None, "a comment would change its meaning")
    return changed, len(edits)


def _in_lines(data: bytes, edits: Iterable[_Edit], reason: str) -> bytes:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    lines = _PHYSICAL.findall(data.decode(encoding))
    for line, rules, ignore in edits:
        text = lines[line - 1].rstrip("\r\n")
        end = lines[line - 1][len(text) :]
        lines[line - 1] = _with_rules(text, rules, ignore, reason) + end
    return "".join(lines).encode(encoding)


def _in_cells(path: str, data: bytes, cells: Cells, edits: Iterable[_Edit], reason: str) -> bytes:
    """The same in the cells of a notebook, of which all else stays."""
    from modellint.source.notebooks import read_notebook

    notebook = read_notebook(path, data)
    changed: dict[int, list[str]] = {}
    for module_line, rules, ignore in edits:
        cell, line = cells.place(module_line)
        lines = changed.setdefault(cell, [*notebook.lines_of(cell)])
        indent = cells.indent(cell)
        text = lines[line - 1].removeprefix(indent)
        lines[line - 1] = indent + _with_rules(text, rules, ignore, reason)
    return notebook.with_cells({cell: "\n".join(lines) for cell, lines in changed.items()})


def _edits(source: SourceFile, findings: Iterable[Diagnostic]) -> Iterator[_Edit]:
    """The physical lines to change, with the rules to add and the comment that takes them in."""
    logical = list(_logical_lines(source))
    wanted: dict[tuple[int, int], list[Diagnostic]] = {}
    free: dict[tuple[int, int], frozenset[int]] = {}
    for finding in findings:
        line = source.line_of(finding.cell, finding.line)
        for first, last, lines in logical:
            if first <= line <= last:
                wanted.setdefault((first, last), []).append(finding)
                free[first, last] = lines
    for (first, last), there in wanted.items():
        rules = list(dict.fromkeys(finding.rule for finding in there))
        ignore = next(
            (
                one
                for one in source.ignores
                if one.scope != "file" and first <= one.line <= last and one.first_line >= first
            ),
            None,
        )
        end = source.line_of(there[0].cell, there[0].end_line)
        at = end if end in free[first, last] else last
        yield ignore.line if ignore else at, rules, ignore


def _with_rules(text: str, rules: list[str], ignore: Ignore | None, reason: str) -> str:
    """A physical line with rules in its ignore comment, a new one unless there is one."""
    because = f" -- {reason}" if reason else ""
    if ignore is None:
        return f"{text.rstrip()}  # modellint: ignore[{', '.join(rules)}]{because}"
    head, tail = text[: ignore.column - 1], text[ignore.column - 1 :]
    match = IGNORE.match(tail)
    assert match is not None
    names = list(dict.fromkeys([*ignore.rules, *rules]))
    word, rest = tail[: match.end("verb")], tail[match.end() :]
    behind = match.end("verb") if match["rules"] is None else match.end("rules") + 1
    kept = tail[behind : match.end()]
    if not match["reason"]:
        # A lone `--` gives way, the space behind it does not.
        kept = because + kept[len(kept.rstrip()) :]
    return f"{head}{word}[{', '.join(names)}]{kept}{rest}"


def _logical_lines(source: SourceFile) -> Iterator[tuple[int, int, frozenset[int]]]:
    """Each logical line's first and last physical line, and those that may end in a comment.

    A comment cannot stand within a text of several lines, nor behind a backslash.
    """
    start: int | None = None
    inside: set[int] = set()
    texts: list[int] = []
    starts = ("FSTRING_START", "TSTRING_START")
    ends = ("FSTRING_END", "TSTRING_END")
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("NL", "INDENT", "DEDENT", "COMMENT", "ENDMARKER"):
            continue
        if start is None:
            start = token.start[0]
        if kind in starts:
            texts.append(token.start[0])
        elif kind == "STRING" or (kind in ends and texts):
            first = token.start[0] if kind == "STRING" else texts.pop()
            inside.update(range(first, token.end[0]))
        elif kind == "NEWLINE":
            last = token.start[0]
            free = frozenset(
                line
                for line in range(start, last + 1)
                if line not in inside and not source.snippet(line).rstrip().endswith("\\")
            )
            yield start, last, free
            start, inside = None, set()
