import torch

import networks


class Pix2PixModel:
    """Holds both networks and takes one step at a time."""

    def __init__(self, opt):
        self.opt = opt
        self.netG = networks.define_G(
            opt.input_nc, opt.output_nc, opt.ngf, opt.netG, opt.norm, not opt.no_dropout
        )
        # a conditional GAN: D sees input and output channels
        self.netD = networks.define_D(opt.input_nc + opt.output_nc, opt.ndf, norm=opt.norm)
        self.criterion = torch.nn.MSELoss()
        self.optimizer_G = torch.optim.Adam(self.netG.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self.optimizer_D = torch.optim.Adam(self.netD.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def set_input(self, batch):
        self.real_A, self.real_B = batch["A"], batch["B"]

    def gan_loss(self, pred, real):
        return self.criterion(pred, torch.full_like(pred, float(real)))

    def optimize_parameters(self):
        fake_B = self.netG(self.real_A)
        pred_fake = self.netD(torch.cat((self.real_A, fake_B.detach()), 1))
        pred_real = self.netD(torch.cat((self.real_A, self.real_B), 1))
        loss_D = (self.gan_loss(pred_fake, False) + self.gan_loss(pred_real, True)) * 0.5
        self.optimizer_D.zero_grad()
        loss_D.backward()
        self.optimizer_D.step()
        loss_G = self.gan_loss(self.netD(torch.cat((self.real_A, fake_B), 1)), True)
        loss_G = loss_G + 100 * torch.nn.functional.l1_loss(fake_B, self.real_B)
        self.optimizer_G.zero_grad()
        loss_G.backward()
        self.optimizer_G.step()
        return loss_D.item(), loss_G.item()
