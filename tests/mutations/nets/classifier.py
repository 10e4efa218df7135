"""A classifier of small images, as a tutorial would write and train it."""

import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = self.pool(self.features(x)).flatten(1)
        return self.fc(self.drop(x))


def train(model, batches):
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    for images, labels in batches:
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()


if __name__ == "__main__":
    train(Classifier(), [(torch.rand(8, 3, 32, 32), torch.randint(0, 10, (8,)))])
