import torch
import torch.nn.functional as F
from torch import nn

from lit import LightningModule


class Stem(nn.Sequential):
    def __init__(self, *widths):
        layers = []
        for cin, cout in zip(widths, widths[1:]):
            layers += [nn.Conv2d(cin, cout, 3, 2, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU6()]
        super().__init__(*layers)


class AgeGender(LightningModule):
    """One backbone; an age in years, a gender, and one of five ethnicities."""

    def __init__(self, widths=(32, 64, 128, 256), lr: float = 1e-3, age_weight: float = 0.05):
        super().__init__()
        self.lr = lr
        self.age_weight = age_weight
        self.backbone = Stem(3, *widths)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.heads = nn.ModuleDict(
            {
                "age": nn.Linear(widths[-1], 1),
                "gender": nn.Linear(widths[-1], 2),
                "ethnicity": nn.Linear(widths[-1], 5),
            }
        )
        self.example_input_array = torch.zeros(1, 3, 200, 200)

    def forward(self, x):
        features = self.pool(self.backbone(x)).flatten(1)
        return {name: head(features) for name, head in self.heads.items()}

    def training_step(self, batch, batch_idx):
        x, target = batch
        out = self(x)
        loss = F.cross_entropy(out["gender"], target["gender"])
        loss = loss + F.cross_entropy(out["ethnicity"], target["ethnicity"])
        loss = loss + self.age_weight * F.l1_loss(out["age"].squeeze(1), target["age"])
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)
