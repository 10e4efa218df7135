import glob
import os

import numpy as np
import torch

from options import BaseOptions
from pix2pix_model import Pix2PixModel


class AlignedDataset(torch.utils.data.Dataset):
    """Every .npy is a pair side by side: A left, B right."""

    def __init__(self, opt):
        self.paths = sorted(glob.glob(os.path.join(opt.dataroot, "*.npy")))
        self.size = opt.load_size

    def __getitem__(self, index):
        if self.paths:
            pair = np.load(self.paths[index]).astype("float32") / 127.5 - 1
        else:
            pair = np.random.rand(self.size, 2 * self.size, 3).astype("float32")
        A, B = np.split(pair, 2, axis=1)
        to_tensor = lambda array: torch.from_numpy(array.transpose(2, 0, 1).copy())
        return {"A": to_tensor(A), "B": to_tensor(B)}

    def __len__(self):
        return len(self.paths) or 4


if __name__ == "__main__":
    opt = BaseOptions().parse()
    loader = torch.utils.data.DataLoader(AlignedDataset(opt), batch_size=2, shuffle=True)
    model = Pix2PixModel(opt)
    for step, data in zip(range(opt.steps), loader):
        model.set_input(data)
        print(step, *model.optimize_parameters())
