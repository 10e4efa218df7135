"""The states that recurrent layers are given: a tensor or a pair, of the sizes that they take."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from torch import nn

from modellint.modules.members import walk
from modellint.symbolic.specs import InputSpec
from modellint.tracing.keyed import layer_kind

#: What forwards call a state; that of an LSTM is a pair, unless its cell has a name of its own.
_STATES = frozenset(
    """h hx h0 h_0 hidden hiddens hidden_state hidden_states state states prev_state prev_states
    prev_hidden last_hidden init_hidden init_state initial_state hidden_cell lstm_state rnn_state
    hc h_c memory""".split()
)
#: And what the last word of such a name is: `h_state`, `decoder_hidden`.
_LAST = frozenset("state states hidden hiddens".split())
_CELLS = frozenset("c cx c0 c_0 cell cells c_state cell_state cell_states prev_cell".split())
_LAYERS = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


@dataclass(frozen=True)
class _Layer:
    """A recurrent layer: the sizes of its states `before` the samples and behind them."""

    before: tuple[int, ...]
    hidden: int
    cell: int
    paired: bool

    def state(self, size: int) -> InputSpec:
        return InputSpec(None, (*self.before, "N", size), None, "assumed")


def hidden_states(model: nn.Module, names: Collection[str]) -> dict[str, InputSpec]:
    """The states among the further inputs of a forward, for the first recurrent layer of a model.

    Of an LSTM one is the pair `(h, c)`: each of layers times directions, samples and features.
    """
    layer = next((one for _, module in walk(model) if (one := _layer(module))), None)
    if layer is None:
        return {}
    apart = any(name.lower() in _CELLS for name in names)
    found: dict[str, InputSpec] = {}
    for name in names:
        hidden, cell = layer.state(layer.hidden), layer.state(layer.cell)
        if name.lower() in _CELLS and layer.paired:
            found[name] = cell
        elif name.lower() in _STATES or name.lower().rpartition("_")[2] in _LAST:
            pair = InputSpec(None, (), None, "assumed", "tuple", ((0, hidden), (1, cell)))
            found[name] = pair if layer.paired and not apart else hidden
    return found


def _layer(module: nn.Module) -> _Layer | None:
    cls: Any = type(module)
    kind = layer_kind(cls) or ""
    if kind not in _LAYERS:
        return None
    size = int(getattr(module, "hidden_size", 0))
    shown = int(getattr(module, "proj_size", 0)) or size
    layers = int(getattr(module, "num_layers", 1)) * (1 + bool(getattr(module, "bidirectional", 0)))
    before = () if kind.endswith("Cell") else (layers,)
    return _Layer(before, shown, size, kind.startswith("LSTM")) if size > 0 else None
