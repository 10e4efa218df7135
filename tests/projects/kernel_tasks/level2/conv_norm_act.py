import torch
import torch.nn as nn


class Model(nn.Module):
    """
    3D convolution, group norm, a clamp and a learned scale.
    """

    def __init__(self, in_channels, out_channels, kernel_size, groups, scale_shape):
        super(Model, self).__init__()
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.norm = nn.GroupNorm(groups, out_channels)
        self.scale = nn.Parameter(torch.randn(scale_shape))

    def forward(self, x):
        x = self.norm(self.conv(x))
        return torch.clamp(x, min=-1.0, max=1.0) * self.scale


batch_size = 4
in_channels = 3
out_channels = 16
depth, height, width = 8, 16, 16
kernel_size = 3
groups = 8
scale_shape = (out_channels, 1, 1, 1)


def get_inputs():
    return [torch.rand(batch_size, in_channels, depth, height, width)]


def get_init_inputs():
    return [in_channels, out_channels, kernel_size, groups, scale_shape]
