"""Operators of ATen as the torch functions that they are, for what calls `torch.ops.aten` itself.

An exported program is made of them, `aten.conv2d.default(x, w, None, [2, 2], [3, 3])`. The table of
shapes and the rules know torch's functions, `torch.conv2d(x, w, None, [2, 2], [3, 3])`: most have
the name and the order of arguments in common, and `_CALLS` has the others. What is in neither stays
an operation of its own, of which torch alone knows the sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import torch
from torch.nn import functional

#: Where a function of an operator's name may be, the likeliest first.
_PLACES = (
    torch,
    torch._C._nn,
    torch.Tensor,
    *(getattr(torch._C, name) for name in ("_linalg", "_fft", "_special")),
)
#: What only makers of tensors take, and what is the same wherever nothing is computed.
_UNUSED = frozenset(["pin_memory", "layout", "non_blocking", "implicit", "cudnn_enabled"])
#: Methods where a function of the name does something else, or is none for tensors.
_METHODS = frozenset(["view", "expand", "repeat", "contiguous", "unfold", "to", "type_as"])
_OPERATORS = (torch._ops.OpOverload, torch._ops.OpOverloadPacket)


def is_operator(func: Any) -> bool:
    """Whether a function is one of `torch.ops`."""
    return isinstance(func, _OPERATORS)


def operator_name(func: Any) -> str:
    """What an operator is called: `relu` for `aten.relu.default`, `mine::relu` of others."""
    packet = func if isinstance(func, torch._ops.OpOverloadPacket) else func.overloadpacket
    namespace, _, name = packet._qualified_op_name.partition("::")
    return str(name if namespace == "aten" else packet._qualified_op_name)


@lru_cache(maxsize=4096)
def torch_call(func: Any) -> Callable[..., Any] | None:
    """The torch function that an operator of ATen is, with the operator's own arguments.

    `None` where it is none of ATen's, or none that torch has a function for.
    """
    name = operator_name(func)
    if "::" in name:
        return None
    if name in _CALLS:
        # Of an operator that is called without an overload, the one that it is named for.
        schema = getattr(getattr(func, "default", func), "_schema", None)
        return _CALLS[name] if schema is None else partial(_by_place, schema, _CALLS[name])
    places = (torch.Tensor,) if name in _METHODS or name.startswith("__") else _PLACES
    found = (getattr(place, name, None) for place in places)
    function = next((one for one in found if callable(one)), None)
    return None if function is None else partial(_plainly, function)


def _by_place(schema: Any, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call with what is given by name where its schema has it, as `_CALLS` take it."""
    rest = [one for one in schema.arguments[len(args) :] if not one.kwarg_only]
    count = max((at for at, one in enumerate(rest, 1) if one.name in kwargs), default=0)
    placed = [kwargs.pop(one.name, one.default_value) for one in rest[:count]]
    return call(*args, *placed, **kwargs)


def _plainly(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of the operator's name, without what says nothing of the result."""
    return function(*args, **{key: kwargs[key] for key in kwargs if key not in _UNUSED})


# -- sizes, indices, conversions -----------------------------------------------------------------


def _slice(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    last = 2**62
    start = None if isinstance(start, int) and start == 0 else start
    end = None if isinstance(end, int) and end >= last else end
    # With its own steps spelled out, a whole slice stays the tensor that it is of.
    before = (slice(None),) * (dim if dim >= 0 else dim + x.dim())
    return x[(*before, slice(start, end, None if step == 1 else step))]


def _places(indices: Any) -> tuple[Any, ...]:
    """Indices as Python writes them: `None` is a whole axis to ATen, and a new one to Python."""
    return tuple(slice(None) if one is None else one for one in indices)


def _index(x: Any, indices: Any) -> Any:
    return x[_places(indices)]


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    return _index_put_(x.clone(), indices, values, accumulate)


def _index_put_(x: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    x[_places(indices)] = values
    return x


def _to(x: Any, *args: Any, dtype: Any = None, copy: bool = False, **kwargs: Any) -> Any:
    kept = {key: value for key, value in kwargs.items() if key == "memory_format" and value}
    given = [one for one in args if isinstance(one, torch.dtype)]
    other = [one for one in args if isinstance(one, torch.Tensor)]
    flags = [one for one in args if isinstance(one, bool)]
    wanted = dtype or (given[0] if given else other[0].dtype if other else x.dtype)
    return x.to(wanted, copy=copy or flags[1:2] == [True], **kept)


def _nothing(*args: Any, **kwargs: Any) -> None:
    """What an export asserts of sizes and values has held for its example."""


def _itself(x: Any, *args: Any, **kwargs: Any) -> Any:
    return x


def _cloned(x: Any, memory_format: Any = None) -> Any:
    return x.clone() if memory_format is None else x.clone(memory_format=memory_format)


# -- layers --------------------------------------------------------------------------------------


def _convolution(
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
    *flags: Any,
) -> Any:
    rank = weight.dim() - 2
    others: tuple[Any, ...]
    if transposed:
        name = f"conv_transpose{rank}d"
        others = (stride, padding, output_padding, groups, dilation)
    else:
        name, others = f"conv{rank}d", (stride, padding, dilation, groups)
    return getattr(torch, name)(x, weight, bias, *others)


def _layer_norm(
    x: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Any:
    return torch.layer_norm(x, normalized_shape, weight, bias, eps)


def _layer_norm_first(x: Any, shape: Any, weight: Any, bias: Any, eps: float) -> Any:
    return torch.layer_norm(x, shape, weight, bias, eps), None, None


def _group_norm(
    x: Any,
    num_groups: int,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Any:
    return torch.group_norm(x, num_groups, weight, bias, eps)


def _group_norm_first(
    x: Any, weight: Any, bias: Any, n: Any, c: Any, plane: Any, groups: int, eps: float
) -> Any:
    return torch.group_norm(x, groups, weight, bias, eps), None, None


def _batch_norm_first(
    x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> Any:
    return functional.batch_norm(x, mean, variance, weight, bias, False, momentum, eps), None, None


def _softmax(x: Any, dim: int, half_to_float: bool = False) -> Any:
    return torch.softmax(x, dim)


def _log_softmax(x: Any, dim: int, half_to_float: bool = False) -> Any:
    return torch.log_softmax(x, dim)


def _attention_first(
    q: Any, k: Any, v: Any, dropout_p: float = 0.0, is_causal: bool = False, **kwargs: Any
) -> Any:
    kept = {key: kwargs[key] for key in ("attn_mask", "scale") if kwargs.get(key) is not None}
    out = functional.scaled_dot_product_attention(
        q, k, v, dropout_p=dropout_p, is_causal=is_causal, **kept
    )
    return out, None


def _embedding(
    weight: Any,
    indices: Any,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    return functional.embedding(indices, weight, None if padding_idx == -1 else padding_idx)


def _embedding_bag(
    weight: Any,
    indices: Any,
    offsets: Any,
    scale_grad_by_freq: bool = False,
    mode: int = 0,
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: Any = None,
) -> Any:
    how = ("sum", "mean", "max")[mode]
    of = {
        "per_sample_weights": per_sample_weights,
        "include_last_offset": include_last_offset,
        "padding_idx": None if padding_idx == -1 else padding_idx,
    }
    return functional.embedding_bag(indices, weight, offsets, mode=how, **of), None, None, None


def _pixels(mode: str, antialias: bool = False) -> Callable[..., Any]:
    """Upsampling by `output_size` or by factors, with `align_corners` before them if it has any."""
    aligns = mode not in ("nearest", "nearest-exact", "area")

    def call(x: Any, size: Any = None, *args: Any, **kwargs: Any) -> Any:
        rest = [*args]
        align = rest.pop(0) if aligns and rest else kwargs.get("align_corners")
        factors = rest[0] if rest and size is None else kwargs.get("scale_factors")
        scale = None if size is not None else factors
        sizes = None if size is None else [*size]
        kept = {"align_corners": align} if aligns else {}
        return functional.interpolate(x, sizes, scale, mode, antialias=antialias, **kept)

    return call


def _padded(mode: str) -> Callable[..., Any]:
    def call(x: Any, padding: Any) -> Any:
        return functional.pad(x, padding, mode)

    return call


_SAMPLING = ("bilinear", "nearest", "bicubic")
_BORDERS = ("zeros", "border", "reflection")


def _grid_sampler(x: Any, grid: Any, mode: int, padding: int, align: bool) -> Any:
    return functional.grid_sample(x, grid, _SAMPLING[mode], _BORDERS[padding], align)


#: By name, what differs from a function of torch: in its arguments, or since torch has none.
_CALLS: Mapping[str, Callable[..., Any]] = {
    "slice": _slice,
    "index": _index,
    "_unsafe_index": _index,
    "index_put": _index_put,
    "_unsafe_index_put": _index_put,
    "index_put_": _index_put_,
    "to": _to,
    "_to_copy": _to,
    "sym_size": lambda x, dim: x.size(dim),
    "sym_numel": lambda x: x.numel(),
    "sym_stride": lambda x, dim: x.stride(dim),
    "_local_scalar_dense": lambda x: x.item(),
    "item": lambda x: x.item(),
    **dict.fromkeys(
        """_assert_async _assert_scalar _assert_tensor_metadata sym_constrain_range
        sym_constrain_range_for_size _functional_assert_async _functional_assert_scalar
        _functional_sym_constrain_range""".split(),
        _nothing,
    ),
    "lift": _itself,
    "lift_fresh": _itself,
    "lift_fresh_copy": _cloned,
    "clone": _cloned,
    "detach_": _itself,
    "alias": _itself,
    "_unsafe_view": lambda x, size: x.reshape(size),
    "view_copy": lambda x, size: x.view(size),
    "expand_copy": lambda x, size, **_: x.expand(size),
    "numpy_T": lambda x: x.T,
    "matrix_H": lambda x: x.mH,
    "einsum": lambda equation, operands, **_: torch.einsum(equation, *operands),
    "meshgrid": lambda tensors, indexing="ij": torch.meshgrid(*tensors, indexing=indexing),
    "split": torch.split,
    "unsafe_split": torch.split,
    "split_with_sizes": torch.split,
    "unsafe_chunk": torch.chunk,
    "convolution": _convolution,
    "_convolution": _convolution,
    "layer_norm": _layer_norm,
    "native_layer_norm": _layer_norm_first,
    "group_norm": _group_norm,
    "native_group_norm": _group_norm_first,
    "_native_batch_norm_legit_no_training": _batch_norm_first,
    "_softmax": _softmax,
    "_log_softmax": _log_softmax,
    "_scaled_dot_product_flash_attention_for_cpu": _attention_first,
    "embedding": _embedding,
    "embedding_bag": _embedding_bag,
    "_embedding_bag": _embedding_bag,
    "im2col": functional.unfold,
    "col2im": functional.fold,
    "pad": functional.pad,
    "grid_sampler": _grid_sampler,
    "grid_sampler_2d": _grid_sampler,
    "grid_sampler_3d": _grid_sampler,
    "affine_grid_generator": functional.affine_grid,
    "_adaptive_avg_pool2d": functional.adaptive_avg_pool2d,
    "_adaptive_avg_pool3d": functional.adaptive_avg_pool3d,
    "max_pool2d_with_indices": functional.max_pool2d_with_indices,
    "max_pool3d_with_indices": functional.max_pool3d_with_indices,
    **{
        f"{kind}_pad{rank}d": _padded(mode)
        for kind, mode in (("reflection", "reflect"), ("replication", "replicate"))
        for rank in (1, 2, 3)
    },
    "upsample_linear1d": _pixels("linear"),
    "upsample_bilinear2d": _pixels("bilinear"),
    "upsample_bicubic2d": _pixels("bicubic"),
    "upsample_trilinear3d": _pixels("trilinear"),
    "_upsample_bilinear2d_aa": _pixels("bilinear", antialias=True),
    "_upsample_bicubic2d_aa": _pixels("bicubic", antialias=True),
    **{f"upsample_nearest{rank}d": _pixels("nearest") for rank in (1, 2, 3)},
    **{f"_upsample_nearest_exact{rank}d": _pixels("nearest-exact") for rank in (1, 2, 3)},
}
