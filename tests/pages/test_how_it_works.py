"""docs/how-it-works.md: its map is the one of the architecture, and its files are there."""

import ast
import re

import pytest
from documents import DOCS, ROOT
from test_architecture import LEVEL, OUTSIDE, PACKAGE

PAGE = (DOCS / "how-it-works.md").read_text("utf-8")
ROW = re.compile(r"^\| (\d+) \| `(\w+)(/|\.py)` \| (.*?) \| (.*?) \|$", re.MULTILINE)
MAP = {room: (level, kind, what, outside) for level, room, kind, what, outside in ROW.findall(PAGE)}


def file_of(room):
    """The file whose first line says what a room is."""
    folder = PACKAGE / room
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def test_the_page_opens_with_every_room_in_its_order():
    assert [*MAP] == [*LEVEL]
    assert PAGE.index("<!-- map -->") < PAGE.index("## One file's way") < PAGE.index("## Tracing")


@pytest.mark.parametrize("room", LEVEL)
def test_a_room_of_the_map_is_what_it_says_of_itself(room):
    level, kind, what, outside = MAP[room]
    assert int(level) == LEVEL[room] + 1
    assert (PACKAGE / f"{room}{kind}").exists()
    assert what == ast.get_docstring(ast.parse(file_of(room).read_text("utf-8"))).split("\n")[0]
    assert {one for one in outside.split(", ") if one} == OUTSIDE[room]


def test_every_file_that_the_page_names_is_there():
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    places = (PACKAGE, ROOT)
    assert [one for one in named if not any((place / one).is_file() for place in places)] == []
    rooms = set(re.findall(r"`(?:modellint/)?(\w+)/`", PAGE))
    assert rooms <= {*LEVEL, "rules", "modellint"}


def test_the_way_leads_from_the_command_to_the_report():
    steps = re.findall(r"^\d+\. (.*?)(?=^\d+\. |\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    rooms = [set(re.findall(r"`(\w+)/", step)) for step in steps]
    assert "cli" in rooms[0] and "report" in rooms[-1]
    # Who walks it comes through every room that a run of the command needs.
    apart = {"pytest_plugin", "kernel", "server", "former"}
    assert {room for room in LEVEL if (PACKAGE / room).is_dir()} - apart == set().union(*rooms)
