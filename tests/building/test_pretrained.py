"""Models whose weights a library would download are built without them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import hub, nn
from torch.utils import model_zoo

import modellint
from modellint.building.failures import NetworkAccess
from modellint.building.pretrained import weights_unread
from modellint.modules.replacing import replaced


class Weights:
    """As torchvision has it, for a machine without network."""

    def get_state_dict(self, *args: object, **kwargs: object) -> dict[str, object]:
        raise NetworkAccess("connects to download.pytorch.org")


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins for torchvision and timm, of which only what fetches is there."""
    api, builder = ModuleType("torchvision.models._api"), ModuleType("timm.models._builder")
    api.WeightsEnum = Weights  # type: ignore[attr-defined]
    builder.load_pretrained = Weights.get_state_dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, api.__name__, api)
    monkeypatch.setitem(sys.modules, builder.__name__, builder)


@pytest.mark.usefixtures("libraries")
def test_weights_are_not_fetched_to_build_a_model() -> None:
    layer = nn.Linear(2, 2)
    with weights_unread():
        layer.load_state_dict(Weights().get_state_dict(progress=True))
        sys.modules["timm.models._builder"].load_pretrained(layer)  # type: ignore[attr-defined]
        # What is no weights of theirs is loaded as ever.
        state = {"weight": layer.weight.detach() + 1, "bias": layer.bias.detach()}
        layer.load_state_dict(state)
        assert (layer.weight == state["weight"]).all()
    with pytest.raises(NetworkAccess):
        Weights().get_state_dict()


LOOKS = {
    "how many": len,
    "an item by number": lambda weights: weights[0],
    "a size of it": lambda weights: weights["fc.weight"].shape[0],
    "a number of it": lambda weights: range(weights["width"]),
    "whether it holds anything": bool,
    "a sum": lambda weights: weights["width"] + 1,
    "a comparison": lambda weights: weights["width"] == 3,
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_what_looks_into_weights_needs_them(look: Callable[[Any], object]) -> None:
    with weights_unread():
        fetched, missing = hub.load_state_dict_from_url("http://h/n.pth"), torch.load("gone.pt")
    with pytest.raises(NetworkAccess):
        look(fetched)
    with pytest.raises(FileNotFoundError):
        look(missing)


LOADS = {
    "fetched": "self.load_state_dict(hub.load_state_dict_from_url('http://h/n.pth'))",
    "fetched by an old name": "self.load_state_dict(model_zoo.load_url('http://h/n.pth', 'here'))",
    "a file": "self.load_state_dict(torch.load('gone.pt', map_location='cpu'), strict=False)",
    "a part of a file": "self.load_state_dict(torch.load('gone.pt')['state_dict'])",
    "parts put together": "self.load_state_dict({'weight': torch.load('gone.pt')['fc.weight']})",
    "without a head": "w = torch.load('gone.pt'); w.pop('fc.weight'); del w['fc.bias']; "
    "missing, unexpected = self.load_state_dict(w, strict=False)",
    "without a prefix": "w = torch.load('gone.pt')['model']; "
    "self.load_state_dict({k.replace('module.', ''): v for k, v in w.items()})",
    "those that fit": "w = torch.load('gone.pt'); own = self.state_dict(); "
    "own.update({k: v for k, v in w.items() if k in own}); self.load_state_dict(own)",
    "in one form or another": "w = torch.load('gone.pt'); "
    "w = w['state_dict'] if 'state_dict' in w else w; self.load_state_dict(w)",
    "downloaded": "urllib.request.urlretrieve('http://h/n.pth', 'gone.pt'); "
    "self.load_state_dict(torch.load('gone.pt'))",
}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_weights_that_are_not_there_change_nothing(tmp_path: Path, load: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import urllib.request\nimport torch\nfrom torch import hub, nn\n"
        "from torch.utils import model_zoo\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 5)\n"
        f"        {load}\n    def forward(self, x):\n        return super().forward(x)\n"
    )
    (model,) = modellint.lint_paths([path]).models
    assert (model.status, model.parameters) == ("analysed", 20)


FLAGGED = """
import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, width, depth=1):
        super().__init__()
        self.body = nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))
    def forward(self, x):
        return self.body(x)
def net({parameter}):
    if {name}:
        weights = torch.hub.load_state_dict_from_url("http://h/n.pth")
        return Net(4, len(weights))
    return Net(4)
"""


@pytest.mark.parametrize(
    "parameter", ["pretrained=True", "weights='imagenet'", "*, width=4, pretrained=True"]
)
def test_a_model_is_built_without_the_weights_that_decide_its_layers(
    tmp_path: Path, parameter: str
) -> None:
    path = tmp_path / "net.py"
    name = parameter.rpartition(" ")[2].partition("=")[0]
    path.write_text(FLAGGED.format(parameter=parameter, name=name))
    (model,) = modellint.lint_paths([path]).models
    assert (model.name, model.status, model.parameters) == ("net", "analysed", 20)


def test_a_call_with_the_flag_is_built_without(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    text = FLAGGED.format(parameter="pretrained", name="pretrained").replace("def net", "def _net")
    path.write_text(text + "net = _net(True)\nother = _net(pretrained=1)\n")
    models = modellint.lint_paths([path]).models
    assert [model.status for model in models] == ["analysed"] * len(models)


def test_what_keeps_a_part_of_missing_weights_is_not_analysed(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\nclass Net(nn.Linear):\n    def __init__(self):\n"
        "        super().__init__(3, 5)\n        self.width = torch.load('gone.pt')['width']\n"
        "    def forward(self, x):\n        return super().forward(x).view(-1, self.width)\n"
    )
    (model,) = modellint.lint_paths([path]).models
    assert model.status == "not-analysed" and "width" in (model.reason or "")


@pytest.mark.parametrize(
    "use",
    [
        "self.fc = list(w)[0]",
        "self.more = nn.ModuleList([nn.Linear(3, 5) for name in w])\n        assert self.more",
        "self.more = nn.ModuleList([nn.Linear(3, 5) for name in w])",
    ],
)
def test_what_weights_would_have_decided_is_no_fault(tmp_path: Path, use: str) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n        w = torch.load('gone.pt')\n        {use}\n"
        "    def forward(self, x):\n        return self.more[0](x)\n"
    )
    (model,) = modellint.lint_paths([path]).models
    assert model.status == "not-analysed" and re.search("weights|gone.pt", model.reason or "")


def test_a_download_that_was_imported_by_name_is_answered(tmp_path: Path) -> None:
    hub_like = tmp_path / "huggingface_hub"
    hub_like.mkdir()
    (hub_like / "__init__.py").write_text(
        "def hf_hub_download(repo_id, filename, local_files_only=False):\n"
        "    raise ConnectionError(filename)\n"
    )
    path = tmp_path / "net.py"
    path.write_text(
        "import torch\nfrom torch import nn\nfrom huggingface_hub import hf_hub_download as get\n"
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 5)\n"
        "        self.load_state_dict(torch.load(get('owner/net', 'net.pt')))\n"
        "    def forward(self, x):\n        return super().forward(x)\n"
    )
    (model,) = modellint.lint_paths([path]).models
    assert (model.status, model.parameters) == ("analysed", 20)


def test_torch_is_as_it_was_after_the_block() -> None:
    before = (nn.Module.load_state_dict, torch.load, model_zoo.load_url, torch.jit.load)
    with weights_unread():
        assert nn.Module.load_state_dict is not before[0]
    assert (nn.Module.load_state_dict, torch.load, model_zoo.load_url, torch.jit.load) == before


def test_a_class_method_is_put_back_for_subclasses() -> None:
    class Base:
        @classmethod
        def made(cls) -> str:
            return cls.__name__

    class Derived(Base):
        pass

    with replaced(Base, "made", classmethod(lambda cls: "another")), replaced(Derived, "own", 1):
        assert Derived.made() == "another"
    assert Derived.made() == "Derived" and "own" not in vars(Derived)


@pytest.mark.slow
def test_a_pretrained_resnet_is_analysed(tmp_path) -> None:
    pytest.importorskip("torchvision")
    (tmp_path / "net.py").write_text(
        "from torchvision import models\nnet = models.resnet18(weights='IMAGENET1K_V1')\n"
    )
    (model,) = modellint.lint_paths([tmp_path / "net.py"]).models
    assert model.status == "analysed"
