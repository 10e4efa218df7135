"""Notebooks as files: where the text of a cell stands, and that nothing else changes with it."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from notebook_files import PYTHON, Style, cell, notebook, written

from modellint.errors import FileError, NotPython
from modellint.source.file import parse_source
from modellint.source.notebooks import read_notebook

STYLES = st.builds(
    Style,
    indent=st.sampled_from([None, 0, 1, 2, "\t"]),
    ascii=st.booleans(),
    listed=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    last=st.sampled_from(["", "\n", "\r\n\n"]),
    bom=st.booleans(),
)
#: Characters that JSON escapes or not, that Python splits lines at or not, within the BMP or not.
TEXTS = st.text(st.sampled_from("ab '\"\\/#é\u2028\x0c\t\x7f😀\n"), max_size=30)
TEXT_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@given(STYLES, st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_a_new_text_is_what_the_same_program_would_have_written(style, texts, data):
    at = data.draw(st.integers(1, len(texts)))
    if style.listed and not texts[at - 1]:
        return  # Of no line there is nothing to change.
    new = data.draw(TEXTS.filter(bool))
    before = style.bytes(notebook(texts, style))
    after = read_notebook("a.ipynb", before).with_cells({at: new})
    wanted = notebook([*texts[: at - 1], new, *texts[at:]], style)
    assert json.loads(after) == wanted
    # In the raw file a list of one line does not tell how it would go on.
    if not style.listed or len(texts[at - 1].splitlines()) > 1:
        assert after == style.bytes(wanted)


@given(STYLES, st.lists(TEXTS, min_size=1, max_size=3), TEXT_ENDS, st.data())
def test_what_is_not_changed_keeps_its_bytes(style, texts, end, data):
    at = data.draw(st.integers(1, len(texts)))
    source = texts[at - 1].replace("\n", end)
    if not source:
        return
    before = style.bytes(notebook([*texts[: at - 1], source, *texts[at:]], style))
    read = read_notebook("a.ipynb", before)
    lines = [*read.lines_of(at)]
    assert read.with_cells({at: "\n".join(lines)}) == before
    line = data.draw(st.integers(0, len(lines) - 1))
    lines[line] += "  # ü"
    after = read.with_cells({at: "\n".join(lines)})
    again = read_notebook("a.ipynb", after)
    assert [*again.lines_of(at)] == lines
    # Line ends stay those of the cell, and one comment is all that is new.
    assert again.code[at - 1].text.replace("  # ü", "") == source
    first = next(i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    rest = len(before) - first
    assert before[first:] == after[len(after) - rest :]


@given(STYLES, st.lists(TEXTS.filter(bool), min_size=1, max_size=3), st.data())
@example(Style(listed=False, ascii=True), ["a😀é\nb"], None)
def test_a_place_in_a_cell_is_found_in_the_file(style, texts, data):
    read = read_notebook("a.ipynb", style.bytes(notebook(texts, style)))
    for number, found in enumerate(read.code, 1):
        for line, text in enumerate(found.lines, 1):
            for column, character in enumerate(text, 1):
                row, start = read.in_file(number, line, column)
                raw = read.raw.replace("\r\n", "\n").split("\n")[row - 1][start - 1 :]
                escaped = json.dumps(character, ensure_ascii=style.ascii)[1:-1]
                assert raw.startswith(escaped)


@given(STYLES, st.lists(TEXTS, max_size=5))
def test_every_line_of_the_module_is_one_of_a_cell(style, texts):
    read = read_notebook("a.ipynb", style.bytes(notebook(texts, style)))
    assert [found.text for found in read.code] == texts
    if not texts:
        assert read.cells.starts == (1,)
        return
    lines = [line for found in read.code for line in found.python.split("\n")]
    places = [read.cells.place(line) for line in range(1, len(lines) + 1)]
    assert places == [
        (number, line)
        for number, found in enumerate(read.code, 1)
        for line in range(1, len(found.lines) + 1)
    ]
    assert [read.cells.line(*place) for place in places] == [*range(1, len(lines) + 1)]
    for text, place in zip(lines, places, strict=True):
        typed = read.lines_of(place[0])[place[1] - 1]
        indent = read.cells.indent(place[0])
        assert text == typed.removeprefix(indent) or text.strip() in ("", "pass")


def test_escapes_that_are_not_needed_stay():
    odd = rb'{"cells":[{"source":["\u0061 = 1\n" ,"b\/c = \u00e9"],"cell_type":"code"}]}'
    read = read_notebook("a.ipynb", odd)
    assert read.lines_of(1) == ("a = 1", "b/c = é")
    made = read.with_cells({1: "a = 1  # ö\nb/c = é"})
    assert made == odd.replace(rb" = 1\n", rb" = 1  # \u00f6\n")
    assert read.with_cells({1: "a = 1"}) == odd.replace(rb'\n" ,"b\/c = \u00e9"', b'"')


def test_lines_that_come_and_go_are_texts_of_the_list():
    style = Style(indent=2)
    before = written(["a\nb\nc"], style)
    read = read_notebook("a.ipynb", before)
    for text in ("a\nc", "b\nc", "a", "a\nb\nc\nd", "z\na\nb\nc", "a\nx\ny\nb\nc", "a\n\n\nc"):
        assert read.with_cells({1: text}) == written([text], style)


def test_cells_are_counted_over_code_alone():
    made = notebook([])
    made["cells"] = [
        cell("text", kind="markdown"),
        cell("import torch"),
        cell("raw", kind="raw"),
        cell(""),
        cell("%%bash\nls"),
        cell("x = 1"),
    ]
    source = parse_source("a.ipynb", Style().bytes(made))
    assert source.lines == ("import torch", "", "", "", "x = 1")
    assert [source.place(line) for line in (1, 2, 3, 4, 5)] == [
        (1, 1), (2, 1), (3, 1), (3, 2), (4, 1)
    ]  # fmt: skip
    assert source.words(5) == "cell 4, line 1"


def test_a_future_import_and_an_await_may_stand_in_any_cell():
    source = parse_source(
        "a.ipynb",
        written(["x = 1", "%time\nfrom __future__ import annotations\nawait f()", "global x"]),
    )
    assert [type(node) for node in source.tree.body][-2:] == [ast.Expr, ast.Global]


WRONG = [
    (["x = 1", "y = 1\ndef f(:"], (2, 2)),
    (["x = 1", "y = (1,", "z = 2"], (2, 1)),
    (["x = '''", "z = 2"], (1, 1)),
    (["%%bash\nls", "return 1"], (2, 1)),
    (["x = 1 \\", "z = 2"], (1, 1)),
    (["x = \u0000"], (1, 1)),
    (["nonlocal x"], (1, 1)),
    (["x = # yours", "  y = 1\n    z = 2"], (1, 1)),
]


@pytest.mark.parametrize(("cells", "place"), WRONG)
def test_wrong_python_is_told_in_its_cell_and_the_others_count(cells, place):
    source = parse_source("a.ipynb", written([*cells, "last = 3"]))
    error = source.faults[0]
    assert (error.kind, error.path) == ("syntax-error", "a.ipynb")
    assert (error.cell, error.line) == place
    names = {node.id for node in ast.walk(source.tree) if isinstance(node, ast.Name)}
    left = [cell for at, cell in enumerate(cells, 1) if at not in {e.cell for e in source.faults}]
    assert names == {"last"} | {cell[0] for cell in left if "=" in cell}
    assert source.place(len(source.lines)) == (len(cells) + 1, 1)


CODE = '{"cell_type": "code", "source": %s}'
BROKEN = {
    "nothing": (b"", "unreadable", 1),
    "spaces": (b" \n\n", "unreadable", 1),
    "no JSON": (b'{"cells": [torch', "unreadable", 1),
    "half a file": (written(["import torch"])[:-30], "unreadable", None),
    "more than a file": (written(["x"]) + b"}", "unreadable", None),
    "a comma too many": (b'{"cells": [],}', "unreadable", 1),
    "no colon": (b'{"cells" []}', "unreadable", 1),
    "a list": (b"[1]", "unreadable", 1),
    "a number": (b"\n\n3", "unreadable", 1),
    "no cells": (b'{"metadata": {}}', "unreadable", 1),
    "cells that are none": (b'{"cells": {}}', "unreadable", 1),
    "a cell that is none": (b'{"cells": [3]}', "unreadable", 1),
    "format 3": (b'{"worksheets": [{"cells": []}], "nbformat": 3}', "unreadable", 1),
    "no source": (b'{"cells": [{"cell_type": "code"}]}', "unreadable", 1),
    "a source of numbers": (b'{"cells": [%s]}' % (CODE % "[1]").encode(), "unreadable", 1),
    "a source of null": (b'{"cells": [%s]}' % (CODE % "null").encode(), "unreadable", 1),
    "depth": (b'{"a":' + b"[" * 100_000, "unreadable", 1),
    "deep cells": (b'{"cells":' + b"[" * 100_000, "unreadable", 1),
    "another encoding": ('{"cells": [],\n"é": 1}'.encode("latin-1"), "encoding-error", 2),
    "UTF-16": ('{"cells": []}'.encode("utf-16"), "encoding-error", 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_notebook_is_one_error(name):
    data, kind, line = BROKEN[name]
    with pytest.raises(FileError) as caught:
        parse_source("a.ipynb", data)
    assert (caught.value.kind, caught.value.cell) == (kind, None)
    assert line is None or caught.value.line == line
    assert "a.ipynb" not in caught.value.message


@pytest.mark.parametrize(
    "metadata",
    [
        {"language_info": {"name": "R"}},
        {"kernelspec": {"language": "julia"}},
        {"language_info": {"name": "julia"}, "kernelspec": {"language": "python"}},
    ],
)
def test_a_notebook_of_another_language_is_none_of_ours(metadata):
    with pytest.raises(NotPython, match=r"R|julia"):
        parse_source("a.ipynb", written(["library(torch)"], metadata=metadata))


@pytest.mark.parametrize(
    "metadata", [{}, PYTHON, {"language_info": {"name": "Python"}}, {"kernelspec": 3}]
)
def test_a_notebook_that_says_nothing_is_in_python(metadata):
    assert parse_source("a.ipynb", written(["x = 1"], metadata=metadata)).text == "x = 1"
