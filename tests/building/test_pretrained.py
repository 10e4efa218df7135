"""Models whose weights a library would download are built without them."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from torch import nn

import modellint
from modellint.building.failures import NetworkAccess
from modellint.building.pretrained import weights_unread


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


@pytest.mark.usefixtures("libraries")
def test_what_looks_into_weights_needs_them() -> None:
    with weights_unread(), pytest.raises(NetworkAccess):
        Weights().get_state_dict().pop("fc.weight")


def test_without_these_libraries_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchvision.models._api", "timm.models._builder"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    before = nn.Module.load_state_dict
    with weights_unread():
        assert nn.Module.load_state_dict is before


@pytest.mark.slow
def test_a_pretrained_resnet_is_analysed(tmp_path) -> None:
    pytest.importorskip("torchvision")
    (tmp_path / "net.py").write_text(
        "from torchvision import models\nnet = models.resnet18(weights='IMAGENET1K_V1')\n"
    )
    (model,) = modellint.lint_paths([tmp_path / "net.py"]).models
    assert model.status == "analysed"
