from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class CausalConv1d(nn.Conv1d):
    def __init__(self, in_channels, out_channels, kernel_size, dilation=1):
        super().__init__(in_channels, out_channels, kernel_size, dilation=dilation)
        self.left = (kernel_size - 1) * dilation

    def forward(self, x):
        return super().forward(F.pad(x, (self.left, 0)))


class GatedBlock(nn.Module):
    def __init__(self, res: int, skip: int, cond: int, dilation: int):
        super().__init__()
        self.conv = CausalConv1d(res, 2 * res, 3, dilation)
        self.cond = nn.Conv1d(cond, 2 * res, 1)
        self.res = nn.Conv1d(res, res, 1)
        self.skip = nn.Conv1d(res, skip, 1)

    def forward(self, x, c):
        a, b = (self.conv(x) + self.cond(c)).chunk(2, dim=1)
        z = torch.tanh(a) * torch.sigmoid(b)
        return x + self.res(z), self.skip(z)


class WaveNet(nn.Module):
    """Next-sample logits from samples and a mel spectrogram.

    Args:
        bits: samples are quantised to 2 ** bits levels
        n_mels: bands of the condition
        upsample: samples a frame, as factors
    """

    def __init__(
        self, bits: int, n_mels: int, upsample: tuple[int, ...], res=32, skip=64, layers=6, blocks=1
    ):
        super().__init__()
        self.embed = nn.Embedding(2**bits, res)
        ups = []
        for factor in upsample:
            ups += [
                nn.ConvTranspose1d(n_mels, n_mels, 2 * factor, stride=factor, padding=factor // 2),
                nn.LeakyReLU(0.4),
            ]
        self.upsample = nn.Sequential(*ups)
        self.blocks = nn.ModuleList(
            GatedBlock(res, skip, n_mels, 2**i) for _ in range(blocks) for i in range(layers)
        )
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(skip, skip, 1), nn.ReLU(), nn.Conv1d(skip, 2**bits, 1)
        )

    def forward(self, samples, mel):
        x = self.embed(samples).transpose(1, 2)
        c = self.upsample(mel)
        assert c.shape[-1] == x.shape[-1], (c.shape, x.shape)
        total = 0
        for block in self.blocks:
            x, s = block(x, c)
            total = total + s
        return self.head(total)
