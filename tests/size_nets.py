"""Random models whose code computes sizes of sizes, in the ways that people write it.

A model is a chain of steps over a map. A step computes a number of the map's size, and resizes,
crops, pads or joins the map by it. Each way to compute is a function of its own, since what code
does with sizes is told a function at a time.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CHANNELS = 3
RATIO = 0.4
WIDTHS = [5, 9, 6, 12, 7]
BY_REST = {0: 6, 1: 11, 2: 8, 3: 5}

Way = Callable[[Any, Tensor], Any]
WAYS: dict[str, Way] = {}
USES: dict[str, Way] = {}


def way(compute: Way) -> Way:
    """Enter a way to compute a number of a map's size."""
    WAYS[compute.__name__] = compute
    return compute


def use(bring: Way) -> Way:
    """Enter a way to bring a map to another size."""
    USES[bring.__name__] = bring
    return bring


@way
def float_on_the_right(m: Any, x: Tensor) -> Any:
    return int(x.shape[2] * 0.75)


@way
def float_on_the_left(m: Any, x: Tensor) -> Any:
    return int(0.3 * x.shape[2])


@way
def float_of_the_model(m: Any, x: Tensor) -> Any:
    return int(m.share * x.shape[2])


@way
def float_of_the_class(m: Any, x: Tensor) -> Any:
    return int(m.part * x.size(2)) + 1


@way
def float_of_a_list(m: Any, x: Tensor) -> Any:
    return math.ceil(m.shares[1] * x.size(2))


@way
def float_of_settings(m: Any, x: Tensor) -> Any:
    return int(m.settings.share * x.shape[-2])


@way
def float_of_the_file(m: Any, x: Tensor) -> Any:
    return round(RATIO * x.shape[2])


@way
def float_of_a_local_name(m: Any, x: Tensor) -> Any:
    share = 1 / 3
    height = x.shape[2]
    return int(share * height) + 1


@way
def float_of_arithmetic(m: Any, x: Tensor) -> Any:
    return int((m.number / 7) * x.shape[2]) + 1


def scaled(size: Any, share: float) -> Any:
    return int(share * size)


@way
def float_of_a_function(m: Any, x: Tensor) -> Any:
    return scaled(x.shape[3], 0.6)


@way
def rounded(m: Any, x: Tensor) -> Any:
    return round(x.shape[2] * 0.75)


@way
def rounded_halves(m: Any, x: Tensor) -> Any:
    return round(x.shape[2] / 2)


@way
def floored(m: Any, x: Tensor) -> Any:
    return math.floor(x.shape[3] * 0.7)


@way
def raised(m: Any, x: Tensor) -> Any:
    return math.ceil(x.shape[3] / 3)


@way
def divided(m: Any, x: Tensor) -> Any:
    return -(-x.shape[2] // m.number)


@way
def rest(m: Any, x: Tensor) -> Any:
    return x.shape[2] % 7 + 1


@way
def root(m: Any, x: Tensor) -> Any:
    return int(math.sqrt(x.shape[2] * x.shape[3]))


@way
def root_of_integers(m: Any, x: Tensor) -> Any:
    return math.isqrt(x.shape[2])


@way
def power(m: Any, x: Tensor) -> Any:
    return int(x.shape[2] ** 0.5) + 2


@way
def shared(m: Any, x: Tensor) -> Any:
    return math.gcd(x.shape[2], 12)


@way
def power_of_two(m: Any, x: Tensor) -> Any:
    return 2 ** int(math.log2(x.shape[2]))


@way
def by_numpy(m: Any, x: Tensor) -> Any:
    return int(np.ceil(x.shape[2] / 3))


@way
def root_by_numpy(m: Any, x: Tensor) -> Any:
    return int(np.sqrt(x.shape[2]))


@way
def rounded_by_numpy(m: Any, x: Tensor) -> Any:
    return int(np.round(x.shape[2] * 0.4))


@way
def product_by_numpy(m: Any, x: Tensor) -> Any:
    return int(np.prod(x.shape[2:])) // 16 + 1


@way
def number_of_numpy(m: Any, x: Tensor) -> Any:
    return int(np.float64(0.5) * x.shape[2])


@way
def array(m: Any, x: Tensor) -> Any:
    return int((np.array(x.shape[2:]) // 2).max())


@way
def of_a_list(m: Any, x: Tensor) -> Any:
    height = x.shape[2]
    return WIDTHS[height % 5]


@way
def of_a_dict(m: Any, x: Tensor) -> Any:
    return BY_REST[x.shape[2] % 4]


@way
def of_a_dict_or_else(m: Any, x: Tensor) -> Any:
    return BY_REST.get(x.shape[2] % 6, 9)


@way
def of_a_slice(m: Any, x: Tensor) -> Any:
    return sum(WIDTHS[: x.shape[2] % 5]) + 3


@way
def repeated(m: Any, x: Tensor) -> Any:
    return len([0] * x.shape[2]) // 2 + 1


@way
def counted(m: Any, x: Tensor) -> Any:
    return sum(1 for at in range(x.shape[2]) if at % 3 == 0)


@way
def in_a_loop(m: Any, x: Tensor) -> Any:
    height = x.shape[2]
    while height > 7:
        height = (height + 1) // 2
    return height


@way
def in_a_text(m: Any, x: Tensor) -> Any:
    return len(f"{x.shape[2]}") + 5


@way
def of_a_tensor(m: Any, x: Tensor) -> Any:
    return int(torch.tensor(x.shape[2] / 2).item())


@way
def of_tensors(m: Any, x: Tensor) -> Any:
    return int(torch.tensor([x.shape[2], x.shape[3]]).max().item())


@way
def of_a_tensors_arithmetic(m: Any, x: Tensor) -> Any:
    return int((torch.tensor(x.shape[2]) * 0.5).ceil())


@way
def length(m: Any, x: Tensor) -> Any:
    return len(x[0, 0]) // 2 + 1


@way
def greater(m: Any, x: Tensor) -> Any:
    return max(x.shape[2] // 2, m.number)


@way
def compared(m: Any, x: Tensor) -> Any:
    height, width = x.shape[-2:]
    return height if m.share * 40 < width else width


@way
def of_both(m: Any, x: Tensor) -> Any:
    height, width = x.shape[2:]
    return int(height / width * 8) + 1


@way
def harmonic(m: Any, x: Tensor) -> Any:
    height, width = x.shape[2:]
    return 2 * height * width // (height + width)


@way
def one_over(m: Any, x: Tensor) -> Any:
    return round(100 / x.shape[2]) + 1


@way
def sorted_sizes(m: Any, x: Tensor) -> Any:
    return sorted([x.shape[2], x.shape[3], 13])[1]


@way
def searched(m: Any, x: Tensor) -> Any:
    return bisect.bisect([8, 16, 24, 32], x.shape[2]) + 4


@way
def squares(m: Any, x: Tensor) -> Any:
    return next(side for side in range(1, 99) if side * side >= x.shape[2])


@way
def bits(m: Any, x: Tensor) -> Any:
    return (x.shape[2] >> 1 | 1) & ~4


@way
def divisor_and_rest(m: Any, x: Tensor) -> Any:
    whole, left = divmod(x.shape[2], 4)
    return whole + left + 1


@way
def kept_by_the_model(m: Any, x: Tensor) -> Any:
    m.height = x.shape[2]
    return m.kept()


@way
def in_a_list_of_halves(m: Any, x: Tensor) -> Any:
    sizes = [size // 2 for size in x.shape[2:]]
    sizes.append(sizes[0] + 1)
    return int(0.9 * sizes[-1]) + 1


@use
def resized(m: Any, x: Tensor) -> Any:
    return F.interpolate(x, size=(m.number_of(x), x.shape[3]))


@use
def resized_both(m: Any, x: Tensor) -> Any:
    return F.interpolate(x, size=m.number_of(x))


@use
def cropped(m: Any, x: Tensor) -> Any:
    return x[:, :, : m.number_of(x)]


@use
def cropped_inside(m: Any, x: Tensor) -> Any:
    return x[..., m.number_of(x) % 3 :, :]


@use
def padded(m: Any, x: Tensor) -> Any:
    return F.pad(x, (0, m.number_of(x) % 5, 0, 1))


@use
def pooled(m: Any, x: Tensor) -> Any:
    return F.adaptive_avg_pool2d(x, (m.number_of(x), 4))


@use
def by_a_factor(m: Any, x: Tensor) -> Any:
    return F.interpolate(x, scale_factor=m.number_of(x) / x.shape[2])


@use
def joined(m: Any, x: Tensor) -> Any:
    return torch.cat([x, x.new_zeros(x.shape[0], x.shape[1], m.number_of(x), x.shape[3])], 2)


@use
def ranged(m: Any, x: Tensor) -> Any:
    places = torch.arange(0, 1, 1 / m.number_of(x))
    return F.interpolate(x, size=(7, places.shape[0]))


@use
def spaced(m: Any, x: Tensor) -> Any:
    places = torch.linspace(0, 1, m.number_of(x))
    return x.mean(2, keepdim=True) + places[:, None]


@use
def repeated_map(m: Any, x: Tensor) -> Any:
    return x.repeat(1, 1, m.number_of(x) % 2 + 1, 1)


@use
def strided(m: Any, x: Tensor) -> Any:
    return x[:, :, :: m.number_of(x) % 2 + 1]


class Step(nn.Module):
    """One way to compute a number of a map's size, and what it does to the map."""

    part = 0.7

    def __init__(self, compute: str, bring: str, number: int, share: float) -> None:
        super().__init__()
        self.compute = WAYS[compute]
        self.bring = USES[bring]
        self.number = number
        self.share = share
        self.shares = [0.5, share]
        self.settings = SimpleNamespace(share=share)
        self.said = f"{compute}, {bring}, {number}, {share}"

    def extra_repr(self) -> str:
        return self.said

    def number_of(self, x: Tensor) -> Any:
        return self.compute(self, x)

    def kept(self) -> Any:
        return int(self.share * self.height) + 1

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.bring(self, x)
        return made


class Chain(nn.Module):
    """Steps with convolutions between them."""

    def __init__(self, steps: list[nn.Module]) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.steps = nn.Sequential(*steps)
        self.last = nn.Conv2d(CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.steps(self.first(x)))
        return made


@st.composite
def size_nets(draw: st.DrawFn, ways: Mapping[str, Way] = WAYS) -> nn.Module:
    """A chain of steps, some of them plain layers."""
    steps: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 4)) == 0:
            steps.append(nn.Conv2d(CHANNELS, CHANNELS, 3, draw(st.integers(1, 2)), 1))
            continue
        steps.append(
            Step(
                draw(st.sampled_from(sorted(ways))),
                draw(st.sampled_from(sorted(USES))),
                draw(st.integers(2, 5)),
                draw(st.sampled_from([0.25, 0.3, 0.5, 0.7, 0.9])),
            )
        )
    return Chain(steps).eval()
