"""The size of images by the data set that a file loads."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

import modellint
from modellint.discovery.datasets import dataset_images
from modellint.discovery.names import read_names

HEAD = """
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import datasets, transforms
import torchvision.transforms as T

SIDE = 48
"""


def images(text):
    """The shape that the data sets of a file say, without the batch."""
    tree = ast.parse(HEAD + dedent(text))
    hint = dataset_images(tree, read_names(tree))
    return None if hint is None else hint.tensors[0].shape[1:]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("datasets.MNIST('data')", (1, 28, 28)),
        ("a = datasets.CIFAR10('a', train=True)\nb = datasets.CIFAR10('a')", (3, 32, 32)),
        ("datasets.STL10('a', transform=T.ToTensor())", (3, 96, 96)),
        ("datasets.MNIST('a', transform=T.Compose([T.Resize(32), T.ToTensor()]))", (1, 32, 32)),
        ("datasets.CIFAR10('a', transform=transforms.Resize((SIDE, 64)))", (3, 48, 64)),
        ("t = [T.Resize(256), T.CenterCrop(224)]\ndatasets.CIFAR10('a')", (3, 224, 224)),
        ("t = T.RandomCrop(32, padding=4)\ndatasets.CIFAR10('a')", (3, 32, 32)),
        ("def load(size):\n    return datasets.SVHN('a')", (3, 32, 32)),
        ("datasets.CIFAR10('a', transform=T.Grayscale())", (1, 32, 32)),
        ("datasets.MNIST('a', transform=T.Grayscale(num_output_channels=3))", (3, 28, 28)),
        ("datasets.ImageFolder('a', transform=T.Resize((40, 60)))", (3, 40, 60)),
        ("t = [T.Resize(256), T.CenterCrop(224)]\ndatasets.ImageFolder('a')", (3, 224, 224)),
        ("t = [T.Resize((SIDE, SIDE)), T.Grayscale()]\ndatasets.CelebA('a')", (1, 48, 48)),
        ("import albumentations as A\ndatasets.MNIST('a', A.Resize(32, 64))", (1, 32, 64)),
        (
            "import albumentations as A\nt = A.Resize(height=32, width=SIDE)\n"
            "datasets.ImageFolder('a')",
            (3, 32, 48),
        ),
        # Nothing, several, or another size that is not written down.
        ("", None),
        ("datasets.ImageFolder('a')", None),
        ("datasets.MNIST('a'), datasets.CIFAR10('b')", None),
        ("def load(size):\n    datasets.MNIST('a', transform=T.Resize(size))", None),
        ("datasets.MNIST('a', transform=T.Pad(2))", None),
        ("t = [T.Resize(32), T.Resize(64)]\ndatasets.MNIST('a')", None),
        ("for x, y in datasets.MNIST('a'):\n    x = F.pad(x, (2, 2, 2, 2))", None),
        ("from kornia import Resize\ndatasets.MNIST('a', Resize(32, 64))", None),
        ("datasets.ImageFolder('a', transform=T.Resize(64))", None),
        ("class Own(torch.utils.data.Dataset):\n    t = T.Resize((64, 64))", None),
        ("def MNIST():\n    return 1\nMNIST()", None),
    ],
)
def test_the_size_is_that_of_the_data_set_as_it_is_loaded(text, shape):
    assert images(text) == shape


NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = {first}
        self.fc = nn.Linear({features}, 10)

    def forward(self, x):
        return self.fc(self.first(x).flatten(1))


train = datasets.MNIST("data")
"""


@pytest.mark.parametrize(
    ("first", "features", "rest", "example", "fits"),
    [
        ("nn.Conv2d(1, 4, 5)", 4 * 24 * 24, "", (1, 28, 28), True),
        ("nn.Conv2d(1, 4, 5)", 4 * 28 * 28, "", (1, 28, 28), False),
        # What the file shows of the model itself counts more.
        ("nn.Conv2d(1, 4, 5)", 4 * 28 * 28, "Net()(torch.rand(1, 1, 32, 32))", (1, 32, 32), True),
        # Other channels, and no images: not what the data set is for.
        ("nn.Conv2d(3, 4, 5)", 4 * 28 * 28, "", (3, 32, 32), True),
        ("nn.Linear(7, 5)", 5, "", (7,), True),
    ],
)
def test_a_model_of_images_gets_those_of_the_data_set(
    tmp_path, first, features, rest, example, fits
):
    text = HEAD + NET.format(first=first, features=features) + rest
    (tmp_path / "net.py").write_text(text, "utf-8")
    report = modellint.lint_paths([tmp_path / "net.py"], select=["shape-mismatch"])
    (model,) = report.models
    assert model.inputs[0].example[1:] == example
    assert (report.findings == ()) is fits
