"""Contracts that were tried: what eager PyTorch takes is inside, what it refuses is outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.contracts.admitted import Contract
from modellint.contracts.confirming import confirm
from modellint.contracts.contract import accepted, describe
from modellint.symbolic.dims import evaluate

Forward = Callable[..., Tensor]


class Conv(nn.Module):
    """A convolution that leaves the size alone, after what a forward does with its input."""

    def __init__(self, before: Forward, channels: int = 3) -> None:
        super().__init__()
        self.before = before
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.conv(self.before(*inputs))


def taken(model: nn.Module, *shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that eager PyTorch makes of inputs of these shapes; `None` where it refuses."""
    try:
        with torch.no_grad():
            result: Tensor = model.eval()(*(torch.zeros(shape) for shape in shapes))
    except (RuntimeError, ValueError, IndexError, AssertionError):
        return None
    return tuple(result.shape)


def admits(found: Contract, sizes: Mapping[str, int]) -> bool:
    """Whether a contract admits sizes, of which one may differ from the example's."""
    return all(
        size >= found[name].min
        and size <= (found[name].max or size)
        and size % found[name].multiple_of == 0
        and size in (found[name].values or (size,))
        for name, size in sizes.items()
        if name in found.sizes
    ) and all(eval(condition, dict(sizes)) for condition in found.joint)


class Above(nn.Module):
    """Adds to a map what comes back from half of it."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(*[nn.Conv2d(3, 3, 3, 2, 1) for _ in range(depth)])
        self.down = nn.Conv2d(3, 3, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return torch.cat([x, F.interpolate(self.down(x), scale_factor=2)], 1)


@pytest.mark.parametrize(
    "depth", [1, *(pytest.param(depth, marks=pytest.mark.slow) for depth in (3, 6, 7))]
)
def test_a_condition_with_a_period_is_told_however_long_the_period_is(depth: int) -> None:
    model = Above(depth)
    graph = modellint.trace(model, ["2,3,256,256"])
    found = confirm(graph)
    assert found.confirmed
    for height in (1, *range(2, 1100, 37), 1024, 1025):
        runs = taken(model, (1, 3, height, 256)) is not None
        sizes = {"N": 2, "H": height, "W": 256}
        assert admits(found, sizes) == admits(accepted(graph), sizes) == runs, height


def cropped(x: Tensor) -> Tensor:
    half = F.max_pool2d(x, 2)
    return torch.cat([x, F.interpolate(half, scale_factor=2)[:, :, : x.shape[2], : x.shape[3]]], 1)


def test_a_crop_that_makes_only_some_sizes_fit_leaves_the_others_out() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3, 2, 1), Conv(cropped, 6))
    found = confirm(modellint.trace(model, ["2,3,32,32"]))
    assert found.confirmed
    for height in range(1, 70):
        runs = taken(model, (2, 3, height, 32)) is not None
        assert admits(found, {"N": 2, "H": height, "W": 32}) == runs, height


@pytest.mark.parametrize("last", [3, 8])
def test_a_slice_that_begins_before_the_start_is_another_slice(last: int) -> None:
    model = Conv(lambda x: x[:, :, x.shape[2] - last :])
    graph = modellint.trace(model, ["2,3,12,16"])
    for found in (accepted(graph), confirm(graph)):
        assert (found["H"].min, found["W"].min) == (last, 1)
    assert taken(model, (2, 3, last, 16)) == (2, 4, last, 16)
    assert taken(model, (2, 3, last - 1, 16)) != (2, 4, last, 16)


def test_sizes_that_only_give_other_results_are_left_out_but_not_called_refused() -> None:
    model = Conv(lambda x: F.interpolate(x, scale_factor=2) if min(x.shape[2:]) < 16 else x)
    found = confirm(modellint.trace(model, ["2,3,31,31"]))
    assert found["H"].min == found["W"].min == 16
    assert not found.confirmed


def test_what_only_happens_where_both_sides_are_large_ends_the_confirmation() -> None:
    model = Conv(lambda x: F.interpolate(x, scale_factor=2) if min(x.shape[2:]) < 24 else x)
    assert taken(model, (2, 3, 28, 39)) == (2, 4, 28, 39)
    found = confirm(modellint.trace(model, ["2,3,5,4"]))
    assert not (found.confirmed and admits(found, {"N": 2, "H": 28, "W": 39}))


def test_what_a_smaller_crop_needs_is_found_though_the_example_was_large() -> None:
    model = nn.Sequential(
        Conv(lambda x: x[:, :, :12, :12]), nn.Conv2d(4, 4, 5), nn.AdaptiveAvgPool2d(1)
    )
    found = confirm(modellint.trace(model, ["2,3,31,31"]))
    runs = [h for h in range(1, 20) if taken(model, (2, 3, h, 31))]
    assert found["H"].min == found["W"].min == runs[0] == 5
    # Layers have other sizes below 12 than those that are said.
    assert not found.confirmed


def padded(x: Tensor) -> Tensor:
    """Padding as windows want it, with one row of windows too many where only one side is off."""
    height, width = x.shape[2:]
    if height % 4 or width % 4:
        x = F.pad(x, (0, 4 - width % 4, 0, 4 - height % 4))
    down, across = -x.shape[2] % 7, -x.shape[3] % 7
    x = F.pad(x, (0, across, 0, down))
    if down > 0 or across > 0:
        x = x[:, :, : x.shape[2] - down, : x.shape[3] - across]
    return x.reshape(*x.shape[:2], -1).mean(2)[:, :, None, None]


def test_a_demand_of_the_example_counts_no_longer_where_the_model_runs_without_it() -> None:
    model = Conv(padded)
    found = confirm(modellint.trace(model, ["2,3,56,56"]))
    for height, width in ((32, 32), (30, 41), (1, 56)):
        assert taken(model, (2, 3, height, width)) is not None
        assert admits(found, {"N": 2, "H": height, "W": width})


def test_what_a_smaller_map_is_refused_for_on_another_way_is_a_demand() -> None:
    def forward(x: Tensor) -> Tensor:
        return x if x.shape[2] > 20 else F.pad(x, (0, 0, 5, 5), mode="reflect")[:, :, 5:-5]

    found = confirm(modellint.trace(Conv(forward), ["2,3,32,32"]))
    assert found["H"].min == 6
    assert next(h for h in range(1, 32) if taken(Conv(forward), (2, 3, h, 32))) == 6


def test_one_of_two_alternatives_does_not_make_the_other_unneeded() -> None:
    def forward(x: Tensor) -> Tensor:
        assert x.shape[2] % 2 == 0 or x.shape[2] > 7
        return x

    graph = modellint.trace(Conv(forward), ["2,3,63,63"])
    for found in (accepted(graph), confirm(graph)):
        for height in range(1, 64):
            if admits(found, {"N": 2, "H": height, "W": 63}):
                assert taken(Conv(forward), (2, 3, height, 63)), height
        assert admits(found, {"N": 2, "H": 9, "W": 63})


def test_what_the_run_at_the_example_compared_stays_where_another_compares_something_else() -> None:
    def forward(x: Tensor) -> Tensor:
        x = F.avg_pool2d(x, (2, 3), 2)
        return x if min(x.shape[2:]) > 8 else F.interpolate(x, scale_factor=2)

    found = accepted(modellint.trace(Conv(forward), ["1,3,31,31"]))
    assert (found["H"].min, found["W"].min) == (18, 19)


def filled(x: Tensor) -> Tensor:
    height, width = x.shape[-2:]
    if height % 6 != 0 or width % 6 != 0:
        x = F.pad(x, (0, 6 - width % 6, 0, 6 - height % 6))
    return x


@pytest.mark.parametrize(("height", "width"), [(4, 38), (12, 38), (12, 18)])
def test_comparisons_are_tried_in_every_way_that_they_come_out_together(
    height: int, width: int
) -> None:
    model = Conv(filled)
    graph = modellint.trace(model, [f"2,3,{height},{width}"])
    found = confirm(graph)
    both = {"N": 1, "H": 18, "W": 12}
    said = tuple(evaluate(size, both) for size in graph.outputs[0].output.shape)
    assert not found.confirmed or said == taken(model, (1, 3, 18, 12))


class Lowered(nn.Module):
    """Halves what is wider than high, again and again, and reads the rest in windows of two."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            if x.shape[3] >= x.shape[2]:
                x = self.layer(x)
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((2, 3, 4, 5))


def test_a_way_that_refuses_some_sizes_is_tried_at_those_that_it_takes() -> None:
    model = Lowered()
    graph = modellint.trace(model, ["2,3,11,42"])
    found = confirm(graph)
    assert taken(model, (2, 3, 126, 42)) == (2, 3)
    assert not found.confirmed or admits(found, {"N": 2, "H": 126, "W": 42})


def sixes_when_large(x: Tensor) -> Tensor:
    if x.shape[2] > 10:
        assert x.shape[2] % 6 == 0
    return x


def test_what_refuses_the_first_size_outside_may_take_a_later_one() -> None:
    model = Conv(sixes_when_large)
    found = confirm(modellint.trace(model, ["2,3,8,8"]))
    assert taken(model, (2, 3, 60, 8)) is not None
    assert not found.confirmed or admits(found, {"N": 2, "H": 60, "W": 8})


class Joined(nn.Module):
    """A layer over two inputs side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 4)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.layer(torch.cat((a, b), -1))


def test_two_inputs_that_are_joined_tie_each_other() -> None:
    graph = modellint.trace(Joined(), ["3,7", "3,3"])
    for found in (accepted(graph), confirm(graph)):
        assert found["C"].max == 9
        assert "C + C2 == 10" in found.joint
    assert confirm(graph).confirmed
    assert "N2 = N" in describe(graph, found)


class Correlated(nn.Module):
    """One input's features, searched for in the other's, sample by sample."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, kernel: Tensor, x: Tensor) -> Tensor:
        kernel, x = self.conv(kernel), self.conv(x)
        n, c, h, w = x.shape
        kernel = kernel.reshape(n * c, 1, *kernel.shape[2:])
        return F.conv2d(x.reshape(1, n * c, h, w), kernel, groups=n * c)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_batch_that_another_must_equal_is_free(batch: int) -> None:
    graph = modellint.trace(Correlated(), [f"{batch},3,8,8", f"{batch},3,16,16"])
    found = confirm(graph)
    assert found.confirmed
    assert (found["N"].min, found["N"].max) == (1, None)
    assert "N2" not in found.sizes
    assert {"H2 >= H", "W2 >= W"} <= {*found.joint}
    assert taken(Correlated(), (3, 3, 8, 8), (3, 3, 16, 16))
    assert not taken(Correlated(), (2, 3, 8, 8), (3, 3, 16, 16))


class Stepped(nn.Module):
    """A cell over the elements of a sequence, in one of the ways to come by them."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.cell = nn.RNNCell(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.way == "split":
            steps = [step[:, 0] for step in x.split(1, dim=1)]
        else:
            steps = list(x.unbind(1))
        states = [torch.zeros(x.shape[0], 4)]
        for step in steps:
            states.append(self.cell(step, states[-1]))
        return torch.stack(states, 1)


@pytest.mark.parametrize("way", ["split", "unbind"])
def test_a_length_that_only_this_run_counted_is_not_said_to_be_demanded(way: str) -> None:
    graph = modellint.trace(Stepped(way), ["N,L,3"])
    assert graph.partial is not None
    words = describe(graph, confirm(graph))
    assert "L" not in words
    assert words.startswith("N any; C = 3")


def test_a_kernel_that_is_data_trims_no_map() -> None:
    report = modellint.lint(Correlated(), ["2,3,8,8", "2,3,16,16"], select=["edge-losing-padding"])
    assert {layer for finding in report.findings for layer in finding.layers} == {"conv", "conv#2"}
