"""A net whose branches stand side by side, wider than the pane of its graph."""

import torch
from torch import nn


class Wide(nn.Module):
    """Nine convolutions of one map, joined and weighted."""

    def __init__(self, channels: int = 16, ways: int = 9) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.ways = nn.ModuleList(nn.Conv2d(channels, 8, 3, padding=1) for _ in range(ways))
        self.gain = nn.Parameter(torch.ones(8 * ways, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        return self.gain * torch.cat([way(x) for way in self.ways], 1)


if __name__ == "__main__":
    print(Wide()(torch.rand(2, 3, 16, 16)).shape)
