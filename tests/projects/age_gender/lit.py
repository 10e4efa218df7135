"""What we use of Lightning, or just enough of it where it is not installed."""

import torch.nn as nn

try:
    from lightning import LightningModule
except ImportError:

    class LightningModule(nn.Module):
        example_input_array = None

        def log(self, name, value, prog_bar=False):
            print(f"{name}: {float(value):.4f}")

        def fit(self, batches):
            optimizer = self.configure_optimizers()
            for i, batch in enumerate(batches):
                loss = self.training_step(batch, i)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
