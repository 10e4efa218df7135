from typing import Sequence

import torch
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "prelu": nn.PReLU}


class ResUnit(nn.Module):
    def __init__(self, cin: int, cout: int, act: str) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv3d(cin, cout, 3, padding=1, bias=False),
            nn.InstanceNorm3d(cout, affine=True),
            ACTIVATIONS[act](),
            nn.Conv3d(cout, cout, 3, padding=1, bias=False),
            nn.InstanceNorm3d(cout, affine=True),
        )
        self.skip = nn.Identity() if cin == cout else nn.Conv3d(cin, cout, 1)
        self.act = ACTIVATIONS[act]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(x) + self.skip(x))


class VNet3d(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        features: Sequence[int],
        activation: str = "relu",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        self.deep_supervision = deep_supervision
        self.encoders = nn.ModuleList()
        c = in_channels
        for f in features:
            self.encoders.append(ResUnit(c, f, activation))
            c = f
        self.down = nn.MaxPool3d(2)
        self.ups = nn.ModuleList()
        self.decoders = nn.ModuleList()
        for f in reversed(features[:-1]):
            self.ups.append(nn.ConvTranspose3d(c, f, 2, stride=2))
            self.decoders.append(ResUnit(2 * f, f, activation))
            c = f
        self.head = nn.Conv3d(c, out_channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for i, encoder in enumerate(self.encoders):
            x = encoder(x if i == 0 else self.down(x))
            skips.append(x)
        skips.pop()
        for up, decoder in zip(self.ups, self.decoders):
            x = decoder(torch.cat([up(x), skips.pop()], dim=1))
        return self.head(x)
