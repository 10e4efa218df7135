import torch
import torch.nn as nn


class Model(nn.Module):
    """
    Multiplies two matrices and scales the product.
    """

    def __init__(self):
        super(Model, self).__init__()

    def forward(self, A: torch.Tensor, B: torch.Tensor, s: float) -> torch.Tensor:
        return torch.matmul(A, B) * s


M = 128
K = 256
N = 64


def get_inputs():
    A = torch.rand(M, K)
    B = torch.rand(K, N)
    s = 0.5
    return [A, B, s]


def get_init_inputs():
    return []
