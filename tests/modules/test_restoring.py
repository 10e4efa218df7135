"""A live model is left exactly as it was, whatever its forward does and however it ends."""

from __future__ import annotations

import copy
import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.errors import FileError, NotAnalysed


class Restless(nn.Module):
    """Changes everything of itself that a forward can change."""

    def __init__(self, ending: str = "well") -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.register_buffer("seen", torch.zeros(3))
        self.ending = ending
        self.calls = 0
        self.shapes: list[Any] = []
        self.by_name: dict[str, Any] = {"kept": [1, 2]}
        self.renamed: dict[str, int] = {"old": 1}
        self.nested: dict[str, Any] = {"deep": {"list": [1], "set": {1}}}
        self.names: set[str] = {"a"}
        self.counted: Counter[str] = Counter(a=1)
        self.grouped: defaultdict[str, list[int]] = defaultdict(list, a=[1])
        self.ordered: OrderedDict[str, int] = OrderedDict(a=1, b=2)
        self.recent: deque[int] = deque([1, 2], maxlen=3)
        self.array = np.zeros(3)
        self.last: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.shapes.append(x.shape)
        self.by_name["new"] = x
        self.by_name["kept"].append(3)
        self.renamed["new"] = self.renamed.pop("old")
        self.nested["deep"]["list"].append(2)
        self.nested["deep"]["set"].add(2)
        self.names.add("b")
        self.counted["a"] += 1
        self.grouped["b"].append(2)
        self.ordered.move_to_end("a")
        self.ordered["c"] = self.ordered.pop("b")
        self.recent.append(3)
        self.added_later = 1
        self.last = x
        self.seen += 1
        self.seen[0] = 5
        random.random()
        np.random.rand()
        torch.rand(3)
        x = self.drop(self.norm(self.conv(x)))
        self.norm.eps = 1.0
        self.frozen.weight.requires_grad_(True)
        self.conv.bias.data = self.conv.bias.data + 1
        self.eval() if self.training else self.train()
        if self.ending == "raises":
            raise KeyError("in the middle")
        if self.ending == "mismatch":
            return nn.functional.linear(x, self.frozen.weight[:, :3])
        if self.ending == "exits":
            raise SystemExit(3)
        with torch.no_grad():
            self.conv.weight.mul_(0)
        return x.mean((2, 3)) @ self.frozen.weight


def snapshot(model: nn.Module) -> dict[str, Any]:
    """Everything of a model and of the process that a trace might move, by value."""
    state = {}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in ("_parameters", "_buffers", "_modules"):
                state[path, name] = [(key, id(item)) for key, item in value.items()]
            else:
                state[path, name] = (id(value), copy.deepcopy(plain(value)))
        state[path, "names"] = list(vars(module))
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        grad = tensor.grad
        state["tensor", name] = (
            tensor.detach().numpy().tobytes(),
            tensor.data_ptr(),
            tensor.requires_grad,
            tensor.device,
            tensor._version,
            None if grad is None else (id(grad), grad.numpy().tobytes()),
        )
    state["random"] = random.getstate()
    state["torch"] = torch.get_rng_state().numpy().tobytes()
    state["numpy"] = [
        part.tobytes() if isinstance(part, np.ndarray) else part for part in np.random.get_state()
    ]
    state["grad enabled"] = torch.is_grad_enabled()
    state["dtype"] = torch.get_default_dtype()
    state["call"] = nn.Module.__call__
    state["threads"] = threading.active_count()
    return state


def plain(value: Any) -> Any:
    """A value that compares by content."""
    if isinstance(value, Tensor):
        return ("tensor", tuple(value.shape), value.detach().tolist())
    if isinstance(value, np.ndarray):
        return ("array", value.tolist())
    if isinstance(value, OrderedDict):
        return [(key, plain(item)) for key, item in value.items()]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, deque)):
        return [plain(item) for item in value]
    if isinstance(value, nn.Module):
        return ("module", id(value))
    return value if isinstance(value, (int, float, str, bool, set, type(None))) else id(value)


def changed(before: dict[Any, Any], after: dict[Any, Any]) -> list[Any]:
    return [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]


@pytest.fixture(params=[False, True], ids=["evaluated", "trained"])
def training(request: pytest.FixtureRequest) -> Iterator[bool]:
    yield request.param


@pytest.mark.parametrize("ending", ["well", "raises", "mismatch", "exits"])
def test_a_trace_leaves_a_restless_model_as_it_was(ending: str, training: bool) -> None:
    torch.manual_seed(3)
    model = Restless(ending).train(training)
    model.conv.weight.grad = torch.rand_like(model.conv.weight)
    before = snapshot(model)
    try:
        graph = modellint.trace(model, ["2,3,8,8"])
    except (FileError, NotAnalysed, SystemExit):
        assert ending in ("raises", "exits")
    else:
        assert (graph.mismatch is not None) is (ending == "mismatch")
    assert changed(before, snapshot(model)) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout2d(), nn.ReLU(True)),
        lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)),
        lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d()),
        lambda: nn.InstanceNorm2d(3, track_running_stats=True),
    ],
    ids=["norms", "spectral", "weight", "lazy", "instance"],
)
def test_layers_that_count_in_training_do_not_count(
    make: Callable[[], nn.Module], training: bool
) -> None:
    model = make().train(training)
    types = [type(module) for module in model.modules()]
    lazy = any("Lazy" in kind.__name__ for kind in types)
    before = None if lazy else snapshot(model)
    modellint.trace(model, ["2,3,8,8"])
    assert [type(module) for module in model.modules()] == types
    if before is not None:
        assert changed(before, snapshot(model)) == []


def test_hooks_stay_and_none_are_added() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    seen: list[int] = []
    model[0].register_forward_hook(lambda *_: seen.append(1))
    model.register_full_backward_hook(lambda *_: None)
    before = snapshot(model)
    modellint.trace(model, ["2,3,8,8"])
    assert changed(before, snapshot(model)) == []
    assert len(model[0]._forward_hooks) == 1


class Meddling(nn.Module):
    """Changes torch's own layers while they run, as some write weight standardisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU()
        self.tail = nn.Sequential(nn.Conv2d(4, 4, 1))
        self.more = nn.Sequential()

    def forward(self, x: Tensor) -> Tensor:
        self.conv.weight = nn.Parameter(self.conv.weight * 2)
        self.conv.register_buffer("scale", torch.ones(4))
        self.norm.running_mean = torch.zeros(4)
        self.tail.append(nn.ReLU())
        self.more.append(nn.ReLU())
        self.act.register_forward_hook(lambda *_: None)
        self.act.register_forward_pre_hook(lambda *_: None)
        self.act.note = "changed"
        del self.norm.weight
        self.norm.weight = nn.Parameter(torch.ones(4))
        result: Tensor = self.more(self.tail(self.act(self.norm(self.conv(x)))))
        return result


def test_what_a_forward_does_to_layers_of_torch_is_taken_back(training: bool) -> None:
    model = Meddling().train(training)
    before = snapshot(model)
    graph = modellint.trace(model, ["2,3,8,8"])
    assert graph.mismatch is None
    assert changed(before, snapshot(model)) == []


def test_a_model_trained_after_a_trace_gives_what_it_gave_without_one() -> None:
    def trained(traced: bool) -> list[float]:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.3), nn.Flatten(), nn.Linear(144, 2)
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        for _ in range(3):
            if traced:
                modellint.trace(model, ["2,3,8,8"])
                modellint.lint(model, ["2,3,8,8"])
            loss = model(torch.rand(2, 3, 8, 8)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    assert trained(True) == trained(False)


def test_a_search_for_sizes_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 5), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 64, 2))
    before = snapshot(model)
    graph = modellint.trace(model)
    assert graph.mismatch is None
    assert graph.inputs[0].node.output.example[2:] == (12, 12)
    assert changed(before, snapshot(model)) == []


def test_other_threads_call_their_models_as_ever() -> None:
    """Modules are watched for one thread only."""
    other = nn.Linear(4, 4)
    made: list[Tensor] = []

    class Waits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            thread = threading.Thread(target=lambda: made.append(other(torch.ones(1, 4))))
            thread.start()
            thread.join()
            return x

    graph = modellint.trace(Waits(), ["2,3"])
    assert not made[0].is_meta
    assert not list(graph.calls("linear"))
