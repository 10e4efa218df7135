"""A size that floating point swallows is said to be lost, never printed as if it were known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from size_nets import Chain, Step
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.inputs.forwards import Forwards
from modellint.symbolic.dims import Dim, evaluate

RATIO = 0.4
HEIGHTS = {0: 6, 1: 11, 2: 8}


def scaled(height: int, ratio: float) -> int:
    return int(ratio * height)


class Sized(nn.Module):
    """Resizes its map to a height that one line of code computes of the map's own."""

    ratio = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.share = 0.25
        self.heights = [3, 4, 5, 6, 7]

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.interpolate(x, size=(self.height(x), 8))

    def height(self, x: Tensor) -> Any:
        raise NotImplementedError


def sized(compute: Callable[[Any, Tensor], Any]) -> type[Sized]:
    return type(compute.__name__, (Sized,), {"height": compute})


def of_an_attribute(self: Any, x: Tensor) -> int:
    return int(self.share * x.shape[2])


def of_an_attribute_of_the_class(self: Any, x: Tensor) -> int:
    return int(self.ratio * x.shape[2])


def of_a_global_name(self: Any, x: Tensor) -> int:
    return int(RATIO * x.shape[2])


def of_an_argument(self: Any, x: Tensor) -> int:
    return scaled(x.shape[2], 0.4)


def of_a_list(self: Any, x: Tensor) -> int:
    height = x.shape[2]
    return self.heights[height % 5]


def of_a_text(self: Any, x: Tensor) -> int:
    return int(f"{x.shape[2]}")


def of_a_list_that_is_repeated(self: Any, x: Tensor) -> int:
    return len([0] * x.shape[2])


def of_a_comparison(self: Any, x: Tensor) -> int:
    return 7 if self.ratio * 50 < x.shape[2] else 9


def of_its_bytes(self: Any, x: Tensor) -> int:
    return len(bytes(x.shape[2]))


def of_a_dict_or_else(self: Any, x: Tensor) -> int:
    return HEIGHTS.get(x.shape[2] % 6, 9)


def of_a_count_up_to_a_root(self: Any, x: Tensor) -> int:
    return 2 + sum(1 for _ in range(math.isqrt(x.shape[2])))


def of_a_remainder_alone(self: Any, x: Tensor) -> int:
    return 3 + int((np.array(x.shape[2:]) // 2).max()) % 3


LOST = [
    of_a_dict_or_else,
    of_a_count_up_to_a_root,
    of_a_remainder_alone,
    of_an_attribute_of_the_class,
    of_a_global_name,
    of_an_argument,
    of_a_list,
    of_a_text,
    of_a_list_that_is_repeated,
    of_a_comparison,
    of_its_bytes,
]


@pytest.mark.parametrize("compute", LOST, ids=lambda compute: compute.__name__)
def test_a_size_that_is_lost_makes_the_model_partial_where_it_is_used(compute: Any) -> None:
    graph = modellint.trace(sized(compute)().eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None
    assert isinstance(graph.outputs[0].output.symbolic[2], int)


def halved(self: Any, x: Tensor) -> int:
    return int(x.shape[2] * 0.5)


def halved_by_numpy(self: Any, x: Tensor) -> int:
    return int(np.ceil(x.shape[2] / 2))


def in_a_tensor(self: Any, x: Tensor) -> int:
    return int(torch.tensor(x.shape[2]))


def in_a_tensor_of_floats(self: Any, x: Tensor) -> int:
    return int(torch.tensor(x.shape[2] / 2).item())


def halved_on_the_left(self: Any, x: Tensor) -> int:
    return math.floor(0.5 * x.shape[2])


def halved_twice(self: Any, x: Tensor) -> int:
    return int(x.shape[2] / 2 // 2)


def of_a_computed_float(self: Any, x: Tensor) -> int:
    share = 2 * self.share
    return int((share + 0.25) * x.shape[2])


def of_a_product_of_a_tensor(self: Any, x: Tensor) -> int:
    return int(torch.prod(torch.tensor(x.shape[2:])) // 16)


def of_the_arithmetic_of_tensors(self: Any, x: Tensor) -> int:
    sides = torch.tensor([x.shape[2], x.shape[3]]) * 2 + torch.tensor(1)
    return int((sides - 1)[0])


def of_the_sum_of_a_tensor(self: Any, x: Tensor) -> Any:
    return int(torch.tensor([x.shape[2], 4]).sum().item())


def of_a_division_that_rounds_down(self: Any, x: Tensor) -> Any:
    return torch.div(torch.tensor(x.shape[-2:]), 2, rounding_mode="floor").tolist()[0]


def of_a_division_that_rounds_up(self: Any, x: Tensor) -> int:
    return int(-(-torch.tensor(x.shape[2]) // 2))


def of_the_rest_in_a_tensor(self: Any, x: Tensor) -> int:
    return int(torch.tensor(x.shape[2]) % 5 + 1)


def of_a_row_that_is_unpacked(self: Any, x: Tensor) -> int:
    height, _ = torch.tensor(x.shape[-2:])
    return int(height // 4)


def of_a_size_of_torch(self: Any, x: Tensor) -> int:
    return torch.Size((x.shape[2], 1))[0]


@pytest.mark.parametrize(
    ("compute", "height"),
    [
        (halved, "H // 2"),
        (halved_on_the_left, "H // 2"),
        (halved_twice, "H // 4"),
        (of_an_attribute, "H // 4"),
        (of_a_computed_float, "3*H // 4"),
        (halved_by_numpy, "(H - 1) // 2 + 1"),
        (in_a_tensor, "H"),
        (in_a_tensor_of_floats, "H // 2"),
        (of_a_size_of_torch, "H"),
        (of_a_product_of_a_tensor, "H*W // 16"),
        (of_the_arithmetic_of_tensors, "2*H"),
        (of_the_sum_of_a_tensor, "H + 4"),
        (of_a_division_that_rounds_down, "H // 2"),
        (of_a_division_that_rounds_up, "(H - 1) // 2 + 1"),
        (of_the_rest_in_a_tensor, "H - 5*(H // 5) + 1"),
        (of_a_row_that_is_unpacked, "H // 4"),
    ],
)
def test_what_is_followed_keeps_its_expression(compute: Any, height: str) -> None:
    graph = modellint.trace(sized(compute)().eval(), inputs=["N,3,33,32"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", 4, height, 8)


def by_its_root(self: Any, x: Tensor) -> int:
    return math.isqrt(x.shape[2])


def by_its_logarithm(self: Any, x: Tensor) -> int:
    return math.ceil(math.log2(x.shape[2]))


def by_what_it_shares(self: Any, x: Tensor) -> int:
    return math.gcd(x.shape[2], 24)


def by_a_root_of_floats(self: Any, x: Tensor) -> int:
    return int(math.sqrt(x.shape[2]))


@pytest.mark.parametrize(
    "compute", [by_its_root, by_its_logarithm, by_what_it_shares, by_a_root_of_floats]
)
def test_what_no_expression_says_is_known_for_the_example_and_leaves_the_input_free(
    compute: Any,
) -> None:
    graph = modellint.trace(sized(compute)().eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None
    assert "H" in graph.symbols


class Viewed(nn.Module):
    """Flattens by a size that is a tensor."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.shape[0], torch.prod(torch.tensor(x.shape[1:])))


def test_a_size_in_a_tensor_is_a_size() -> None:
    graph = modellint.trace(Viewed(), inputs=["N,3,8,W"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", "C*H*W")


class Cropped(nn.Module):
    """Crops by a bound that is a tensor."""

    def __init__(self, bound: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bound = bound

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, :, : self.bound(torch.tensor(x.shape[-2:]))])


@pytest.mark.parametrize(
    ("bound", "height"), [(lambda sides: sides[0] // 2, "H // 2"), (lambda s: s.sum() - s[1], "H")]
)
def test_a_bound_of_a_slice_may_be_a_size_in_a_tensor(bound: Any, height: str) -> None:
    graph = modellint.trace(Cropped(bound).eval(), inputs=["N,3,20,16"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", 4, height, "W")


def of_values(self: Any, x: Tensor) -> int:
    return int(torch.tensor([x.shape[2], x.shape[3]]).float().mean())


def of_the_larger(self: Any, x: Tensor) -> int:
    return int(torch.tensor([x.shape[2], x.shape[3]]).max())


@pytest.mark.parametrize("compute", [of_values, of_the_larger])
def test_what_else_is_computed_of_sizes_in_a_tensor_fixes_them(compute: Any) -> None:
    graph = modellint.trace(sized(compute)().eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None


class Ratio(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=32 / x.shape[2]))


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + torch.arange(0, 1, 1 / x.shape[3])


@pytest.mark.parametrize("model", [Ratio, Steps])
def test_a_quotient_of_sizes_that_decides_on_a_size_is_not_printed_as_if_it_were_known(
    model: Any,
) -> None:
    graph = modellint.trace(model().eval(), inputs=["N,3,24,16"])
    assert graph.partial is not None
    assert graph.outputs[0].output.known is False or "W" in graph.outputs[0].output.symbolic


class Constructed(nn.Module):
    """Makes tensors by the constructors of old."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(x, torch.Tensor)
        noise = torch.FloatTensor(x.size(0), 1, x.size(2), x.size(3)).uniform_()
        return self.conv(x + noise), torch.Tensor(x.size(0), 3).zero_()


def test_a_tensor_of_a_constructor_keeps_the_sizes_that_it_is_given() -> None:
    graph = modellint.trace(Constructed().eval(), inputs=["N,3,12,16"])
    assert graph.partial is None
    shapes = [out.output.symbolic for out in graph.outputs]
    assert shapes == [("N", 4, "H", "W"), ("N", 3)]


class Innocent(nn.Module):
    """Uses sizes as most models do, and floats beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.scale = 0.5

    def forward(self, x: Tensor) -> Tensor:
        batch, length, channels = x.shape
        assert channels == 8, f"{channels} channels"
        qkv = self.qkv(x).reshape(batch, length, 3, 2, channels // 2).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        scores = self.scale * (q @ k.transpose(-2, -1))
        mixed = scores.softmax(-1) @ v
        x = x + 0.1 * mixed.transpose(1, 2).reshape(batch, length, channels)
        if length % 2:
            x = F.pad(x, (0, 0, 0, 2 - length % 2))
        return torch.zeros(x.shape[0], x.shape[1]) + x.mean(-1)


def lengths(x: Tensor, cache: Any = None) -> tuple[int, int]:
    """Asks an object that may hold sizes, if it is handed one."""
    length = x.shape[1]
    if cache is not None:
        length = cache.extended(length)
    start = 0 if cache is None else cache.seen(length)
    return length, start


class Cached(nn.Module):
    """Hands an optional argument on, as decoders of text do."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor, cache: Any = None) -> Tensor:
        length, start = lengths(x, cache)
        return self.linear(x) + torch.zeros(length - start, 1)


class Cache:
    def extended(self, length: int) -> int:
        return int(0.5 * length) * 2

    def seen(self, length: int) -> int:
        return 0


class CachedLater(nn.Module):
    """Asks without its optional argument first, and then with it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Cached(), Cached()

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x), Cache())


class Adviser:
    """An object that is no module: no reading tells what becomes of what it is handed.

    Its method has the name of one that tensors have.
    """

    def __init__(self, loses: bool) -> None:
        self.loses = loses

    def half(self, size: int) -> int:
        return len(bytes(size)) // 2 if self.loses else size // 2


class Advised(nn.Module):
    """Halves its height as an object tells it to."""

    def __init__(self, loses: bool) -> None:
        super().__init__()
        self.adviser = Adviser(loses)
        self.layer = nn.Conv1d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, :, : self.adviser.half(x.shape[2])])


@pytest.mark.parametrize("loses", [False, True])
def test_two_runs_decide_what_no_reading_tells_and_more_tell_where(
    loses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    run = Forwards.run_at
    monkeypatch.setattr(Forwards, "run_at", lambda *a: ran.append(a) or run(*a))
    graph = modellint.trace(Advised(loses).eval(), inputs=["N,16,L"])
    assert (graph.partial is not None) is loses
    # Two decide, and one tries whether the channels are free.
    assert (len(ran) > 3) is loses
    assert graph.outputs[0].output.known is not loses


def runs_for_lost_sizes(model: nn.Module, monkeypatch: pytest.MonkeyPatch) -> int:
    ran: list[Any] = []
    run = Forwards.run_at
    monkeypatch.setattr(Forwards, "run_at", lambda *a: ran.append(a) or run(*a))
    graph = modellint.trace(model.eval(), inputs=["N,16,8"])
    assert graph.partial is None
    return len(ran)


@pytest.mark.parametrize("model", [Innocent, Cached])
def test_a_model_that_loses_no_size_is_not_run_for_it(
    model: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runs_for_lost_sizes(model(), monkeypatch) == 0


def test_an_argument_is_none_only_if_it_was_whenever_the_code_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert runs_for_lost_sizes(CachedLater(), monkeypatch) > 0


class Decided(nn.Module):
    """Runs its layer where the root of the height is odd."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if math.isqrt(x.shape[2]) % 2 else x


def test_a_way_that_only_the_example_decided_makes_the_model_partial() -> None:
    graph = modellint.trace(Decided().eval(), inputs=["N,3,33,32"])
    assert graph.partial is not None
    assert not graph.outputs[0].output.known


class Compared(nn.Module):
    """Runs its layer only where the map is high enough for it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if x.shape[2] > 20.5 else x


def test_a_float_that_is_compared_with_a_size_says_where_the_code_goes_another_way() -> None:
    graph = modellint.trace(Compared().eval(), inputs=["N,3,33,32"])
    compared = [c for c in graph.constraints if c.origin == "branch"]
    assert any(c.holds({"H": 21}) and not c.holds({"H": 20}) for c in compared)


def longer(model: Any, x: Tensor) -> Any:
    """The longer side where that is long, told by a float that the model holds."""
    height, width = x.shape[2:]
    return height if model.share * 40 < width else width


class Helped(nn.Module):
    """Crops by what a function of the file makes of the module and its map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.share = 0.25

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, :, longer(self, x) % 3 :])


def test_a_float_of_the_model_asks_for_sizes_in_a_function_that_gets_the_model() -> None:
    graph = modellint.trace(Helped().eval(), inputs=["N,3,9,27"])
    compared = [c for c in graph.constraints if c.origin == "branch"]
    assert any(c.holds({"H": 9, "W": 11}) and not c.holds({"H": 9, "W": 10}) for c in compared)


class LostBefore(nn.Module):
    """Compares a size of which only the example is known, to decide on another."""

    ratio = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x[:, :, :: int(self.ratio * x.shape[2]) % 2 + 1])
        return F.interpolate(x, size=(max(x.shape[2] // 2, 3), 8))


def test_what_is_compared_of_a_lost_size_decides_for_the_example_only() -> None:
    model = LostBefore().eval()
    graph = modellint.trace(model, inputs=["N,3,9,31"])
    assert graph.partial is not None
    for height in range(1, 40):
        sizes = {"N": 1, "H": height, "W": 31}
        if all(c.holds(sizes) for c in graph.constraints):
            made = model(torch.zeros(1, 3, height, 31)).shape[2]
            said = graph.outputs[0].output.shape[2]
            assert (isinstance(said, Dim) and said.unknown) or evaluate(said, sizes) == made


class Looped(nn.Module):
    """Halves a number until it is small, and repeats its map where that is odd."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        while height > 7:
            height = (height + 1) // 2
        return self.conv(x.repeat(1, 1, height % 2 + 1, 1))


@pytest.mark.parametrize("height", [9, 17, 29, 33])
def test_sizes_of_another_way_count_where_they_are_those_of_the_examples_way_everywhere(
    height: int,
) -> None:
    model = Looped().eval()
    graph = modellint.trace(model, inputs=[f"N,3,{height},9"])
    for other in range(1, 80):
        sizes = {"N": 1, "H": other, "W": 9}
        if all(c.holds(sizes) for c in graph.constraints):
            made = model(torch.zeros(1, 3, other, 9)).shape[2]
            assert evaluate(graph.outputs[0].output.shape[2], sizes) == made


class Resampled(nn.Module):
    """Adds positions that are resampled where its map is none of 4×4, and resizes to a height."""

    def __init__(self, heights: list[int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, 4)
        self.positions = nn.Parameter(torch.zeros(1, 8, 4, 4))
        self.heights = heights
        self.last = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        height, width = x.shape[2:]
        positions = self.positions
        if height != 4 or width != 4:
            positions = F.interpolate(positions, size=(height, width))
        x = x + positions
        return self.last(F.interpolate(x, size=(self.heights[height % 4], width)))


@pytest.mark.parametrize("heights", [[5, 5, 5, 5], [5, 6, 7, 8]])
def test_what_another_way_of_the_code_does_is_lost_only_where_no_comparison_says_so(
    heights: list[int],
) -> None:
    model = Resampled(heights).eval()
    graph = modellint.trace(model, inputs=["N,3,16,16"])
    loses = len({*heights}) > 1
    assert bool(graph.partial) is loses
    said = graph.outputs[0].output.shape
    for height, width in [(16, 16), (12, 28), (33, 40)]:
        made = model(torch.zeros(2, 3, height, width)).shape
        sizes = {"N": 2, "H": height, "W": width}
        assert all(c.holds(sizes) for c in graph.constraints if c.origin == "operation")
        for size, real in zip(said, made, strict=True):
            assert (loses and isinstance(size, Dim) and size.unknown) or (
                evaluate(size, sizes) == real
            )


def test_a_size_that_math_refuses_in_another_run_is_one_that_the_model_does_not_take() -> None:
    # The rows that are cut off at 9×10 are not those at other sizes, where none may be left.
    model = Chain(
        [Step("array", "cropped_inside", 2, 0.25), Step("power_of_two", "cropped", 2, 0.25)]
    )
    graph = modellint.trace(model, inputs=["2,3,9,10"])
    assert graph.partial is not None
    assert "math" not in graph.partial
    assert "report" not in graph.partial


def test_the_code_and_the_attributes_of_a_model_are_as_they_were_after_a_run() -> None:
    model = sized(of_an_attribute)().eval()
    code, forward = of_an_attribute.__code__, Sized.forward.__code__
    constants = [type(held) for held in halved_on_the_left.__code__.co_consts]
    modellint.trace(model, inputs=["N,3,33,32"])
    modellint.trace(sized(halved_on_the_left)().eval(), inputs=["N,3,33,32"])
    assert type(model.share) is float
    assert of_an_attribute.__code__ is code
    assert Sized.forward.__code__ is forward
    assert [type(held) for held in halved_on_the_left.__code__.co_consts] == constants
