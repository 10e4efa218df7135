import argparse

import torch

import lib.hourglass
import lib.simple_baseline
from lib.config import cfg, update_config


def parse_args():
    parser = argparse.ArgumentParser(description="Train keypoints network")
    parser.add_argument("--cfg", help="experiment configure file name", type=str)
    parser.add_argument("--name", type=str)
    args = parser.parse_args()
    if args.cfg:
        update_config(cfg, args.cfg)
    if args.name:
        cfg.MODEL.NAME = args.name
    return args


def joints_mse(outputs, target):
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return sum(((output - target) ** 2).mean() for output in outputs)


def main():
    parse_args()
    model = eval("lib." + cfg.MODEL.NAME + ".get_pose_net")(cfg, is_train=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.TRAIN.LR)
    width, height = cfg.MODEL.IMAGE_SIZE
    for i in range(cfg.TRAIN.STEPS):
        images = torch.rand(cfg.TRAIN.BATCH_SIZE, 3, height, width)
        target = torch.zeros(
            cfg.TRAIN.BATCH_SIZE, cfg.MODEL.NUM_JOINTS, *cfg.MODEL.HEATMAP_SIZE[::-1]
        )
        loss = joints_mse(model(images), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(cfg.MODEL.NAME, i, loss.item())


if __name__ == "__main__":
    main()
