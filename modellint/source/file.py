"""A Python source file as text: its tree, its lines and columns, and the comments for modellint.

A notebook is one, too: the code of its cells, one below the other (`modellint.source.notebooks`).
"""

from __future__ import annotations

import ast
import codecs
import hashlib
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from modellint.errors import FileError
from modellint.source.cells import Cells, Change
from modellint.source.paths import is_exported, is_notebook, regular_bytes
from modellint.source.walking import nodes_of, put_on_first_line

#: An ignore comment, its reason up to the next comment for modellint. Without brackets it silences
#: nothing, and is told so; what else follows the word is prose.
IGNORE = re.compile(
    r"#\s*modellint:\s*(?P<verb>ignore(?:-file)?)"
    r"(?:\s*\[(?P<rules>[^\]]*)\]|(?=\s*(?:--|#|$)))"
    r"(?:\s*--\s*(?P<reason>.*?)(?=\s*#\s*modellint:|$))?"
)
_INPUT = re.compile(r"#\s*modellint:\s*input\s*=\s*(?P<spec>.*?)(?:\s+--\s.*|\s*#.*)?$")
_BUILD = re.compile(r"#\s*modellint:\s*build\s*=\s*(?P<spec>.*?)(?:\s+--\s.*|\s*#.*)?$")
#: First line and column, last line and the column behind it.
Extent = tuple[int, int, int, int]
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
#: A notebook's cell may await where a module may not.
_AWAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
#: Tokens that stand between logical lines and belong to none.
_BETWEEN = frozenset({tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


@dataclass(frozen=True, slots=True)
class Ignore:
    """A comment that silences rules on the lines `first_line` to `last_line`, both included.

    `scope` is `line` (one logical line), `class` (a whole class) or `file`. `line` and `column`
    are the comment's own, both counted from 1, the column in code points.
    """

    rules: tuple[str, ...]
    line: int
    first_line: int
    last_line: int
    scope: Literal["line", "class", "file"]
    reason: str
    column: int


@dataclass(frozen=True, slots=True)
class Comment:
    """An `input=` or `build=` comment: what it says, and the logical line that it stands on."""

    text: str
    line: int
    first_line: int
    last_line: int


@dataclass(frozen=True)
class SourceFile:
    """A decoded and parsed source file; `lines` are without line ends and without the BOM.

    Of a notebook it is the module that its code cells make, which `cells` tells apart; `faults` are
    the errors of those that are no Python.
    """

    path: str
    text: str
    lines: tuple[str, ...]
    tree: ast.Module
    cells: Cells | None = None
    faults: tuple[FileError, ...] = ()

    @cached_property
    def ignores(self) -> tuple[Ignore, ...]:
        """The ignore comments, in file order."""
        return tuple(_ignores(self))

    @cached_property
    def input_comments(self) -> tuple[Comment, ...]:
        """The `input=` comments, in file order."""
        return tuple(_saying(self.text, _INPUT))

    @cached_property
    def build_comments(self) -> tuple[Comment, ...]:
        """The `build=` comments, in file order."""
        return tuple(_saying(self.text, _BUILD))

    @cached_property
    def calls(self) -> Mapping[Extent, ast.Call]:
        """The calls of the file by where they stand."""
        return {self.extent(node): node for node in nodes_of(self.tree, ast.Call)}

    @cached_property
    def call_statements(self) -> Mapping[Extent, ast.Call]:
        """The calls that are whole statements, by where they stand.

        Those in the body of a `try` are left out: they may be there to see whether they fail.
        """
        tried = {
            id(statement)
            for node in nodes_of(self.tree, ast.Try, ast.TryStar)
            for statement in node.body
        }
        return {
            self.extent(node.value): node.value
            for node in nodes_of(self.tree, ast.Expr)
            if isinstance(node.value, ast.Call)
            if id(node) not in tried
        }

    @cached_property
    def classes(self) -> Mapping[str, ast.ClassDef]:
        """The classes by name, those in blocks too; of several of one name the outermost first."""
        found: dict[str, ast.ClassDef] = {}
        level: list[ast.stmt] = list(self.tree.body)
        while level:
            for statement in level:
                if isinstance(statement, ast.ClassDef):
                    found.setdefault(statement.name, statement)
            level = [inner for statement in level for inner in blocks(statement)]
        return found

    def extent(self, node: ast.expr) -> Extent:
        """Where an expression begins and ends, in lines and code points from 1."""
        last = node.end_lineno or node.lineno
        first_column = self.column_of(node.lineno, node.col_offset)
        return node.lineno, first_column, last, self.column_of(last, node.end_col_offset or 0)

    def place(self, line: int) -> tuple[int | None, int]:
        """The cell that a line is in, and which of its lines that is; no cell in other files."""
        return (None, line) if self.cells is None else self.cells.place(line)

    def line_of(self, cell: int | None, line: int) -> int:
        """The line that `place` gave a cell for."""
        return line if cell is None or self.cells is None else self.cells.line(cell, line)

    def indent_at(self, line: int) -> str:
        """What a line of a cell begins with besides; nothing in other files."""
        return "" if self.cells is None else self.cells.indent(self.cells.place(line)[0])

    def words(self, line: int) -> str:
        """A line as a text names it: `line 17`; of a notebook, `cell 3, line 7`."""
        return f"line {line}" if self.cells is None else self.cells.words(line)

    def snippet(self, line: int) -> str:
        """The text of a line counted from 1, or nothing where there is no such line."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else ""

    def column_of(self, line: int, utf8_byte_offset: int) -> int:
        """The column, in code points from 1, of an offset that `ast` or `co_positions` gave."""
        text = self.snippet(line)
        return min(column_in(text, utf8_byte_offset), len(text) + 1)


def column_in(text: str, utf8_byte_offset: int) -> int:
    """The column in a line, in code points from 1, of an offset that Python gave in bytes.

    Of a text that is not known the bytes count.
    """
    offset = max(utf8_byte_offset, 0)
    if text.isascii():
        return offset + 1
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore")) + 1


def blocks(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements in a statement's blocks; expressions are not searched."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(statement, block, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            else:  # An except or a case has its own block.
                yield from inner.body


@contextmanager
def deep_trees() -> Iterator[None]:
    """Let functions recurse into any tree that the compiler accepts.

    In `1 + 1 + ...` each term is a level; the compiler's greatest depth is some 1500 levels, and
    each takes several calls.
    """
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 20_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def mentions_torch(data: bytes) -> bool:
    """Whether a file's bytes can concern modellint at all; a file without `torch` has no model.

    timm and Lightning files that never say torch exist, hence the other words. UTF-16 spells the
    word with NUL bytes: such a file is let through, so that its error is reported.
    """
    words = (b"torch", b"timm", b"lightning")
    return any(word in data for word in words) or data.startswith(_UTF16_BOMS)


def read_source(path: str | Path) -> SourceFile:
    """Read, decode and compile a file; raise `FileError` with the line if it is no valid Python."""
    if is_exported(path):
        from modellint.exported.archive import source_text  # Few runs have one.

        return parse_source(str(path), source_text(str(path)).encode())
    return parse_source(str(path), read_bytes(path))


def parse_source(path: str, data: bytes) -> SourceFile:
    """Decode and compile a file's bytes, as `read_source` does for a file on disk."""
    if is_notebook(path):
        from modellint.source.notebooks import read_notebook  # Most runs have no notebook.

        code = read_notebook(path, data).code
        return parse_cells(path, [cell.python for cell in code], [cell.indent for cell in code])
    lines = split_lines(decoded(path, data))
    text = "\n".join(lines)
    tree = _parse(path, text)
    if is_exported(path):
        put_on_first_line(tree)  # Such a file has no other.
    return SourceFile(path, text, lines, tree)


def parse_cell(path: str, text: str) -> SourceFile:
    """What a kernel ran under a name; raise `FileError` where that is no Python."""
    return SourceFile(path, text, split_lines(text), _parse_each(path, text))


def parse_cells(path: str, cells: Sequence[str], indents: Sequence[str] = ()) -> SourceFile:
    """The module that cells of Python make, those left out that are none, as IPython runs them.

    `indents` are what all lines of each cell begin with. Raises `FileError` where cells that are
    Python make none together.
    """
    faults: list[FileError] = []
    read = [*cells]
    try:
        tree = _parse_each(path, "\n".join(read))
    except FileError:
        for at, cell in enumerate(cells):
            try:
                _parse_each(path, cell)
            except FileError as error:
                read[at] = "\n" * cell.count("\n")
                message = error.message
                faults.append(FileError(error.kind, path, error.line, message, cell=at + 1))
        tree = _parse_each(path, "\n".join(read))
    text = "\n".join(read)
    places = Cells.of(read, indents)
    return SourceFile(path, text, tuple(text.split("\n")), tree, places, tuple(faults))


def changed_source(source: SourceFile, text: str, changes: Iterable[Change] = ()) -> SourceFile:
    """The file with another text, which `changes` have made of the one that it has.

    Raises `FileError` where that is no valid Python.
    """
    cells = None if source.cells is None else source.cells.after(changes)
    tree = _parse(source.path, text) if cells is None else _parse_each(source.path, text)
    return SourceFile(source.path, text, split_lines(text), tree, cells, source.faults)


def text_digest(text: str) -> str:
    """What tells a text from others, whatever its encoding and its line ends."""
    data = "\n".join(split_lines(text)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def split_lines(text: str) -> tuple[str, ...]:
    """The lines of a text without their ends, as Python counts them.

    Python ends lines at \\n, \\r\\n and \\r only: `str.splitlines` would also split at form feeds.
    """
    return tuple(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))


def read_bytes(path: str | Path) -> bytes:
    """The bytes of a file; raise `FileError` if it cannot be read."""
    try:
        return regular_bytes(path)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise FileError("unreadable", str(path), None, message) from error


def decoded(path: str, data: bytes) -> str:
    """The text of Python code, without a BOM; raise `FileError` for what is no text."""
    if data.startswith(_UTF16_BOMS) or _alternates_with_nul(data):
        raise FileError("encoding-error", path, 1, "looks like UTF-16; save the file as UTF-8")
    if b"\0" in data:
        offset = data.index(b"\0")
        raise FileError("syntax-error", path, 1, f"1:1: contains a NUL byte (at byte {offset})")
    unknown: SyntaxError | None = None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        # Raised for an unknown codec and for undecodable first lines alike.
        encoding = "utf-8"
        unknown = error
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = (
            f"byte {error.start} (0x{data[error.start]:02x}) is not valid {encoding}; "
            "save the file as UTF-8 or declare its encoding in a coding line"
        )
        raise FileError("encoding-error", path, line, message) from error
    except (LookupError, ValueError) as error:
        # Codecs that turn no bytes into text, such as zlib, or none at all, such as undefined.
        message = f"{encoding} is no encoding of source code ({error}); correct the coding line"
        raise FileError("encoding-error", path, 1, message) from error
    if unknown is not None:
        message = f"{unknown.msg or 'unknown encoding'}; correct the coding line"
        raise FileError("encoding-error", path, 1, message) from unknown
    return text.removeprefix("\ufeff")


def _alternates_with_nul(data: bytes) -> bool:
    head = data[:64]
    return len(head) >= 4 and (not any(head[::2]) or not any(head[1::2]))


def _parse_each(path: str, text: str) -> ast.Module:
    """The tree of what a notebook's cells have: IPython compiles each statement by itself."""
    return _parse(path, text, lambda tree: [ast.Module([one], []) for one in tree.body], _AWAITS)


def _whole(tree: ast.Module) -> list[ast.Module]:
    return [tree]


def _parse(
    path: str,
    text: str,
    compiled: Callable[[ast.Module], list[ast.Module]] = _whole,
    flags: int = 0,
) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, path)
            # The parser accepts what only the compiler refuses: `return` outside a function,
            # `nonlocal` at module level, expressions nested too deeply.
            for part in compiled(tree):
                compile(part, path, "exec", flags, dont_inherit=True)
    except SyntaxError as error:
        last = text.count("\n") + 1
        line = min(max(error.lineno or 1, 1), last)
        raise FileError("syntax-error", path, line, _syntax_message(error, line)) from error
    except (MemoryError, RecursionError) as error:
        message = "nested too deeply for Python's compiler; split the expression"
        raise FileError("syntax-error", path, _longest_line(text), message) from error
    except ValueError as error:
        raise FileError("syntax-error", path, 1, f"1:1: {error}") from error
    return tree


def _syntax_message(error: SyntaxError, line: int) -> str:
    version = ".".join(map(str, sys.version_info[:2]))
    return f"{line}:{max(error.offset or 1, 1)}: {error.msg} (read as Python {version})"


def _longest_line(text: str) -> int:
    lengths = [len(line) for line in text.split("\n")]
    return lengths.index(max(lengths)) + 1


def _saying(text: str, pattern: re.Pattern[str]) -> Iterator[Comment]:
    if "modellint:" not in text:
        return
    for comment, first, last in _comments(text):
        match = pattern.search(comment.string)
        if match is not None:
            yield Comment(match["spec"].strip(), comment.start[0], first, last)


def _comments(text: str) -> Iterator[tuple[tokenize.TokenInfo, int, int]]:
    """Each comment with the first and last line of the logical line it stands on."""
    if "modellint:" not in text:
        return
    pending: list[tokenize.TokenInfo] = []
    start: int | None = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if start is None:
                yield token, token.start[0], token.start[0]
            else:
                pending.append(token)
        elif token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            for comment in pending:
                yield comment, start or comment.start[0], token.start[0]
            pending, start = [], None
        elif token.type not in _BETWEEN and start is None:
            start = token.start[0]


def _ignores(source: SourceFile) -> Iterator[Ignore]:
    classes: dict[int, ast.ClassDef] | None = None
    for comment, first, last in _comments(source.text):
        # To Python, what is written behind a comment is part of it.
        for match in IGNORE.finditer(comment.string):
            if classes is None:
                classes = {node.lineno: node for node in nodes_of(source.tree, ast.ClassDef)}
            yield _ignore(source, comment, match, first, last, classes)


def _ignore(
    source: SourceFile,
    comment: tokenize.TokenInfo,
    match: re.Match[str],
    first: int,
    last: int,
    classes: Mapping[int, ast.ClassDef],
) -> Ignore:
    """What one part of a comment says, which stands on the logical line from first to last."""
    scope: Literal["line", "class", "file"] = "line"
    if match["verb"] == "ignore-file":
        scope, first, last = "file", 1, len(source.lines)
    elif first in classes:
        scope, last = "class", classes[first].end_lineno or last
    names = (name.strip() for name in (match["rules"] or "").split(","))
    line, offset = comment.start
    return Ignore(
        rules=tuple(filter(None, names)),
        line=line,
        first_line=first,
        last_line=last,
        scope=scope,
        reason=(match["reason"] or "").strip(),
        column=offset + match.start() + 1,
    )
