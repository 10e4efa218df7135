"""Edits of a file's bytes: whatever its encoding and line ends, nothing else changes."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modellint.errors import FileError
from modellint.fixes.edits import Edit, edited
from modellint.mending.rewriting import rewritten
from modellint.source.file import parse_source

ENDS = re.compile(r"\r\n|\r|\n")
#: Comments, so that every line is Python and what stands in it is free.
LINES = st.lists(st.text(st.sampled_from("aé網\f\t# "), max_size=8), min_size=1, max_size=7)
CODINGS = {
    "utf-8": "aé網",
    "utf-8-sig": "aé網",
    "latin-1": "aé",
    "cp1252": "aé€",
    "shift_jis": "a網",
}


@st.composite
def files(draw):
    """A file's bytes, and edits of its text that do not touch each other."""
    encoding = draw(st.sampled_from(sorted(CODINGS)))
    lines = draw(LINES)
    lines = ["#" + "".join(c for c in line if c in CODINGS[encoding] + "\t# ") for line in lines]
    if not encoding.startswith("utf"):
        lines.insert(0, f"# coding: {encoding}")
    ends = [draw(st.sampled_from(["\n", "\r\n", "\r"])) for _ in lines]
    ends[-1] = draw(st.sampled_from(["", ends[-1]]))
    if not encoding.startswith("utf"):
        # Python reads the coding line up to a newline.
        ends[0] = ends[0].replace("\r", "\n")[:1]
    text = "".join(map("".join, zip(lines, ends, strict=True)))
    first = 2 if not encoding.startswith("utf") else 1
    places = st.integers(first, len(lines)).flatmap(
        lambda line: st.tuples(st.just(line), st.integers(2, len(lines[line - 1]) + 1))
    )
    cuts = sorted(draw(st.sets(places, max_size=6)))
    if len(cuts) % 2:
        cuts.append(cuts[-1])
    written = st.lists(st.text(st.sampled_from(CODINGS[encoding]), max_size=3), max_size=3)
    edits = [
        Edit(*start, *end, "\n#".join(draw(written)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=True)
    ]
    return text.encode(encoding), encoding, edits


@given(files())
@example(("#a\r\n#b".encode("utf-8-sig"), "utf-8-sig", [Edit(2, 3, 2, 3, "\n#c")]))
def test_the_text_is_edited_and_the_rest_of_the_bytes_stays(file):
    data, encoding, edits = file
    made = rewritten("net.py", data, edits)
    before, after = (parse_source("net.py", one).text for one in (data, made))
    assert after == edited(before, edits)
    # BOM and coding line.
    assert made.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
    old, new = (ENDS.findall(one.decode(encoding)) for one in (data, made))
    # The ends of the lines before the first edit and behind the last are what they were.
    if not edits:
        assert made == data
        return
    head = edits[0].line - 1
    tail = len(old) - edits[-1].end_line + 1
    assert new[:head] == old[:head]
    if tail > 0:
        assert new[-tail:] == old[-tail:]
    assert data.endswith((b"\n", b"\r")) == made.endswith((b"\n", b"\r"))


@pytest.mark.parametrize(
    ("before", "edit", "after"),
    [
        ("a = 1\r\nb = 2\r\n", Edit(1, 5, 1, 6, "(\n3)"), "a = (\r\n3)\r\nb = 2\r\n"),
        ("a = 1\rb = 2", Edit(2, 5, 2, 6, "(\n3)"), "a = 1\rb = (\r3)"),
        ("a = 1", Edit(1, 5, 1, 6, "(\n3)"), "a = (\n3)"),
        # What stays of several lines keeps the ends that they had.
        ("f(1,\n2,\r\n3)\n", Edit(1, 3, 3, 2, "1,\n2,\n4"), "f(1,\n2,\r\n4)\n"),
        ("f(1,\n2,\r\n3)\n", Edit(1, 3, 3, 2, "4"), "f(4)\n"),
        ("x = '\f'; y = 1\n", Edit(1, 14, 1, 15, "2"), "x = '\f'; y = 2\n"),
    ],
)
def test_a_new_line_ends_as_those_around_it(before, edit, after):
    assert rewritten("net.py", before.encode(), [edit]).decode() == after


@pytest.mark.parametrize(
    ("data", "edit"),
    [
        (b"a = 1\n", Edit(3, 1, 3, 1, "b")),
        (b"a = 1\n", Edit(1, 1, 1, 9, "b")),
        (b"a = 1\n", Edit(1, 5, 1, 3, "b")),
        (b"a = 1\n", Edit(1, 5, 1, 6, "(")),
        (b"# coding: latin-1\na = 1\n", Edit(2, 5, 2, 6, "'網'")),
        (b"a = (\n", Edit(1, 1, 1, 2, "b")),
        # One byte that is written in two ways.
        (b"# coding: utf-7\na = '+AGE-'\n", Edit(2, 1, 2, 2, "b")),
    ],
    ids=["line", "column", "backwards", "no Python", "no character", "not Python", "utf-7"],
)
def test_what_does_not_fit_is_refused(data, edit):
    with pytest.raises(FileError):
        rewritten("net.py", data, [edit])


def test_edits_of_one_place_are_refused():
    with pytest.raises(FileError):
        rewritten("net.py", b"a = 12\n", [Edit(1, 5, 1, 7, "3"), Edit(1, 6, 1, 7, "4")])
