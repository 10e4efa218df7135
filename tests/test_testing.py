"""A plugin's examples are checked as they are written, and a wrong one says why."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from modellint import Finding, Graph, ModellintError, Skip, UsageError, rule
from modellint.rules import Rule
from modellint.testing import check_example, examples

NET = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(1, 2, 5, padding=2)
            self.b = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            return self.b(self.a(x))


    if __name__ == "__main__":
        Net()(torch.rand(1, 1, 20, 20))
"""


def make() -> Rule:
    @rule("advice")
    def wide_kernel(graph: Graph, *, largest: int = 3) -> Iterator[Finding | Skip]:
        """A convolution's kernel is larger than 3."""
        for call in graph.calls("conv2d"):
            if call.kernel and max(call.kernel) > largest:
                yield Finding(call, f"{call.key} is wide")

    return wide_kernel


BODY = """
    self.a = nn.Conv2d(1, 2, 5, padding=2)
    self.b = nn.Conv2d(2, 2, 3, padding=1)
"""


def check(made: Rule) -> None:
    for case in examples([made]):
        check_example(case.rule, case.example)


def test_examples_that_hold_pass() -> None:
    made = make()
    made.flags(NET, layers=["a"], severity="info")
    made.flags(NET, largest=2, layers=["a", "b"])
    made.flags(NET)
    made.allows(NET, largest=5)
    check(made)
    assert [str(case) for case in examples([made])] == [
        "wide-kernel flags 1",
        "wide-kernel flags 2",
        "wide-kernel flags 3",
        "wide-kernel allows 1",
    ]


def test_another_layer_than_the_named_one_fails() -> None:
    made = make()
    made.flags(NET, layers=["b"])
    with pytest.raises(AssertionError, match="a is wide"):
        check(made)


def test_a_good_example_that_is_flagged_fails() -> None:
    made = make()
    made.allows(NET)
    with pytest.raises(AssertionError, match="is good"):
        check(made)


def test_a_bad_example_that_is_not_flagged_fails() -> None:
    made = make()
    made.flags(NET, largest=9)
    with pytest.raises(AssertionError, match="not flagged"):
        check(made)


def test_another_severity_fails() -> None:
    made = make()
    made.flags(NET, layers=["a"], severity="warning")
    with pytest.raises(AssertionError, match="must be warning"):
        check(made)


@pytest.mark.parametrize("source", ["def (", "import no_such_package\n" + "x = 1", "x = 1"])
def test_an_example_without_a_model_that_runs_fails(source: str) -> None:
    made = make()
    made.flags(source)
    with pytest.raises(AssertionError, match="does not run"):
        check(made)


def test_a_body_and_its_input_are_an_example_as_the_whole_file_is() -> None:
    made = make()
    made.flags(model=BODY, input="1,1,20,20", layers=["a"], severity="info")
    made.flags(model=BODY, input=["1,1,20,20"], layers=["a", "b"], largest=2)
    made.allows(model=BODY, input="1,1,20,20", largest=5)
    check(made)
    assert made.flagged[0].source == dedent(NET).lstrip("\n")


def test_a_body_that_does_not_run_fails_with_the_lines_of_its_file() -> None:
    made = make()
    made.flags(model="self.a = nn.Conv3d(1, 2, 5)", input="1,1,20,20", layers=["b"])
    with pytest.raises(AssertionError, match=r"(?s)says.*8 +self\.a = nn\.Conv3d"):
        check(made)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "neither"),
        ({"source": NET, "model": BODY, "input": "1,1,20,20"}, "both"),
        ({"source": NET, "input": "1,1,20,20"}, "belongs to a `model`"),
        ({"model": BODY}, "no `input`"),
    ],
)
def test_an_example_is_a_whole_file_or_a_body_with_its_input(
    given: dict[str, str], says: str
) -> None:
    made = make()
    for add in (made.flags, made.allows):
        with pytest.raises(UsageError, match=f"wide-kernel is .*{says}"):
            add(**given)  # type: ignore[arg-type]
    assert not made.flagged + made.allowed


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        (BODY, "1,1,H,20", "'H' is no size"),
        (BODY, "1,1,-2", "'-2' is neither"),
        ("", "1,1,20,20", "no `forward`"),
        ("import torch", "1,1,20,20", "need a whole file"),
        ("class A(nn.Module):\n    pass", "1,1,20,20", "need a whole file"),
    ],
)
def test_what_no_file_can_be_written_of_says_why(model: str, given: str, says: str) -> None:
    made = make()
    made.flags(model=model, input=given)
    with pytest.raises(ModellintError, match=says):
        check(made)
