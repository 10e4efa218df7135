"""A message is told in parts: the headline is its first clause, and no word of it is lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modellint.report.clauses import told

TRIMS = (
    "conv1 (Conv2d 1→6, 5×5, padding=0) trims 2 px from every side: (N, 1, H, W) → (N, 6, H - 4, "
    "W - 4), here 32×32 → 28×28; border pixels are read by 1 window in 5"
)


def test_the_headline_has_the_fact_and_the_sizes_of_the_map():
    parts = told(TRIMS)
    assert parts.headline == "conv1 trims 2 px from every side: 32×32 → 28×28"
    assert parts.layers == ("conv1 (Conv2d 1→6, 5×5, padding=0)",)
    assert parts.shapes == "(N, 1, H, W) → (N, 6, H - 4, W - 4), here 32×32 → 28×28"
    assert parts.facts == ("border pixels are read by 1 window in 5",)


@pytest.mark.parametrize(
    ("message", "headline"),
    [
        ("pool (MaxPool2d) changes nothing: a window of 1", "pool (MaxPool2d) changes nothing"),
        (
            "up (ConvTranspose1d 8→8, kernel 4, stride=2, padding=(1, 2)): reached by 0 taps",
            "up: reached by 0 taps",
        ),
        ('c (Conv2d 3→8, 4×4, padding="same") pads 1 px: so', "c pads 1 px"),
        (
            "fc (Linear 4→2) holds 3 of 5 (60.0 %; 2 % of x): it reads",
            "fc holds 3 of 5 (60.0 %; 2 % of x)",
        ),
        (
            "fc1 (Linear 4→2) and fc2 (Linear 2→1) have nothing between",
            "fc1 and fc2 have nothing between",
        ),
        ("view@3 turns (N, 1, H, W) into (N, 4)", "view@3 turns (N, 1, H, W) into (N, 4)"),
        ("fc (Linear): linear expects 4; here N = 2", "fc (Linear): linear expects 4"),
        ("norm comes late", "norm comes late"),
        ("", ""),
    ],
)
def test_a_headline_is_the_first_clause_without_the_construction(message, headline):
    assert told(message).headline == headline


def test_a_shape_behind_words_is_told_apart_from_them():
    parts = told("conv lies off: the map shrinks by 1, (N, 3) → (N, 8), here 32×32 → 31×31")
    assert parts.headline == "conv lies off: 32×32 → 31×31"
    assert parts.facts == ("the map shrinks by 1",)
    assert parts.shapes == "(N, 3) → (N, 8), here 32×32 → 31×31"


def words(text):
    return set(re.findall(r"[^\s,;:()]+", text))


CLAUSES = st.lists(st.text("ab1()×→ ,:;=", max_size=12), min_size=1, max_size=5).map("; ".join)


@given(st.one_of(CLAUSES, st.text(max_size=60)))
def test_no_word_of_a_message_is_lost(message):
    parts = told(message)
    shown = " ".join([parts.headline, *parts.layers, parts.shapes, *parts.facts])
    assert words(message) <= words(shown)


def test_a_long_headline_ends_where_a_further_thought_begins():
    parts = told(f"fc reads a flattened {'6×' * 20}6 map, which ties it to H = 28; the sizes fit")
    assert parts.headline == f"fc reads a flattened {'6×' * 20}6 map"
    assert parts.facts == ("which ties it to H = 28", "the sizes fit")
    assert told("fc reads a map, which ties it").headline == "fc reads a map, which ties it"


def test_a_shape_is_one_whatever_stands_in_it():
    shapes = "(N, 8, (H - 1) // 2 + 2) → (N, 8, (H - 1) // 2 + 4), here 17×17 → 19×17"
    assert told(f"row pads: {shapes}; the frame is bias") == (
        "row pads: 17×17 → 19×17",
        (),
        shapes,
        ("the frame is bias",),
    )
