import sys

import torch
import torch.nn as nn
import torch.optim as optim

from dcgan import Discriminator, Generator, weights_init
from utils import get_faces

seed = 369
torch.manual_seed(seed)

# Parameters to define the model.
params = {
    "bsize": 16,  # Batch size during training.
    "imsize": 32,  # Spatial size of training images.
    "nc": 3,  # Number of channels in the images.
    "nz": 100,  # Size of the latent vector.
    "ngf": 64,  # Feature maps of the generator.
    "ndf": 64,  # Feature maps of the discriminator.
    "nepochs": int(sys.argv[1]) if len(sys.argv) > 1 else 10,
    "lr": 0.0002,
    "beta1": 0.5,
}

device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")


def main():
    dataloader = get_faces(params)
    netG = Generator(params).to(device)
    netG.apply(weights_init)
    netD = Discriminator(params).to(device)
    netD.apply(weights_init)
    print(netG, netD, sep="\n")

    criterion = nn.BCEWithLogitsLoss()
    optimizerD = optim.Adam(netD.parameters(), lr=params["lr"], betas=(params["beta1"], 0.999))
    optimizerG = optim.Adam(netG.parameters(), lr=params["lr"], betas=(params["beta1"], 0.999))

    for epoch in range(params["nepochs"]):
        for i, data in enumerate(dataloader, 0):
            real_data = data[0].to(device)
            b_size = real_data.size(0)

            netD.zero_grad()
            output = netD(real_data)
            errD_real = criterion(output, torch.ones(b_size, device=device))
            noise = torch.randn(b_size, params["nz"], 1, 1, device=device)
            fake_data = netG(noise)
            output = netD(fake_data.detach())
            errD_fake = criterion(output, torch.zeros(b_size, device=device))
            (errD_real + errD_fake).backward()
            optimizerD.step()

            netG.zero_grad()
            errG = criterion(netD(fake_data), torch.ones(b_size, device=device))
            errG.backward()
            optimizerG.step()
            print(f"[{epoch}][{i}] D {errD_real + errD_fake:.3f} G {errG:.3f}")


if __name__ == "__main__":
    main()
