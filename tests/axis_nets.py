"""Random nets over samples for properties: steps on (N, L, C) that give the same sizes.

Recurrent layers, attention, norms, reductions, products, and whatever moves, cuts and joins axes;
each leaves samples alone or mixes them, by whichever axis counts them where it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from hypothesis import strategies as st
from streams import Applied
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

N, L, C = 3, 5, 8

Made = tuple[Callable[..., Tensor], tuple[nn.Module, ...]]


def step(name: str) -> Applied:
    """A new step of a name of `STEPS`."""
    function, parts = STEPS[name]()
    return Applied(name, function, *parts)


@st.composite
def nets(draw: st.DrawFn) -> nn.Sequential:
    """Up to five steps, and an end."""
    names = draw(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5))
    end = draw(st.sampled_from(sorted(ENDS)))
    return nn.Sequential(*map(step, names), Applied(end, ENDS[end]))


# -- attention and recurrent layers ---------------------------------------------------------------


def attended(x: Tensor, layer: nn.Module) -> Tensor:
    return x + layer(x, x, x, need_weights=False)[0]


def windows(x: Tensor, layer: nn.Module) -> Tensor:
    """Attention within windows of the features, which are a batch of their own."""
    a, b, c = x.shape
    cut = x.reshape(a, b, c // 4, 2, 2).transpose(1, 2).reshape(-1, 2 * b, 2)
    mixed = layer(cut, cut, cut, need_weights=False)[0]
    return mixed.view(a, c // 4, b, 2, 2).transpose(1, 2).reshape(a, b, c)


def in_heads(x: Tensor) -> Tensor:
    a, b, c = x.shape
    heads = x.view(a, b, 2, c // 2).permute(2, 0, 1, 3)
    return (heads.softmax(-1) * heads).permute(1, 2, 0, 3).reshape(a, b, c)


def scaled(x: Tensor) -> Tensor:
    a, b, c = x.shape
    heads = x.view(a, b, 2, c // 2).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(heads, heads.tanh(), heads, is_causal=True)
    return mixed.transpose(1, 2).reshape(a, b, c)


def scaled_first(x: Tensor) -> Tensor:
    """Heads that are moved before the wrong axis: the first one is attended along."""
    a, b, c = x.shape
    heads = x.view(a, b, 2, c // 2).permute(1, 2, 0, 3)
    mixed = F.scaled_dot_product_attention(heads, heads, heads)
    return mixed.permute(2, 0, 1, 3).reshape(a, b, c)


def halves_apart(x: Tensor, layer: nn.Module) -> Tensor:
    """Both halves of the features in one batch, the first of all samples before the second."""
    a, b, c = x.shape
    stacked = x.reshape(a, b, 2, c // 2).permute(2, 0, 1, 3).flatten(0, 1)
    return layer(stacked)[0].view(2, a, b, c // 2).permute(1, 2, 0, 3).reshape(a, b, c)


def with_state(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x, x.mean(1).unsqueeze(0))[0]


def last_state(x: Tensor, layer: nn.Module) -> Tensor:
    return x + layer(x)[1][0][-1].unsqueeze(1)


def celled(x: Tensor, layer: nn.Module) -> Tensor:
    a, b, c = x.shape
    rows = x.reshape(-1, c)
    return layer(rows, rows.tanh()).view(a, b, c)


# -- layers and norms -----------------------------------------------------------------------------


def through(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x)


def merged(x: Tensor, layer: nn.Module) -> Tensor:
    a, b, _ = x.shape
    return layer(x.reshape(a * b, -1)).view(a, b, -1)


def added(x: Tensor, layer: nn.Module) -> Tensor:
    a, b, c = x.shape
    assert isinstance(layer, nn.Linear)
    return torch.addmm(layer.bias, x.reshape(-1, c), layer.weight).view(a, b, c)


def in_channels(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x.transpose(1, 2)).transpose(1, 2)


def along_first(x: Tensor, layer: nn.Module) -> Tensor:
    return layer(x.permute(1, 2, 0)).permute(2, 0, 1)


def looked_up(x: Tensor, layer: nn.Module) -> Tensor:
    return x + layer((x > 0).long().sum(-1))


# -- products -------------------------------------------------------------------------------------


def products(x: Tensor) -> Tensor:
    return torch.bmm(torch.bmm(x, x.transpose(1, 2)).softmax(-1), x)


def similar(x: Tensor) -> Tensor:
    """Each of the first axis against each other."""
    rows = x.flatten(1)
    return ((rows @ rows.transpose(0, 1)).tanh() @ rows).view_as(x)


# -- what moves, cuts and joins axes --------------------------------------------------------------


def written(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., 0].mul_(2)
    return y + x


def scrambled(x: Tensor) -> Tensor:
    a, b, c = x.shape
    return x.reshape(b, a, c).transpose(0, 1)


def turned_back(x: Tensor) -> Tensor:
    """The axes moved, and their sizes written as they were."""
    return x.transpose(0, 1).reshape(x.shape)


def scrambled_rows(x: Tensor) -> Tensor:
    a, b, c = x.shape
    return x.reshape(a, c, b).transpose(1, 2)


def shifted(x: Tensor, *pad: int) -> Tensor:
    """Padded at one end, and cut at the other."""
    longer = F.pad(x, pad)
    return x + longer[: x.shape[0], : x.shape[1], : x.shape[2]]


def shuffled(x: Tensor) -> Tensor:
    a, b, c = x.shape
    # On a CPU, PyTorch shuffles no tensor of five axes that is laid out channels-last.
    return F.pixel_shuffle(x.reshape(a, b, 4, 2, 1).contiguous(), 2).reshape(a, b, c)


def repeated(x: Tensor) -> Tensor:
    """Each sample twice, side by side, and both together again."""
    a, b, c = x.shape
    return x.repeat_interleave(2, 0).view(a, 2, b, c).mean(1)


def tiled(x: Tensor) -> Tensor:
    """All samples twice, one run of them after the other, and both together again."""
    a, b, c = x.shape
    return x.repeat(2, 1, 1).view(2, a, b, c).mean(0)


def beside(x: Tensor) -> Tensor:
    """Two views of each sample in one batch, as in siamese nets."""
    first, second = torch.cat([x, x.tanh()]).tensor_split(2)
    return first[: x.shape[0]] + second[: x.shape[0]]


STEPS: Mapping[str, Callable[[], Made]] = {
    "attention": lambda: (attended, (nn.MultiheadAttention(C, 2, batch_first=True),)),
    "first": lambda: (attended, (nn.MultiheadAttention(C, 2),)),
    "encoder": lambda: (through, (nn.TransformerEncoderLayer(C, 2, C, batch_first=True),)),
    "encoder first": lambda: (through, (nn.TransformerEncoderLayer(C, 2, C),)),
    "heads": lambda: (in_heads, ()),
    "scaled": lambda: (scaled, ()),
    "scaled first": lambda: (scaled_first, ()),
    "windows": lambda: (windows, (nn.MultiheadAttention(2, 1, batch_first=True),)),
    "lstm": lambda: (lambda x, layer: layer(x)[0], (nn.LSTM(C, C, batch_first=True),)),
    "gru": lambda: (lambda x, layer: layer(x)[0], (nn.GRU(C, C // 2, bidirectional=True),)),
    "halves apart": lambda: (halves_apart, (nn.GRU(C // 2, C // 2, batch_first=True),)),
    "state": lambda: (with_state, (nn.RNN(C, C, batch_first=True),)),
    "last state": lambda: (last_state, (nn.LSTM(C, C, 2, batch_first=True),)),
    "cell": lambda: (celled, (nn.GRUCell(C, C),)),
    "linear": lambda: (through, (nn.Linear(C, C),)),
    "merged": lambda: (merged, (nn.Linear(C, C),)),
    "added": lambda: (added, (nn.Linear(C, C),)),
    "bilinear": lambda: (lambda x, layer: layer(x, x), (nn.Bilinear(C, C, C),)),
    "embedding": lambda: (looked_up, (nn.Embedding(C + 1, C),)),
    "conv": lambda: (in_channels, (nn.Conv1d(C, C, 3, padding=1),)),
    "conv 0": lambda: (along_first, (nn.Conv1d(C, C, 3, padding=1),)),
    "transposed conv": lambda: (in_channels, (nn.ConvTranspose1d(C, C, 3, padding=1),)),
    "pool": lambda: (in_channels, (nn.AvgPool1d(3, 1, 1),)),
    "pool 0": lambda: (along_first, (nn.AvgPool1d(3, 1, 1),)),
    "adaptive": lambda: (
        lambda x: F.interpolate(F.adaptive_avg_pool1d(x, 4), scale_factor=2), ()),
    "norm": lambda: (through, (nn.LayerNorm(C),)),
    "group norm": lambda: (in_channels, (nn.GroupNorm(2, C),)),
    "instance norm": lambda: (in_channels, (nn.InstanceNorm1d(C),)),
    "batch norm": lambda: (in_channels, (nn.BatchNorm1d(C),)),
    "normalize": lambda: (lambda x: F.normalize(x, dim=-1), ()),
    "normalize 0": lambda: (lambda x: F.normalize(x, dim=0), ()),
    "softmax 0": lambda: (lambda x: x * x.softmax(0), ()),
    "softmax 1": lambda: (lambda x: x * x.softmax(1), ()),
    "masked softmax": lambda: (lambda x: x.masked_fill(x < 0, -1e9).softmax(-1) * x, ()),
    "cumsum 0": lambda: (lambda x: x.cumsum(0), ()),
    "cumsum 1": lambda: (lambda x: x.cumsum(1), ()),
    "mean 1": lambda: (lambda x: x * x.mean(1, keepdim=True).sigmoid(), ()),
    "mean 0": lambda: (lambda x: x * x.mean(0, keepdim=True).sigmoid(), ()),
    "mean": lambda: (lambda x: x * x.mean().sigmoid(), ()),
    "squeezed": lambda: (lambda x: x * x.sum(-1, keepdim=True).sigmoid(), ()),
    "max 1": lambda: (lambda x: x * x.max(1, keepdim=True)[0].sigmoid(), ()),
    "amax 0": lambda: (lambda x: x - x.amax(0), ()),
    "std": lambda: (lambda x: x / (1 + x.std((1, 2), keepdim=True)), ()),
    "var 0": lambda: (lambda x: x / (1 + x.var(0, keepdim=True)), ()),
    "length": lambda: (lambda x: x / (1 + x.norm(dim=-1, keepdim=True)), ()),
    "sorted": lambda: (lambda x: x.sort(1)[0], ()),
    "topk": lambda: (lambda x: x.topk(C, -1)[0], ()),
    "product": lambda: (lambda x: x + (x @ x.transpose(1, 2)).softmax(-1) @ x, ()),
    "products": lambda: (products, ()),
    "similar": lambda: (similar, ()),
    "einsum": lambda: (lambda x: torch.einsum("nlc,nmc->nlm", x, x) @ x, ()),
    "einsum 0": lambda: (
        lambda x: torch.einsum("nlc,mlc->nml", x, x).tanh().sum(1).unsqueeze(-1) + x, ()),
    "last": lambda: (lambda x: x + x[:, -1:], ()),
    "one sample": lambda: (lambda x: x + x[0], ()),
    "turned": lambda: (lambda x: x.transpose(0, 1), ()),
    "roll": lambda: (lambda x: x + x.roll(1, 0), ()),
    "flip": lambda: (lambda x: x + x.flip(0), ()),
    "turned rows": lambda: (lambda x: x + x.roll(1, -1).flip(1), ()),
    "halves": lambda: (lambda x: torch.cat(x.chunk(2, -1)[::-1], -1), ()),
    "gate": lambda: (lambda x: F.glu(torch.cat([x, x.tanh()], -1)), ()),
    "unbound": lambda: (lambda x: torch.stack(x.unbind(-1)[::-1], -1), ()),
    "stack": lambda: (lambda x: torch.stack([x, x.tanh()], 1).sum(1), ()),
    "stack 0": lambda: (
        lambda x: torch.stack([x, x.tanh()]).flatten(0, 1).view(2, *x.shape).sum(0), ()),
    "split": lambda: (lambda x: x.unflatten(-1, (2, 4)).flip(2).flatten(2), ()),
    "expanded": lambda: (lambda x: x + x[:, :1].expand(-1, x.shape[1], -1), ()),
    "written": lambda: (written, ()),
    "scrambled": lambda: (scrambled, ()),
    "scrambled rows": lambda: (scrambled_rows, ()),
    "turned back": lambda: (turned_back, ()),
    "shifted": lambda: (lambda x: shifted(x, 0, 0, 1, 0), ()),
    "shifted 0": lambda: (lambda x: shifted(x, 0, 0, 0, 0, 1, 0), ()),
    "shuffled": lambda: (shuffled, ()),
    "repeated": lambda: (repeated, ()),
    "tiled": lambda: (tiled, ()),
    "beside": lambda: (beside, ()),
    "chosen": lambda: (lambda x: x.index_select(-1, torch.tensor([1, 0, 3, 2, 5, 4, 7, 6])), ()),
    "gathered": lambda: (lambda x: x + x.gather(1, (x > 0).long()), ()),
    "distances": lambda: (lambda x: torch.cdist(x, x).softmax(-1) @ x, ()),
}  # fmt: skip

#: What mixes the samples, where the first axis counts them.
MIXING = frozenset(
    ("first", "encoder first", "scaled first", "gru", "conv 0", "pool 0", "normalize 0",
     "softmax 0", "cumsum 0", "mean 0", "mean", "amax 0", "var 0", "similar", "einsum 0")
)  # fmt: skip
#: What makes another order of the samples, or meets one of them with another.
MOVING = frozenset(
    ("turned", "roll", "flip", "one sample", "scrambled", "turned back", "shifted 0", "beside")
)
#: What is not followed, though it leaves the samples alone.
LOSING = frozenset(
    ("bilinear", "chosen", "gathered", "distances", "repeated", "tiled", "written")
)  # fmt: skip
#: What leaves the samples alone, and is known to.
ALONE = sorted({*STEPS} - MIXING - MOVING - LOSING)

#: What a net may end with, so that samples lie beside other axes or on none.
ENDS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "as it is": lambda x: x,
    "merged": lambda x: x.flatten(0, 1),
    "merged behind": lambda x: x.transpose(0, 1).flatten(0, 1),
    "all in one": lambda x: x.flatten(),
    "halves before": lambda x: x.unflatten(-1, (2, 4)).movedim(2, 0).flatten(0, 2),
    "without the rest": lambda x: x.sum((1, 2)),
    "without the last": lambda x: x.amax(-1).transpose(0, 1),
}
