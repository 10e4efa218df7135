"""What a caller in Python gives as a model: a module, or a sentence that says what to give."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch import nn

import modellint
from modellint.errors import FileError, UsageError

IMAGE = torch.rand(1, 1, 28, 28)


class Net(nn.Module):
    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3)
        self.fc = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv1(x).relu().mean((2, 3)))


class Wide(Net):
    def __init__(self, width: int, *, depth: int) -> None:
        super().__init__(width)


class Forgetful(nn.Module):
    def __init__(self) -> None:
        self.width = 3


class Refusing(nn.Module):
    def __init__(self) -> None:
        raise RuntimeError("not today")


class HoldsCompiled(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.part(x)


def make_net() -> Net:
    return Net()


def plain(x: torch.Tensor) -> torch.Tensor:
    return x + 1


@pytest.mark.parametrize(
    "model",
    [
        Net,
        Net(),
        nn.DataParallel(Net()),
        torch.compile(Net()),
        torch.compile(nn.DataParallel(Net())),
        torch.fx.symbolic_trace(Net()),
    ],
    ids=lambda one: getattr(one, "__name__", type(one).__name__),
)
def test_a_module_is_linted_whatever_is_put_around_it(model: Any) -> None:
    report = modellint.lint(model, IMAGE)
    (found,) = report.models
    assert found.status == "analysed"
    assert {finding.layer for finding in report.findings} == {"conv1"}
    if type(model).__name__ != "GraphModule" and "GraphModule" not in str(type(model)):
        assert (found.class_name, report.findings[0].model) == ("Net", "Net")
        assert Path(report.findings[0].path).name == Path(__file__).name


def test_a_class_is_built_without_a_draw_of_random_numbers() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    modellint.trace(Net, IMAGE)
    assert torch.equal(torch.get_rng_state(), before)


WRONG: list[tuple[Any, str]] = [
    (Wide, r"Wide is a class that needs width, depth; give an instance, Wide\(width=..., depth"),
    (nn.Conv2d, "needs in_channels, out_channels, kernel_size"),
    ("net.py", r"'net.py' is a text.*modellint.lint_paths\(\['net.py'\]\)"),
    (Path("net.py"), r"lint_paths\(\['net.py'\]\)"),
    (make_net, r"make_net is a function; give the nn.Module that it returns.*make_net\(...\)"),
    (torch.relu, "relu is a function"),
    (nn.ReLU().forward, "forward is a method of a ReLU; give the ReLU itself"),
    (lambda x: x, "a lambda is no module"),
    (functools.partial(Net), "a partial is no module"),
    ([Net()], r"a list is no module; give one of them, or nn.Sequential\(\*layers\)"),
    (Net().state_dict(), "an OrderedDict is no module; weights are loaded into one"),
    (None, "None is no module"),
    (5, "an int is no module"),
    (int, "int is a class, but no nn.Module"),
    (IMAGE, "a Tensor is no module"),
    (Mock(spec=nn.Module), "a Mock is no module"),
]

#: What takes a while to make, so that each test makes its own.
WRONG_ONCE_MADE: list[tuple[Any, str]] = [
    (lambda: torch.export.export(Net(), (IMAGE,)), "an ExportedProgram is no module; give its"),
    (lambda: torch.jit.script(Net()), "this Net was compiled by torch.jit.*as it was"),
    (lambda: torch.jit.trace(Net(), IMAGE), "this Net was compiled by torch.jit"),
    (lambda: HoldsCompiled(torch.jit.script(Net())), "its part part was compiled"),
    (lambda: torch.jit.script(plain), "a function that torch.jit compiled"),
]


@pytest.mark.parametrize(("model", "says"), WRONG, ids=[says for _, says in WRONG])
def test_what_is_no_module_is_told_with_what_to_give(model: Any, says: str) -> None:
    for asked in (modellint.lint, modellint.trace, modellint.assert_clean):
        with pytest.raises(UsageError, match=f"model: .*{says}"):
            asked(model, IMAGE)


@pytest.mark.parametrize(
    ("make", "says"), WRONG_ONCE_MADE, ids=[says for _, says in WRONG_ONCE_MADE]
)
def test_what_was_compiled_is_told_with_what_to_give(make: Any, says: str) -> None:
    with warnings.catch_warnings(action="ignore"):  # Of torch.jit being old.
        model = make()
    with pytest.raises(UsageError, match=f"model: {says}"):
        modellint.lint(model, IMAGE)


@pytest.mark.parametrize(
    ("model", "says"), [(Refusing, "RuntimeError: not today"), (Forgetful, "super")]
)
def test_a_constructor_that_fails_is_a_build_error_at_its_line(model: Any, says: str) -> None:
    report = modellint.lint(model, IMAGE)
    (problem,) = report.errors
    assert (problem.kind, report.models[0].status) == ("build-error", "failed")
    assert says in problem.message
    line = Path(__file__).read_text("utf-8").splitlines()[problem.line - 1]
    assert line.strip() in ('raise RuntimeError("not today")', "class Forgetful(nn.Module):")
    with pytest.raises(FileError, match=says):
        modellint.trace(model, IMAGE)


def test_an_instance_that_was_never_prepared_is_a_build_error() -> None:
    assert [one.kind for one in modellint.lint(Forgetful(), IMAGE).errors] == ["build-error"]
