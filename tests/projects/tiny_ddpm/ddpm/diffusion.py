import torch
from torch import nn
from torch.nn import functional as F


class GaussianDiffusion(nn.Module):
    def __init__(self, model, timesteps=1000, beta_start=1e-4, beta_end=0.02):
        super().__init__()
        self.model = model
        self.timesteps = timesteps
        betas = torch.linspace(beta_start, beta_end, timesteps)
        alphas_bar = torch.cumprod(1 - betas, dim=0)
        self.register_buffer("betas", betas)
        self.register_buffer("alphas_bar", alphas_bar)

    def q_sample(self, x0, t, noise):
        a = self.alphas_bar[t].view(-1, 1, 1, 1)
        return a.sqrt() * x0 + (1 - a).sqrt() * noise

    def forward(self, x0):
        t = torch.randint(0, self.timesteps, (x0.shape[0],), device=x0.device)
        noise = torch.randn_like(x0)
        return F.mse_loss(self.model(self.q_sample(x0, t, noise), t), noise)

    @torch.no_grad()
    def sample(self, shape, steps):
        x = torch.randn(shape)
        for i in reversed(range(steps)):
            t = torch.full((shape[0],), i, dtype=torch.long)
            eps = self.model(x, t)
            alpha = 1 - self.betas[i]
            x = (x - self.betas[i] / (1 - self.alphas_bar[i]).sqrt() * eps) / alpha.sqrt()
            if i:
                x = x + self.betas[i].sqrt() * torch.randn_like(x)
        return x
