import torch.nn as nn


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


class Generator(nn.Module):
    def __init__(self, params):
        super().__init__()
        nz, ngf, nc = params["nz"], params["ngf"], params["nc"]

        # latent vector -> (ngf*4) x 4 x 4
        self.tconv1 = nn.ConvTranspose2d(nz, ngf * 4, 4, 1, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(ngf * 4)
        # -> (ngf*2) x 8 x 8
        self.tconv2 = nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(ngf * 2)
        # -> ngf x 16 x 16
        self.tconv3 = nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(ngf)
        # -> nc x 32 x 32
        self.tconv4 = nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False)
        self.act = nn.ReLU(True)
        self.out = nn.Tanh()

    def forward(self, z):
        x = self.act(self.bn1(self.tconv1(z)))
        x = self.act(self.bn2(self.tconv2(x)))
        x = self.act(self.bn3(self.tconv3(x)))
        return self.out(self.tconv4(x))


class Discriminator(nn.Module):
    def __init__(self, params):
        super().__init__()
        ndf, nc = params["ndf"], params["nc"]
        self.main = nn.Sequential(
            # nc x 32 x 32
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ndf * 4),
            nn.LeakyReLU(0.2, inplace=True),
            # (ndf*4) x 4 x 4
            nn.Conv2d(ndf * 4, 1, 4, 1, 0, bias=False),
        )

    def forward(self, img):
        return self.main(img).view(-1)
