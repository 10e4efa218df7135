from __future__ import division, print_function

import argparse

import torch
import torch.nn.functional as F
import torch.optim as optim

from models import GAT, GCN
from utils import load_data

# Training settings
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=42, help="Random seed.")
parser.add_argument("--model", default="gcn", choices=["gcn", "gat"])
parser.add_argument("--epochs", type=int, default=3, help="Number of epochs to train.")
parser.add_argument("--lr", type=float, default=0.01, help="Initial learning rate.")
parser.add_argument("--weight_decay", type=float, default=5e-4, help="Weight decay.")
parser.add_argument("--hidden", type=int, default=16, help="Number of hidden units.")
parser.add_argument("--nb_heads", type=int, default=4, help="Number of head attentions.")
parser.add_argument("--alpha", type=float, default=0.2, help="Alpha for the leaky_relu.")
parser.add_argument("--dropout", type=float, default=0.5, help="Dropout rate.")

args = parser.parse_args()
torch.manual_seed(args.seed)

# Load data
adj, features, labels, idx_train, idx_test = load_data()

# Model and optimizer
nclass = labels.max().item() + 1
if args.model == "gcn":
    model = GCN(nfeat=features.shape[1], nhid=args.hidden, nclass=nclass, dropout=args.dropout)
else:
    model = GAT(
        nfeat=features.shape[1],
        nhid=args.hidden,
        nclass=nclass,
        dropout=args.dropout,
        nheads=args.nb_heads,
        alpha=args.alpha,
    )
optimizer = optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)


def train(epoch):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[idx_train], labels[idx_train])
    loss_train.backward()
    optimizer.step()
    print("Epoch: {:04d}".format(epoch + 1), "loss_train: {:.4f}".format(loss_train.item()))


def test():
    model.eval()
    output = model(features, adj)
    acc = (output[idx_test].argmax(1) == labels[idx_test]).float().mean()
    print("Test accuracy {:.3f}".format(acc.item()))


for epoch in range(args.epochs):
    train(epoch)
test()
