"""What a loader gives of data that the file makes up is what the model is fed."""

from __future__ import annotations

import pytest

from tests.discovery.test_candidates import model, only

NET = "from torch.utils.data import DataLoader, Dataset, TensorDataset\n" + model("Net")
TENSORS = "data = TensorDataset(torch.randn(32, 21, 128), torch.zeros(32).long())\n"
OWN = """
class Own(Dataset):
    def __len__(self):
        return 9

    def __getitem__(self, index):
        image = torch.rand(3, 20, 20)
        return image, index % 2

"""


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (TENSORS + "loader = DataLoader(data, batch_size=16)\nnet = Net()\n"
         "for x, y in loader:\n    net(x)\n", (16, 21, 128)),
        (TENSORS + "net = Net()\nfor i, (x, y) in enumerate(DataLoader(data, 16)):\n    net(x)\n",
         (16, 21, 128)),
        (TENSORS + "net = Net()\nfor b in DataLoader(data, 16):\n    x, y = b\n    net(x)\n",
         (16, 21, 128)),
        (TENSORS + "net = Net()\nfor batch in DataLoader(data, 16):\n    net(batch[0])\n",
         (16, 21, 128)),
        (TENSORS + "loader = DataLoader(data, 16)\nx, y = next(iter(loader))\nNet()(x)\n",
         (16, 21, 128)),
        (TENSORS + "def train(net, loader):\n    for x, y in loader:\n        net(x)\n\n"
         "train(Net(), DataLoader(data, batch_size=16))\n", (16, 21, 128)),
        (TENSORS + "net = Net()\nfor x, y in DataLoader(data, batch_size=n):\n    net(x)\n",
         (None, 21, 128)),
        (OWN + "net = Net()\nfor x, y in DataLoader(Own(), batch_size=4):\n    net(x)\n",
         (4, 3, 20, 20)),
        (OWN + "data = Own()\nloader = DataLoader(dataset=data, batch_size=4)\nnet = Net()\n"
         "for epoch in range(9):\n    for x, y in loader:\n        net(x)\n", (4, 3, 20, 20)),
        (OWN.replace("image, index % 2", "{'image': image, 'label': 1}") + "net = Net()\n"
         "for batch in DataLoader(Own(), 4):\n    net(batch['image'])\n", (4, 3, 20, 20)),
    ],
)  # fmt: skip
def test_a_batch_has_the_shape_of_its_data(text, shape):
    (hint,) = only(NET + text).inputs
    assert hint.tensors[0].shape == shape


@pytest.mark.parametrize(
    "text",
    [
        "net = Net()\nfor x, y in DataLoader(load(), 4):\n    net(x)\n",
        "net = Net()\nfor x, y in DataLoader(TensorDataset(*load()), 4):\n    net(x)\n",
        OWN.replace("torch.rand(3, 20, 20)", "self.images[index]")
        + "net = Net()\nfor x, y in DataLoader(Own(), 4):\n    net(x)\n",
    ],
)
def test_data_that_are_not_known_say_nothing(text):
    assert only(NET + text).inputs == ()
