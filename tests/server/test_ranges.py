"""Columns are counted as the editor counts them, not in characters."""

import pytest
from lsprotocol import types
from pygls.workspace import PositionCodec

from modellint.server.buffers import Part
from modellint.server.ranges import Ranges

LINE = 's = "🙂é"; conv = 1'
PART = Part("file:///net.py", 1, f"first\n{LINE}\n    \n")


@pytest.mark.parametrize(
    ("encoding", "units"),
    [("utf-8", len(LINE[:8].encode())), ("utf-16", 9), ("utf-32", 8)],
)
def test_what_stands_before_a_place_counts_in_the_units_agreed_on(encoding, units):
    ranges = Ranges(PositionCodec(encoding))
    position = ranges.position(PART, 2, 9)
    assert position == types.Position(1, units)
    assert ranges.place(PART, position) == (2, 9)


def test_places_behind_the_text_are_its_end():
    ranges = Ranges(PositionCodec("utf-16"))
    assert ranges.position(PART, 99, 7) == types.Position(3, 0)
    assert ranges.position(PART, 1, 99) == types.Position(0, 5)


def test_a_line_is_marked_from_its_first_character_to_its_last():
    ranges = Ranges(PositionCodec("utf-16"))
    part = Part("file:///net.py", 1, "    x = 1  \n")
    assert ranges.line(part, 1) == types.Range(types.Position(0, 4), types.Position(0, 9))
