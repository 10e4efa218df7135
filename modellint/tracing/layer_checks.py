"""What torch's own layers refuse in Python before an operation runs, as refusals of sizes.

A norm of maps counts the axes of what it gets, attention compares widths, and both raise an error
like any other. Where an operation does the same, the layer is named with what it gets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import nn

from modellint.modules.user_files import is_torch_file, is_users_file
from modellint.shapes.core import Refused, Shape, equal, fitting, show
from modellint.symbolic.dims import symbolic

#: The spatial axes of a map, by how many there are.
_SPACE = {1: "L", 2: "H, W", 3: "D, H, W"}


class Checked(NamedTuple):
    """A layer that looks at sizes itself.

    `op` is what it is for, `taken` the shapes that it takes, in words. `width` is the attribute
    that one axis must have, and `axis` which one that is. Its first `tensors` have axes alike.
    """

    op: str
    taken: Callable[[Any], str]
    ranks: tuple[int, ...]
    width: str | None = None
    axis: int = -1
    tensors: int = 1


def of(layer: nn.Module) -> Checked | None:
    """What is known of a layer, or of the one of torch's that its class derives from."""
    return next((_CHECKED[base] for base in type(layer).__mro__ if base in _CHECKED), None)


def is_own(error: BaseException) -> bool:
    """Whether an error was raised by torch's Python code, with none of the user's on the way.

    The way is that from where the layer was called.
    """
    trace = error.__traceback__
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_code.co_filename
        if is_users_file(last):
            return False
        trace = trace.tb_next
    return is_torch_file(last)


def refusal(layer: nn.Module, checked: Checked, given: Sequence[Shape]) -> Refused | None:
    """The refusal of what a layer gets, with what it takes; `None` if sizes are not what is wrong.

    Of several tensors, all have as many axes as the first.
    """
    first = given[0]
    kind = type(layer).__name__
    if len(first) not in checked.ranks:
        return Refused(f"{kind} takes {checked.taken(layer)} and gets {show(first)}")
    if any(len(other) != len(first) for other in given):
        together = " and ".join(map(show, given))
        return Refused(f"{kind} gets {together}, which have not as many axes as one another")
    if checked.width is None:
        return None
    wanted, have = getattr(layer, checked.width), first[checked.axis]
    try:
        equal(
            have,
            wanted,
            lambda: Refused(
                f"{kind} is made for {wanted} features and gets {symbolic(have)} in {show(first)}",
                fitting(checked.width or "", have, wanted),
            ),
        )
    except Refused as refused:
        return refused
    return None


def _maps(space: int, alone: bool) -> Callable[[Any], str]:
    batch = f"(N, C, {_SPACE[space]})"
    return lambda layer: f"(C, {_SPACE[space]}) or {batch}" if alone else batch


def _sequences(layer: Any) -> str:
    return f"(L, C) or {'(N, L, C)' if layer.batch_first else '(L, N, C)'}"


def _rows(layer: Any) -> str:
    return "(C,) or (N, C)"


_CHECKED: dict[Any, Checked] = {
    nn.BatchNorm1d: Checked("batch_norm", lambda layer: "(N, C) or (N, C, L)", (2, 3)),
    nn.BatchNorm2d: Checked("batch_norm", _maps(2, alone=False), (4,)),
    nn.BatchNorm3d: Checked("batch_norm", _maps(3, alone=False), (5,)),
    **{
        norm: Checked(
            "instance_norm",
            _maps(space, alone=True),
            (space + 1, space + 2),
            "num_features",
            -1 - space,
        )
        for space, norm in ((1, nn.InstanceNorm1d), (2, nn.InstanceNorm2d), (3, nn.InstanceNorm3d))
    },
    **{
        pad: Checked("pad", _maps(space, alone=True), (space + 1, space + 2))
        for space, pad in ((1, nn.CircularPad1d), (2, nn.CircularPad2d), (3, nn.CircularPad3d))
    },
    nn.Softmax2d: Checked("softmax", _maps(2, alone=True), (3, 4)),
    nn.LSTM: Checked("lstm", _sequences, (2, 3), tensors=3),
    nn.GRU: Checked("gru", _sequences, (2, 3), tensors=3),
    nn.RNN: Checked("rnn_tanh", _sequences, (2, 3), tensors=3),
    nn.LSTMCell: Checked("lstm_cell", _rows, (1, 2), tensors=3),
    nn.GRUCell: Checked("gru_cell", _rows, (1, 2), tensors=3),
    nn.RNNCell: Checked("rnn_tanh_cell", _rows, (1, 2), tensors=3),
    nn.MultiheadAttention: Checked("scaled_dot_product_attention", _sequences, (2, 3), "embed_dim"),
}
