"""What keeps a checkpoint from loading: held against what `load_state_dict` says."""

import pytest
import torch
from torch import nn

from modellint.comparing.checkpoints import checkpoint_change
from modellint.modules.saved import saved_state


class Twice(nn.Module):
    """One layer under two names, a buffer that is saved and one that is not."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(2, 2)
        self.other = self.one
        self.register_buffer("kept", torch.zeros(3))
        self.register_buffer("passing", torch.zeros(3), persistent=False)
        self.scale = nn.Parameter(torch.zeros(()))
        self.none = None
        self.register_parameter("absent", None)


class Extra(nn.Linear):
    """A layer that saves more than tensors."""

    def get_extra_state(self):
        return {"a": 1}

    def set_extra_state(self, state):
        pass


MODELS = {
    "plain": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)),
    "wide": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 2)),
    "long": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2),
                                  nn.Linear(2, 2)),
    "inner": lambda: nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)),
    "twice": Twice,
    "extra": lambda: Extra(2, 2),
    "linear": lambda: nn.Linear(2, 2),
    "attention": lambda: nn.TransformerEncoderLayer(8, 2),
    "recurrent": lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True),
    "lazy": lambda: nn.LazyLinear(4),
    "spectral": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
    "weight norm": lambda: nn.utils.weight_norm(nn.Linear(4, 4)),
    "quantized": lambda: nn.Sequential(nn.Identity(), nn.PReLU()),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore")
def test_the_keys_and_sizes_are_those_of_the_state_dict(name):
    model = MODELS[name]()
    held = {}
    for key, value in model.state_dict().items():
        lazy = nn.parameter.is_lazy(value)
        held[key] = tuple(value.shape) if isinstance(value, torch.Tensor) and not lazy else None
    saved = saved_state(model)
    assert saved.shapes == held
    assert saved.custom == ()


@pytest.mark.parametrize("before", ["plain", "wide", "long", "inner", "linear", "extra"])
@pytest.mark.parametrize("after", ["plain", "wide", "long", "inner", "linear", "extra"])
def test_it_loads_if_pytorch_says_so(before, after):
    change = checkpoint_change(*(saved_state(MODELS[name]()) for name in (before, after)))
    try:
        MODELS[after]().load_state_dict(MODELS[before]().state_dict())
    except RuntimeError:
        assert not change.loads
    else:
        assert change.loads


def test_who_saves_in_a_way_of_its_own_is_named():
    class Own(nn.Linear):
        def _load_from_state_dict(self, *args, **kwargs):
            super()._load_from_state_dict(*args, **kwargs)

    hooked = nn.Linear(2, 2)
    hooked.register_load_state_dict_pre_hook(lambda module, state, *rest: None)
    model = nn.ModuleDict({"own": Own(2, 2), "hooked": hooked, "plain": nn.BatchNorm2d(2)})
    assert saved_state(model).custom == ("own", "hooked")


def test_a_module_that_holds_itself_ends():
    model = nn.Module()
    model._modules["again"] = model
    assert saved_state(model).shapes == {}


def test_names_that_moved_are_told_as_that():
    one = saved_state(nn.ModuleDict({"conv1": nn.Conv2d(1, 2, 3), "fc": nn.Linear(2, 3)}))
    other = saved_state(nn.ModuleDict({"stem": nn.Conv2d(1, 2, 3), "fc": nn.Linear(2, 3)}))
    change = checkpoint_change(one, other)
    assert change.renamed == {"conv1.weight": "stem.weight", "conv1.bias": "stem.bias"}
    assert not (change.missing or change.unexpected or change.reshaped or change.loads)


def test_what_only_has_the_same_size_is_no_name_that_moved():
    one = saved_state(nn.ModuleDict({"head": nn.Linear(5, 3)}))
    other = saved_state(nn.ModuleDict({"norm": nn.LayerNorm(3)}))
    assert checkpoint_change(one, other).renamed == {}


def test_of_a_model_that_is_not_known_nothing_is_said():
    assert checkpoint_change(None, saved_state(nn.Linear(1, 1))) is None
