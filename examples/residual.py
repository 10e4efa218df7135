"""A small residual net for 32×32 images in which modellint finds nothing to say."""

import torch
from torch import nn


class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the first may halve the map."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class Residual(nn.Module):
    """A stem, three stages of two blocks, and a classifier on the mean over the map."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.stages = nn.Sequential(
            Block(16, 16), Block(16, 16),
            Block(16, 32, stride=2), Block(32, 32),
            Block(32, 64, stride=2), Block(64, 64),
        )  # fmt: skip
        self.classifier = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stages(self.stem(x))
        return self.classifier(x.mean(dim=(2, 3)))


if __name__ == "__main__":
    print(Residual()(torch.rand(8, 3, 32, 32)).shape)
