"""The forms in which torch takes an argument, each read as the one that shapes and rules know.

A window's stride may be one number, a tuple or list of one or of a number an axis, and numbers may
be NumPy's. Here each becomes a tuple with one number for each spatial axis, and `None` what torch
puts in its place. What else arrives (a float as a size, `None`, a tuple as a tensor) is unusual:
torch itself is asked whether it takes it, by the tracer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modellint.shapes.sized import Tensor
from modellint.symbolic.dims import Dim, Ratio

_WHOLE = frozenset([int, Dim])
_NUMBERS = frozenset([int, float, Dim, Ratio])


def _is_whole(value: Any) -> bool:
    return type(value) in _WHOLE


def _is_number(value: Any) -> bool:
    return type(value) in _NUMBERS


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor)


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_operand(value: Any) -> bool:
    return isinstance(value, Tensor) or type(value) in _NUMBERS or type(value) in (bool, complex)


def _are_whole(value: Any) -> bool:
    if not isinstance(value, (tuple, list)):
        return False
    for one in value:  # noqa: SIM110 - every layer comes here, and all() takes twice as long
        if type(one) not in _WHOLE:
            return False
    return True


def _are_sizes(value: Any) -> bool:
    return type(value) in _WHOLE or _are_whole(value)


def _are_axes(value: Any) -> bool:
    """One axis or several, none of them twice."""
    return type(value) in _WHOLE or (_are_whole(value) and len({*map(int, value)}) == len(value))


def _are_factors(value: Any) -> bool:
    return _is_number(value) or (
        isinstance(value, (tuple, list)) and _NUMBERS.issuperset(map(type, value))
    )


def _are_pairs(value: Any) -> bool:
    return _are_whole(value) and len(value) > 0 and len(value) % 2 == 0


def _are_tensors(value: Any) -> bool:
    if not isinstance(value, (tuple, list)):
        return False
    for one in value:  # A loop, as in _are_whole.
        if not isinstance(one, Tensor):
            return False
    return bool(value)


#: What an argument of a name usually is, whatever operation it belongs to.
_USUAL: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys("input logits weight bias running_mean running_var".split(), _is_tensor),
    **dict.fromkeys("tensors".split(), _are_tensors),
    **dict.fromkeys("other".split(), _is_operand),
    **dict.fromkeys(
        """kernel_size stride padding dilation output_padding output_size size
        split_size_or_sections""".split(),
        _are_sizes,
    ),
    **dict.fromkeys("dims".split(), _are_axes),
    **dict.fromkeys("shape sizes repeats normalized_shape".split(), _are_whole),
    **dict.fromkeys(
        """dim groups num_groups upscale_factor downscale_factor num_classes k chunks dim0 dim1
        start_dim end_dim length dimension step divisor_override""".split(),
        _is_whole,
    ),
    **dict.fromkeys(
        """ceil_mode count_include_pad return_indices training use_input_stats keepdim antialias
        largest sorted descending is_causal inplace hard""".split(),
        _is_flag,
    ),
    **dict.fromkeys("eps momentum p dropout_p norm_type value".split(), _is_number),
    "approximate": frozenset(("none", "tanh")).__contains__,
    "rounding_mode": frozenset((None, "trunc", "floor")).__contains__,
    "scale_factor": _are_factors,
    "pad": _are_pairs,
    "indices": _is_tensor,
}

#: What other arguments are, by the kind of their default.
_LIKE: Mapping[type, Callable[[Any], bool]] = {
    bool: _is_flag,
    int: _is_number,
    float: _is_number,
    str: _is_text,
}

#: Arguments that are something else here than everywhere.
_OTHERWISE = {
    ("max", "dim"), ("min", "dim"), ("repeat_interleave", "repeats"), ("norm", "p"),
    ("masked_fill", "value"), ("scaled_dot_product_attention", "value"), ("setitem", "value"),
    ("fill", "value"),
}  # fmt: skip

#: What takes several axes as its `dim`.
_OVER_AXES = frozenset(
    """mean sum nansum amax amin logsumexp any all count_nonzero var std var_mean std_mean norm
    linalg_vector_norm squeeze normalize fft_fftshift fft_ifftshift""".split()
)

#: The arguments of a window that have one number for each spatial axis.
_AN_AXIS = frozenset("kernel_size stride padding dilation output_padding".split())


#: Many kernels compute with 32 bits.
_LARGEST = 1 << 31


class Forms:
    """How the arguments of one operation are read."""

    def __init__(
        self, name: str, parameters: tuple[str, ...], defaults: Mapping[str, Any], closed: bool
    ) -> None:
        self.rank = spatial_axes(name)
        #: How many numbers a window's tuple may have without a doubt.
        plain = name.startswith(("conv", "max_pool", "avg_pool"))
        self.counts = {self.rank, 1} if plain else {self.rank} - {1}
        #: Each argument that something is known of: what it usually is, and what stands for it.
        self.known = tuple(
            (one, usual, defaults.get(one, self))
            for one in parameters
            if (usual := _usual(name, one, defaults.get(one)))
        )
        spread = set(_AN_AXIS)
        if name == "fold" or name.startswith("adaptive"):
            spread.add("output_size")
        self.spread = tuple(one for one in parameters if one in spread and self.rank)
        self.parameters = frozenset(parameters)
        self.closed = closed

    def unusual(self, bound: Mapping[str, Any]) -> bool:
        """Whether torch should say if it takes these arguments."""
        if len(bound) > len(self.parameters):
            for name in bound:
                if name not in self.parameters and (self.closed or _is_odd(name, bound[name])):
                    return True
        for name, usual, default in self.known:
            value = bound.get(name, default)
            if value is self or (value is not default and not usual(value)):
                if name != "padding" or type(value) is not str:
                    return True
            elif name in self.spread and self._is_uncommon(value):
                return True
        return False

    def _is_uncommon(self, value: Any) -> bool:
        """Whether sizes are too large for a kernel, or as many as few operations take."""
        if isinstance(value, (tuple, list)):
            if len(value) not in self.counts:
                return True
            for one in value:  # noqa: SIM110 - as in _are_whole
                if type(one) is int and one >= _LARGEST:
                    return True
            return False
        return isinstance(value, int) and int(value) >= _LARGEST

    def as_numbers(self, bound: Mapping[str, Any]) -> Iterator[Tensor]:
        """The tensors that stand where the operation takes numbers."""
        for name, usual, _ in self.known:
            if usual in (_is_tensor, _are_tensors, _is_operand):
                continue
            value = bound.get(name)
            for one in (value,) if isinstance(value, Tensor) else _several(value):
                if isinstance(one, Tensor):
                    yield one

    def read(self, bound: dict[str, Any], usual: bool = False) -> None:
        """Put bound arguments into their one form; it is known of `usual` ones what they are."""
        for name, is_usual, default in self.known if not usual else ():
            value = bound.get(name)
            if value is not default and value is not None and not is_usual(value):
                bound[name] = plain_numbers(value)
        for name in self.spread:
            value = bound.get(name)
            if type(value) in _WHOLE:
                bound[name] = (value,) * self.rank
            elif isinstance(value, (tuple, list)):
                bound[name] = (*value,) * self.rank if len(value) == 1 else tuple(value)
        if "kernel_size" in self.spread and bound.get("stride", ()) in (None, ()):
            bound["stride"] = bound.get("kernel_size")
        if type(bound.get("normalized_shape")) in _WHOLE:
            bound["normalized_shape"] = (bound["normalized_shape"],)


#: What most operations take and hand on, often as `None`.
_LEFT_OPEN = frozenset("dtype device layout out generator memory_format _stacklevel".split())


def _usual(name: str, argument: str, default: Any) -> Callable[[Any], bool] | None:
    """What tells whether an argument of an operation is as usual, if anything is known of it."""
    if (name, argument) in _OTHERWISE:
        return None
    if argument == "dim" and (name in _OVER_AXES or "fft" in name):
        return _are_axes
    return _USUAL.get(argument) or _LIKE.get(type(default))


def _several(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else ()


def _is_odd(name: str, value: Any) -> bool:
    """Whether an argument that the table does not name is of a kind that few operations take."""
    usual = _USUAL.get(name)
    if usual is not None:
        return not usual(value)
    if name in _LEFT_OPEN:
        return False
    return value is None or isinstance(value, (str, tuple, list, dict))


def plain_numbers(value: Any) -> Any:
    """NumPy's numbers as Python's, one or several; anything else as it is."""
    if isinstance(value, (tuple, list)):
        return tuple([plain_numbers(one) for one in value])
    return value.tolist() if type(value).__module__ == "numpy" else value


def spatial_axes(name: str) -> int:
    """Along how many axes the window of an operation slides; 0 for one that has none."""
    if name in ("unfold", "fold"):
        return 2
    rank = name.removesuffix("_with_indices")[-2:]
    return int(rank[0]) if rank in ("1d", "2d", "3d") and not name.startswith("dropout") else 0
