"""A size that some code loses is found, whichever way it takes to that code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint

RATIO = 0.4


def part(height: int) -> int:
    return int(RATIO * height)


def kept(height: int) -> int:
    return height // 2


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@decorated
def wrapped(height: int) -> int:
    return part(height)


TABLE = {"part": part, "kept": kept}
LISTED = [part]


class Helper:
    """An object that is no module."""

    def height(self, height: int) -> int:
        return part(height)

    def __call__(self, height: int) -> int:
        return part(height)


@dataclass
class Given:
    """What hands a size on as an attribute."""

    height: int


class Block(nn.Module):
    """Resizes its map to a part of the height that it is handed."""

    def forward(self, x: Tensor, height: int) -> Tensor:
        return F.interpolate(x, size=(part(height), 8))


class Method(nn.Module):
    """Does so in a method; its forward is handed no size."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    def resized(self, x: Tensor, height: int) -> Tensor:
        return F.interpolate(x, size=(part(height), 8))


class OfAPair(Block):
    def forward(self, x: Tensor, sizes: Any) -> Tensor:  # type: ignore[override]
        height, _ = sizes
        return F.interpolate(x, size=(part(height), 8))


class OfAnObject(Block):
    def forward(self, x: Tensor, given: Given) -> Tensor:  # type: ignore[override]
        return F.interpolate(x, size=(part(given.height), 8))


class Base(nn.Module):
    """A net of one kind of block; `way` takes a size to where it is lost."""

    def __init__(self, kind: type[nn.Module] | None) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        if kind is not None:
            self.blocks = nn.ModuleList([kind()])
            self.named = nn.ModuleDict({"only": kind()})
        self.name = "part"
        self.function = part
        self.helper = Helper()

    def way(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.way(self.conv(x))

    def resized(self, x: Tensor, height: int) -> Tensor:
        return F.interpolate(x, size=(part(height), 8))


def of_a_table(self: Any, x: Tensor) -> Tensor:
    function = TABLE[self.name]
    return F.interpolate(x, size=(function(x.shape[2]), 8))


def of_a_table_at_once(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(TABLE[self.name](x.shape[2]), 8))


def of_a_list(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(LISTED[0](x.shape[2]), 8))


def of_an_attribute(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(self.function(x.shape[2]), 8))


def of_another_name(self: Any, x: Tensor) -> Tensor:
    function = part
    return F.interpolate(x, size=(function(x.shape[2]), 8))


def of_a_choice(self: Any, x: Tensor) -> Tensor:
    function = part if self.name else kept
    return F.interpolate(x, size=(function(x.shape[2]), 8))


def of_a_decorated_function(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(wrapped(x.shape[2]), 8))


def of_an_object(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(self.helper.height(x.shape[2]), 8))


def of_an_object_that_is_called(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(self.helper(x.shape[2]), 8))


def of_an_object_that_is_made(self: Any, x: Tensor) -> Tensor:
    helper = Helper()
    return F.interpolate(x, size=(helper.height(x.shape[2]), 8))


def of_a_name_of_a_method(self: Any, x: Tensor) -> Tensor:
    return getattr(self, "resized")(x, x.shape[2])  # noqa: B009 - the way it takes


def of_a_partial_function(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(functools.partial(part)(x.shape[2]), 8))


def of_a_function_inside(self: Any, x: Tensor) -> Tensor:
    def inside(height: int) -> int:
        return part(height)

    return F.interpolate(x, size=(inside(x.shape[2]), 8))


def of_a_lambda(self: Any, x: Tensor) -> Tensor:
    inside = lambda height: part(height)  # noqa: E731
    return F.interpolate(x, size=(inside(x.shape[2]), 8))


def of_a_map(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(next(map(part, x.shape[2:])), 8))


def by_position(self: Any, x: Tensor) -> Tensor:
    for block in self.blocks:
        x = block(x, x.shape[2])
    return x


def by_name(self: Any, x: Tensor) -> Tensor:
    for block in self.blocks:
        x = block(x, height=x.shape[2])
    return x


def of_a_block_by_its_number(self: Any, x: Tensor) -> Tensor:
    result: Tensor = self.blocks[0](x, x.shape[2])
    return result


def of_counted_blocks(self: Any, x: Tensor) -> Tensor:
    for _, block in enumerate(self.blocks):
        x = block(x, x.shape[2])
    return x


def of_paired_blocks(self: Any, x: Tensor) -> Tensor:
    for block, _ in zip(self.blocks, [0], strict=True):
        x = block(x, x.shape[2])
    return x


def of_blocks_from_the_last(self: Any, x: Tensor) -> Tensor:
    for block in reversed(self.blocks):
        x = block(x, x.shape[2])
    return x


def of_blocks_by_name(self: Any, x: Tensor) -> Tensor:
    for _, block in self.named.items():
        x = block(x, x.shape[2])
    return x


def of_a_method_of_a_block(self: Any, x: Tensor) -> Tensor:
    for block in self.blocks:
        x = block.resized(x, x.shape[2])
    return x


def of_a_method_of_counted_blocks(self: Any, x: Tensor) -> Tensor:
    for _, block in enumerate(self.blocks):
        x = block.resized(x, x.shape[2])
    return x


def of_a_pair(self: Any, x: Tensor) -> Tensor:
    for block in self.blocks:
        x = block(x, x.shape[2:])
    return x


def of_an_objects_attribute(self: Any, x: Tensor) -> Tensor:
    for block in self.blocks:
        x = block(x, Given(x.shape[2]))
    return x


#: The kind of block that each way needs.
WAYS: dict[Any, type[nn.Module] | None] = {
    **dict.fromkeys(
        [
            of_a_table,
            of_a_table_at_once,
            of_a_list,
            of_an_attribute,
            of_another_name,
            of_a_choice,
            of_a_decorated_function,
            of_an_object,
            of_an_object_that_is_called,
            of_an_object_that_is_made,
            of_a_name_of_a_method,
            of_a_partial_function,
            of_a_function_inside,
            of_a_lambda,
            of_a_map,
        ]
    ),
    **dict.fromkeys(
        [
            by_position,
            by_name,
            of_a_block_by_its_number,
            of_counted_blocks,
            of_paired_blocks,
            of_blocks_from_the_last,
            of_blocks_by_name,
        ],
        Block,
    ),
    **dict.fromkeys([of_a_method_of_a_block, of_a_method_of_counted_blocks], Method),
    of_a_pair: OfAPair,
    of_an_objects_attribute: OfAnObject,
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_size_that_is_lost_at_the_end_of_a_way_is_said_to_be(way: Any) -> None:
    net = type(way.__name__, (Base,), {"way": way})(WAYS[way])
    graph = modellint.trace(net.eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None
    assert isinstance(graph.outputs[0].output.symbolic[2], int)


class OfItsBase(Block):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(self.conv(x), x.shape[2])


def test_a_size_that_a_base_loses_is_said_to_be_lost() -> None:
    graph = modellint.trace(OfItsBase().eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None


def of_a_table_that_keeps(self: Any, x: Tensor) -> Tensor:
    function = TABLE["kept"]
    return F.interpolate(x, size=(function(x.shape[2]), 8))


def of_nothing(self: Any, x: Tensor) -> Tensor:
    return F.interpolate(x, size=(kept(x.shape[2]), 8))


@pytest.mark.parametrize("way", [of_nothing, of_a_table_that_keeps])
def test_a_size_that_is_kept_stays_what_it_is(way: Any) -> None:
    net = type(way.__name__, (Base,), {"way": way})(None)
    graph = modellint.trace(net.eval(), inputs=["N,3,33,32"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic[2] == "H // 2"
