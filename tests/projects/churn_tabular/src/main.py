import torch
import torch.nn as nn
from torch.utils.data import DataLoader

from data import CAT_COLS, CONT_COLS, ChurnDataset
from model import FTTransformer, TabularNet

cat_szs = list(CAT_COLS.values())
emb_szs = [(size, min(50, (size + 1) // 2)) for size in cat_szs]

train_dl = DataLoader(ChurnDataset(), batch_size=64, shuffle=True)


def run_mlp():
    torch.manual_seed(33)
    model = TabularNet(emb_szs, len(CONT_COLS), 2, [200, 100], p=0.4)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    for cats, conts, y in train_dl:
        loss = criterion(model(cats, conts), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"mlp {loss.item():.4f}")


def run_transformer():
    model = FTTransformer(n_num=len(CONT_COLS), cardinalities=cat_szs)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    for cats, conts, y in train_dl:
        loss = nn.functional.binary_cross_entropy_with_logits(model(conts, cats), y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"ft-transformer {loss.item():.4f}")


if __name__ == "__main__":
    run_mlp()
    run_transformer()
