import argparse

import torch
import torch.nn as nn
import torch.nn.utils.prune as prune

from mobilenet import MobileNetV2

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=float, default=0.75)
parser.add_argument("--amount", type=float, default=0.3, help="share of weights to prune")
parser.add_argument("--image-size", type=int, default=160)
parser.add_argument("--qat", action="store_true")


def batches(size, n=2):
    for _ in range(n):
        yield torch.rand(2, 3, size, size), torch.randint(10, (2,))


def train(model, loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for image, target in loader:
        loss = nn.functional.cross_entropy(model(image), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(loss.item())


def main():
    args = parser.parse_args()
    model = MobileNetV2(num_classes=10, width_mult=args.width)
    train(model, batches(args.image_size))

    convs = [(m, "weight") for m in model.modules() if isinstance(m, nn.Conv2d)]
    prune.global_unstructured(convs, pruning_method=prune.L1Unstructured, amount=args.amount)
    for m, name in convs:
        prune.remove(m, name)

    if args.qat:
        model.train()
        model.fuse_model(is_qat=True)
        model.qconfig = torch.ao.quantization.get_default_qat_qconfig("fbgemm")
        torch.ao.quantization.prepare_qat(model, inplace=True)
    train(model, batches(args.image_size))


if __name__ == "__main__":
    main()
