import argparse
import sys

import numpy as np
import torch

from loss_net import LossNetwork
from transformer_net import TransformerNet


def gram_matrix(y):
    (b, ch, h, w) = y.size()
    features = y.view(b, ch, w * h)
    return features.bmm(features.transpose(1, 2)) / (ch * h * w)


def train(args):
    device = torch.device("cuda" if args.cuda else "cpu")
    transformer = TransformerNet().to(device)
    optimizer = torch.optim.Adam(transformer.parameters(), args.lr)
    vgg = LossNetwork(weights=args.vgg).to(device)
    style = torch.rand(1, 3, args.image_size, args.image_size)
    gram_style = [gram_matrix(y) for y in vgg(style.repeat(args.batch_size, 1, 1, 1))]
    for e in range(args.epochs):
        x = torch.rand(args.batch_size, 3, args.image_size, args.image_size, device=device)
        optimizer.zero_grad()
        y = transformer(x)
        features_y = vgg(y)
        features_x = vgg(x)
        loss = 1e5 * torch.nn.functional.mse_loss(features_y.relu2_2, features_x.relu2_2)
        for ft_y, gm_s in zip(features_y, gram_style):
            loss = loss + 1e10 * torch.nn.functional.mse_loss(gram_matrix(ft_y), gm_s)
        loss.backward()
        optimizer.step()
        print(e, loss.item())


def stylize(args):
    image = torch.from_numpy(np.load(args.content_image)).permute(2, 0, 1).float()
    style_model = TransformerNet()
    style_model.load_state_dict(torch.load(args.model))
    with torch.no_grad():
        np.save(args.output_image, style_model(image[None])[0].numpy())


def main():
    main_arg_parser = argparse.ArgumentParser(description="parser for fast-neural-style")
    subparsers = main_arg_parser.add_subparsers(title="subcommands", dest="subcommand")

    train_arg_parser = subparsers.add_parser("train")
    train_arg_parser.add_argument("--epochs", type=int, default=2)
    train_arg_parser.add_argument("--batch-size", type=int, default=2)
    train_arg_parser.add_argument("--image-size", type=int, default=64)
    train_arg_parser.add_argument("--vgg", type=str, default=None)
    train_arg_parser.add_argument("--cuda", type=int, required=True, help="1 for running on GPU")
    train_arg_parser.add_argument("--lr", type=float, default=1e-3)

    eval_arg_parser = subparsers.add_parser("eval")
    eval_arg_parser.add_argument("--content-image", type=str, required=True)
    eval_arg_parser.add_argument("--output-image", type=str, required=True)
    eval_arg_parser.add_argument("--model", type=str, required=True)

    args = main_arg_parser.parse_args()
    if args.subcommand is None:
        print("ERROR: specify either train or eval")
        sys.exit(1)
    if args.subcommand == "train":
        train(args)
    else:
        stylize(args)


if __name__ == "__main__":
    main()
