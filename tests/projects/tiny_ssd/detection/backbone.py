from torch import nn

from .registry import BACKBONES


def conv_bn(cin, cout, stride=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(inplace=True)
    )


@BACKBONES.register("tiny")
class TinyBackbone(nn.Module):
    """Gives maps of strides 8, 16 and 32."""

    def __init__(self, width=32):
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, width, 2), conv_bn(width, width * 2, 2))
        self.c3 = nn.Sequential(conv_bn(width * 2, width * 2, 2), conv_bn(width * 2, width * 2))
        self.c4 = nn.Sequential(conv_bn(width * 2, width * 4, 2), conv_bn(width * 4, width * 4))
        self.c5 = nn.Sequential(conv_bn(width * 4, width * 8, 2), conv_bn(width * 8, width * 8))
        self.out_channels = [width * 2, width * 4, width * 8]

    def forward(self, x):
        c3 = self.c3(self.stem(x))
        c4 = self.c4(c3)
        return [c3, c4, self.c5(c4)]
