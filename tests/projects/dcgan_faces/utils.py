import os

import numpy as np
import torch

root = os.environ.get("FACES", "data/faces.npy")


def get_faces(params):
    """Loader of the faces; of noise of the same size where they are not on this machine."""
    if os.path.exists(root):
        faces = np.load(root).transpose(0, 3, 1, 2).astype("float32") / 127.5 - 1
    else:
        side = params["imsize"]
        faces = np.random.uniform(-1, 1, (32, params["nc"], side, side)).astype("float32")
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(faces))
    return torch.utils.data.DataLoader(dataset, batch_size=params["bsize"], shuffle=True)
