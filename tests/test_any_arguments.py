"""Whatever is passed to a public function ends in a result or in an error of modellint's own."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import modellint
from modellint import Finding, UsageError, rule


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)

    def forward(self, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.conv(x) * scale


class Raises:
    """Raises whatever it is asked."""

    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no elements")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equal")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __fspath__(self) -> str:
        raise RuntimeError("no path")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")


class Unprintable(Raises):
    """Raises also where a message would show it."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


class Path_:  # noqa: N801
    def __fspath__(self) -> bytes:
        return b"net.py"


HOLDS_ITSELF: list[Any] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)
MADE: dict[str, Callable[[], Any]] = {
    "raises": Raises,
    "path of bytes": Path_,
    "object": object,
    "generator": lambda: (one for one in "ab"),
    "endless": itertools.count,
    "holds itself": lambda: HOLDS_ITSELF,
    "class": lambda: int,
    "module": Net,
    "module class": lambda: Net,
    "function": lambda: len,
    "lambda": lambda: lambda x: x,
    "tensor": lambda: torch.rand(1, 1, 8, 8),
    "scalar tensor": lambda: torch.tensor(3),
    "parameter": lambda: nn.Parameter(torch.rand(2)),
    "array": lambda: np.zeros((1, 1, 8, 8)),
    "texts": lambda: np.array(["a", "b"]),
    "objects": lambda: np.array([None, object()]),
    "numpy number": lambda: np.float32(3),
    "dtype": lambda: torch.float32,
    "device": lambda: torch.device("cpu"),
    "size": lambda: torch.Size([1, 1, 8, 8]),
    "path": lambda: Path("nowhere"),
    "nul": lambda: "a\0b",
    "category": lambda: modellint.Category.ADVICE,
    "error": lambda: ValueError("x"),
}
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([10**30, float("nan"), float("inf"), 0.5, 1j]),
    # No dots: a folder may be large.
    st.text(st.characters(exclude_characters="."), max_size=4),
    st.sampled_from(["1,1,8,8", "N,1,H,W", "x=N,1,8,8", "all", "advice", "error", "8G", "x=1"]),
    st.binary(max_size=3),
    st.sampled_from(sorted(MADE)).map(lambda name: MADE[name]()),
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from(["x", "scale", "even-kernel", 1, None]), inner, max_size=2),
        st.frozensets(st.integers(0, 3), max_size=2),
    ),
    max_leaves=5,
)


def live(asked: Callable[..., Any]) -> Callable[..., Any]:
    """A function on a live model, called with what makes sense but for what is given."""

    def call(**given: Any) -> Any:
        plain = {"args", "kwargs"} & {*given}
        return asked(**{"model": Net(), **({} if plain else {"inputs": "1,1,8,8"}), **given})

    return call


@rule("advice")
def quiet(graph: Any) -> Iterator[Finding]:
    """It finds nothing."""
    yield from ()


FUNCTIONS = {one.__name__: one for one in (modellint.lint, modellint.trace, modellint.assert_clean)}
LIVE = [
    (name, parameter)
    for name, function in FUNCTIONS.items()
    for parameter in inspect.signature(function).parameters
]
OF_PATHS = [*inspect.signature(modellint.lint_paths).parameters]


def own_error(name: str, call: Callable[[], Any]) -> None:
    """Call; an error is one of modellint's, and names the argument where it is about one."""
    try:
        call()
    except UsageError as error:
        # Of several paths or inputs, the one that is wrong is told by itself.
        one_of_several = "input " if name == "inputs" else "target is"
        words = (name, "args", "no such file", "target is", one_of_several)
        assert any(part in str(error) for part in words)
    except (modellint.ModellintError, AssertionError) as error:
        assert not isinstance(error, AssertionError) or "is not clean" in str(error)


@pytest.mark.parametrize(("function", "parameter"), LIVE)
@given(value=ANYTHING)
def test_a_function_on_a_live_model_takes_anything(
    function: str, parameter: str, value: Any
) -> None:
    own_error(parameter, lambda: live(FUNCTIONS[function])(**{parameter: value}))


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that concerns no models, so that no process is started for it."""
    path = tmp_path_factory.mktemp("files") / "nothing.py"
    path.write_text("")
    return path


@pytest.mark.parametrize("parameter", OF_PATHS)
@given(value=ANYTHING)
def test_linting_files_takes_anything(parameter: str, value: Any, nothing: Path) -> None:
    given_ = {"paths": nothing, "isolated": True, parameter: value}
    own_error(parameter, lambda: modellint.lint_paths(**given_))


@given(value=ANYTHING, named=st.sampled_from(["format", "color", "layers", "statistics"]))
def test_a_report_is_rendered_or_says_why_not(value: Any, named: str) -> None:
    report = modellint.Report()
    own_error("", lambda: report.render(**{named: value}))


@given(value=ANYTHING)
def test_a_report_is_annotated_or_says_why_not(value: Any) -> None:
    report = modellint.lint(Net(), "1,1,8,8")
    own_error("", lambda: report.annotated(value))


@given(
    value=ANYTHING, named=st.sampled_from(["category", "default", "aliases", "supersedes", "reads"])
)
def test_a_decorator_takes_anything(value: Any, named: str) -> None:
    given_ = {"category": "advice", named: value}
    own_error(named, lambda: rule(**given_)(quiet.check))
    own_error("", lambda: rule("advice")(value))


@given(value=ANYTHING, named=st.sampled_from(["source", "model", "input", "layers"]))
def test_an_example_takes_anything(value: Any, named: str) -> None:
    own_error("", lambda: quiet.flags(**{named: value}))


@given(value=ANYTHING)
def test_a_graph_is_asked_for_anything(value: Any) -> None:
    graph = modellint.trace(Net(), "1,1,8,8")
    own_error("", lambda: [*graph.calls(value)])


@pytest.mark.parametrize(("function", "parameter"), LIVE)
def test_what_cannot_be_printed_is_no_trouble(function: str, parameter: str) -> None:
    call = live(FUNCTIONS[function])
    for given_ in (Unprintable(), [Unprintable()], {"x": Unprintable()}):
        own_error(parameter, lambda given_=given_: call(**{parameter: given_}))


@pytest.mark.parametrize("parameter", OF_PATHS)
def test_what_cannot_be_printed_is_no_trouble_for_files(parameter: str, nothing: Path) -> None:
    for given_ in (Unprintable(), [Unprintable()], {"x": Unprintable()}):
        asked = {"paths": nothing, "isolated": True, parameter: given_}
        own_error(parameter, lambda asked=asked: modellint.lint_paths(**asked))
