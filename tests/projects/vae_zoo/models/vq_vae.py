import torch
from torch import nn
from torch.nn import functional as F

from .base import BaseVAE


class VectorQuantizer(nn.Module):
    def __init__(self, num_embeddings: int, embedding_dim: int, beta: float = 0.25):
        super().__init__()
        self.K, self.D, self.beta = num_embeddings, embedding_dim, beta
        self.embedding = nn.Embedding(self.K, self.D)
        self.embedding.weight.data.uniform_(-1 / self.K, 1 / self.K)

    def forward(self, latents):
        latents = latents.permute(0, 2, 3, 1).contiguous()  # [B x H x W x D]
        flat = latents.view(-1, self.D)
        dist = (
            flat.pow(2).sum(1, keepdim=True)
            + self.embedding.weight.pow(2).sum(1)
            - 2 * flat @ self.embedding.weight.t()
        )
        inds = dist.argmin(dim=1)
        quantized = self.embedding(inds).view(latents.shape)
        vq_loss = self.beta * F.mse_loss(quantized.detach(), latents)
        vq_loss = vq_loss + F.mse_loss(quantized, latents.detach())
        quantized = latents + (quantized - latents).detach()
        return quantized.permute(0, 3, 1, 2).contiguous(), vq_loss


class VQVAE(BaseVAE):
    def __init__(
        self,
        in_channels: int,
        embedding_dim: int,
        num_embeddings: int,
        hidden_dims=(64, 128),
        **kwargs,
    ):
        super().__init__()
        h1, h2 = hidden_dims
        self.encoder = nn.Sequential(
            nn.Conv2d(in_channels, h1, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(h1, h2, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(h2, embedding_dim, 1),
        )
        self.vq_layer = VectorQuantizer(num_embeddings, embedding_dim)
        self.decoder = nn.Sequential(
            nn.Conv2d(embedding_dim, h2, 3, padding=1),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(h2, h1, 4, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.ConvTranspose2d(h1, in_channels, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, input, **kwargs):
        quantized, vq_loss = self.vq_layer(self.encoder(input))
        return [self.decoder(quantized), input, vq_loss]

    def loss_function(self, *args, **kwargs):
        recons, input, vq_loss = args
        return {"loss": F.mse_loss(recons, input) + vq_loss}
