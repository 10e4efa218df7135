import argparse

import torch
import torch.nn.functional as F

from data import PAD, loader, vocab
from model import AttentionPooling, SentimentLSTM, TextCNN

parser = argparse.ArgumentParser(description="sentiment of movie reviews")
parser.add_argument("--model", choices=["lstm", "cnn", "attention"], default="lstm")
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--dropout", type=float, default=0.5)
parser.add_argument("--embed-dim", type=int, default=128)
parser.add_argument("--kernel-num", type=int, default=100)
parser.add_argument("--kernel-sizes", type=str, default="3,4,5")


def build(args):
    if args.model == "lstm":
        return SentimentLSTM(len(vocab), args.embed_dim, 256, 2, 2, True, args.dropout, PAD)
    if args.model == "attention":
        return AttentionPooling(len(vocab))
    args.vocab_size = len(vocab)
    args.class_num = 2
    args.kernel_sizes = [int(k) for k in args.kernel_sizes.split(",")]
    return TextCNN(args)


def main(argv=None):
    args = parser.parse_args(argv)
    model = build(args)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        for text, lengths, labels in loader():
            logits = model(text) if args.model == "cnn" else model(text, lengths)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(args.model, epoch, f"{loss.item():.3f}")


if __name__ == "__main__":
    main()
