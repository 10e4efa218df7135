"""Random models whose code looks at sizes, for properties of contracts.

A model is a chain of steps on a map, or two maps that are joined first. A step asserts, crops,
pads, slices, compares, or is a layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

CHANNELS = 3


class Asserts(nn.Module):
    """Refuses some sizes by itself."""

    def __init__(self, kind: str, number: int) -> None:
        super().__init__()
        self.kind = kind
        self.number = number

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        number = self.number
        if self.kind == "multiple":
            assert height % number == 0
        elif self.kind == "least":
            assert min(height, width) >= number
        elif self.kind == "most":
            assert height <= 16 * number, f"{height} is too high"
        elif self.kind == "either":
            assert height % 2 == 0 or width > number
        elif self.kind == "floors" and height // 4 != (height - 1) // 4 + 1:
            return x
        elif self.kind == "wide" and height > width + 8 * number:
            raise ValueError("too high for its width")
        return x


class Cut(nn.Module):
    """A part of the map, counted from its start, its end or its middle."""

    def __init__(self, kind: str, number: int, step: int) -> None:
        super().__init__()
        self.kind = kind
        self.number = number
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        number, step = self.number, self.step
        if self.kind == "last":
            return x[:, :, height - number :]
        if self.kind == "first":
            return x[:, :, :number, : 2 * number]
        if self.kind == "border":
            return x[:, :, number:-number]
        if self.kind == "strided":
            return x[:, :, number::step, :: step + 1]
        if self.kind == "centre":
            top, left = (height - 2 * number) // 2, (width - number) // 2
            return x[:, :, top : top + 2 * number, left : left + number]
        if self.kind == "half":
            return x[:, :, : height // 2, width // 2 :]
        return x.narrow(2, height - number, number)


class Fill(nn.Module):
    """Padding up to a multiple, in one of the ways that people write it."""

    def __init__(self, kind: str, number: int) -> None:
        super().__init__()
        self.kind = kind
        self.number = number

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        number = self.number
        if self.kind == "always":
            return F.pad(x, (0, -width % number, 0, -height % number))
        if self.kind == "once":
            if height % number:
                x = F.pad(x, (0, 0, 0, number - height % number))
            return x
        if self.kind == "both":
            if height % number != 0 or width % number != 0:
                x = F.pad(x, (0, number - width % number, 0, number - height % number))
            return x
        if self.kind == "reflect":
            return F.pad(x, (number, number, 1, 1), mode="reflect")
        if min(height, width) < 4 * number:
            x = F.interpolate(x, scale_factor=2)
        return x


class Meets(nn.Module):
    """Brings a map down, up again, and joins it with what it was."""

    def __init__(self, kind: str, stride: int, join: str) -> None:
        super().__init__()
        self.kind = kind
        self.stride = stride
        self.join = join
        self.down = nn.Conv2d(CHANNELS, CHANNELS, 3, stride, 1)
        self.up = nn.ConvTranspose2d(CHANNELS, CHANNELS, stride, stride)
        self.out = nn.Conv2d(2 * CHANNELS, CHANNELS, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        y = F.interpolate(y, scale_factor=self.stride) if self.kind == "resize" else self.up(y)
        if self.kind == "crop":
            y = y[:, :, : x.shape[2], : x.shape[3]]
        return self.out(torch.cat([x, y], 1)) if self.join == "cat" else x + y


class Windows(nn.Module):
    """The map in windows and back, by views."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        side = self.side
        x = x.reshape(n, c, h // side, side, w // side, side)
        return x.transpose(3, 4).reshape(n, c, h, w)


class Compares(nn.Module):
    """Runs a layer only where its map is large enough, of even size, or wider than high."""

    def __init__(self, kind: str, number: int, stride: int) -> None:
        super().__init__()
        self.kind = kind
        self.number = number
        self.layer = nn.Conv2d(CHANNELS, CHANNELS, 3, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if self.kind == "large":
            runs = height > self.number * 4
        elif self.kind == "even":
            runs = height % self.number == 0
        elif self.kind == "floors":
            runs = height // 2 == (height - 1) // 2
        elif self.kind == "least":
            runs = min(x.shape[2:]) > self.number
        else:
            runs = width >= height
        return self.layer(x) if runs else x


class Model(nn.Module):
    """A chain of steps over one map, or over two that are joined."""

    def __init__(self, join: str | None, steps: Sequence[nn.Module], head: str) -> None:
        super().__init__()
        self.join = join
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.steps = nn.Sequential(*steps)
        self.head = head
        self.last = nn.Linear(CHANNELS * 16, 2)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.first(x)
        if y is not None:
            if self.join == "rows":
                x = torch.cat([x, y], 2)
            elif self.join == "add":
                x = x + F.max_pool2d(y, 2)
            elif self.join == "crop":
                x = x + y[:, :, : x.shape[2], : x.shape[3]]
            elif self.join == "flat":
                x = x * y.flatten(2).mean(2)[:, :, None, None]
            else:
                x = F.conv2d(x, y.mean((2, 3))[:1, :, None, None].expand(CHANNELS, -1, -1, -1))
        x = self.steps(x)
        if self.head == "flat":
            return self.last(F.max_pool2d(x, 2).flatten(1))
        return x.mean((2, 3)) if self.head == "mean" else x


@st.composite
def steps(draw: st.DrawFn) -> nn.Module:
    """One step, which keeps the channels."""
    number = draw(st.integers(1, 6))
    kind = draw(st.integers(0, 7))
    if kind == 0:
        named = ["multiple", "least", "most", "either", "floors", "wide"]
        return Asserts(draw(st.sampled_from(named)), number)
    if kind == 1:
        cuts = ["last", "first", "border", "strided", "centre", "half", "narrow"]
        return Cut(draw(st.sampled_from(cuts)), number, draw(st.integers(1, 3)))
    if kind == 2:
        return Fill(draw(st.sampled_from(["always", "once", "both", "reflect", "small"])), number)
    if kind == 3:
        way = draw(st.sampled_from(["resize", "transpose", "crop"]))
        return Meets(way, draw(st.integers(2, 3)), draw(st.sampled_from(["cat", "add"])))
    if kind == 4:
        return Windows(draw(st.integers(2, 4)))
    if kind == 5:
        compared = ["large", "even", "floors", "least", "wide"]
        return Compares(draw(st.sampled_from(compared)), number, draw(st.integers(1, 2)))
    kernel = draw(st.integers(1, 4))
    if kind == 6:
        return nn.MaxPool2d(kernel, ceil_mode=draw(st.booleans()))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    return nn.Conv2d(CHANNELS, CHANNELS, kernel, stride, padding)


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A model of one or two maps."""
    join = draw(st.sampled_from([None, None, "rows", "add", "crop", "flat", "kernel"]))
    chain = draw(st.lists(steps(), min_size=1, max_size=4))
    head = draw(st.sampled_from(["map", "map", "mean", "flat"]))
    return Model(join, chain, head).eval()
