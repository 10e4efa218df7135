import torch
import torch.nn.functional as F

from model import Model
from option import args


def patches():
    hr = torch.rand(args.batch_size, args.n_colors, args.patch_size, args.patch_size)
    return F.avg_pool2d(hr, args.scale[0]) * args.rgb_range, hr * args.rgb_range


def main():
    model = Model(args)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    for step in range(args.steps):
        lr, hr = patches()
        loss = F.l1_loss(model(lr), hr)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(args.model, step, loss.item())


if __name__ == "__main__":
    main()
