import argparse

import torch
import torch.nn.functional as F

from models.simclr import SimCLR

parser = argparse.ArgumentParser(description="PyTorch SimCLR")
parser.add_argument("-a", "--arch", metavar="ARCH", default="small", choices=["small", "mixer"])
parser.add_argument("-b", "--batch-size", default=8, type=int)
parser.add_argument("--out_dim", default=128, type=int, help="feature dimension")
parser.add_argument("--temperature", default=0.07, type=float)
parser.add_argument("--n-views", default=2, type=int, metavar="N")
parser.add_argument("--epochs", default=2, type=int)


def info_nce_loss(features, args):
    labels = torch.cat([torch.arange(args.batch_size) for i in range(args.n_views)], dim=0)
    labels = (labels.unsqueeze(0) == labels.unsqueeze(1)).float()
    features = F.normalize(features, dim=1)
    similarity_matrix = torch.matmul(features, features.T)
    mask = torch.eye(labels.shape[0], dtype=torch.bool)
    labels = labels[~mask].view(labels.shape[0], -1)
    similarity_matrix = similarity_matrix[~mask].view(similarity_matrix.shape[0], -1)
    positives = similarity_matrix[labels.bool()].view(labels.shape[0], -1)
    negatives = similarity_matrix[~labels.bool()].view(similarity_matrix.shape[0], -1)
    logits = torch.cat([positives, negatives], dim=1)
    return logits / args.temperature, torch.zeros(logits.shape[0], dtype=torch.long)


def main():
    args = parser.parse_args()
    assert args.n_views == 2, "Only two view training is supported. Please use --n-views 2."
    model = SimCLR(base_model=args.arch, out_dim=args.out_dim)
    optimizer = torch.optim.Adam(model.parameters(), 3e-4)
    for epoch in range(args.epochs):
        base = torch.rand(args.batch_size, 3, 96, 96)
        images = torch.cat([base + 0.1 * torch.randn_like(base), base.flip(-1)], dim=0)
        logits, labels = info_nce_loss(model(images), args)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(args.arch, epoch, loss.item())


if __name__ == "__main__":
    main()
