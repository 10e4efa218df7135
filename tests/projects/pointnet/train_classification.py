import argparse

import torch
import torch.nn.functional as F
import torch.optim as optim

from pointnet.dataset import ShapeDataset
from pointnet.model import PointNetCls, feature_transform_regularizer

parser = argparse.ArgumentParser()
parser.add_argument("--batchSize", type=int, default=8)
parser.add_argument("--num_points", type=int, default=256)
parser.add_argument("--nepoch", type=int, default=1)
parser.add_argument("--dataset", type=str, default=None)
parser.add_argument("--feature_transform", action="store_true", help="use feature transform")
opt = parser.parse_args()
print(opt)

dataset = ShapeDataset(root=opt.dataset, npoints=opt.num_points)
dataloader = torch.utils.data.DataLoader(dataset, batch_size=opt.batchSize, shuffle=True)
num_classes = len(dataset.classes)

classifier = PointNetCls(k=num_classes, feature_transform=opt.feature_transform)
optimizer = optim.Adam(classifier.parameters(), lr=0.001)

for epoch in range(opt.nepoch):
    for i, (points, target) in enumerate(dataloader, 0):
        points = points.transpose(2, 1)
        optimizer.zero_grad()
        classifier = classifier.train()
        pred, trans, trans_feat = classifier(points)
        loss = F.nll_loss(pred, target)
        if opt.feature_transform:
            loss += feature_transform_regularizer(trans_feat) * 0.001
        loss.backward()
        optimizer.step()
        print("[%d: %d] loss: %f" % (epoch, i, loss.item()))
