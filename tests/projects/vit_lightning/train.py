import torch
import torch.nn.functional as F
from torch import nn, optim

from vit import VisionTransformer

try:
    import lightning as L

    Base = L.LightningModule
except ImportError:
    L = None
    Base = nn.Module


class ViT(Base):
    def __init__(self, model_kwargs, lr):
        super().__init__()
        if L is not None:
            self.save_hyperparameters()
        self.lr = lr
        self.model = VisionTransformer(**model_kwargs)
        self.example_input_array = torch.randn(2, 3, 32, 32)

    def forward(self, x):
        return self.model(x)

    def configure_optimizers(self):
        return optim.AdamW(self.parameters(), lr=self.lr)

    def _calculate_loss(self, batch, mode="train"):
        imgs, labels = batch
        preds = self.model(imgs)
        loss = F.cross_entropy(preds, labels)
        print(mode, loss.item(), (preds.argmax(dim=-1) == labels).float().mean().item())
        return loss

    def training_step(self, batch, batch_idx):
        return self._calculate_loss(batch, mode="train")


def train_model(**kwargs):
    model = ViT(**kwargs)
    optimizer = model.configure_optimizers()
    print(model(model.example_input_array).shape)
    for i in range(2):
        batch = torch.rand(8, 3, 32, 32), torch.randint(10, (8,))
        loss = model.training_step(batch, i)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


if __name__ == "__main__":
    train_model(
        model_kwargs={
            "embed_dim": 64,
            "hidden_dim": 128,
            "num_heads": 8,
            "num_layers": 2,
            "patch_size": 4,
            "num_channels": 3,
            "num_patches": 64,
            "num_classes": 10,
            "dropout": 0.2,
        },
        lr=3e-4,
    )
