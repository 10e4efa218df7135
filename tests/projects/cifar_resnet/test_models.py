import torch

import models


def test_all_forward():
    x = torch.randn(2, 3, 32, 32)
    for name in ("resnet8", "resnet20", "resnet50s", "plain_cnn"):
        y = getattr(models, name)(num_classes=100)(x)
        assert y.size() == (2, 100), name
