"""Shapes of recurrent layers, embeddings, and of tensors made from nothing."""

from __future__ import annotations

from functools import partial
from math import ceil, floor
from typing import Any

from modellint.shapes.core import (
    Out,
    Refused,
    Shape,
    Tensor,
    equal,
    fitting,
    op,
    plain,
    show,
)
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import Ratio, expr_of, symbolic
from modellint.symbolic.expressions import ONE, subtract


@op("embedding")
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: Any = None,
    max_norm: Any = None,
    norm_type: Any = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Out:
    """(…) of indices → (…, features)."""
    if "float" in str(input.dtype):
        raise Refused("embedding takes indices and gets floats", integers=True)
    return Out((*input.shape, weight.shape[-1]), weight.dtype)


@op("embedding_bag", runs=True)
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: Any = None,
    norm_type: Any = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: Any = None,
) -> Shape:
    """A bag of indices for each row of (N, L), or from each offset on: (bags, features)."""
    if "float" in str(input.dtype):
        raise Refused("embedding_bag takes indices and gets floats", integers=True)
    if len(input.shape) == 2:
        return (input.shape[0], weight.shape[-1])
    if offsets is None:
        raise Refused(f"embedding_bag of {show(input.shape)} takes offsets")
    return (offsets.shape[0] - (1 if include_last_offset else 0), weight.shape[-1])


@op("one_hot")
def one_hot(input: Tensor, num_classes: int = -1) -> Any:
    """(…) of indices → (…, classes); without a number of classes values decide."""
    return None if plain(num_classes) == -1 else (*input.shape, num_classes)


def _features(input: Tensor, weight: Tensor) -> None:
    have, want = input.shape[-1], weight.shape[1]
    equal(
        have,
        want,
        lambda: Refused(
            f"the recurrent layer expects {symbolic(want)} features and gets {symbolic(have)}",
            fitting("input_size", have, want),
        ),
    )


def _state_features(params: Any) -> tuple[int, int]:
    """The features of the hidden state and, of an LSTM's four gates, those of the cell state."""
    recurrent = params[1].shape
    return recurrent[1], recurrent[0] // 4


#: Which sizes a state has, and what each must be.
_STATE = (("first", "num_layers * directions"), ("second", "the batch"), ("last", "hidden_size"))


def _fits(name: str, input: Tensor, state: Tensor, own: tuple[int, int], first: Any) -> None:
    """Demand that a state has a slice a layer and direction, the input's batch, the features."""
    layers, features = own
    batch = input.shape[0 if first else 1]
    wanted = (layers, batch, features)
    message = f"{name} should be {show(wanted)} and is {show(state.shape)}"
    if len(state.shape) != len(wanted):
        raise Refused(message)
    other = input.shape[1 if first else 0]
    for have, want, (place, what) in zip(state.shape, wanted, _STATE, strict=True):
        helped = (
            f"the {place} size of {name} should be {symbolic(want)}, {what}; here {symbolic(have)}"
        )
        if what == "the batch" and plain(have) == plain(other):
            helped += f"; batch_first={not first} takes the input as it comes"
        equal(have, want, partial(Refused, message, helped))


def _recurrent(cells: int) -> Any:
    def shape(
        input: Tensor,
        hx: Any,
        params: Any,
        has_biases: Any = None,
        num_layers: Any = None,
        dropout: Any = None,
        train: Any = None,
        bidirectional: Any = None,
        batch_first: Any = None,
        *_: Any,
    ) -> Any:
        if isinstance(has_biases, (list, tuple)):
            # The packed form: (data, batch_sizes, hx, params, has_biases, …, bidirectional), each
            # one place further on.
            states, params, bidirectional = (
                (params if cells == 2 else (params,)),
                has_biases,
                batch_first,
            )
            _features(input, params[0])
            hidden = states[0].shape[-1] * (2 if bidirectional else 1)
            return [(input.shape[0], hidden), *(state.shape for state in states)]
        directions = 2 if bidirectional else 1
        _features(input, params[0])
        # A tensor is a named tuple too, so that only the entry itself tells (h, c) from h.
        states = hx if cells == 2 else (hx,)
        layers = plain(num_layers or 1) * directions
        for name, state, features in zip("hc", states, _state_features(params), strict=False):
            _fits(f"{name}0", input, state, (layers, features), batch_first)
        hidden = states[0].shape[-1]
        return [(*input.shape[:-1], hidden * directions), *(state.shape for state in states)]

    return shape


for _name, _cells in (("lstm", 2), ("gru", 1), ("rnn_tanh", 1), ("rnn_relu", 1)):
    op(_name)(_recurrent(_cells))


@op("_pack_padded_sequence", runs=True)
def pack(input: Tensor, lengths: Tensor, batch_first: bool) -> list[Any]:
    """The steps of all sequences in one, and how many there are of each; both by the lengths."""
    batch = input.shape[0 if batch_first else 1]
    equal(
        batch,
        lengths.shape[0],
        lambda: Refused(f"a batch of {symbolic(batch)} with {symbolic(lengths.shape[0])} lengths"),
    )
    return [None, None]


def _fits_cell(name: str, input: Tensor, state: Tensor, features: int) -> None:
    """Demand that a state has the cell's features for each sample of the input."""
    wanted = (*input.shape[:-1], features)
    message = f"{name} should be {show(wanted)} and is {show(state.shape)}"
    if len(state.shape) != len(wanted):
        raise Refused(message)
    meant = ("the batch", "hidden_size")[-len(wanted) :]
    for have, want, what in zip(state.shape, wanted, meant, strict=True):
        helped = f"{what} of {name} should be {symbolic(want)}, here {symbolic(have)}"
        equal(have, want, partial(Refused, message, helped))


@op("gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def cell(input: Tensor, hx: Tensor, w_ih: Tensor, *rest: Any) -> Shape:
    """The hidden state's shape."""
    _features(input, w_ih)
    _fits_cell("h", input, hx, rest[0].shape[1])
    return hx.shape


@op("lstm_cell", runs=True)
def lstm_cell(input: Tensor, hx: Any, w_ih: Tensor, *rest: Any) -> list[Shape]:
    """The shapes of the hidden and the cell state."""
    _features(input, w_ih)
    for name, state in zip("hc", hx, strict=True):
        _fits_cell(name, input, state, rest[0].shape[1])
    return [hx[0].shape, hx[1].shape]


@op("zeros", "ones", "empty", "rand", "randn", runs=True)
def filled(*size: int, **_: Any) -> Shape:
    """The size that was asked for."""
    return tuple(size)


@op("full", runs=True)
def full(size: Any, fill_value: Any, **_: Any) -> Shape:
    """The size that was asked for."""
    return tuple(size)


@op("new_zeros", "new_ones", "new_empty", runs=True)
def new_filled(input: Tensor, *size: int, **_: Any) -> Shape:
    """The size that was asked for."""
    return tuple(size)


@op("new_full", runs=True)
def new_full(input: Tensor, size: Any, fill_value: Any, **_: Any) -> Shape:
    """The size that was asked for."""
    return tuple(size)


@op("arange", runs=True)
def arange(*bounds: Any, start: Any = None, end: Any = None, step: Any = None, **_: Any) -> Any:
    """The numbers from start to end; a size only for whole numbers."""
    given = list(bounds)
    if end is not None:
        given = ([start] if start is not None else given) + [end]
    if step is not None:
        given = ([0] if len(given) == 1 else given) + [step]
    given = _whole_steps(given)
    if not given or not all(isinstance(number, int) for number in given):
        return None
    start, end, by = (0, given[0], 1) if len(given) == 1 else (*given, 1)[:3]
    if plain(by) == 0:
        return None
    if plain(by) < 0:
        start, end, by = end, start, -by
    span = end - start
    if plain(span) <= 0:
        return (0,) if type(span) is int else None
    demand(subtract(expr_of(span), ONE), ">=")
    return ((span + by - 1) // by,)


def _whole_steps(bounds: list[Any]) -> list[Any]:
    """The bounds of as many numbers, whole ones: a step of 1 makes ceil(end) - floor(start)."""
    if len(bounds) == 3 and (isinstance(bounds[2], Ratio) or bounds[2] != 1):
        return bounds
    kinds = [float if isinstance(bound, float) else type(bound) for bound in bounds[:2]]
    if float not in kinds or (len(kinds) == 2 and kinds[0] is kinds[1]):
        return bounds
    rounded = (ceil,) if len(kinds) == 1 else (floor, ceil)
    return [
        to(bound) if kind is float else bound
        for to, bound, kind in zip(rounded, bounds[:2], kinds, strict=True)
    ]


@op("linspace", "logspace", runs=True)
def linspace(start: Any, end: Any, steps: Any = None, **_: Any) -> Any:
    """So many numbers."""
    return None if steps is None else (steps,)


@op("eye", runs=True)
def eye(n: int, m: Any = None, **_: Any) -> Shape:
    """A matrix of ones on the diagonal."""
    return (n, n if m is None else m)


@op("tril_indices", "triu_indices", runs=True)
def indices(row: int, col: int, *_: Any, **__: Any) -> Any:
    """Values decide how many there are."""
    return None
