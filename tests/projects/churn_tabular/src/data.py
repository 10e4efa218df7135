import numpy as np
import torch
from torch.utils.data import Dataset

CAT_COLS = {"Geography": 3, "Gender": 2, "HasCrCard": 2, "IsActiveMember": 2}
CONT_COLS = ["CreditScore", "Age", "Tenure", "Balance", "NumOfProducts", "EstimatedSalary"]


class ChurnDataset(Dataset):
    def __init__(self, n=256, seed=0):
        rng = np.random.default_rng(seed)
        cats = np.stack([rng.integers(0, size, n) for size in CAT_COLS.values()], 1)
        conts = rng.normal(size=(n, len(CONT_COLS)))
        self.cats = torch.tensor(cats, dtype=torch.int64)
        self.conts = torch.tensor(conts, dtype=torch.float)
        self.y = torch.tensor(conts[:, 1] > 0.5).long()

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.cats[i], self.conts[i], self.y[i]
