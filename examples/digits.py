"""A convolutional net for 28×28 digits, with the faults that many first nets have."""

import torch
from torch import nn


class Digits(nn.Module):
    """Two convolutions that trim the digit's edges, then a wide fully connected layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 4 * 4, 256)
        self.fc2 = nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


if __name__ == "__main__":
    print(Digits()(torch.rand(8, 1, 28, 28)).shape)
