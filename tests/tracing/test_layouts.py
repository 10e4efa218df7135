"""Memory as torch lays it out: strides of every operation, and where `view` refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, permutations, product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from modellint.tracing.layouts import Laid, by_rows
from tests.shapes.test_shapes import CASES, SIZES, Case, eager, tensors, traced

Layout = Callable[[Tensor], Tensor]


def _swapped(first: int, second: int) -> Layout:
    return lambda x: x.transpose(first, second).contiguous().transpose(first, second)


#: By the least rank that it can be made of.
LAYOUTS: dict[str, tuple[int, Layout]] = {
    "rows": (0, lambda x: x),
    "last two exchanged": (2, _swapped(-1, -2)),
    "first two exchanged": (3, _swapped(0, 1)),
    "middle exchanged": (4, _swapped(1, 2)),
    "channels last": (3, lambda x: x.movedim(1, -1).contiguous().movedim(-1, 1)),
    "first expanded": (1, lambda x: x[:1].expand(x.shape)),
    "second expanded": (2, lambda x: x[:, :1].expand(x.shape)),
    "last expanded": (1, lambda x: x[..., :1].expand(x.shape)),
    "every second": (1, lambda x: torch.stack([x, x], -1)[..., 0]),
    "a part of rows": (1, lambda x: torch.cat([x, x], -1)[..., : x.shape[-1]]),
    "a part of channels": (2, lambda x: torch.cat([x, x], 1)[:, : x.shape[1]]),
}


def laid(call: Callable[..., Any], layouts: tuple[str, ...]) -> Callable[..., Any]:
    """A call whose arguments come in these layouts, where they have as many axes."""

    def run(*given: Tensor) -> Any:
        made = []
        for x, name in zip(given, layouts, strict=True):
            least, layout = LAYOUTS[name]
            made.append(layout(x) if x.dim() >= least else x)
        return call(*made)

    # A layer stays a part of the model.
    return _Of(call, run) if isinstance(call, nn.Module) else run


class _Of(nn.Module):
    def __init__(self, layer: nn.Module, run: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = layer
        self.run = run

    def forward(self, *given: Tensor) -> Any:
        return self.run(*given)


def combinations(count: int) -> Iterator[tuple[str, ...]]:
    """One argument in each layout, and all of them in the same."""
    for name in LAYOUTS:
        yield (name,) * count
        if count > 1 and name != "rows":
            for at in range(count):
                yield tuple(name if place == at else "rows" for place in range(count))


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides that a traced tensor has."""
    plain = tuple(int.__add__(size, 0) for size in shape)
    return shape.strides if isinstance(shape, Laid) else by_rows(plain)


def told(sizes: tuple[int, ...], given: tuple[int, ...]) -> tuple[int, ...]:
    """What strides say: nothing along an axis of one value, nor of an empty tensor."""
    if 0 in sizes:
        return ()
    return tuple(s for s, size in zip(given, sizes, strict=True) if size != 1)


#: Whether this PyTorch is older than those whose layouts are followed.
OLD = tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 9)


def disagreements(one: Case, layouts: tuple[str, ...]) -> Iterator[str]:
    """Where a trace of a case and eager PyTorch differ, in words."""
    call = laid(one.call, layouts)
    try:
        results = list(tensors(eager(call, one.inputs, SIZES[0])))
    except (RuntimeError, ValueError, IndexError) as error:
        if traced(call, one.inputs, SIZES[0]).refused is None:
            yield f"{one} of {layouts}: torch refuses: {error}"
        return
    found = traced(call, one.inputs, SIZES[0])
    if found.refused is not None:
        yield f"{one} of {layouts} is refused: {found.refused[1]}"
        return
    for record, result in zip(found.outputs, results, strict=True):
        sizes = tuple(result.shape)
        wanted, have = told(sizes, result.stride()), told(sizes, strides(record.shapes[0]))
        if wanted != have:
            yield f"{one} of {layouts}: {have} of {sizes}, torch {wanted}"


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{i}-{c.op}" for i, c in enumerate(CASES)]
)
@pytest.mark.filterwarnings("ignore")
def test_a_result_has_the_strides_that_torch_gives_it(number: int) -> None:
    one = CASES[number]
    if one.op.startswith("fft") and OLD:
        pytest.skip("earlier releases of PyTorch lay out transforms otherwise")
    layouts = list(combinations(len(one.inputs)))
    assert not list(disagreements(one, layouts[number % len(layouts)]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[f"{i}-{c.op}" for i, c in enumerate(CASES)]
)
@pytest.mark.filterwarnings("ignore")
def test_a_result_has_the_strides_of_torch_in_every_layout_of_its_arguments(number: int) -> None:
    one = CASES[number]
    found = [disagreements(one, layouts) for layouts in combinations(len(one.inputs))]
    assert not [text for texts in found for text in texts]


def _weight(x: Tensor, out: int, window: int) -> Tensor:
    return torch.ones(out, x.shape[1], window, window)


def _depthwise(x: Tensor) -> Tensor:
    return F.conv2d(x, torch.ones(x.shape[1], 1, 3, 3), padding=1, groups=x.shape[1])


def _normed(x: Tensor) -> Tensor:
    return F.batch_norm(x, torch.zeros(x.shape[1]), torch.ones(x.shape[1]))


def _by_four(order: tuple[int, ...]) -> Layout:
    return lambda x: x.permute(order)


BEFORE: dict[str, Layout] = {
    **{"".join(map(str, order)): _by_four(order) for order in permutations(range(4))},
    "every second column": lambda x: x[..., ::2],
    "every second row": lambda x: x[:, :, ::2],
    "all but a channel": lambda x: x[:, 1:],
    "one channel": lambda x: x[:, :1],
    "one channel, last": lambda x: x[:, :1].permute(0, 2, 3, 1),
    "one column as channel": lambda x: x[:, :, :, :1].permute(0, 3, 1, 2),
    "a part of another order": lambda x: x.permute(0, 3, 1, 2)[:, 1:],
    "channels expanded": lambda x: x[:, :1].expand(x.shape),
    "batch expanded": lambda x: x[:1].expand(x.shape),
    "contiguous, channels last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "to channels last": lambda x: x.to(memory_format=torch.channels_last),
}
BETWEEN: dict[str, Layout] = {
    "nothing": lambda x: x,
    "relu": F.relu,
    "relu in place": lambda x: F.relu(x.clone(), inplace=True),
    "a product with a number": lambda x: x * 2,
    "one minus": lambda x: 1 - x,
    "a comparison": lambda x: x > 0,
    "a sum with itself": lambda x: x + x,
    "a sum with rows": lambda x: x + torch.zeros(x.shape),
    "rows and it": lambda x: torch.zeros(x.shape) + x,
    "a sum with a bias": lambda x: x + torch.ones(x.shape[1], 1, 1),
    "a scale": lambda x: x * x.mean(),
    "a gate": lambda x: x * x.mean((2, 3), keepdim=True),
    "a gate before": lambda x: x.mean((2, 3), keepdim=True) * x,
    "a residual": lambda x: x + _depthwise(x),
    "a sum with what repeats": lambda x: x + x[:, :1].expand(x.shape),
    "a choice": lambda x: torch.where(x > 0, x, torch.zeros(x.shape)),
    "a choice of numbers": lambda x: torch.where(x > 0, 1.0, 0.0),
    "clamp": lambda x: x.clamp(0, 1),
    "prelu": lambda x: F.prelu(x, torch.ones(x.shape[1])),
    "lerp": lambda x: torch.lerp(x, torch.zeros(x.shape), 0.5),
    "conv": lambda x: F.conv2d(x, _weight(x, 6, 3), padding=1),
    "a 1×1 conv": lambda x: F.conv2d(x, _weight(x, 6, 1)),
    "a depthwise conv": _depthwise,
    "a transposed conv": lambda x: F.conv_transpose2d(x, torch.ones(x.shape[1], 5, 2, 2), stride=2),
    "conv, norm, relu": lambda x: F.relu(_normed(F.conv2d(x, _weight(x, 6, 3), padding=1))),
    "max pool": lambda x: F.max_pool2d(x, 2),
    "avg pool": lambda x: F.avg_pool2d(x, 2),
    "a pool to one": lambda x: F.adaptive_avg_pool2d(x, 1),
    "a pool to two": lambda x: F.adaptive_avg_pool2d(x, 2),
    "batch norm": _normed,
    "group norm": lambda x: F.group_norm(x, 1),
    "layer norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "instance norm": F.instance_norm,
    "normalize": lambda x: F.normalize(x, dim=1),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: F.log_softmax(x, -1),
    "cumsum": lambda x: x.cumsum(1),
    "cat": lambda x: torch.cat([x, x], 1),
    "cat with rows": lambda x: torch.cat([x, torch.zeros(x.shape)], 1),
    "cat of columns": lambda x: torch.cat([x, x], -1),
    "stack": lambda x: torch.stack([x, x], 1),
    "linear": lambda x: F.linear(x, torch.ones(5, x.shape[-1])),
    "matmul": lambda x: x @ x.transpose(-1, -2),
    "einsum": lambda x: torch.einsum("nchw,ncyw->nhcy", x, x),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "dropout": lambda x: F.dropout(x, 0.1, False),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
    "clone": lambda x: x.clone(),
    "contiguous": lambda x: x.contiguous(),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "bilinear": lambda x: F.interpolate(x, size=(5, 7), mode="bilinear"),
    "pad": lambda x: F.pad(x, (1, 1, 1, 1)),
    "reflect": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "glu": lambda x: F.glu(x, -1),
    "a half": lambda x: x.chunk(2, -1)[0],
    "mean": lambda x: x.mean(1, keepdim=True),
    "max": lambda x: x.max(1)[0],
    "roll": lambda x: x.roll(1, 2),
    "flip": lambda x: x.flip(2),
    "double": lambda x: x.double(),
    "zeros_like": torch.zeros_like,
    "sort": lambda x: x.sort(1)[0],
}
AFTER: dict[str, Layout] = {
    "flattened": lambda y: y.view(y.shape[0], -1),
    "a vector": lambda y: y.view(-1),
    "pixels": lambda y: y.view(*y.shape[:2], -1),
    "the batch folded": lambda y: y.view(-1, *y.shape[2:]),
    "channels last, flattened": lambda y: y.movedim(1, -1).view(y.shape[0], -1),
    "channels back, flattened": lambda y: y.movedim(-1, 1).view(y.shape[0], -1),
    "another axis": lambda y: y.view(*y.shape[:-1], 1, y.shape[-1]),
}
MAPS = [{"N": 2, "C": 4, "H": 6, "W": 6}, {"N": 1, "C": 4, "H": 6, "W": 4}]


def misjudged(
    every: int, again: bool = False, between_them: Iterable[str] = tuple(BETWEEN)
) -> Iterator[str]:
    """Where a view is refused that torch takes, or taken that torch refuses; one in `every`.

    With `again` it is one of what was made before, of a tensor of the same sizes.
    """
    chains = product(MAPS, BEFORE, between_them, AFTER)
    for sizes, before, between, after in islice(chains, 0, None, every):

        def call(x: Tensor) -> Tensor:
            if again:
                BETWEEN[between](BEFORE[before](x))  # noqa: B023
            return AFTER[after](BETWEEN[between](BEFORE[before](x)))  # noqa: B023

        try:
            eager(call, ("N,C,H,W",), sizes)
            runs = True
        except (RuntimeError, ValueError):
            runs = False
        refused = traced(call, ("N,C,H,W",), sizes).refused
        if runs is not (refused is None):
            said = "takes" if runs else "refuses"
            yield f"{before}; {between}; {after} of {sizes}: torch {said} it"


@pytest.mark.filterwarnings("ignore")
def test_a_view_is_refused_where_torch_refuses_it() -> None:
    assert not list(misjudged(43))


@pytest.mark.filterwarnings("ignore")
def test_a_view_is_refused_where_torch_refuses_it_of_what_came_before() -> None:
    assert not list(misjudged(47, again=True))


@pytest.mark.filterwarnings("ignore")
def test_a_view_behind_an_attention_is_refused_as_this_release_lays_it() -> None:
    assert not list(misjudged(1, between_them=["attention"]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_view_is_refused_exactly_where_torch_refuses_it() -> None:
    assert not list(misjudged(1))
    assert not list(misjudged(5, again=True))


def test_recurrent_layers_run_step_by_step_whichever_axis_is_the_batch() -> None:
    for layer in (nn.LSTM, nn.GRU, nn.RNN):
        for batch_first in (False, True):
            made = layer(3, 5, batch_first=batch_first)

            def call(x: Tensor, made: Any = made) -> Tensor:
                return made(x)[0].view(-1, 5)

            run = _Of(made, call)
            assert (traced(run, ("N,L,3",), SIZES[0]).refused is None) is not batch_first
            reshaped = _Of(made, lambda x, made=made: made(x)[0].reshape(-1, 5))
            assert traced(reshaped, ("N,L,3",), SIZES[0]).refused is None


def test_strides_of_another_order_keep_their_expressions() -> None:
    def call(x: Tensor) -> Tensor:
        channels_last = x.permute(0, 2, 3, 1)
        return x.new_zeros(channels_last.stride(0) // channels_last.stride(3))

    found = traced(call, ("N,3,H,W",), SIZES[0])
    assert found.outputs[0].shapes[0] == (3,)
    assert not [c for c in found.tape.constraints.values() if c.origin == "tool"]


def test_the_same_operation_on_another_layout_is_another() -> None:
    def call(x: Tensor) -> Tensor:
        first = F.relu(x).view(x.shape[0], -1)
        turned = x.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
        return first + F.relu(turned).view(x.shape[0], -1)

    refused = traced(call, ("N,3,H,W",), SIZES[0]).refused
    assert refused is not None
    assert refused[0].op == "view"


def test_a_view_that_came_before_is_a_view_again() -> None:
    def call(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, :2].relu_()
        x[:, :2].mul_(2)
        return x

    last = traced(call, ("N,4,H,W",), SIZES[0]).outputs[0]
    assert last.op == "update"
    assert last.inputs[1].op == "mul"
    assert last.inputs[0].op == "update"
    assert last.inputs[0].inputs[1].op == "relu"
