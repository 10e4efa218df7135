import torch
import torch.optim as optim

import config
from loss import YoloLoss
from model import YOLOv3


def fake_batch():
    x = torch.rand(config.BATCH_SIZE, 3, config.IMAGE_SIZE, config.IMAGE_SIZE)
    targets = []
    for s in config.S:
        target = torch.zeros(config.BATCH_SIZE, 3, s, s, 6)
        target[:, 0, s // 2, s // 2] = torch.tensor([1, 0.5, 0.5, 1.0, 1.0, 3])
        targets.append(target)
    return x, targets


def main():
    model = YOLOv3(num_classes=config.NUM_CLASSES).to(config.DEVICE)
    optimizer = optim.Adam(model.parameters(), lr=config.LEARNING_RATE)
    loss_fn = YoloLoss()
    anchors = torch.tensor(config.ANCHORS) * torch.tensor(config.S).view(-1, 1, 1)
    for epoch in range(config.NUM_EPOCHS):
        x, y = fake_batch()
        out = model(x.to(config.DEVICE))
        loss = sum(loss_fn(out[i], y[i], anchors[i]) for i in range(2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
