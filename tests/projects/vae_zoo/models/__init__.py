from .base import *
from .conv_vae import *
from .vq_vae import *

vae_models = {"ConvVAE": ConvVAE, "VQVAE": VQVAE}
