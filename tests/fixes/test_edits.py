"""Edits of a text, and of a text that was edited already."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modellint.fixes import Edit, edited, touch
from modellint.fixes.edits import before_them

TEXTS = st.text(alphabet="ab é\n", max_size=40)


@st.composite
def _edits(draw: st.DrawFn, text: str) -> list[Edit]:
    """Edits of a text of which no two touch."""
    chosen: list[Edit] = []
    for _ in range(draw(st.integers(0, 4))):
        first, last = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        edit = Edit(*_place(text, first), *_place(text, last), draw(st.text("xy\n", max_size=4)))
        if not touch([edit], chosen):
            chosen.append(edit)
    return chosen


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at].split("\n")
    return len(before), len(before[-1]) + 1


def _offset(text: str, place: tuple[int, int]) -> int:
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: place[0] - 1]) + place[1] - 1


def _by_offsets(text: str, edits: list[Edit]) -> str:
    """The same with one string and numbers, from the last edit to the first."""
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: _offset(text, edit.start)] + edit.text + text[_offset(text, edit.end) :]
    return text


@given(st.data())
def test_edits_are_made_where_they_stand(data: st.DataObject) -> None:
    text = data.draw(TEXTS)
    edits = data.draw(_edits(text))
    assert edited(text, edits) == _by_offsets(text, edits)


@given(st.data())
def test_a_later_edit_is_one_of_the_first_text_too(data: st.DataObject) -> None:
    text = data.draw(TEXTS)
    first = data.draw(_edits(text))
    changed = edited(text, first)
    then = data.draw(_edits(changed))
    moved = before_them(then, first)
    if moved is not None:
        assert edited(text, [*first, *moved]) == edited(changed, then)


def test_what_an_edit_wrote_cannot_be_edited_as_of_before() -> None:
    first = [Edit(1, 3, 1, 4, "longer")]
    assert before_them([Edit(1, 5, 1, 6, "x")], first) is None
    assert before_them([Edit(1, 1, 1, 2, "x")], first) == (Edit(1, 1, 1, 2, "x"),)
    assert before_them([Edit(1, 10, 1, 11, "x")], first) == (Edit(1, 5, 1, 6, "x"),)


def test_two_insertions_at_one_place_touch() -> None:
    one, two = Edit(1, 3, 1, 3, "a"), Edit(1, 3, 1, 3, "b")
    assert touch([one], [two])
    assert not touch([one], [Edit(1, 4, 1, 4, "b")])
    assert not touch([one], [Edit(1, 3, 1, 3, "b", path="other.py")])
