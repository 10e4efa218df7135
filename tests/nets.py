"""Random nets over images for properties, and the shapes that eager PyTorch gives them.

A net is drawn as a chain of steps; a step is a layer, a branch that is joined again, a residual,
or a U: something that shrinks the map, then brings it back to join what it was.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from modellint.graph import Graph


class Crop(nn.Module):
    """Rows and columns cut off, by a slice."""

    def __init__(self, begin: int, end: int, step: int = 1) -> None:
        super().__init__()
        self.window = slice(begin or None, -end or None, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.window, self.window]


class PadTo(nn.Module):
    """Padding up to a multiple, computed from the map's own size."""

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        return F.pad(x, (0, -width % self.multiple, 0, -height % self.multiple))


class Pad(nn.Module):
    """Padding, negative sides too."""

    def __init__(self, sides: tuple[int, int, int, int], mode: str = "constant") -> None:
        super().__init__()
        self.sides = sides
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.sides, mode=self.mode)


class Shrunk(nn.Module):
    """Interpolated to a share of its own size, computed in Python."""

    def __init__(self, divisor: int, extra: int) -> None:
        super().__init__()
        self.divisor = divisor
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] // self.divisor, x.shape[3] // self.divisor
        return F.interpolate(x, size=(height + self.extra, width + self.extra))


class Pixels(nn.Module):
    """The map as a sequence and back, by views of its own sizes."""

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        tokens = x.flatten(2).transpose(1, 2).reshape(batch * height * width, channels)
        return tokens.view(batch, height, width, channels).permute(0, 3, 1, 2)


class Halves(nn.Module):
    """The channels in two pieces, exchanged."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        return torch.cat([second, first], 1)


class Patches(nn.Module):
    """im2col: every window's values as channels."""

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        columns = F.unfold(x, self.kernel, stride=self.stride)
        down = (height - self.kernel) // self.stride + 1
        return columns.reshape(x.shape[0], -1, down, (width - self.kernel) // self.stride + 1)


class Joined(nn.Module):
    """Branches of one map, concatenated."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Residual(nn.Module):
    """A body that keeps the shape, added to its input."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Skip(nn.Module):
    """A U: what went down is brought back in some way and joined with what it was."""

    def __init__(self, down: nn.Module, up: nn.Module, way: str) -> None:
        super().__init__()
        self.down = down
        self.up = up
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        deep = self.up(self.down(x))
        if self.way == "interpolate":
            deep = F.interpolate(deep, size=x.shape[2:], mode="bilinear")
        elif self.way == "pad":
            down, across = x.shape[2] - deep.shape[2], x.shape[3] - deep.shape[3]
            deep = F.pad(deep, (across // 2, across - across // 2, down // 2, down - down // 2))
        elif self.way == "crop":
            height, width = min(x.shape[2], deep.shape[2]), min(x.shape[3], deep.shape[3])
            x, deep = x[:, :, :height, :width], deep[:, :, :height, :width]
        return torch.cat([x, deep], 1)


class Weighted(nn.Module):
    """Channels weighted by their mean, as in squeeze-and-excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.linear(x.mean((2, 3))).sigmoid()[:, :, None, None]


KERNELS = st.integers(1, 5)


@st.composite
def convolutions(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """A convolution with any kernel, stride, padding, dilation, groups and padding mode."""
    groups = draw(st.sampled_from([g for g in (1, 1, 2, channels) if channels % g == 0]))
    out = draw(st.sampled_from([1, 2, 3])) * groups
    kernel = (draw(KERNELS), draw(KERNELS))
    mode = draw(st.sampled_from(["zeros", "zeros", "zeros", "circular", "reflect", "replicate"]))
    if draw(st.integers(0, 4)) == 0:
        made = nn.Conv2d(channels, out, kernel, padding="same", groups=groups, padding_mode=mode)
        return made, out
    made = nn.Conv2d(
        channels,
        out,
        kernel,
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        padding=(draw(st.integers(0, 3)), draw(st.integers(0, 3))),
        dilation=draw(st.integers(1, 3)),
        groups=groups,
        padding_mode=mode,
    )
    return made, out


@st.composite
def transposed(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """A transposed convolution."""
    stride = draw(st.integers(1, 3))
    dilation = draw(st.integers(1, 2))
    made = nn.ConvTranspose2d(
        channels,
        2,
        draw(KERNELS),
        stride=stride,
        padding=draw(st.integers(0, 2)),
        output_padding=draw(st.integers(0, max(stride, dilation) - 1)),
        dilation=dilation,
    )
    return made, 2


@st.composite
def pools(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """A pool with any window, ceil mode included."""
    kernel = draw(st.integers(1, 4))
    stride = draw(st.sampled_from([None, 1, 2, 3]))
    padding = draw(st.integers(0, kernel // 2))
    ceil = draw(st.booleans())
    kind = draw(st.sampled_from(["max", "average", "lp"]))
    if kind == "max":
        dilation = draw(st.integers(1, 2))
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil), channels
    if kind == "lp":
        return nn.LPPool2d(2, kernel, stride, ceil_mode=ceil), channels
    return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil), channels


@st.composite
def resized(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """A map of another size by interpolation, adaptive pooling, padding or cropping."""
    side = st.integers(0, 2)
    kind = draw(st.integers(0, 8))
    if kind == 0:
        factor = draw(st.sampled_from([2, 2.0, 1.5, 0.5, 3, (2, 0.5)]))
        return nn.Upsample(scale_factor=factor), channels
    if kind == 1:
        size = draw(st.sampled_from([5, (7, 4), (None, 3)]))
        pool = draw(st.sampled_from([nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d]))
        return pool(size), channels
    if kind == 2:
        return nn.ZeroPad2d((draw(side), draw(side), draw(side), draw(side))), channels
    if kind == 3:
        mode = draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
        return Pad((draw(side), draw(side), draw(side), draw(side)), mode), channels
    if kind == 4:
        cut = st.integers(-2, 2)
        return Pad((draw(cut), draw(cut), draw(cut), draw(cut))), channels
    if kind == 5:
        return Crop(draw(side), draw(side), draw(st.integers(1, 3))), channels
    if kind == 6:
        return PadTo(draw(st.sampled_from([2, 4, 8]))), channels
    if kind == 7:
        return Shrunk(draw(st.integers(1, 3)), draw(st.integers(0, 2))), channels
    return nn.Upsample(size=draw(st.sampled_from([6, (9, 5)]))), channels


@st.composite
def rearranged(draw: st.DrawFn, channels: int) -> tuple[nn.Module, int]:
    """The same values at other places, or every value changed."""
    choices: list[tuple[nn.Module, int]] = [
        (nn.ReLU(inplace=draw(st.booleans())), channels),
        (nn.BatchNorm2d(channels), channels),
        (nn.GroupNorm(1, channels), channels),
        (nn.InstanceNorm2d(channels, affine=True), channels),
        (nn.Dropout2d(), channels),
        (Pixels(), channels),
        (Weighted(channels), channels),
    ]
    if channels <= 8:
        choices.append((nn.PixelUnshuffle(2), channels * 4))
        kernel = draw(st.integers(1, 3))
        choices.append((Patches(kernel, draw(st.integers(1, 2))), channels * kernel**2))
    if channels % 4 == 0:
        choices.append((nn.PixelShuffle(2), channels // 4))
    if channels % 2 == 0:
        choices += [(Halves(), channels), (nn.ChannelShuffle(2), channels)]
    return draw(st.sampled_from(choices))


@st.composite
def kept(draw: st.DrawFn, channels: int) -> nn.Module:
    """A layer that keeps the map's size and channels."""
    kernel = draw(st.sampled_from([1, 3, 5]))
    dilation = draw(st.integers(1, 2))
    padding = dilation * (kernel - 1) // 2
    return draw(
        st.sampled_from(
            [
                nn.Conv2d(channels, channels, kernel, padding=padding, dilation=dilation),
                nn.Conv2d(channels, channels, kernel, padding="same", dilation=dilation),
                nn.MaxPool2d(3, 1, 1),
                nn.AvgPool2d(5, 1, 2),
            ]
        )
    )


@st.composite
def joined(draw: st.DrawFn, channels: int, depth: int) -> tuple[nn.Module, int]:
    """Branches, a residual or a U."""
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return Residual(nn.Sequential(draw(kept(channels)), nn.ReLU(inplace=True))), channels
    if kind == 1:
        down, out = draw(st.one_of(convolutions(channels), pools(channels)))
        up, out = draw(st.one_of(transposed(out), resized(out)))
        way = draw(st.sampled_from(["interpolate", "pad", "crop", "none"]))
        return Skip(down, up, way), channels + out
    if kind == 2:
        body, out = draw(chains(channels, depth - 1, 2)) if depth else (nn.Identity(), channels)
        return Skip(body, nn.Identity(), "interpolate"), channels + out
    stride = draw(st.integers(1, 2))
    branches = [
        nn.Conv2d(channels, 2, 3, stride, 1),
        nn.Conv2d(channels, 1, 5, stride, 2),
        nn.MaxPool2d(3, stride, 1, ceil_mode=draw(st.booleans())),
    ]
    return Joined(*branches), 3 + channels


@st.composite
def chains(draw: st.DrawFn, channels: int, depth: int, longest: int) -> tuple[nn.Module, int]:
    """Several steps, one after another."""
    steps: list[nn.Module] = []
    for _ in range(draw(st.integers(1, longest))):
        made, channels = draw(
            st.one_of(
                convolutions(channels),
                convolutions(channels),
                pools(channels),
                transposed(channels),
                resized(channels),
                rearranged(channels),
                joined(channels, depth),
            )
        )
        if channels > 24:
            steps += [made, nn.Conv2d(channels, 4, 1)]
            channels = 4
        else:
            steps.append(made)
    return nn.Sequential(*steps), channels


@st.composite
def nets(draw: st.DrawFn, longest: int = 6) -> nn.Module:
    """A net that takes maps of three channels."""
    body, channels = draw(chains(3, 2, longest))
    if draw(st.integers(0, 2)) == 0:
        body = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2))
    return body.eval()


def eager_shapes(model: nn.Module, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The output shape of every layer's first call in a real forward, by path.

    Raises what the forward raises.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    handles = []
    for path, module in model.named_modules():
        if not list(module.children()) and not isinstance(module, nn.Identity):

            def keep(_: nn.Module, __: Any, output: Tensor, path: str = path) -> None:
                shapes.setdefault(path, tuple(output.shape))

            handles.append(module.register_forward_hook(keep))
    try:
        with torch.no_grad():
            output = model(torch.zeros(sizes["N"], 3, sizes["H"], sizes["W"]))
    finally:
        for handle in handles:
            handle.remove()
    return {**shapes, "output": tuple(output.shape)}


#: An update is the tensor that a layer's view was written through, not the layer's own output.
NO_LAYERS = ("input", "parameter", "buffer", "constant", "update")


def symbolic_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    """The symbolic output shape of every layer, by path, and of the whole."""
    shapes: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        if node.outputs and node.op not in NO_LAYERS:
            shapes[node.module] = node.output.shape
    return {**shapes, "output": graph.outputs[0].output.shape}


def sizes_near(
    graph: Graph, count: int, seed: int, *, refused: bool = False, largest: int = 80
) -> list[dict[str, int]]:
    """Random sizes that the graph's constraints admit, or that an operation refuses."""
    drawn = random.Random(seed)
    found: list[dict[str, int]] = []
    demands = [c for c in graph.constraints if not refused or c.origin == "operation"]
    for _ in range(200):
        values = {"N": drawn.randint(1, 3), "C": 3}
        values |= {name: drawn.randint(1, largest) for name in ("H", "W")}
        if all(demand.holds(values) for demand in demands) is not refused:
            found.append(values)
            if len(found) == count:
                break
    return found
