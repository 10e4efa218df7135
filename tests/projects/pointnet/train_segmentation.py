import torch
import torch.nn.functional as F

from pointnet.dataset import ShapeDataset
from pointnet.model import PointNetDenseCls

dataset = ShapeDataset(npoints=128, classification=False)
dataloader = torch.utils.data.DataLoader(dataset, batch_size=4, shuffle=True)
classifier = PointNetDenseCls(k=2, feature_transform=True)
optimizer = torch.optim.Adam(classifier.parameters(), lr=0.001)

for points, target in dataloader:
    pred, trans, trans_feat = classifier(points.transpose(2, 1))
    loss = F.nll_loss(pred.view(-1, 2), target.view(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
