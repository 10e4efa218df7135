import torch
import torch.nn.functional as F

from config import Config
from models import CRNN, M5


def batches(cfg, steps):
    for _ in range(steps):
        wav = torch.randn(cfg.batch_size, cfg.audio.n_samples) * 0.1
        yield wav, torch.randint(cfg.model.num_classes, (cfg.batch_size,))


def fit(model, cfg, raw=False, steps=2):
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
    for wav, label in batches(cfg, steps):
        out = model(wav.unsqueeze(1) if raw else wav)
        loss = F.nll_loss(out, label) if raw else F.cross_entropy(out, label)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


def main():
    cfg = Config()
    print("crnn", fit(CRNN(cfg.audio, cfg.model), cfg))
    print("m5", fit(M5(n_output=cfg.model.num_classes), cfg, raw=True))


if __name__ == "__main__":
    main()
