import argparse
import time

import torch
import torch.nn as nn

import models

model_names = sorted(
    name for name in models.__dict__ if name.islower() and callable(models.__dict__[name])
)

parser = argparse.ArgumentParser(description="CIFAR training")
parser.add_argument("--arch", "-a", default="resnet20", choices=model_names)
parser.add_argument("--num-classes", default=10, type=int)
parser.add_argument("--lr", default=0.1, type=float)
parser.add_argument("-b", "--batch-size", default=128, type=int)
parser.add_argument("--epochs", default=200, type=int)
parser.add_argument("--data", default=None, help="an .npz of images; random ones without it")


def get_loader(args):
    if args.data is None:
        images = torch.rand(args.batch_size * 2, 3, 32, 32)
        labels = torch.randint(args.num_classes, (len(images),))
    else:
        import numpy as np

        data = np.load(args.data)
        images = torch.from_numpy(data["images"]).float().permute(0, 3, 1, 2) / 255
        labels = torch.from_numpy(data["labels"]).long()
    dataset = torch.utils.data.TensorDataset(images, labels)
    return torch.utils.data.DataLoader(dataset, batch_size=args.batch_size, shuffle=True)


def train(loader, model, criterion, optimizer, epoch):
    model.train()
    end = time.time()
    for i, (input, target) in enumerate(loader):
        output = model(input)
        loss = criterion(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"[{epoch}][{i}/{len(loader)}] {time.time() - end:.2f}s loss {loss.item():.4f}")


def main():
    args = parser.parse_args()
    print(f"=> creating model '{args.arch}'")
    model = models.__dict__[args.arch](num_classes=args.num_classes)
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=0.9, weight_decay=5e-4)
    for epoch in range(args.epochs):
        train(get_loader(args), model, nn.CrossEntropyLoss(), optimizer, epoch)


if __name__ == "__main__":
    main()
