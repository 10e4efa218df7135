"""What a model holds is looked through once, in bounded work, and asked nothing, in any process."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.errors import FileError
from modellint.modules.members import LARGEST, MOST, members

#: What no model of these tests comes near, in seconds, however busy the machine.
PATIENCE = 60.0


class Net(nn.Module):
    """A convolution beside which something else is held."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


def tree_with_parents() -> Any:
    root: dict[str, Any] = {"children": []}
    root["children"].append({"parent": root})
    return root


def list_in_itself() -> Any:
    inner: list[Any] = [1]
    inner.append(inner)
    return inner


def shared_at_each_level() -> Any:
    """Two to the sixtieth ways lead to the innermost list."""
    inner: list[Any] = [1]
    for _ in range(60):
        inner = [inner, inner]
    return inner


def long_chain() -> Any:
    first: list[Any] = []
    inner = first
    for _ in range(MOST // 2):
        inner.append([])
        inner = inner[0]
    return first


def many_nodes() -> Any:
    """More containers than are looked through."""
    return [[[at] for at in range(1000)] for _ in range(MOST // 1000 + 10)]


def long_table() -> Any:
    return {at: [at] for at in range(LARGEST * 20)}


@pytest.mark.parametrize(
    "make",
    [tree_with_parents, list_in_itself, shared_at_each_level, long_chain, many_nodes, long_table],
)
def test_a_model_that_holds_much_or_itself_is_linted(make: Callable[[], Any]) -> None:
    model = Net()
    model.held = make()
    model.again = [model.held, {"both": model.held}]
    started = time.perf_counter()
    report = modellint.lint(model, ["1,3,8,8"])
    assert [one.status for one in report.models] == ["analysed"]
    assert report.models[0].layers.keys() == {"conv"}
    assert time.perf_counter() - started < PATIENCE


def test_a_model_that_holds_its_own_attributes_is_linted_and_left_as_it_was() -> None:
    class Counts(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.own["calls"] += 1
            self.own["new"] = x
            return super().forward(x)

    model = Counts()
    model.calls = 0
    model.own = vars(model)
    names = list(vars(model))
    assert modellint.lint(model, ["1,3,8,8"]).models[0].status == "analysed"
    assert model.calls == 0
    assert list(vars(model)) == names


def test_a_tree_with_parents_is_as_it_was_after_a_forward_that_changes_it() -> None:
    class Grows(Net):
        def forward(self, x: Tensor) -> Tensor:
            self.tree["children"][0]["parent"]["children"].append(x)
            self.tree["children"][0]["name"] = "changed"
            return super().forward(x)

    model = Grows()
    model.tree = tree_with_parents()
    (leaf,) = model.tree["children"]
    assert modellint.lint(model, ["1,3,8,8"]).models[0].status == "analysed"
    assert model.tree["children"] == [leaf]
    assert list(leaf) == ["parent"]
    assert leaf["parent"] is model.tree


def test_a_module_in_containers_that_hold_each_other_is_found_under_its_first_path() -> None:
    model = Net()
    inner = nn.Linear(2, 2)
    model.first = [{"layer": inner}]
    model.first.append(model.first)
    model.second = [model.first, inner]
    assert [path for path, _ in members(model).held] == ["first[0]['layer']"]


def test_nothing_of_a_model_is_asked_that_it_answers_itself() -> None:
    asked: list[str] = []

    class Answers:
        """Has every attribute and every item."""

        def __getattr__(self, name: str) -> Answers:
            asked.append(name)
            return self

        def __iter__(self) -> Iterator[Answers]:
            asked.append("iter")
            while True:
                yield self

        def __len__(self) -> int:
            asked.append("len")
            return 1 << 60

        def __eq__(self, other: object) -> bool:
            asked.append("eq")
            return True

        def __hash__(self) -> int:
            asked.append("hash")
            return 0

    class Wary(Net):
        @property
        def costly(self) -> int:
            asked.append("costly")
            raise RuntimeError("a property that does something")

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return Answers()

    model = Wary()
    model.answers = Answers()
    model.several = [Answers(), {"one": Answers()}]
    assert modellint.lint(model, ["1,3,8,8"]).models[0].status == "analysed"
    assert asked == []


def test_a_million_buffers_take_their_time_only_once() -> None:
    model = Net()
    shared = torch.zeros(1)
    model._buffers.update((f"b{at}", shared) for at in range(1_000_000))
    before = copy.copy(model._buffers)
    started = time.perf_counter()
    assert modellint.lint(model, ["1,3,8,8"]).models[0].status == "analysed"
    assert time.perf_counter() - started < PATIENCE
    assert model._buffers.keys() == before.keys()


class Unprepared(nn.Module):
    """Its constructor forgets that of `nn.Module`."""

    def __init__(self) -> None:
        pass


class Secretive:
    """What it is nobody may ask."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("asked")


@pytest.mark.parametrize(
    "pretender",
    [lambda: MagicMock(spec=nn.Module), lambda: MagicMock(spec=Tensor), Unprepared, Secretive],
)
def test_what_only_says_that_it_is_a_module_is_none(pretender: Callable[[], Any]) -> None:
    model = Net()
    vars(model)["held"] = pretender()
    model.several = [pretender(), {"one": pretender()}]
    model._modules["child"] = pretender()
    report = modellint.lint(model, ["1,3,8,8"])
    assert [one.status for one in report.models] == ["analysed"]
    assert report.models[0].layers.keys() == {"conv"}


def test_a_forward_that_leaves_does_not_take_its_caller_along() -> None:
    class Leaves(Net):
        def forward(self, x: Tensor) -> Tensor:
            sys.exit(3)

    report = modellint.lint(Leaves(), ["1,3,8,8"])
    (error,) = report.errors
    assert error.kind == "trace-error"
    assert error.path.endswith("test_containers.py")
    assert error.line == Leaves.forward.__code__.co_firstlineno + 1
    with pytest.raises(FileError, match=r"sys\.exit"):
        modellint.trace(Leaves(), ["1,3,8,8"])


def test_a_class_may_say_anything_of_its_module() -> None:
    class Homeless(Net):
        __module__ = None  # type: ignore[assignment]

    model = Homeless()
    model.several = [Homeless()]
    assert [one.status for one in modellint.lint(model, ["1,3,8,8"]).models] == ["analysed"]
