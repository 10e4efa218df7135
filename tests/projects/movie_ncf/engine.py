import torch
from torch import nn


class Engine:
    """Meta Engine for training & evaluating; subclasses set self.model"""

    def __init__(self, config):
        self.config = config
        self.opt = torch.optim.Adam(self.model.parameters(), lr=config["adam_lr"])
        self.crit = nn.BCELoss()

    def train_single_batch(self, users, items, ratings):
        self.opt.zero_grad()
        ratings_pred = self.model(users, items)
        loss = self.crit(ratings_pred.view(-1), ratings)
        loss.backward()
        self.opt.step()
        return loss.item()

    def train_an_epoch(self, n):
        for _ in range(n):
            users = torch.randint(self.config["num_users"], (self.config["batch_size"],))
            items = torch.randint(self.config["num_items"], (self.config["batch_size"],))
            ratings = torch.randint(0, 2, (self.config["batch_size"],)).float()
            print(self.config["alias"], self.train_single_batch(users, items, ratings))
