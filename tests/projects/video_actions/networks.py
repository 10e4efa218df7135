import torch
from torch import nn


class SpatioTemporal(nn.Sequential):
    """A 3D convolution in two: over the picture, then over time."""

    def __init__(self, cin, cout, stride=1):
        mid = (cin * cout * 27) // (cin * 9 + 3 * cout)
        super().__init__(
            nn.Conv3d(cin, mid, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
            nn.BatchNorm3d(mid),
            nn.ReLU(inplace=True),
            nn.Conv3d(mid, cout, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
            nn.BatchNorm3d(cout),
        )


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.a = SpatioTemporal(cin, cout, stride)
        self.b = SpatioTemporal(cout, cout)
        self.relu = nn.ReLU(inplace=True)
        self.skip = None
        if stride > 1 or cin != cout:
            self.skip = nn.Sequential(
                nn.Conv3d(cin, cout, 1, stride, bias=False), nn.BatchNorm3d(cout)
            )

    def forward(self, x):
        y = self.b(self.relu(self.a(x)))
        return self.relu(y + (x if self.skip is None else self.skip(x)))


class R2Plus1D(nn.Module):
    """input: (batch, 3, frames, height, width)"""

    def __init__(self, n_classes, width=64, dropout=0.0):
        super().__init__()
        self.stem = SpatioTemporal(3, width)
        self.stages = nn.Sequential(
            Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2)
        )
        self.pool = nn.AdaptiveAvgPool3d(1)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(4 * width, n_classes)

    def forward(self, clip):
        x = self.stages(torch.relu(self.stem(clip)))
        return self.fc(self.drop(self.pool(x).flatten(1)))


class FrameEncoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        layers, c = [], 3
        for i in range(4):
            layers += [nn.Conv2d(c, width << i, 3, 2, 1), nn.GroupNorm(4, width << i), nn.SiLU()]
            c = width << i
        self.net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.out_features = c

    def forward(self, x):
        return self.net(x)


class CNNLSTM(nn.Module):
    """input: (batch, frames, 3, height, width)"""

    def __init__(self, n_classes, width=32, hidden=256):
        super().__init__()
        self.encoder = FrameEncoder(width)
        self.lstm = nn.LSTM(self.encoder.out_features, hidden, num_layers=2, batch_first=True)
        self.fc = nn.Linear(hidden, n_classes)

    def forward(self, clip):
        b, t, c, h, w = clip.shape
        feats = self.encoder(clip.view(b * t, c, h, w)).view(b, t, -1)
        out, (h_n, c_n) = self.lstm(feats)
        return self.fc(out[:, -1])


def build(cfg):
    m = dict(cfg["model"])
    name = m.pop("name")
    if name == "r2plus1d":
        return R2Plus1D(cfg["data"]["classes"], **m)
    if name == "cnn_lstm":
        return CNNLSTM(cfg["data"]["classes"], **m)
    raise ValueError(name)
