import torch.nn as nn


def make_model(args):
    return ESPCN(args.scale[0], args.n_colors)


class ESPCN(nn.Module):
    def __init__(self, upscale_factor, num_channels=1):
        super().__init__()
        self.first_part = nn.Sequential(
            nn.Conv2d(num_channels, 64, kernel_size=5, padding=5 // 2),
            nn.Tanh(),
            nn.Conv2d(64, 32, kernel_size=3, padding=3 // 2),
            nn.Tanh(),
        )
        self.last_part = nn.Sequential(
            nn.Conv2d(32, num_channels * (upscale_factor**2), kernel_size=3, padding=3 // 2),
            nn.PixelShuffle(upscale_factor),
        )

    def forward(self, x):
        return self.last_part(self.first_part(x))
