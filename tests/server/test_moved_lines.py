"""Lines are found again in a text that was edited, those that are still there."""

from hypothesis import given
from hypothesis import strategies as st

from modellint.server.moved_lines import MovedLines


def test_lines_behind_an_inserted_one_move_down():
    moved = MovedLines.between(["a", "b", "c"], ["a", "new", "b", "c"])
    assert moved.after == {1: 1, 2: 3, 3: 4}
    assert moved.before == {1: 1, 3: 2, 4: 3}


def test_an_edited_line_is_not_found_again():
    moved = MovedLines.between(["a", "b", "c"], ["a", "B", "c"])
    assert moved.after == {1: 1, 3: 3}


def test_a_text_that_grew_by_thousands_of_lines_is_answered_for_its_ends():
    old = [f"old {at}" for at in range(5000)]
    new = [f"new {at}" for at in range(5000)]
    moved = MovedLines.between(["first", *old, "last"], ["first", *new, "last"])
    assert moved.after == {1: 1, 5002: 5002}


@given(st.lists(st.sampled_from("abc")), st.lists(st.sampled_from("abc")))
def test_what_is_found_is_the_same_line_and_in_order(old, new):
    moved = MovedLines.between(old, new)
    assert all(old[here - 1] == new[there - 1] for here, there in moved.after.items())
    assert [*moved.after] == sorted(moved.after)
    assert [*moved.after.values()] == sorted({*moved.after.values()})
    if old == new:
        assert len(moved.after) == len(old)
