import math

import torch
from torch import nn


def timestep_embedding(t, dim, max_period=10000):
    half = dim // 2
    freqs = torch.exp(-math.log(max_period) * torch.arange(half, device=t.device) / half)
    args = t[:, None].float() * freqs[None]
    return torch.cat([args.cos(), args.sin()], dim=-1)


class ResBlock(nn.Module):
    def __init__(self, cin, cout, emb_dim, dropout=0.1):
        super().__init__()
        self.block1 = nn.Sequential(
            nn.GroupNorm(8, cin), nn.SiLU(), nn.Conv2d(cin, cout, 3, padding=1)
        )
        self.emb = nn.Sequential(nn.SiLU(), nn.Linear(emb_dim, cout))
        self.block2 = nn.Sequential(
            nn.GroupNorm(8, cout),
            nn.SiLU(),
            nn.Dropout(dropout),
            nn.Conv2d(cout, cout, 3, padding=1),
        )
        self.skip = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x, emb):
        h = self.block1(x) + self.emb(emb)[:, :, None, None]
        return self.block2(h) + self.skip(x)


class SelfAttention(nn.Module):
    def __init__(self, channels, heads=4):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.attn = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x):
        b, c, h, w = x.shape
        seq = self.norm(x).flatten(2).transpose(1, 2)
        out, _ = self.attn(seq, seq, seq, need_weights=False)
        return x + out.transpose(1, 2).reshape(b, c, h, w)


class UNet(nn.Module):
    """Predicts the noise in x at the time step t."""

    def __init__(self, in_channels=3, model_channels=32, channel_mult=(1, 2, 4), num_classes=None):
        super().__init__()
        self.model_channels = model_channels
        emb_dim = model_channels * 4
        self.time_mlp = nn.Sequential(
            nn.Linear(model_channels, emb_dim), nn.SiLU(), nn.Linear(emb_dim, emb_dim)
        )
        self.label_emb = nn.Embedding(num_classes, emb_dim) if num_classes else None
        self.inp = nn.Conv2d(in_channels, model_channels, 3, padding=1)
        chs = [model_channels * m for m in channel_mult]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        c = model_channels
        for ch in chs:
            self.downs.append(
                nn.ModuleList([ResBlock(c, ch, emb_dim), nn.Conv2d(ch, ch, 3, stride=2, padding=1)])
            )
            c = ch
        self.mid1 = ResBlock(c, c, emb_dim)
        self.mid_attn = SelfAttention(c)
        self.mid2 = ResBlock(c, c, emb_dim)
        for ch in reversed(chs):
            self.ups.append(
                nn.ModuleList([nn.Upsample(scale_factor=2), ResBlock(c + ch, ch, emb_dim)])
            )
            c = ch
        self.out = nn.Sequential(
            nn.GroupNorm(8, c), nn.SiLU(), nn.Conv2d(c, in_channels, 3, padding=1)
        )

    def forward(self, x, t, y=None):
        emb = self.time_mlp(timestep_embedding(t, self.model_channels))
        if self.label_emb is not None:
            emb = emb + self.label_emb(y)
        h = self.inp(x)
        skips = []
        for res, down in self.downs:
            h = res(h, emb)
            skips.append(h)
            h = down(h)
        h = self.mid2(self.mid_attn(self.mid1(h, emb)), emb)
        for up, res in self.ups:
            h = res(torch.cat([up(h), skips.pop()], dim=1), emb)
        return self.out(h)
