"""The rules of a plugin, read from its syntax trees, are those that loading it gives."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import modellint
from modellint.config.configuration import Configuration
from modellint.config.plans import make_plan
from modellint.config.settings import Settings
from modellint.errors import PluginError, UsageError
from modellint.linting.plugins import Rules
from modellint.report.rules_page import rule_page
from modellint.report.view import View
from modellint.rules import Rule

FORMS = '''
import modellint
import modellint as ml
import modellint.rules
from modellint import Category, Finding, rule, rule as marked
from modellint.rules import rule as third
from somewhere_else import rule as other

LIMIT = 3

@rule("advice", aliases=["first-one"], default=False)
def first(graph, *, limit: int = 3, names: tuple[str, ...] = ("a", "b")):
    """The first.

    Why: it says so.
    """
    yield from ()

@marked("suspicious")
def second(graph):
    """The second."""

@modellint.rule(Category.EFFICIENCY, supersedes=("even-kernel",))
def third_rule(graph, *, factor: float = -1.5):
    """The third."""

@ml.rules.rule(category="pedantic")
def fourth(graph):
    """The fourth."""

@third(ml.Category.CORRECTNESS)
def fifth(comments):
    """The fifth."""

first.flags(
    model="self.conv = nn.Conv2d(3, 8, 15, padding=7)", input="1,3,32,32", layers=["conv"], limit=9
)
first.allows("""
    import torch
""")

def no_rule(graph):
    """Nothing."""

@staticmethod
def neither(graph):
    """Nothing."""
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A file with rules in each form that people write."""
    path = tmp_path / "forms.py"
    # What is not there when it is loaded is there as little when it is read.
    path.write_text(FORMS.replace("from somewhere_else import rule as other\n", ""))
    return path


def described(rule: Rule) -> tuple[object, ...]:
    """What a rule says of itself, its examples aside."""
    return (
        rule.category,
        rule.page,
        rule.default,
        rule.aliases,
        rule.supersedes,
        rule.reads,
        rule.options,
    )


def pages(rules: Rules) -> dict[str, tuple[str, str, tuple[object, ...]]]:
    """All that is printed of rules, and what is asked of them besides."""
    return {
        name: (rule_page(rule, View()), rules.loaded[name].path, described(rule))
        for name, rule in rules.items()
    }


def test_what_is_read_is_what_loading_gives(plugin: Path) -> None:
    read, loaded = Rules(()).with_written([plugin]), Rules(()).with_files([plugin])
    assert set(read) == {"first", "second", "third-rule", "fourth", "fifth"}
    assert pages(read) == pages(loaded)


def test_the_built_in_rules_are_read_as_they_are_loaded() -> None:
    folder = Path(modellint.__file__).parent.parent / "rules"
    read, loaded = Rules(()).with_written([folder]), Rules(()).with_files([folder])
    # Some of their examples are computed; the rest of a page is not.
    assert {name: described(rule) for name, rule in read.items()} == {
        name: described(rule) for name, rule in loaded.items()
    }


def test_a_folder_is_read_as_it_is_loaded(tmp_path: Path) -> None:
    text = 'from modellint import rule\n@rule("advice")\ndef {}(graph):\n    """Says nothing."""\n'
    for name in ("top", "package/__init__", "package/inner", "plain/unseen"):
        path = tmp_path / "own" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(path.stem.strip("_")))
    folder = [tmp_path / "own"]
    assert set(Rules(()).with_written(folder)) == set(Rules(()).with_files(folder))
    assert set(Rules(()).with_written(folder)) == {"top", "init", "inner"}


def test_what_only_running_would_tell_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "made.py"
    path.write_text(
        dedent("""
            from modellint import rule
            from somewhere_else import rule as other
            KIND = "advice"
            @rule(KIND)
            def computed(graph):
                '''Its category is.'''
            @other("advice")
            def foreign(graph):
                '''Another rule.'''
            @rule("advise")
            def mistyped(graph):
                '''No such category.'''
            @rule("advice")
            def pageless(graph): ...
            @rule("advice")
            def plain(graph, *, limit=len("abc")):
                '''Its option is computed.'''
            plain.flags(SOURCE)
        """)
    )
    read = Rules(()).with_written([path])
    assert list(read) == ["plain"]
    assert read["plain"].options == {"limit": None}
    assert not read.whole


def test_a_rule_that_was_read_checks_nothing(plugin: Path) -> None:
    read = Rules(()).with_written([plugin])
    with pytest.raises(PluginError, match="first"):
        read["first"](None)  # type: ignore[arg-type]


def test_a_name_that_only_running_would_tell_is_no_fault_of_a_configuration(plugin: Path) -> None:
    said = Configuration(
        plugins=(str(plugin),),
        select=("made-in-a-loop", "first"),
        options={"made-in-a-loop": {"limit": 3}, "first": {"limit": 4}},
        severity={"made-in-a-loop": "error"},
    )
    plan = make_plan(said, Settings(), loaded=False)
    assert [rule.name for rule in plan.on] == ["first"]
    assert plan.options == {"first": {"limit": 4}}
    with pytest.raises(UsageError, match="made-in-a-loop"):
        make_plan(said, Settings())


def test_a_plugin_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    for path in (broken, tmp_path / "missing.py"):
        with pytest.raises(PluginError, match=path.name):
            Rules(()).with_written([path])
