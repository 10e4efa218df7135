"""A rule that returns, or yields what it should not, is told so at a line of its own file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import modellint
from modellint import Finding, PluginError, UsageError, rule
from modellint.linting.linter import Subject, linted

HERE = Path(__file__)


@rule("advice")
def returns_a_list(graph: Any) -> Any:
    """It returns its findings."""

    def inside() -> int:
        return 1

    calls = graph.calls("conv2d")
    return [Finding(call, str(inside())) for call in calls]  # here: a list


@rule("advice")
def returns_one(graph: Any) -> Any:
    """It returns one finding."""
    for call in graph.calls("conv2d"):
        return Finding(call, "one")  # here: a Finding
    return None


@rule("advice")
def forgets(graph: Any) -> Any:  # here: nothing
    """It looks and says nothing."""
    [*graph.calls("conv2d")]


@rule("advice")
def yields_text(graph: Any) -> Any:
    """It yields a text."""
    for call in graph.calls("conv2d"):
        yield str(call)  # here: a str


@rule("advice")
def asks_wrong(graph: Any) -> Any:
    """It asks for what there is not."""
    yield from graph.calls("convd")  # here: conv2d


@rule("advice")
def hands_on(graph: Any) -> Iterator[Finding]:
    """It returns the iterator of another function."""
    return (Finding(call, "found") for call in graph.calls("conv2d"))


def errors_of(*rules: Any) -> modellint.Report:
    graph = modellint.trace(nn.Conv2d(1, 2, 3), "1,1,8,8")
    return linted(graph, rules, Subject("net.py", "Net", "Net", 1)).report


def line_of(says: str) -> int:
    lines = HERE.read_text("utf-8").splitlines()
    (line,) = [at for at, text in enumerate(lines, 1) if text.endswith(f"# here: {says}")]
    return line


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (returns_a_list, "a list"),
        (returns_one, "a Finding"),
        (yields_text, "a str"),
        (asks_wrong, "conv2d"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_a_rule_that_gives_something_else_is_told_at_its_line(broken: Any, says: str) -> None:
    (problem,) = errors_of(broken).errors
    assert problem.kind == "plugin-error"
    assert broken.name in problem.message and says in problem.message
    assert f"({HERE.name}, line {line_of(says)})" in problem.message


def test_a_rule_that_says_nothing_is_told_where_it_begins() -> None:
    (problem,) = errors_of(forgets).errors
    assert "returns nothing in place of yielding" in problem.message
    assert f"({HERE.name}, line {line_of('nothing') - 1})" in problem.message


def test_a_rule_may_hand_on_an_iterator() -> None:
    report = errors_of(hands_on)
    assert not report.errors and report.findings


def test_a_rule_is_told_so_where_it_is_called() -> None:
    graph = modellint.trace(nn.Conv2d(1, 2, 3), "1,1,8,8")
    with pytest.raises(PluginError, match="returns a list in place of yielding"):
        returns_a_list(graph)


def test_a_decorator_that_makes_no_sense_says_what_does() -> None:
    def check(graph: Any) -> Iterator[Finding]:
        """A rule."""
        yield from ()

    with pytest.raises(UsageError, match="category: there is no 'advise'; did you mean 'advice'"):
        rule("advise")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r'category: .*@rule\("advice"\)'):
        rule(check)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="an int is no function"):
        rule("advice")(5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="aliases: 'old' is no list"):
        rule("advice", aliases="old")(check)
