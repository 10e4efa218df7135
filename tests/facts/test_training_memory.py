"""What training takes, beside the storages that torch makes in a step on fake tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import modellint
from modellint.facts.autocast import casts
from modellint.facts.checkpointing import checkpointed
from modellint.facts.optimizers import OPTIMIZERS, copies
from modellint.facts.tensor_bytes import Bytes
from modellint.facts.training_loop import Loop, Optimizer, training_loop
from modellint.facts.training_memory import trained_as, training
from modellint.facts.training_pass import training_pass
from modellint.graph import Graph
from modellint.protocol.jobs import Job
from tests.fake_training import torch_peak


def block(width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
    )


class Residual(nn.Module):
    """Branches that are added, joined and split, so that gradients meet."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.left, self.right = block(32), block(32)
        self.gate = nn.Linear(32, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        joined = torch.cat([self.left(x), self.right(x) + x], 1)
        first, second = joined.chunk(2, 1)
        gate = torch.sigmoid(self.gate(first.mean((2, 3))))
        return self.head((second * gate[:, :, None, None]).mean((2, 3)))


class Frozen(nn.Module):
    """A frozen body: what is before the head keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(block(3), block(3)).requires_grad_(False)
        self.head = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Shared(nn.Module):
    """One layer that is called three times, behind in-place arithmetic and views."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = nn.functional.silu(self.layer(x), inplace=True)
            x = x.transpose(1, 2).reshape(x.shape[0], 64, 64)
        return x


def ours(graph: Graph, samples: int, name: str) -> tuple[int, tuple[str, ...]]:
    """The peak with an optimizer and a batch, and the operations that are not known."""
    found = trained_as(graph, Loop((Optimizer(name, {}),), samples=samples))
    assert found is not None
    return found.memory.peak, found.memory.unknown


class Biased(nn.Module):
    """Attention with a bias that is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.Linear(64, 192)
        self.bias = nn.Parameter(torch.zeros(1, 4, 128, 128))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = self.heads(x).reshape(x.shape[0], 128, 3, 4, 16).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        found = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=self.bias)
        return found.transpose(1, 2).reshape(x.shape)


MODELS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "residual": (Residual, "N,3,64,64"),
    "frozen": (Frozen, "N,3,64,64"),
    "shared": (Shared, "N,64,64"),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(64, 512), nn.GELU(), nn.Dropout(0.5), nn.Linear(512, 8)),
        "N,64",
    ),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(64, 4, batch_first=True, activation="gelu"),
        "N,128,64",
    ),
    "biased": (Biased, "N,128,64"),
    "pooled": (
        lambda: nn.Sequential(block(4), nn.MaxPool2d(2), block(4), nn.AdaptiveAvgPool2d(1)),
        "N,4,64,64",
    ),
    "normed": (
        lambda: nn.Sequential(nn.Conv2d(3, 16, 1), nn.GroupNorm(4, 16), nn.ReLU6(inplace=True)),
        "N,3,64,64",
    ),
}


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("samples", [1, 24])
@pytest.mark.parametrize("name", MODELS)
def test_the_peak_is_that_of_torch(name: str, samples: int, optimizer: str) -> None:
    make, spec = MODELS[name]
    graph = modellint.trace(make(), inputs=[spec])
    told, unknown = ours(graph, samples, optimizer)
    sizes = (samples, *map(int, spec.split(",")[1:]))
    inputs = {next(iter(_parameters(make()))): (sizes, "float32")}
    assert not unknown
    assert told == pytest.approx(torch_peak(make(), inputs, optimizer, {}), rel=0.04)


class Checkpointed(nn.Module):
    """Blocks that run again on the way back, between a stem and a head that do not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Sequential(block(32), block(32)) for _ in range(4))
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for one in self.blocks:
            x = checkpoint(one, x, use_reentrant=False)
        return self.head(x.mean((2, 3)))


class Guarded(Checkpointed):
    """The same where an attribute decides it, of which nobody knows the value."""

    def __init__(self) -> None:
        super().__init__()
        self.saving = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for one in self.blocks:
            if self.saving:
                x = checkpoint(one, x, use_reentrant=False)
            else:
                x = one(x)
        return self.head(x.mean((2, 3)))


@pytest.mark.parametrize("samples", [1, 16])
def test_checkpointed_modules_keep_what_they_are_given(samples: int) -> None:
    graph = modellint.trace(Checkpointed(), inputs=["N,3,64,64"])
    plain = modellint.trace(Guarded(), inputs=["N,3,64,64"])
    assert checkpointed(graph) == tuple(f"blocks.{at}" for at in range(4))
    assert checkpointed(plain) == ()
    told, _ = ours(graph, samples, "Adam")
    sizes = {"x": ((samples, 3, 64, 64), "float32")}
    assert told == pytest.approx(torch_peak(Checkpointed(), sizes, "Adam", {}), rel=0.04)
    assert told < 0.7 * ours(plain, samples, "Adam")[0]


def _parameters(model: nn.Module) -> list[str]:
    import inspect

    return list(inspect.signature(model.forward).parameters)


def test_what_is_kept_a_layer_adds_up_to_what_is_kept_in_all() -> None:
    graph = modellint.trace(Residual(), inputs=["N,3,64,64"])
    found = training(graph)
    assert found is not None
    ends = graph.outputs[0].output
    assert sum(found.layers.values()) == found.memory.kept - ends.example[1] * 4


def test_activations_grow_with_the_batch_and_nothing_else_does() -> None:
    graph = modellint.trace(Residual(), inputs=["N,3,64,64"])
    peaks = [ours(graph, samples, "SGD")[0] for samples in (8, 16, 24)]
    assert peaks[1] - peaks[0] == peaks[2] - peaks[1] > 0


def test_a_model_without_anything_to_train_has_no_training_memory() -> None:
    graph = modellint.trace(nn.MaxPool2d(2), inputs=["N,3,8,8"])
    assert training(graph) is None


def test_an_operation_that_nobody_knows_makes_it_at_least() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.special.i0(self.layer(x))

    found = training(modellint.trace(Odd(), inputs=["N,8"]))
    assert found is not None
    assert len(found.memory.unknown) == 1


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_holds_as_much_as_torch_makes(name: str) -> None:
    parameters = [nn.Parameter(torch.zeros(50, 100)) for _ in range(20)]
    optimizer = getattr(torch.optim, name)(parameters, lr=0.1)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    held = sum(
        value.nbytes
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.dim()
    )
    assert held == copies(name, {})[0] * sum(one.nbytes for one in parameters)


@pytest.mark.parametrize(
    ("options", "held"),
    [({"momentum": 0.9}, 1), ({"weight_decay": 0.1}, 0), ({"momentum": 0.9, "nesterov": True}, 1)],
)
def test_momentum_is_what_sgd_holds(options: dict[str, Any], held: int) -> None:
    parameter = nn.Parameter(torch.zeros(100))
    optimizer = torch.optim.SGD([parameter], lr=0.1, **options)
    parameter.grad = torch.ones(100)
    optimizer.step()
    states = [one for one in optimizer.state[parameter].values() if one is not None]
    assert len(states) == copies("SGD", options)[0] == held


HEAD = """
import torch
from torch import nn, optim
from torch.utils.data import DataLoader


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return self.layer(x)

"""


def loop_of(tmp_path: Path, text: str) -> Loop:
    """What a file with a net and this text says of its training."""
    found: list[Loop] = []

    @modellint.rule("suspicious")
    def asking(graph: Graph) -> Iterator[modellint.Finding]:
        """A rule that asks."""
        found.append(training_loop(graph))
        yield from ()

    from modellint.worker.pipeline import lint_file

    path = tmp_path / "net.py"
    path.write_text(HEAD + text)
    job = Job(path=str(path), shown="net.py", folder=str(tmp_path), inputs=("N,8",), names=("Net",))
    list(lint_file(job, [asking], str))
    return found[0]


def test_other_files_of_the_project_tell_how_it_is_trained(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(HEAD + "def make():\n    return Net()\n")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "train.py").write_text(
        """
import torch
from torch.utils.data import DataLoader
from nets import make


def main(data):
    net = make()
    loader = DataLoader(data, batch_size=12, shuffle=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
"""
    )
    report = modellint.lint_paths(tmp_path / "nets.py", inputs="N,8", training=True)
    memory = report.models[0].training_memory
    assert memory is not None
    assert memory.samples == 12
    assert [one.name for one in memory.optimizers] == ["AdamW"]
    assert "train.py:10" in str(memory.source)


def test_a_file_that_builds_what_a_configuration_names_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(HEAD)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "train.py").write_text(
        "import torch\nfrom hydra.utils import instantiate\n\n\ndef main(cfg):\n"
        "    net = instantiate(cfg.model)\n    opt = torch.optim.AdamW(net.parameters())\n"
    )
    report = modellint.lint_paths(tmp_path / "nets.py", inputs="N,8", training=True)
    memory = report.models[0].training_memory
    assert memory is not None
    assert [one.name for one in memory.optimizers] == ["SGD", "Adam"]


def names_of(loop: Loop) -> list[str]:
    return [one.name for one in loop.optimizers]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("net = Net()\nopt = optim.Adam(net.parameters())", ["Adam"]),
        ("net = Net().to('cuda')\nopt = torch.optim.SGD(net.parameters(), lr=1)", ["SGD"]),
        ("net = Net()\nnet = net.cuda()\nopt = optim.AdamW(net.parameters())", ["AdamW"]),
        ("net = nn.DataParallel(Net())\nopt = optim.Adam(net.parameters())", ["Adam"]),
        ("def f(model):\n    return optim.Adam(model.parameters())", ["Adam"]),
        ("def f(m):\n    return optim.Adam([p for p in m.parameters() if p.dim() > 1])", ["Adam"]),
        ("net = Net()\nopt = optim.Adam([{'params': net.layer.parameters()}])", ["Adam"]),
        ("other = nn.Linear(2, 2)\nopt = optim.Adam(other.parameters())", []),
        ("net = Net()\na = optim.SGD(net.parameters(), 1)\nb = optim.Adam(net.parameters())",
         ["SGD", "Adam"]),
        ("def make():\n    return Net()\nn = make()\nopt = optim.Adam(n.parameters())", ["Adam"]),
        ("class Adam:\n    pass\nnet = Net()\nopt = Adam(net.parameters())", []),
    ],
)  # fmt: skip
def test_the_optimizer_of_the_model_is_read(tmp_path: Path, text: str, names: list[str]) -> None:
    assert names_of(loop_of(tmp_path, text)) == names


@pytest.mark.parametrize(
    ("text", "samples"),
    [
        ("", None),
        ("data = DataLoader(x, batch_size=64)", 64),
        ("data = DataLoader(x, 16)", 16),
        ("BATCH = 2 * 8\ndata = DataLoader(x, batch_size=BATCH)", 16),
        ("data = DataLoader(x)", 1),
        ("train = DataLoader(x, 16, shuffle=True)\ntest = DataLoader(x, 256)", 16),
        ("train = DataLoader(x, 16)\ntest = DataLoader(x, 256)", None),
        ("data = DataLoader(x, batch_size=read())", None),
        (
            "p = argparse.ArgumentParser()\np.add_argument('--batch-size', type=int, default=48)\n"
            "args = p.parse_args()\ndata = DataLoader(x, batch_size=args.batch_size)",
            48,
        ),
    ],
)
def test_the_batch_is_that_of_the_loader(tmp_path: Path, text: str, samples: int | None) -> None:
    # What trains stands in a function, as what is linted is not run.
    body = "".join(f"    {line}\n" for line in text.splitlines())
    whole = f"import argparse\n\n\ndef main(x, read):\n{body or '    pass'}"
    assert loop_of(tmp_path, whole).samples == samples


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("with torch.autocast('cuda', dtype=torch.bfloat16):\n        net(x)", "bfloat16"),
        ("with torch.cuda.amp.autocast():\n        net(x)", "float16"),
        ("with torch.autocast('cuda', enabled=False):\n        net(x)", None),
        ("net(x)", None),
    ],
)
def test_autocast_is_read_beside_an_optimizer(
    tmp_path: Path, text: str, precision: str | None
) -> None:
    whole = f"def main(net, x):\n    opt = optim.SGD(net.parameters(), 1)\n    {text}\n"
    assert loop_of(tmp_path, whole).precision == precision


class Mixed(nn.Module):
    """What autocast halves, what it leaves as it is, and what joins the two."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 1)
        )
        self.head = nn.Linear(3, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.body(x)
        return self.head(torch.tanh(self.head.weight.mean() * x).mean((2, 3))) * 2


def test_under_autocast_as_much_is_kept_as_torch_keeps() -> None:
    graph = modellint.trace(Mixed(), inputs=["N,3,32,32"])
    told = training_pass(graph, Bytes(graph, 4, casts(graph))).kept
    model, x = Mixed().train(), torch.rand(4, 3, 32, 32)
    own = {one.untyped_storage()._cdata for one in (*model.parameters(), *model.buffers())}
    held = {x.untyped_storage()._cdata: x.untyped_storage()}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            held[storage._cdata] = storage
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with torch.autocast("cpu", torch.bfloat16), hooks:
        result = model(x)
    pack(result)
    assert told == pytest.approx(sum(one.nbytes() for one in held.values()), rel=0.02)
    assert told < 0.8 * training_pass(graph, Bytes(graph, 4)).kept
