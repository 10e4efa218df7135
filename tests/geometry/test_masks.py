"""Masks against gradients: with positive weights, an entry is read if its gradient is not zero."""

from __future__ import annotations

import copy
import os
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from long_axes import nothing_is_short
from nets import Joined, Skip, Weighted, chains, nets
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.geometry import Window, full, positions, ranges, read_masks, windows
from modellint.geometry.masks import every, grouped, mirrored, repeated, rolled, spread
from modellint.geometry.resampling import resampled

#: How many nets the long run draws.
MANY = int(os.environ.get("MODELLINT_NETS", "300"))


class SumPool(nn.Module):
    """A max pool as the sum over its window."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        k, s, p, d = (_pair(v) for v in (self.pool.kernel_size, self.pool.stride,
                                         self.pool.padding, self.pool.dilation))  # fmt: skip
        wanted = self.pool(x).shape
        # Windows that start inside the map may end outside of it.
        more = [
            max((wanted[2 + a] - 1) * s[a] + d[a] * (k[a] - 1) + 1 - x.shape[2 + a] - p[a], 0)
            for a in range(2)
        ]
        x = F.pad(x, (p[1], more[1], p[0], more[0]))
        weight = torch.ones(x.shape[1], 1, *k, dtype=x.dtype)
        made = F.conv2d(x, weight, None, s, 0, d, groups=x.shape[1])
        return made[:, :, : wanted[2], : wanted[3]]


class MeanPool(nn.Module):
    """A power-average pool as the mean over the same windows."""

    def __init__(self, pool: nn.LPPool2d) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.pool.kernel_size, self.pool.stride, 0, self.pool.ceil_mode)


class Added(nn.Module):
    """A gate as a sum: a product with zero has no gradient, but reads both."""

    def __init__(self, gate: Weighted) -> None:
        super().__init__()
        self.linear = gate.linear

    def forward(self, x: Tensor) -> Tensor:
        return x + self.linear(x.mean((2, 3)))[:, :, None, None]


def _pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def linear_twin(model: nn.Module) -> nn.Module:
    """The same net with positive weights, without activations and norms, max pools as sums."""
    model = copy.deepcopy(model).double()
    for module in list(model.modules()):
        for name, child in module.named_children():
            setattr(module, name, _linear(child))
    model = _linear(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(0.0 if name.endswith("bias") else 1 / parameter[0].numel())
    return model


def _linear(module: nn.Module) -> nn.Module:
    if isinstance(module, (nn.ReLU, nn.BatchNorm2d, nn.GroupNorm, nn.InstanceNorm2d, nn.Dropout2d)):
        return nn.Identity()
    if isinstance(module, Weighted):
        return Added(module)
    if isinstance(module, nn.MaxPool2d):
        return SumPool(module)
    if isinstance(module, nn.LPPool2d):
        return MeanPool(module)
    if isinstance(module, nn.AdaptiveMaxPool2d):
        return nn.AdaptiveAvgPool2d(module.output_size)
    return module


class Pieces(nn.Module):
    """A map taken apart and put together in one of many ways; some of them lose a part."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def extra_repr(self) -> str:
        return self.way

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        match self.way:
            case "chunks":
                first, second, *_ = (*x.chunk(3, dim=2), x)
                return torch.cat([second, first], 2)
            case "split":
                return x.split([h - 1, 1], 2)[0] + x.split([1, h - 1], dim=2)[1]
            case "rows":
                return torch.stack(x.unbind(2)[::2], 2)
            case "narrow":
                return x.narrow(3, 1, w - 1).narrow(2, -h, max(h - 2, 1))
            case "select":
                return x.select(2, h // 2).unsqueeze(2) + x[:, :, 0, None]
            case "wrapped":
                return torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
            case "moved":
                return x.roll(2, 3).flip(2)[:, :, 1:, 1:]
            case "turned":
                return x.transpose(2, 3)[:, :, :-1].permute(0, 1, 3, 2)
            case "sequence":
                # Back as a map: of part of a row the mask tells rows and columns only.
                return x.flatten(2)[:, :, : h * w - w].unflatten(2, (h - 1, w))
            case "strips":
                return x[:, :, : h // 2 * 2].reshape(n, c, h // 2, 2, w)[:, :, :, 0]
            case "means":
                return x.mean(3, keepdim=True)[:, :, 1:] + x[:, :, 1:].sum((2,), True)
            case "products":
                x = x + 1  # A factor of zero has no gradient, but is read.
                return x @ x[:, :, 1:].transpose(2, 3)
            case "sums":
                x = x + 1
                return torch.einsum("nchw,ncvw->nchv", x[:, :, 2:], x[..., 1:].sum(3, True))
            case "runs":
                return x.unfold(2, 2, 3)[..., 1]
            case "written":
                y = torch.zeros_like(x)
                y[:, :, 1:] = x[:, :, :-1]
                return y
            case _:
                raise AssertionError(self.way)


WAYS = (
    "chunks split rows narrow select wrapped moved turned sequence strips means products sums "
    "runs written".split()
)


@st.composite
def lossy_nets(draw: st.DrawFn) -> nn.Module:
    """Chains of layers with pieces between them."""
    steps: list[nn.Module] = []
    channels = 3
    for _ in range(draw(st.integers(1, 2))):
        body, channels = draw(chains(channels, 1, 3))
        steps += [body, Pieces(draw(st.sampled_from(WAYS)))]
    body, _ = draw(chains(channels, 1, 2))
    return nn.Sequential(*steps, body).eval()


def gradients(model: nn.Module, x: Tensor) -> dict[str, tuple[set[int], ...]] | None:
    """By layer, the positions with a gradient in each dimension behind the channels.

    That of the input is `""`. `None` where the net refuses its input.
    """
    made: dict[str, Tensor] = {"": x}

    def keep(path: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Tensor) -> None:
            made[path] = output
            output.retain_grad()

        return hook

    twin = linear_twin(model)
    for path, module in twin.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Upsample, nn.AvgPool2d)):
            module.register_forward_hook(keep(path))
    try:
        output = twin(x)
    except (RuntimeError, ValueError):
        return None
    if not output.numel() or any(0 in tensor.shape for tensor in made.values()):
        return None
    output.sum().backward()
    return {path: _with_gradient(tensor.grad) for path, tensor in made.items()}


def _with_gradient(grad: Tensor | None) -> tuple[set[int], ...]:
    if grad is None:
        return (set(), set())
    found = grad.abs() > 1e-12
    return tuple(
        set(found.transpose(0, dim).flatten(1).any(1).nonzero().flatten().tolist())
        for dim in range(2, found.dim())
    )


def check(model: nn.Module, height: int, width: int) -> None:
    """Whatever has a gradient is read; and nothing else is where one path leads through the net.

    Where paths are joined, one may read some rows and another some columns of a map: all of their
    crossings count as read then, and those may meet other padding.
    """
    x = torch.ones(2, 3, height, width, dtype=torch.float64, requires_grad=True)
    wanted = gradients(model, x)
    if wanted is None:
        return
    graph = modellint.trace(model, [f"2,3,{height},{width}"])
    found = {"": graph.inputs[0].node} | {
        node.module: node for node in graph.nodes if node.is_layer and node.key == node.module
    }
    joined = any(isinstance(module, (Skip, Joined, Weighted)) for module in model.modules())
    for path, read in wanted.items():
        node = found[path]
        masks = read_masks(graph).get(node.index, (0,) * len(node.output.shape))
        for mask, with_gradient in zip(masks[2:], read, strict=True):
            counted = set(positions(mask))
            assert counted >= with_gradient if joined else counted == with_gradient, path


@st.composite
def windows_of_any_kind(draw: st.DrawFn) -> Window:
    """A window that fits its padded map at least once."""
    k, s, d = (draw(st.integers(1, most)) for most in (6, 4, 4))
    begin, end = draw(st.integers(0, 8)), draw(st.integers(0, 8))
    n = draw(st.integers(max(d * (k - 1) + 1 - begin - end, 1), 30))
    return Window(n, k, s, d, begin, end, (n + begin + end - d * (k - 1) - 1) // s + 1)


lenient = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
drawn = given(st.one_of(nets(), lossy_nets()), st.integers(8, 40), st.integers(8, 40))


@pytest.mark.filterwarnings("ignore:Using padding")
@drawn
def test_what_no_output_depends_on_has_no_gradient(
    model: nn.Module, height: int, width: int
) -> None:
    check(model, height, width)


@pytest.mark.slow
@settings(max_examples=MANY, **lenient)  # type: ignore[arg-type]
@pytest.mark.filterwarnings("ignore:Using padding")
@drawn
def test_what_no_output_depends_on_has_no_gradient_in_a_long_run(
    model: nn.Module, height: int, width: int
) -> None:
    check(model, height, width)


@pytest.mark.parametrize("way", WAYS)
def test_a_map_in_pieces_is_read_where_its_pieces_are(way: str) -> None:
    body = [nn.Conv2d(3, 3, 3, stride=2), Pieces(way), nn.Conv2d(3, 3, 2, stride=2)]
    check(nn.Sequential(*body), 14, 16)
    with nothing_is_short():
        check(nn.Sequential(*body), 14, 16)


@given(windows_of_any_kind())
def test_a_tap_is_dead_if_its_weight_gets_no_gradient(window: Window) -> None:
    x = torch.ones(1, 1, window.n)
    weight = torch.ones(1, 1, window.k, requires_grad=True)
    padded = F.pad(x, (window.begin, window.end))
    F.conv1d(padded, weight, stride=window.s, dilation=window.d).sum().backward()
    assert weight.grad is not None
    alive = full(window.k) & ~window.dead
    assert set(positions(alive)) == _with_gradient(weight.grad)[0]


@given(windows_of_any_kind(), st.integers(0, 2**20))
def test_a_window_reads_what_its_outputs_cover(window: Window, outputs: int) -> None:
    outputs &= full(window.o)
    covered = {at for output in positions(outputs) for at in window.taps(output)}
    assert set(positions(window.read(outputs))) == covered
    everything = {at for output in range(window.o) for at in window.taps(output)}
    assert set(positions(window.unread)) == set(range(window.n)) - everything
    assert set(positions(window.blind)) == {
        output for output in range(window.o) if not window.taps(output)
    }


@given(st.integers(1, 40), st.integers(1, 5), st.data())
def test_masks_are_sets(size: int, step: int, data: st.DataObject) -> None:
    mask = data.draw(st.integers(0, full(size)))
    members = {at for at in range(size) if mask >> at & 1}
    assert set(positions(mask)) == members
    assert {at for first, last in ranges(mask) for at in range(first, last + 1)} == members
    assert set(positions(spread(mask, step))) == {at * step for at in members}
    assert set(positions(every(mask, step))) == {at // step for at in members if at % step == 0}
    assert set(positions(repeated(mask, size, step))) == {
        at for at in range(size * step) if at // step in members
    }
    assert set(positions(grouped(mask, -(-size // step), step))) == {at // step for at in members}
    assert set(positions(mirrored(mask, size))) == {size - 1 - at for at in members}
    assert {(at + step) % size for at in positions(rolled(mask, size, step))} == members


@given(st.sampled_from(["nearest", "nearest-exact", "linear", "area"]), st.integers(1, 12),
       st.one_of(st.integers(1, 20), st.sampled_from([2.0, 0.5, 1.5, 1.1, 1 / 3, 0.7])),
       st.booleans())  # fmt: skip
def test_an_interpolation_weighs_its_taps_as_pytorch_does(
    mode: str, size: int, target: float, aligned: bool
) -> None:
    class Resized(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            to = {"size": target} if isinstance(target, int) else {"scale_factor": target}
            corners = aligned if mode == "linear" else None
            return F.interpolate(x, **to, mode=mode, align_corners=corners)

    if not int(target if isinstance(target, int) else size * target):
        return
    graph = modellint.trace(Resized(), [f"1,1,{size}"])
    taps = resampled(graph.outputs[0], 2)
    assert taps is not None
    found = torch.zeros(size, len(taps), dtype=torch.float64)
    for output, weights in enumerate(taps):
        for position, weight in weights:
            found[position, output] += weight
    unit = torch.eye(size, dtype=torch.float64)[:, None]
    assert torch.allclose(found, Resized()(unit)[:, 0], atol=1e-5)


def test_a_map_of_any_length_is_read_where_it_is() -> None:
    class Huge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.avg_pool1d(x.flatten(1)[:, None, 7:], 2, 4)[..., :5]

    graph = modellint.trace(Huge(), ["1,3,100000,100000"])
    *others, columns = read_masks(graph)[graph.inputs[0].node.index]
    assert others == [1, 1, 1]
    assert list(positions(columns)) == [
        7 + 4 * output + tap for output in range(5) for tap in (0, 1)
    ]
    (pool,) = graph.calls("avg_pool1d")
    (window,) = windows(pool) or ()
    # Two of four, and what is left over behind the last window.
    assert window.unread.bit_count() == window.n - 2 * window.o
