"""Contracts: the sizes that well-known architectures accept, found without trying them."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.contracts.admitted import Contract
from modellint.contracts.confirming import confirm
from modellint.contracts.contract import contract, describe, held_beside
from modellint.graph import Graph


def vgg() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for out in (4, 4, 8, 8, 8):
        layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Linear(8 * 49, 10))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(torch.flatten(x, 1))))


class UNet(nn.Module):
    def __init__(self, depth: int = 4) -> None:
        super().__init__()
        widths = [4] * (depth + 1)
        self.inside = nn.Conv2d(3, 4, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(w, w, 3, padding=1) for w in widths[1:])
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w, 2, stride=2) for w in widths[1:])
        self.join = nn.ModuleList(nn.Conv2d(2 * w, w, 3, padding=1) for w in widths[1:])

    def forward(self, x: Tensor) -> Tensor:
        maps = [self.inside(x)]
        for conv in self.down:
            maps.append(conv(F.max_pool2d(maps[-1], 2)))
        x = maps.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([up(x), maps.pop()], 1))
        return x


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 16, stride=16)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.places = nn.Parameter(torch.zeros(1, 197, 8))
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(x[:, 0])


class Block(nn.Module):
    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 8, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.short = nn.Conv2d(channels, 8, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv2(F.relu(self.conv1(x))) + self.short(x))


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3),
        nn.MaxPool2d(3, 2, 1),
        *(Block(8, stride) for stride in (1, 2, 2, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


class Asks(nn.Module):
    """Refuses what is not a multiple of eight by itself."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 8 or x.shape[3] > 64:
            raise ValueError("multiples of eight, please")
        return x


def solved(graph: Graph) -> Contract:
    assert graph.mismatch is None
    return contract(graph.constraints, graph.symbols)


def admitted(model: nn.Module, channels: int, sizes: range) -> list[int]:
    """The sides of a square image that eager PyTorch takes."""
    taken = []
    for side in sizes:
        try:
            with torch.no_grad():
                model.eval()(torch.zeros(2, channels, side, side))
        except (RuntimeError, ValueError):
            continue
        taken.append(side)
    return taken


def test_vgg_takes_any_image_from_32() -> None:
    found = solved(modellint.trace(vgg()))
    for side in "HW":
        assert found[side].to_dict() == {"min": 32, "max": None, "multiple_of": 1, "values": None}
    assert found["N"].min == 1
    assert found.joint == ()
    assert admitted(vgg(), 3, range(28, 36)) == [32, 33, 34, 35]


def test_lenet_takes_32_to_35_a_side_and_says_how_the_sides_depend_on_each_other() -> None:
    graph = modellint.trace(LeNet())
    assert graph.inputs[0].node.output.symbolic == ("N", 1, "H", "W")
    found = solved(graph)
    assert found["H"].values == (32, 33, 34, 35)
    assert found["W"].values == (32, 33, 34, 35)
    assert found.joint == ("(H // 4 - 3)*(W // 4 - 3) == 25",)
    assert admitted(LeNet(), 1, range(20, 60)) == [32, 33, 34, 35]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_a_unet_takes_multiples_of_two_to_its_depth(depth: int) -> None:
    found = solved(modellint.trace(UNet(depth)))
    for side in "HW":
        assert found[side].to_dict() == {
            "min": 2**depth,
            "max": None,
            "multiple_of": 2**depth,
            "values": None,
        }
    assert found.joint == ()


@pytest.mark.slow
def test_what_the_unets_contract_says_eager_confirms() -> None:
    assert admitted(UNet(), 3, range(1, 50)) == [16, 32, 48]


def test_a_vit_takes_one_size_only() -> None:
    graph = modellint.trace(ViT(), ["N,3,224,224"])
    found = solved(graph)
    admitted_by_eager = admitted(ViT(), 3, range(222, 243))
    for side in "HW":
        if side in graph.symbols:
            assert list(found[side].values or ()) == admitted_by_eager


class UpAgain(nn.Module):
    """A sum of the input and what comes back up from a strided convolution."""

    def __init__(self, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, kernel, stride, padding)
        self.up = nn.ConvTranspose2d(8, 3, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.up(self.down(x))


@pytest.mark.parametrize(
    ("arguments", "first", "apart"), [((3, 2, 1), 1, 2), ((3, 2, 0), 3, 2), ((5, 3, 0), 5, 3)]
)
def test_sizes_that_lie_evenly_apart_are_told_in_words(
    arguments: tuple[int, int, int], first: int, apart: int
) -> None:
    graph = modellint.trace(UpAgain(*arguments))
    found = confirm(graph)
    assert (found["H"].min, found["H"].apart) == (first, apart)
    # A map of two rows comes back with one, which is added to both: a size outside that runs.
    by_chance = admitted(UpAgain(*arguments), 3, range(first + 1, first + 2))
    assert found.confirmed is not bool(by_chance)
    assert len(found.joint) == 2
    told = describe(graph, found)
    assert "any" not in told.partition("; ")[2]
    assert "==" not in told.rpartition(")")[2]
    sides = admitted(UpAgain(*arguments), 3, range(first + apart, first + 4 * apart))
    assert sides == list(range(first + apart, first + 4 * apart, apart))


def test_a_resnet_takes_any_size_from_one() -> None:
    found = solved(modellint.trace(resnet()))
    for side in "NHW":
        assert found[side].to_dict() == {"min": 1, "max": None, "multiple_of": 1, "values": None}
    assert found.joint == ()
    assert admitted(resnet(), 3, range(1, 5)) == [1, 2, 3, 4]


def test_a_convolution_without_padding_needs_its_kernel() -> None:
    graph = modellint.trace(nn.Conv2d(3, 4, 3))
    found = solved(graph)
    assert found["H"].min == found["W"].min == 3
    assert describe(graph, found).startswith("N any; C = 3; H and W at least 3")


def test_a_condition_of_the_forward_is_part_of_the_contract() -> None:
    found = solved(modellint.trace(nn.Sequential(nn.Conv2d(3, 4, 1), Asks()), ["2,3,32,32"]))
    assert found["H"].multiple_of == 8
    assert found["H"].max is None
    assert (found["W"].min, found["W"].max) == (1, 64)


def test_an_average_over_a_map_pooled_too_small_is_refused() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.AvgPool2d(7))
    found = solved(modellint.trace(model))
    assert found["H"].min == admitted(model, 3, range(1, 32))[0] == 15


def test_a_ceil_mode_pool_takes_what_eager_takes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(3, 2, ceil_mode=True))
    assert solved(modellint.trace(model))["H"].min == admitted(model, 3, range(1, 9))[0] == 4


def test_two_maps_joined_must_be_alike() -> None:
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return torch.cat([x, F.max_pool2d(y, 2)], 1)

    graph = modellint.trace(Two(), ["A,3,P,Q", "A,3,R,S"])
    if graph.mismatch is None:
        for values in ({"P": 4, "R": 8}, {"P": 4, "R": 9}):
            full = {"A": 2, "Q": 4, "S": 8, **values}
            assert all(c.holds(full) for c in graph.constraints)
    graph = modellint.trace(Two(), ["2,3,8,8", "2,3,16,17"])
    assert graph.mismatch is None
    found = solved(graph)
    assert found.sizes
    joined = " ".join([*found.joint, *map(str, graph.inputs[0].node.output.symbolic)])
    assert "H2 // 2" in joined


def test_the_words_say_what_the_numbers_say_and_who_says_so() -> None:
    graph = modellint.trace(UNet())
    words = describe(graph, solved(graph))
    assert words.startswith("N any; C = 3; H and W multiples of 16, at least 16")
    assert "cat at" in words
    graph = modellint.trace(LeNet())
    words = describe(graph, solved(graph))
    assert words.count("(H // 4 - 3)*(W // 4 - 3) == 25") == 1


class Folded(nn.Module):
    """Folds a map of any form that has a multiple of so many positions."""

    def __init__(self, positions: int, least: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, least)
        self.positions = positions

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, c, h, w = x.shape
        return x.view(n, c, h * w // self.positions, self.positions).mean(-1)


@pytest.mark.parametrize(
    ("model", "height", "width", "tied"),
    [
        (LeNet(), 32, 32, True),
        (Folded(49), 28, 28, True),
        (Folded(6), 10, 9, True),
        (Folded(1), 12, 18, False),
        (UNet(2), 32, 48, False),
        (vgg(), 64, 40, False),
    ],
)
def test_what_one_size_may_be_only_beside_the_others_is_told_with_them(
    model: nn.Module, height: int, width: int, tied: bool
) -> None:
    graph = modellint.trace(model, [f"2,{3 - 2 * isinstance(model, LeNet)},{height},{width}"])
    beside = held_beside(solved(graph), graph.symbols)
    assert beside == ({"H": {"W": width}, "W": {"H": height}} if tied else {})
    words = describe(graph, solved(graph))
    assert ("while" in words) is tied
    if tied:
        told = f"the other is {width}" if height == width else f"W = {width}"
        assert told in words


class Volumes(nn.Module):
    """A U-net of volumes, whose norms want more than one voxel each."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1), nn.InstanceNorm3d(2))
        self.second = nn.Sequential(nn.Conv3d(2, 2, 3, padding=1), nn.InstanceNorm3d(2))
        self.up = nn.ConvTranspose3d(2, 2, 2, 2)
        self.last = nn.InstanceNorm3d(4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.last(torch.cat([x, self.up(self.second(F.max_pool3d(x, 2)))], 1))


def test_a_product_is_told_once_and_in_its_lowest_terms() -> None:
    graph = modellint.trace(Volumes(), ["N,1,8,8,8"])
    found = contract(graph.constraints, graph.symbols)
    assert [found[name].multiple_of for name in "DHW"] == [2, 2, 2]
    (condition,) = found.joint
    assert not eval(condition, {"D": 2, "H": 2, "W": 2})
    assert eval(condition, {"D": 2, "H": 4, "W": 2})


class Pyramid(nn.Module):
    """Halves a sequence as long as anything is left to halve."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        while x.shape[2] > 2:
            x = self.conv(F.pad(F.max_pool1d(x, 2), (1, 1)))
        return x.amax(2)


@pytest.mark.parametrize("length", [5, 20, 32, 37])
def test_a_loop_that_runs_more_often_for_longer_inputs_excludes_none(length: int) -> None:
    graph = modellint.trace(Pyramid(), [f"2,4,{length}"])
    assert all(c.holds(graph.symbols) for c in graph.constraints if c.origin == "operation")
    found = confirm(graph)["L"]
    assert (found.min, found.max, found.multiple_of) == (1, None, 1)


def test_two_products_that_must_agree_are_told_as_an_equation() -> None:
    graph = modellint.trace(Flattened(), ["2,6,4", "3,8,2"])
    (condition,) = contract(graph.constraints, graph.symbols).joint
    left, equals, right = condition.partition(" == ")
    assert equals
    assert "*" in left
    assert "*" in right


class Flattened(nn.Module):
    """Adds two inputs value by value."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x.view(-1) + y.view(-1)


class Localized(nn.Module):
    """Two heads, each on a flattened map of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 2, 7), nn.MaxPool2d(4), nn.Flatten())
        self.second = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(8), nn.Flatten())
        self.one = nn.Linear(2 * 5 * 5, 4)
        self.two = nn.Linear(2 * 3 * 3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(self.first(x)) + self.two(self.second(x))


def test_what_fixes_the_input_is_told_in_full_where_two_maps_are_flattened() -> None:
    (report,) = (found := modellint.lint(Localized(), ["1,1,28,28"])).models
    fixed = [finding for finding in found.findings if finding.rule == "input-size-fixed"]
    assert {finding.layer for finding in fixed} == {"one", "two"}
    assert len(report.joint) == 2
    for finding in fixed:
        assert all(condition in finding.message for condition in report.joint)


class Reconstructed(nn.Module):
    """Compares an image with what layers that are not each other's inverse make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(1, 2, 4, stride=6)
        self.up = nn.ConvTranspose2d(2, 1, 4, stride=6)

    def forward(self, x: Tensor) -> Tensor:
        return x - self.up(self.down(x))


def test_what_fits_is_told_where_sizes_lie_apart_and_are_no_multiples() -> None:
    report = modellint.lint(Reconstructed(), ["1,1,28,28"], select=["input-divisor"])
    (finding,) = report.findings
    told = [int(number) for number in re.findall(r"\d+", finding.help or "")]
    assert told[:2] == [4, 6]
    assert report.models[0].contract["H"].apart == 6
