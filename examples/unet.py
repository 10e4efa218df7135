"""A U-Net for the segmentation of grey images, its convolutions padded to keep the size."""

import torch
from torch import nn


def double(inputs: int, outputs: int) -> nn.Sequential:
    """Two padded 3×3 convolutions, each normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """Three levels down, three up, each joined to its level on the way down."""

    def __init__(self, channels: int = 1, classes: int = 2, width: int = 16) -> None:
        super().__init__()
        self.down1 = double(channels, width)
        self.down2 = double(width, 2 * width)
        self.down3 = double(2 * width, 4 * width)
        self.bottom = double(4 * width, 8 * width)
        self.pool = nn.MaxPool2d(2)
        self.rise3 = nn.ConvTranspose2d(8 * width, 4 * width, 2, stride=2)
        self.rise2 = nn.ConvTranspose2d(4 * width, 2 * width, 2, stride=2)
        self.rise1 = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up3 = double(8 * width, 4 * width)
        self.up2 = double(4 * width, 2 * width)
        self.up1 = double(2 * width, width)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        one = self.down1(image)
        two = self.down2(self.pool(one))
        three = self.down3(self.pool(two))
        x = self.bottom(self.pool(three))
        x = self.up3(torch.cat([three, self.rise3(x)], dim=1))
        x = self.up2(torch.cat([two, self.rise2(x)], dim=1))
        x = self.up1(torch.cat([one, self.rise1(x)], dim=1))
        return self.head(x)


if __name__ == "__main__":
    print(UNet()(torch.rand(2, 1, 128, 128)).shape)
