import torch.nn as nn

cfg = {
    "small": [32, 32, "M", 64, 64, "M", 128, 128, "M"],
    "large": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M"],
}


class PlainCNN(nn.Module):
    def __init__(self, features, width, num_classes):
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.pool(self.features(x))
        return self.classifier(x.flatten(1))


def make_layers(cfg, batch_norm=True):
    layers, in_channels = [], 3
    for v in cfg:
        if v == "M":
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
            continue
        conv = nn.Conv2d(in_channels, v, kernel_size=3, padding=1, bias=not batch_norm)
        layers += [conv, nn.BatchNorm2d(v), nn.ReLU(True)] if batch_norm else [conv, nn.ReLU(True)]
        in_channels = v
    return nn.Sequential(*layers)


def plain_cnn(size="small", num_classes=10):
    channels = [v for v in cfg[size] if v != "M"]
    return PlainCNN(make_layers(cfg[size]), channels[-1], num_classes)
