import argparse
import logging

import torch
import torch.nn as nn
import torch.nn.functional as F

from data_loading import CellDataset
from unet import UNet


def dice_loss(logits, masks):
    p = torch.sigmoid(logits)
    inter = (p * masks).sum()
    return 1 - (2 * inter + 1) / (p.sum() + masks.sum() + 1)


def train_model(model, epochs=5, batch_size=1, learning_rate=1e-5, img_scale=0.5):
    dataset = CellDataset("./data/imgs", "./data/masks", img_scale)
    loader = torch.utils.data.DataLoader(dataset, shuffle=True, batch_size=batch_size)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=learning_rate, momentum=0.9)
    criterion = nn.CrossEntropyLoss() if model.n_classes > 1 else nn.BCEWithLogitsLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in loader:
            images, true_masks = batch["image"], batch["mask"]
            assert images.shape[1] == model.n_channels, (
                f"Network has been defined with {model.n_channels} input channels, "
                f"but loaded images have {images.shape[1]} channels."
            )
            masks_pred = model(images)
            if model.n_classes == 1:
                loss = criterion(masks_pred.squeeze(1), true_masks.float())
                loss += dice_loss(masks_pred.squeeze(1), true_masks.float())
            else:
                loss = criterion(masks_pred, true_masks)
                onehot = F.one_hot(true_masks, model.n_classes).permute(0, 3, 1, 2).float()
                loss += dice_loss(masks_pred, onehot)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        logging.info("epoch %d: loss %.3f", epoch, loss.item())


def get_args():
    parser = argparse.ArgumentParser(description="Train the UNet on images and target masks")
    parser.add_argument("--epochs", "-e", metavar="E", type=int, default=5)
    parser.add_argument("--batch-size", "-b", dest="batch_size", type=int, default=1)
    parser.add_argument("--learning-rate", "-l", type=float, default=1e-5, dest="lr")
    parser.add_argument("--scale", "-s", type=float, default=0.5)
    parser.add_argument("--bilinear", action="store_true", default=False)
    parser.add_argument("--classes", "-c", type=int, default=2, help="Number of classes")
    return parser.parse_args()


if __name__ == "__main__":
    args = get_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    # n_channels=1 for grey microscopy
    # n_classes is the number of probabilities you want to get per pixel
    model = UNet(n_channels=1, n_classes=args.classes, bilinear=args.bilinear)
    model = model.to(memory_format=torch.channels_last)
    train_model(model, args.epochs, args.batch_size, args.lr, args.scale)
