"""Dtypes as torch promotes them, and what a tensor answers about itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from itertools import islice, product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from modellint.shapes.elementwise import BINARY, COMPARISONS
from modellint.symbolic.dims import Dim
from tests.shapes.test_shapes import SIZES, eager, tensors, traced

_DTYPES = """float32 float64 float16 bfloat16 int64 int32 uint8 bool complex64""".split()


def _with_axes(dtype: str) -> Callable[[], Any]:
    return lambda: torch.ones(2, 3, dtype=getattr(torch, dtype))


def _without(dtype: str) -> Callable[[], Any]:
    return lambda: torch.ones((), dtype=getattr(torch, dtype))


#: What an operand may be: a tensor with axes, one without any, a number.
OPERANDS: dict[str, Callable[[], Any]] = {
    **{dtype: _with_axes(dtype) for dtype in _DTYPES},
    **{f"{dtype} without axes": _without(dtype) for dtype in _DTYPES},
    "True": lambda: True,
    "2": lambda: 2,
    "1.5": lambda: 1.5,
    "1j": lambda: 1j,
}
PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: getattr(torch, name) for name in [*BINARY, *COMPARISONS] if hasattr(torch, name)},
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "+=": lambda a, b: operator.iadd(a.clone(), b),
    "*=": lambda a, b: operator.imul(a.clone(), b),
    "floored div": lambda a, b: torch.div(a, b, rounding_mode="floor"),
    "where": lambda a, b: torch.where(torch.ones(2, 3) > 0, a, b),
    "clamp": lambda a, b: torch.clamp(a, min=b),
    "clamp twice": lambda a, b: torch.clamp(a, b, b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.5),
    "addcmul": lambda a, b: torch.addcmul(a, b, b),
    "addcdiv": lambda a, b: torch.addcdiv(a, a, b),
    "masked_fill": lambda a, b: a.masked_fill(torch.ones(2, 3) > 0, b),
    "cat": lambda a, b: torch.cat([a, b]),
    "cat of three": lambda a, b: torch.cat([a, b, a]),
    "stack": lambda a, b: torch.stack([a, b]),
    "matmul": lambda a, b: a @ b.transpose(-1, -2),
    "einsum": lambda a, b: torch.einsum("ij,kj->ik", a, b),
    "type_as": lambda a, b: a.type_as(b),
}
SINGLES: dict[str, Callable[[Any], Any]] = {
    **{
        name: getattr(torch, name)
        for name in """abs neg sqrt exp sigmoid sign floor round sum mean prod nansum amax any all
        count_nonzero argmax std isnan logical_not bitwise_not relu conj tril""".split()
    },
    **{
        f"{name} along an axis": lambda a, name=name: getattr(torch, name)(a, -1)
        for name in """sum mean prod amax any argmax logsumexp softmax log_softmax cumsum cumprod
        var sort""".split()
    },
    "a sum as float64": lambda a: a.sum(dtype=torch.float64),
    "a mean as float32": lambda a: a.mean(dtype=torch.float32),
    "a mean as float64": lambda a: a.mean(-1, dtype=torch.float64),
    "cumsum as float32": lambda a: a.cumsum(0, dtype=torch.float32),
    "softmax as float32": lambda a: F.softmax(a, -1, dtype=torch.float32),
    "a choice with a whole number": lambda a: torch.where(a > 0, a, 0),
    "a choice with a float": lambda a: torch.where(a > 0, 0.0, a),
    "a choice of floats": lambda a: torch.where(a > 0, 1.0, 0.0),
    "a choice of whole numbers": lambda a: torch.where(a > 0, 1, 0),
    "a choice of truths": lambda a: torch.where(a > 0, True, False),
    "clamp to floats": lambda a: a.clamp(0.5, 1.5),
    "clamp to whole numbers": lambda a: a.clamp(0, 2),
    "gelu": F.gelu,
    "leaky_relu": lambda a: F.leaky_relu(a, 0.1),
    "dropout": lambda a: F.dropout(a, 0.5, False),
}


def _calls() -> Iterator[tuple[str, Callable[[Tensor], Any]]]:
    for (name, pair), (first, a), (second, b) in product(
        PAIRS.items(), OPERANDS.items(), OPERANDS.items()
    ):
        yield f"{name} of {first}, {second}", lambda _, pair=pair, a=a, b=b: pair(a(), b())
    for (name, single), (first, a) in product(SINGLES.items(), OPERANDS.items()):
        yield f"{name} of {first}", lambda _, single=single, a=a: single(a())


def differing(every: int) -> Iterator[str]:
    """Where a dtype is another than torch's, or refused though torch takes it; one in `every`."""
    for name, call in islice(_calls(), 0, None, every):
        try:
            wanted = [str(one.dtype)[6:] for one in tensors(eager(call, ("N,3",), SIZES[0]))]
        except Exception:  # What torch refuses has no dtype.
            continue
        found = traced(call, ("N,3",), SIZES[0])
        if found.refused is not None:
            yield f"{name} is refused: {found.refused[1]}"
        elif [record.dtypes[0] for record in found.outputs] != wanted:
            yield f"{name}: {[record.dtypes[0] for record in found.outputs]}, torch {wanted}"


@pytest.mark.filterwarnings("ignore")
def test_a_dtype_is_what_torch_promotes_to() -> None:
    assert not list(differing(23))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_dtype_is_what_torch_promotes_to_for_every_pair_of_operands() -> None:
    assert not list(differing(1))


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda x: x.long().mean(), "an integer mean"),
        (lambda x: (x > 0) - (x > 0), "a difference of truths"),
        (lambda x: x & 1, "bits of floats"),
        (lambda x: x.long().add_(1.5), "floats into integers"),
        (lambda x: x.long().softmax(-1), "softmax of integers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_dtype_that_torch_refuses_is_refused(call: Callable[[Tensor], Any], dtype: str) -> None:
    with pytest.raises(RuntimeError):
        eager(call, ("N,3",), SIZES[0])
    assert traced(call, ("N,3",), SIZES[0]).refused is not None


#: Questions to a tensor of four axes, and tensors made like it.
ASKED: list[Callable[[Tensor], Any]] = [
    lambda x: x.type(),
    lambda x: x.long().type(),
    lambda x: x.half().type(),
    lambda x: "Half" in x.type(),
    lambda x: x.type(torch.float64).dtype,
    lambda x: x.type(torch.LongTensor).dtype,
    lambda x: x.type("torch.HalfTensor").dtype,
    lambda x: x.type(x.type()).dtype,
    lambda x: x.type(dtype=torch.int32).dtype,
    lambda x: x.to(complex).dtype,
    lambda x: x.device,
    lambda x: x.get_device(),
    lambda x: x.is_cpu,
    lambda x: x.is_cuda,
    lambda x: x.layout,
    lambda x: x.is_floating_point(),
    lambda x: x.long().is_floating_point(),
    lambda x: torch.is_complex(x),
    lambda x: x.is_contiguous(),
    lambda x: x.permute(0, 2, 3, 1).is_contiguous(),
    lambda x: x.to(memory_format=torch.channels_last).stride(),
    lambda x: x.to(torch.float64, memory_format=torch.channels_last).stride(),
    lambda x: x.half(memory_format=torch.channels_last).stride(),
    lambda x: x[:, 1:].double().stride(),
    lambda x: x[:, 1:].float().stride(),
    lambda x: x[:, 1:].to(torch.float32, copy=True).stride(),
    lambda x: x.permute(0, 2, 3, 1).stride(),
    lambda x: x[:, 1:].stride(),
    lambda x: x.stride(-1),
    lambda x: x.to(None),
    lambda x: x.to(device=None, dtype=None).dtype,
    lambda x: x.to(x.device, torch.float64).dtype,
    lambda x: x.new(2, 3),
    lambda x: x.new(x.size()),
    lambda x: x.new(x.shape).zero_(),
    lambda x: x.new(torch.Size([2, 3])),
    lambda x: x.new([1, 2, 3]),
    lambda x: x.new(x.size(0), 5).fill_(1),
    lambda x: x.new_zeros(x.shape, device=None),
    lambda x: x.new_zeros((2, 3), dtype=torch.long),
    lambda x: x.new_full((2,), True).dtype,
    lambda x: x.new_ones(x.size(0)),
    lambda x: torch.zeros(2, 3, device=None),
    lambda x: torch.zeros(x.shape[0], 3, dtype=None, device=None),
    lambda x: torch.full((2, 3), 1, device=None),
    lambda x: torch.arange(5, device=None),
    lambda x: torch.rand(2, device=None),
    lambda x: torch.eye(3, device=None),
    lambda x: torch.zeros_like(x, dtype=torch.long),
    lambda x: torch.zeros_like(x, dtype=None, device=None),
    lambda x: torch.zeros_like(
        x.permute(0, 2, 3, 1), memory_format=torch.contiguous_format
    ).stride(),
    lambda x: torch.full_like(x.long(), 2).dtype,
    lambda x: x.view(dtype=torch.int32).dtype,
    lambda x: x.view(size=(x.shape[0], -1)),
    lambda x: x.reshape(shape=(x.shape[0], -1)),
]


def _told(answer: Any) -> Any:
    if isinstance(answer, Tensor):
        return tuple(int.__add__(size, 0) for size in answer.shape), answer.dtype
    if isinstance(answer, tuple):
        return tuple(map(_told, answer))
    return int.__add__(answer, 0) if isinstance(answer, Dim) else answer


@pytest.mark.parametrize("number", range(len(ASKED)))
@pytest.mark.filterwarnings("ignore")
def test_a_tensor_answers_as_torchs_does(number: int) -> None:
    answers: list[Any] = []

    def call(x: Tensor) -> Tensor:
        answers.append(_told(ASKED[number](x)))
        return x * 1

    try:
        eager(call, ("N,3,H,W",), SIZES[0])
    except TypeError:
        pytest.skip("this release of PyTorch does not take it")
    assert traced(call, ("N,3,H,W",), SIZES[0]).refused is None
    first, second = answers
    assert first == second
