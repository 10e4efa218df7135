from .diffusion import GaussianDiffusion
from .unet import UNet

__all__ = ["GaussianDiffusion", "UNet"]
