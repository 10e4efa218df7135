"""An editor's settings are the options of the command line, and a wrong one is told by its name."""

import pytest

from modellint.config.settings import Settings
from modellint.errors import UsageError
from modellint.server.options import Options, read_options


def test_settings_have_the_names_of_the_command_line():
    given = {
        "select": ["correctness", "even-kernel"],
        "ignore": "budget, even-kernel",
        "extendSelect": ["non-square-kernel"],
        "min-severity": "warning",
        "timeout": 5,
        "memory": "2G",
        "input": "N,3,H,W",
        "python": None,
        "hints": "concrete",
    }
    options = read_options(given)
    assert options.settings == Settings(
        inputs=("N,3,H,W",),
        select=("correctness", "even-kernel"),
        ignore=("budget", "even-kernel"),
        extend_select=("non-square-kernel",),
        min_severity="warning",
        timeout=5.0,
        memory=2 << 30,
    )
    assert options.hints == "concrete"


def test_nothing_said_is_what_the_command_does_by_itself():
    assert read_options(None) == read_options({}) == Options()
    # What is the editor's own.
    assert read_options({"server": ["x"], "trace": {"server": "off"}}) == Options()
    assert Options().settings == Settings()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"selcet": []}, "select"),
        ({"select": 3}, "select"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"memory": "much"}, "memory"),
        ({"hints": "loud"}, "hints"),
        ({"input": "N;;"}, "input"),
        ({"isolated": "yes"}, "isolated"),
        ({"pause": 60}, "pause"),
        (["select"], "table"),
    ],
)
def test_a_wrong_setting_is_named(given, word):
    with pytest.raises(UsageError, match=word):
        read_options(given)
