"""What autograd keeps of each operation, compared with what torch's own hooks see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

import modellint
from modellint.facts.saved_tensors import saved
from modellint.facts.storages import Storages
from modellint.facts.tensor_bytes import Bytes
from modellint.graph import Graph


class Calls(nn.Module):
    """Runs a function of its input `x`, of a second one, and of what it holds."""

    def __init__(self, call: Callable[..., Any], sizes: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.call = call
        for name, shape in sizes.items():
            self.register_parameter(name, nn.Parameter(torch.rand(shape)))

    def forward(self, x: torch.Tensor) -> Any:
        result = self.call(self, x)
        # It is kept again, so that a copy of it would show.
        one: Any = self.one
        return result * one if isinstance(result, torch.Tensor) else result


def seen_by_torch(model: nn.Module, x: torch.Tensor) -> int:
    """The bytes that autograd holds beside parameters and buffers, as hooks see them."""
    own = {p.untyped_storage()._cdata for p in (*model.parameters(), *model.buffers())}
    held: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            held[storage._cdata] = storage  # It is kept, so that no other has its address.
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        result = model(x)
    assert result is not None
    return sum(storage.nbytes() for storage in held.values())


def told(model: nn.Module, x: torch.Tensor) -> tuple[int, set[str]]:
    """The same bytes by the table, and the operations that are not in it."""
    graph = modellint.trace(model, x)
    return kept(graph)


def kept(graph: Graph) -> tuple[int, set[str]]:
    sizes = Bytes(graph, graph.inputs[0].node.output.example[0])
    storages = Storages(graph, sizes)
    needs: set[int] = set()
    found: set[int] = set()
    beside, unknown = 0, set()
    own = {storages.of[node.index][0] for node in graph.nodes if node.op in ("parameter", "buffer")}
    for node in graph.nodes:
        if node.op == "parameter" and node.arguments["requires_grad"]:
            needs.add(node.index)
        if not any(source.index in needs for source in node.inputs):
            continue
        if node.outputs[0].dtype.startswith("float"):
            needs.add(node.index)
        one = saved(node, needs, sizes)
        if one is None:
            unknown.add(node.op)
            continue
        found |= {storages.of[source.index][0] for source in one.inputs}
        if one.result:
            found.add(storages.of[node.index][0])
        beside += one.beside
    return sum(storages.sizes[at] for at in found - own) + beside, unknown


MAP, ROWS, SIGNAL = (2, 4, 8, 8), (2, 6, 8), (2, 4, 16)


def lambdas(*texts: str) -> list[Any]:
    return [pytest.param(text, id=text) for text in texts]


@pytest.mark.parametrize(
    "text",
    lambdas(
        *(
            f"F.{name}(x + s.w)"
            for name in """relu relu6 hardtanh leaky_relu elu selu celu gelu silu
        mish hardswish hardsigmoid softplus glu softshrink hardshrink softsign tanhshrink
        softmin""".split()
        ),
        *(
            f"F.{name}(x + s.w, inplace=True)"
            for name in """relu relu6 hardtanh leaky_relu elu selu
        celu silu mish hardswish hardsigmoid""".split()
        ),
        *(
            f"(x + s.w).{name}()"
            for name in """relu relu_ tanh tanh_ sigmoid sigmoid_ exp exp_ log
        log1p sqrt rsqrt reciprocal abs square sin cos erf neg round tan atan sum mean std var
        prod amax amin norm contiguous clone expm1 sinh cosh""".split()
        ),
        "(x + s.w).logsumexp(1)",
        "torch.softmax(x + s.w, -1)",
        "F.log_softmax(x + s.w, -1)",
        "(x + s.w).clamp(0, 1)",
        "(x + s.w).clamp_(0, 1)",
        "(x + s.w).pow(2)",
        "(x + s.w) ** 3",
        "2 ** (x + s.w)",
        "x * s.w",
        "(x + s.w) * 2",
        "(x + s.w) * (x - s.w)",
        "(x + s.w) / 2",
        "x / s.w",
        "(x + s.w) / x",
        "(x + s.w) - (x - s.w)",
        "torch.maximum(x + s.w, x - s.w)",
        "torch.max(x + s.w, 1)",
        "torch.max(x + s.w, 1).values",
        "torch.where(x > 0, x + s.w, x)",
        "(x + s.w).masked_fill(x > 0, 0)",
        "torch.cat([x + s.w, x], 1)",
        "torch.stack([x + s.w, x], 1)",
        "(x + s.w).transpose(2, 3).reshape(x.shape[0], -1) * s.one",
        "(x + s.w).permute(0, 2, 3, 1).contiguous() * s.one",
        "((x + s.w)[:, :2] * s.one)",
        "sum(part * s.one for part in (x + s.w).chunk(2, 1))",
        "F.pad(x + s.w, (1, 1))",
        "F.pad(x + s.w, (1, 1, 1, 1), mode='reflect')",
        "F.max_pool2d(x + s.w, 2)",
        "F.avg_pool2d(x + s.w, 2)",
        "F.adaptive_avg_pool2d(x + s.w, 1)",
        "F.adaptive_avg_pool2d(x + s.w, 2)",
        "F.adaptive_max_pool2d(x + s.w, 2)",
        "F.interpolate(x + s.w, scale_factor=2)",
        "F.interpolate(x + s.w, scale_factor=2, mode='bilinear')",
        "F.pixel_shuffle(x + s.w, 2)",
        "F.unfold(x + s.w, 2)",
        "F.normalize(x + s.w, dim=1).sum()",
        "torch.roll(x + s.w, 1, 2)",
        "(x + s.w).flip(2)",
        "torch.lerp(x + s.w, x, 0.5)",
        "torch.addcmul(x, x + s.w, x - s.w)",
        "(x + s.w).cumsum(1)",
        "(x + s.w).topk(2, 1).values",
        "(x + s.w).expand(3, *x.shape)",
        "(x + s.w).repeat(2, 1, 1, 1)",
        "torch.einsum('nchw,ncvw->nhv', x + s.w, x - s.w)",
        "F.batch_norm(x + s.w, None, None, training=True)",
        "F.group_norm(x + s.w, 2)",
        "F.layer_norm(x + s.w, (8, 8))",
        "F.instance_norm(x + s.w)",
        "F.dropout2d(x + s.w, 0.5)",
        "F.mse_loss(x + s.w, x)",
        "F.smooth_l1_loss(x + s.w, x)",
        "F.huber_loss(x + s.w, x)",
        "F.log_softmax(x + s.w, 1).exp()",
        "(x + s.w).lerp(x, x - s.w)",
        "torch.addcdiv(x, x + s.w, x - s.w)",
        "(x + s.w) @ (x - s.w).transpose(2, 3)",
        "(x + s.w).permute(0, 1, 3, 2) @ (x - s.w)",
        "(x + s.w).index_select(1, torch.tensor([0, 2], device=x.device))",
        "F.grid_sample(x + s.w, x.permute(0, 2, 3, 1)[..., :2])",
        "F.avg_pool1d((x + s.w).flatten(2), 2)",
        "F.max_pool3d((x + s.w)[:, :, None], (1, 2, 2))",
        "F.rms_norm(x + s.w, (8,))",
        "torch.cdist((x + s.w)[:, 0], x[:, 0])",
    ),
)
def test_a_function_keeps_what_torch_keeps(text: str) -> None:
    names = {"torch": torch, "F": torch.nn.functional}
    model = Calls(eval(f"lambda s, x: {text}", names), {"w": MAP[1:], "one": (1,)})
    x = torch.rand(MAP, device="meta")
    have, unknown = told(model, torch.rand(MAP))
    assert not unknown
    assert have == seen_by_torch(model.to("meta"), x)


class Sized(nn.Module):
    """A layer behind a linear one, so that what it gets needs a gradient."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.rand(width))
        self.layer = layer

    def forward(self, x: torch.Tensor) -> Any:
        return self.layer(x + self.first) * self.first[:1]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3), MAP),
        (nn.Conv2d(4, 8, 3, groups=4, bias=False), MAP),
        (nn.ConvTranspose2d(4, 6, 3), MAP),
        (nn.Conv1d(4, 6, 3), SIGNAL),
        (nn.Linear(8, 5), ROWS),
        (nn.Linear(8, 5, bias=False), MAP),
        (nn.BatchNorm2d(4), MAP),
        (nn.BatchNorm1d(4), SIGNAL),
        (nn.LayerNorm(8), ROWS),
        (nn.GroupNorm(2, 4), MAP),
        (nn.PReLU(), MAP),
        (nn.MaxPool2d(2), MAP),
        (nn.MaxPool1d(2), SIGNAL),
        (nn.MultiheadAttention(8, 2, batch_first=True), ROWS),
    ],
    ids=lambda value: str(value).split("(")[0] if isinstance(value, nn.Module) else None,
)
def test_a_layer_keeps_what_torch_keeps(layer: nn.Module, shape: tuple[int, ...]) -> None:
    if isinstance(layer, nn.MultiheadAttention):
        if torch.__version__ < "2.5":
            pytest.skip("torch 2.4 keeps a copy more on the CPU")
        attention = layer
        layer = Calls(lambda s, x: attention(x, x, x, need_weights=False)[0], {"one": (1,)})
        layer.inner = attention
    model = Sized(layer, shape[-1]).train()
    have, unknown = told(model, torch.rand(shape))
    # On meta, attention is made of products; on the CPU it is fused, as on a GPU.
    device = "cpu" if shape is ROWS else "meta"
    assert not unknown
    assert have == seen_by_torch(model.to(device), torch.rand(shape, device=device))
