"""Reading source files: encodings, syntax errors, columns, comments."""

from __future__ import annotations

import ast
import encodings
import pkgutil
from pathlib import Path

import pytest

from modellint.errors import FileError
from modellint.source.file import mentions_torch, parse_source, read_source


def failure(data: bytes) -> FileError:
    with pytest.raises(FileError) as caught:
        parse_source("net.py", data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "kind", "line"),
    [
        (b"def f(:\n", "syntax-error", 1),
        (b"x = 1\0\n", "syntax-error", 1),
        (b"x = 1\ny = '\xe9'\n", "encoding-error", 2),
        (b"# -*- coding: nonsense -*-\nx = 1\n", "encoding-error", 1),
        ("x = 1\n".encode("utf-16"), "encoding-error", 1),
        ("x = 1\n".encode("utf-16-le"), "encoding-error", 1),
        (b"if 1:\n        x = 1\n\ty = 2\n", "syntax-error", 3),
        (b"print 'hello'\n", "syntax-error", 1),
        (b"x = 1\nreturn 3\n", "syntax-error", 2),
        (b"x = " + b"(" * 300 + b")" * 300, "syntax-error", 1),
        (b"y = 1\nx = " + b"-" * 200_000 + b"1\n", "syntax-error", 2),
        (b"x = 1" + b"+1" * 100_000, "syntax-error", 1),
    ],
)
def test_invalid_file_is_an_error_at_its_line(data: bytes, kind: str, line: int) -> None:
    error = failure(data)
    assert (error.kind, error.path, error.line) == (kind, "net.py", line)


def test_whatever_codec_a_file_names_it_is_read_or_told_why_not() -> None:
    """Python has codecs that turn no bytes into text, and one that refuses everything."""
    refused = set()
    for codec in pkgutil.iter_modules(encodings.__path__):
        for line in (b"import torch", b"# \xff\xfe\x80", b"x = '+ADw-'  # \\ud800 \\x00"):
            try:
                parse_source("net.py", b"# coding: %s\n%s\n" % (codec.name.encode(), line))
            except FileError as error:
                assert error.kind in ("encoding-error", "syntax-error")
                refused.add(codec.name)
    assert refused >= {"zlib_codec", "hex_codec", "rot_13", "undefined", "aliases"}
    assert "latin_1" not in refused


def test_messages_name_the_cause() -> None:
    assert "NUL byte" in failure(b"x = 1\0\n").message
    assert "UTF-16" in failure("x = 1\n".encode("utf-16")).message
    assert "byte 5 " in failure(b"x = '\xe9'\n").message
    assert "2:5:" in failure(b"x = 1\ny = (\n").message


def test_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read_source(tmp_path / "nowhere.py")
    assert caught.value.kind == "unreadable"


def test_bom_does_not_shift_columns() -> None:
    source = parse_source("net.py", b"\xef\xbb\xbfnet = Net()\n")
    assert source.lines[0] == "net = Net()"
    assert source.column_of(1, 6) == 7


def test_coding_line_decides_the_codec() -> None:
    source = parse_source("net.py", b"# coding: latin-1\nname = '\xe9'; x = 1\n")
    assert source.lines[1] == "name = 'é'; x = 1"
    statement = source.tree.body[1]
    assert source.column_of(2, statement.col_offset) == 13


def test_line_ends_of_any_kind_count_and_leave_no_trace() -> None:
    source = parse_source("net.py", b"a = 1\r\nb = 2\rc = 3\nd = '\x0c'\n")
    assert [node.lineno for node in source.tree.body] == [1, 2, 3, 4]
    assert source.lines[:4] == ("a = 1", "b = 2", "c = 3", "d = '\x0c'")


def test_columns_count_code_points() -> None:
    source = parse_source("net.py", "x = ('é😀', Net(3))\n".encode())
    call = next(node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    assert source.column_of(1, call.col_offset) == source.lines[0].index("Net") + 1
    assert source.column_of(9, 4) == 1


def test_empty_files_are_valid() -> None:
    assert parse_source("net.py", b"").tree.body == []
    assert parse_source("net.py", b"# nothing\n").ignores == ()


def test_file_without_torch_is_told_from_its_bytes() -> None:
    assert mentions_torch(b"import torch.nn as nn")
    assert not mentions_torch(b"import numpy")
    assert mentions_torch("import torch".encode("utf-16"))


COMMENTED = b"""\
import torch.nn as nn  # modellint: ignore-file[rule-f]


class Net(nn.Module):  # modellint: ignore[rule-a] -- the paper's own
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(
            1,
            5,  # modellint: ignore[rule-b, rule-c]
            3,
        )
        self.text = "# modellint: ignore[rule-d]"
        self.pool = nn.MaxPool2d(2)  # type: ignore  # modellint: ignore[rule-e]
"""


def test_ignores_cover_their_statement_class_or_file() -> None:
    ignores = parse_source("net.py", COMMENTED).ignores
    summary = [(i.rules, i.scope, i.line, i.first_line, i.last_line) for i in ignores]
    assert summary == [
        (("rule-f",), "file", 1, 1, 14),
        (("rule-a",), "class", 4, 4, 13),
        (("rule-b", "rule-c"), "line", 9, 7, 11),
        (("rule-e",), "line", 13, 13, 13),
    ]
    assert ignores[1].reason == "the paper's own"
    assert ignores[2].column == 17


def test_several_ignores_of_one_comment_all_count() -> None:
    said = ("ignore-file[a]", "ignore[b] -- why #3", "ignore[c]")
    text = "x = 1" + "".join(f"  # modellint: {one}" for one in said)
    file, *lines = parse_source("net.py", f"{text}\n".encode()).ignores
    assert (file.rules, file.scope) == (("a",), "file")
    assert [(one.rules, one.reason) for one in lines] == [(("b",), "why #3"), (("c",), "")]
    assert [text[one.column - 1 :].startswith("# modellint: ignore[") for one in lines] == [
        True
    ] * 2


def test_an_ignore_without_brackets_names_no_rule_and_prose_is_none() -> None:
    for text in ("ignore", "ignore -- why", "ignore-file  # noqa", "ignore[]"):
        (ignore,) = parse_source("net.py", f"x = 1  # modellint: {text}\n".encode()).ignores
        assert ignore.rules == ()
    assert not parse_source("net.py", b"# modellint: ignore comments are told\n").ignores


def test_ignore_on_a_decorated_class_still_covers_the_class() -> None:
    data = b"@decorate\nclass Net:  # modellint: ignore[rule-a]\n    x = 1\n"
    (ignore,) = parse_source("net.py", data).ignores
    assert (ignore.scope, ignore.first_line, ignore.last_line) == ("class", 2, 3)


def test_comment_on_a_line_of_its_own_covers_that_line_only() -> None:
    (ignore,) = parse_source("net.py", b"x = 1\n# modellint: ignore[rule-a]\ny = 1\n").ignores
    assert (ignore.first_line, ignore.last_line) == (2, 2)


def test_input_comment_is_read_from_the_class_line() -> None:
    data = b"class Net:  # modellint: input=(1, 28, 28)\n    x = '# modellint: input=(2,)'\n"
    (comment,) = parse_source("net.py", data).input_comments
    assert (comment.text, comment.line) == ("(1, 28, 28)", 1)
