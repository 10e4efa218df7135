from dataclasses import dataclass

import torch

from ddpm import GaussianDiffusion, UNet


@dataclass
class TrainingConfig:
    image_size: int = 32
    batch_size: int = 4
    steps: int = 2
    lr: float = 2e-4
    timesteps: int = 200
    sample_every: int = 2


def main(config: TrainingConfig):
    unet = UNet(in_channels=3, model_channels=32)
    diffusion = GaussianDiffusion(unet, timesteps=config.timesteps)
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=config.lr)
    for step in range(1, config.steps + 1):
        images = torch.rand(config.batch_size, 3, config.image_size, config.image_size) * 2 - 1
        loss = diffusion(images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(step, loss.item())
        if step % config.sample_every == 0:
            shape = (1, 3, config.image_size, config.image_size)
            print(diffusion.sample(shape, steps=3).shape)


if __name__ == "__main__":
    main(TrainingConfig())
