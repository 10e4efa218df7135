import random

import torch
from torch import optim
from torch.utils.data import DataLoader, Dataset

from config import Config
from siamese import ContrastiveLoss, SiameseNetwork
from triplet import EmbeddingNet, TripletNet


class FacePairs(Dataset):
    """Two images and whether they show different people."""

    def __init__(self, people=10, per_person=4):
        self.faces = torch.rand(people, per_person, 1, Config.image_size, Config.image_size)

    def __len__(self):
        return 16

    def __getitem__(self, index):
        a = random.randrange(len(self.faces))
        b = a if index % 2 else random.randrange(len(self.faces))
        pick = lambda person: random.choice(self.faces[person])
        return pick(a), pick(b), torch.tensor([float(a != b)])


def train_pairs():
    net = SiameseNetwork()
    criterion = ContrastiveLoss()
    optimizer = optim.Adam(net.parameters(), lr=0.0005)
    loader = DataLoader(FacePairs(), shuffle=True, batch_size=Config.train_batch_size)
    for epoch in range(Config.train_number_epochs):
        for i, data in enumerate(loader, 0):
            img0, img1, label = data
            optimizer.zero_grad()
            output1, output2 = net(img0, img1)
            loss = criterion(output1, output2, label.squeeze(1))
            loss.backward()
            optimizer.step()
            print("Epoch {} batch {} loss {:.4f}".format(epoch, i, loss.item()))


def train_triplets(steps=2):
    model = TripletNet(EmbeddingNet(dim=32))
    criterion = torch.nn.TripletMarginLoss(margin=0.2)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(steps):
        batch = [torch.rand(8, 1, Config.image_size, Config.image_size) for _ in range(3)]
        loss = criterion(*model(*batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("triplets", loss.item())


if __name__ == "__main__":
    train_pairs()
    train_triplets()
