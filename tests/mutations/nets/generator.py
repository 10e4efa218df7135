"""The generator of a GAN: noise to images."""

import torch
from torch import nn


class Generator(nn.Module):
    def __init__(self, noise=100, width=64):
        super().__init__()
        self.fc = nn.Linear(noise, 2 * width * 4 * 4, bias=False)
        self.norm = nn.BatchNorm2d(2 * width)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.up2 = nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1)
        self.act = nn.ReLU()

    def forward(self, z):
        x = self.fc(z).unflatten(1, (-1, 4, 4))
        x = self.act(self.norm(x))
        x = self.act(self.norm1(self.up1(x)))
        return self.up2(x).tanh()


if __name__ == "__main__":
    print(Generator()(torch.randn(8, 100)).shape)
