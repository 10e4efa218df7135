import argparse
from pathlib import Path

import torch
import yaml

from networks import build


def get_clips(cfg, name):
    d, n = cfg["data"], cfg["solver"]["batch"]
    clips = torch.rand(n, d["frames"], 3, d["crop"], d["crop"])
    labels = torch.randint(0, d["classes"], (n,))
    # 3D networks want time behind the channels
    return (clips.transpose(1, 2) if name.startswith("r2") else clips), labels


def train(path):
    cfg = yaml.safe_load(Path(path).read_text())
    model = build(cfg)
    opt = torch.optim.SGD(model.parameters(), lr=cfg["solver"]["lr"], momentum=0.9)
    for step in range(cfg["solver"]["steps"]):
        clips, labels = get_clips(cfg, cfg["model"]["name"])
        loss = torch.nn.functional.cross_entropy(model(clips), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        print(path, step, float(loss))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("configs", nargs="+", help="for example configs/r2plus1d.yaml")
    for path in ap.parse_args().configs:
        train(path)
