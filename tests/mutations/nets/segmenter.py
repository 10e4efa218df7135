"""A segmentation net that shrinks its image by four and enlarges the result."""

import torch
import torch.nn.functional as F
from torch import nn


class Segmenter(nn.Module):
    def __init__(self, classes=6):
        super().__init__()
        self.stem = nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(24)
        self.conv = nn.Conv2d(24, 48, 3, stride=2, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(48)
        self.act = nn.Hardswish()
        self.up = nn.Upsample(scale_factor=2)
        self.smooth = nn.Conv2d(48, 24, 3, padding=1)
        self.head = nn.Conv2d(24, classes, 1)

    def forward(self, x):
        y = self.act(self.norm1(self.stem(x)))
        y = self.act(self.norm2(self.conv(y)))
        y = self.act(self.smooth(self.up(y)))
        return F.interpolate(self.head(y), scale_factor=2)


if __name__ == "__main__":
    output = Segmenter()(torch.rand(2, 3, 64, 64))
    print(F.cross_entropy(output, torch.randint(0, 6, (2, 64, 64))))
