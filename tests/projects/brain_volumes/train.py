import sys

import torch

from src.utils import instantiate, load_config


def main(cfg):
    model = instantiate(cfg["model"])
    opt = torch.optim.AdamW(model.parameters(), lr=cfg["trainer"]["lr"])
    n, channels = cfg["data"]["batch_size"], len(cfg["data"]["modalities"])
    for step in range(cfg["trainer"]["max_steps"]):
        volume = torch.randn(n, channels, *cfg["data"]["roi"])
        label = torch.randint(0, cfg["model"]["out_channels"], (n, *cfg["data"]["roi"]))
        loss = torch.nn.functional.cross_entropy(model(volume), label)
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(step, loss.item())


if __name__ == "__main__":
    main(load_config("conf/config.yaml", sys.argv[1:]))
