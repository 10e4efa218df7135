import torch
import torch.nn.functional as F

import hparams as hp
from wavenet import WaveNet


def segments(steps):
    for _ in range(steps):
        x = torch.randint(0, 2**hp.bits, (hp.batch_size, hp.segment))
        yield x, torch.randn(hp.batch_size, hp.n_mels, hp.segment // hp.hop)


def main(steps=2):
    net = WaveNet(hp.bits, hp.n_mels, hp.upsample)
    opt = torch.optim.Adam(net.parameters(), lr=hp.lr)
    for x, mel in segments(steps):
        logits = net(x, mel)
        loss = F.cross_entropy(logits[:, :, :-1], x[:, 1:])
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(loss.item())


if __name__ == "__main__":
    main()
