from torch import nn


def small_cnn(num_classes=128, width=32):
    model = nn.Sequential()
    c = 3
    for i in range(4):
        model.add_module(f"conv{i}", nn.Conv2d(c, width * 2**i, 3, stride=2, padding=1, bias=False))
        model.add_module(f"bn{i}", nn.BatchNorm2d(width * 2**i))
        model.add_module(f"relu{i}", nn.ReLU(inplace=True))
        c = width * 2**i
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc", nn.Linear(c, num_classes))
    return model


class ConvMixer(nn.Module):
    def __init__(self, num_classes=128, dim=64, depth=3, kernel_size=5, patch_size=4):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, dim, kernel_size=patch_size, stride=patch_size),
            nn.GELU(),
            nn.BatchNorm2d(dim),
        )
        self.blocks = nn.ModuleList()
        for _ in range(depth):
            spatial = nn.Sequential(
                nn.Conv2d(dim, dim, kernel_size, groups=dim, padding="same"),
                nn.GELU(),
                nn.BatchNorm2d(dim),
            )
            channel = nn.Sequential(nn.Conv2d(dim, dim, 1), nn.GELU(), nn.BatchNorm2d(dim))
            self.blocks.append(nn.ModuleList([spatial, channel]))
        self.fc = nn.Linear(dim, num_classes)

    def forward(self, x):
        x = self.stem(x)
        for spatial, channel in self.blocks:
            x = channel(x + spatial(x))
        return self.fc(x.mean(dim=(-2, -1)))
