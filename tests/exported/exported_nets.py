"""Nets that are exported in tests, each with what it is called with and which axes are dynamic."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.SiLU(inplace=True))
        self.fc = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = x + self.block(x)
        return self.fc(functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(50, 16, padding_idx=0)
        self.pos = nn.Parameter(torch.zeros(1, 6, 16))
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=True)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(self.emb(tokens) + self.pos))


class Windows(nn.Module):
    """Indices that are computed of a buffer, a standardised weight, and what a slice leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(8, 3, 2, 2))
        self.bias = nn.Parameter(torch.zeros(4, 8))
        self.register_buffer("index", torch.arange(16).flip(0) % 4, persistent=False)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.conv2d(x, self.weight - self.weight.mean(), stride=2)
        b, c, h, w = x.shape
        x = x.reshape(b, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
        x = x + self.bias[self.index]
        x = x.reshape(b, h // 4, w // 4, 4, 4, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, w)
        return self.up(self.norm(x))[:, ::2, 1:]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 8, 5, padding=2)
        self.lstm = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
        self.unused = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        y, _ = self.lstm(self.conv(x).transpose(1, 2))
        with torch.no_grad():
            mean = y.mean(1)
        first, last = y.chunk(2, -1)
        return {"mean": mean * scale[:, None], "all": torch.cat([first, last.flip(1)], 2)}


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 2, stride=2)
        self.up = nn.ConvTranspose2d(8, 3, 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.up(functional.gelu(self.down(x))) + x


def _plain(layer: nn.Module, *sizes: int) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    return nn.Sequential(layer), (torch.zeros(2, *sizes),)


#: By name: the net and what it is called with, two samples of each.
NETS: dict[str, Any] = {
    "residual": lambda: (Residual(), (torch.zeros(2, 3, 32, 32),)),
    "transformer": lambda: (Transformer(), (torch.zeros(2, 6, dtype=torch.long),)),
    "windows": lambda: (Windows(), (torch.zeros(2, 3, 16, 16),)),
    "recurrent": lambda: (Recurrent(), (torch.zeros(2, 4, 9), torch.zeros(2))),
    "joined": lambda: (Joined(), (torch.zeros(2, 3, 16, 16),)),
}
#: Layers of torch by themselves.
LAYERS: dict[str, Any] = {
    "conv3d": lambda: _plain(nn.Conv3d(3, 4, 3, dilation=2, padding="same"), 3, 8, 8, 8),
    "transposed": lambda: _plain(nn.ConvTranspose1d(3, 4, 4, 2, 1, 1), 3, 9),
    "pools": lambda: _plain(nn.MaxPool2d(3, 2, 1, ceil_mode=True), 3, 9, 9),
    "average": lambda: _plain(nn.AvgPool2d(2, count_include_pad=False), 3, 9, 9),
    "padded": lambda: _plain(nn.ReflectionPad2d((1, 2, 3, 0)), 3, 9, 9),
    "shuffled": lambda: _plain(nn.PixelShuffle(2), 8, 4, 4),
    "attention": lambda: _plain(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 5, 8),
    "gated": lambda: _plain(nn.GRU(4, 8, 2, batch_first=True), 5, 4),
    "instance": lambda: _plain(nn.InstanceNorm2d(3, affine=True), 3, 6, 6),
    "rms": lambda: _plain(nn.RMSNorm(6), 3, 6),
    "nearest": lambda: _plain(nn.Upsample((5, 7)), 3, 6, 6),
    "unfolded": lambda: _plain(nn.Unfold(3, padding=1), 3, 6, 6),
    "activations": lambda: _plain(nn.Sequential(nn.PReLU(), nn.GLU(), nn.Softplus()), 3, 6),
}


def exported(
    model: nn.Module, args: tuple[torch.Tensor, ...], *, dynamic: bool = True, **axes: Any
) -> torch.export.ExportedProgram:
    """A model as `torch.export` has it, for any number of samples if it is `dynamic`."""
    shapes = None
    if dynamic:
        samples = torch.export.Dim("samples", max=512)
        shapes = tuple({0: samples, **axes} for _ in args)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.export.export(model.eval(), args, dynamic_shapes=shapes)
