import torch.nn as nn
import torch.nn.functional as F


class EmbeddingNet(nn.Module):
    def __init__(self, dim=64, normalize=True):
        super().__init__()
        self.normalize = normalize
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 5, padding=2),
            nn.PReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.PReLU(),
            nn.MaxPool2d(2),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(64 * 16, dim),
        )

    def forward(self, x):
        x = self.body(x)
        return F.normalize(x) if self.normalize else x


class TripletNet(nn.Module):
    """Wraps whatever embeds one image."""

    def __init__(self, embedding_net):
        super().__init__()
        self.embedding_net = embedding_net

    def forward(self, anchor, positive, negative):
        return tuple(self.embedding_net(x) for x in (anchor, positive, negative))
