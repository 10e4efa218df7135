"""The arguments of torch's layers and functionals by their order, where a fix may set one."""

from __future__ import annotations

from collections.abc import Mapping

_AXES = (1, 2, 3)
_CONV = (
    "in_channels out_channels kernel_size stride padding dilation groups bias padding_mode "
    "device dtype"
)
_TRANSPOSED = (
    "in_channels out_channels kernel_size stride padding output_padding groups bias dilation "
    "padding_mode device dtype"
)
_BATCH_NORM = "num_features eps momentum affine track_running_stats device dtype"
_MAX_POOL = "kernel_size stride padding dilation return_indices ceil_mode"
_AVG_POOL = "kernel_size stride padding ceil_mode count_include_pad divisor_override"
_RNN = (
    "input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size "
    "device dtype"
)

#: By class of `torch.nn`.
_LAYERS: Mapping[str, str] = {
    "Linear": "in_features out_features bias device dtype",
    **dict.fromkeys([f"Conv{n}d" for n in _AXES], _CONV),
    **dict.fromkeys([f"ConvTranspose{n}d" for n in _AXES], _TRANSPOSED),
    **dict.fromkeys([f"BatchNorm{n}d" for n in _AXES], _BATCH_NORM),
    **dict.fromkeys([f"InstanceNorm{n}d" for n in _AXES], _BATCH_NORM),
    **dict.fromkeys([f"MaxPool{n}d" for n in _AXES], _MAX_POOL),
    "AvgPool1d": "kernel_size stride padding ceil_mode count_include_pad",
    "AvgPool2d": _AVG_POOL,
    "AvgPool3d": _AVG_POOL,
    "LayerNorm": "normalized_shape eps elementwise_affine bias device dtype",
    "GroupNorm": "num_groups num_channels eps affine device dtype",
    "Softmax": "dim",
    "LogSoftmax": "dim",
    "Softmin": "dim",
    **dict.fromkeys(["LSTM", "GRU"], _RNN),
    "RNN": "input_size hidden_size num_layers nonlinearity bias batch_first dropout bidirectional "
    "device dtype",
    "MultiheadAttention": "embed_dim num_heads dropout bias add_bias_kv add_zero_attn kdim vdim "
    "batch_first device dtype",
    "TransformerEncoderLayer": "d_model nhead dim_feedforward dropout activation layer_norm_eps "
    "batch_first norm_first bias device dtype",
    "TransformerDecoderLayer": "d_model nhead dim_feedforward dropout activation layer_norm_eps "
    "batch_first norm_first bias device dtype",
    "Dropout": "p inplace",
    "Embedding": "num_embeddings embedding_dim padding_idx max_norm norm_type scale_grad_by_freq "
    "sparse",
}
#: By functional of `torch.nn.functional`; what a method of a tensor takes is one less.
_FUNCTIONALS: Mapping[str, str] = {
    **dict.fromkeys(
        [f"conv{n}d" for n in _AXES], "input weight bias stride padding dilation groups"
    ),
    **dict.fromkeys(["softmax", "log_softmax", "softmin"], "input dim"),
}


def layer_arguments(kind: str) -> tuple[str, ...] | None:
    """The parameters of a layer's constructor in their order; `None` for what is not listed."""
    return tuple(_LAYERS[kind].split()) if kind in _LAYERS else None


def functional_arguments(op: str) -> tuple[str, ...] | None:
    """The parameters of a functional in their order; `None` for what is not listed."""
    return tuple(_FUNCTIONALS[op].split()) if op in _FUNCTIONALS else None


def listed() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The whole of both lists, for whoever holds them to torch."""
    return _LAYERS, _FUNCTIONALS
