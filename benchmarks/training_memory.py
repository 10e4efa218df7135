"""Compares what training takes with the peak of the storages that torch itself makes.

    python -m benchmarks.training_memory                      # every model, as Markdown
    python -m benchmarks.training_memory resnet50             # those whose names say so
    python -m benchmarks.training_memory resnet50 --tracker   # as torch's own MemTracker counts

Each model is trained for two steps on fake tensors, which have sizes and storages and no values:
forward, backward and step. Every storage that comes and goes is counted, by a dispatch mode of a
few lines, or by `MemTracker`, which takes minutes for what that takes seconds for, and counts the
same. Two things are as on a GPU,
where training is done: dropout keeps a mask of booleans, and the optimizer steps over all
parameters at once. Weights are those of evaluation mode's graph in both: what a model runs in
training only is left to the table to show.
"""

from __future__ import annotations

import argparse
import sys
import warnings
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

import modellint
from modellint.facts.training_loop import Loop, Optimizer
from modellint.facts.training_memory import trained_as
from tests.zoo.models import Exhibit, build, exhibits

MODELS = {
    "torchvision": """alexnet convnext_tiny densenet121 efficientnet_b0 maxvit_t mnasnet1_0
        mobilenet_v2 mobilenet_v3_large regnet_y_400mf resnet18 resnet50 resnext50_32x4d
        shufflenet_v2_x1_0 squeezenet1_0 swin_t swin_v2_t vgg16 vit_b_16 deeplabv3_resnet50
        r3d_18""",
    "timm": """beit_base_patch16_224 crossvit_15_240 deit_tiny_patch16_224 edgenext_base hrnet_w18
        mixer_l16_224 poolformer_m48 res2net50_26w_6s""",
    "smp": "unet-resnet18 fpn-mobilenet_v2",
    "transformers": "BertModel GPT2LMHeadModel LlamaForCausalLM T5Model",
}
#: Samples, and the optimizer with its options.
RUNS: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (1, "Adam", {}),
    (16, "SGD", {"momentum": 0.9, "weight_decay": 1e-4}),
)
_MEGA = 1e6


class _AsOnGPU(TorchFunctionMode):
    """Dropout as the GPU's kernel does it, in one operation that keeps a mask of booleans."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is nn.functional.dropout:
            named = dict(zip(("input", "p", "training"), args, strict=False)) | kwargs
            rate, training = named.get("p", 0.5), named.get("training", True)
            if not training or rate == 0:
                return named["input"]
            return torch.native_dropout(named["input"], rate, True)[0]
        return func(*args, **kwargs)


class _Storages(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.alive: dict[int, int] = {}

    def see(self, values: Any) -> None:
        """Count the storages of tensors among these values, each until it goes."""
        for tensor in pytree.tree_leaves(values):
            if not isinstance(tensor, torch.Tensor):
                continue
            storage = tensor.untyped_storage()
            key = storage._cdata
            if key not in self.alive:
                self.alive[key] = storage.nbytes()
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.alive.pop(key)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.see(result)
        return result


def _subjects(wanted: list[str]) -> Iterator[tuple[Exhibit, nn.Module]]:
    for family, names in MODELS.items():
        chosen = [one for one in names.split() if not wanted or any(w in one for w in wanted)]
        for exhibit in exhibits(family) if chosen else ():
            if exhibit.name in chosen:
                yield exhibit, build(exhibit)


def torch_peak(
    model: nn.Module,
    inputs: dict[str, tuple[tuple[int, ...], str]],
    name: str,
    options: Any,
    tracked: bool = False,
) -> int:
    """The most bytes that torch counts in the second of two steps, which has all states."""
    with FakeTensorMode():
        faked(model)
        model.train()
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1, foreach=True, **options)
        given = {key: _fake(shape, dtype) for key, (shape, dtype) in inputs.items()}
        if tracked:
            tracker = MemTracker()
            tracker.track_external(model, optimizer, *given.values())
            with _AsOnGPU(), tracker:
                for _ in range(2):
                    _step(model, optimizer, given)
                    tracker.reset_mod_stats()
            snapshot = tracker.get_tracker_snapshot("peak")
            return sum(int(parts["Total"]) for parts in snapshot.values())
        storages = _Storages()
        storages.see((list(model.parameters()), list(model.buffers()), given))
        with _AsOnGPU(), storages:
            for _ in range(2):
                _step(model, optimizer, given)
        return storages.most


def _step(model: nn.Module, optimizer: Any, given: dict[str, torch.Tensor]) -> None:
    optimizer.zero_grad()
    output = model(**given)
    torch.autograd.backward(_loss(output))
    optimizer.step()


def _fake(shape: tuple[int, ...], dtype: str) -> torch.Tensor:
    kind = getattr(torch, dtype)
    return torch.empty(shape, dtype=kind)


def _loss(output: Any) -> torch.Tensor:
    """A loss of all that comes out, whose gradient is as large as that."""
    if hasattr(output, "to_tuple"):
        output = output.to_tuple()
    tensors = [one for one in pytree.tree_leaves(output) if isinstance(one, torch.Tensor)]
    losses = [one.square().mean() for one in tensors if one.grad_fn is not None]
    return torch.stack(losses).sum()


def faked(model: nn.Module) -> None:
    """Give a model fake tensors of its own sizes; tied ones stay tied."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        holders: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for tensors in holders:
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    trained = tensor.requires_grad
                    made[id(tensor)] = (
                        nn.Parameter(empty, trained) if isinstance(tensor, nn.Parameter) else empty
                    )
                tensors[name] = made[id(tensor)]


def ours(graph: Any, samples: int, name: str, options: dict[str, Any]) -> tuple[int, str]:
    """The same peak by the graph, and what it does not know."""
    loop = Loop((Optimizer(name, options, 1),), samples, 1)
    found = trained_as(graph, loop)
    assert found is not None
    return found.memory.peak, " ".join(found.memory.unknown)


def main() -> None:
    """Print one row a model and run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tracker", action="store_true")
    options_given = parser.parse_args()
    wanted = options_given.names
    warnings.simplefilter("ignore")
    print("| model | samples | optimizer | modellint | torch | difference | not known |")
    print("|---|---|---|---|---|---|---|", flush=True)
    worst = 0.0
    for exhibit, model in _subjects(wanted):
        graph = modellint.trace(model, inputs=list(exhibit.inputs(model)))
        for samples, name, options in RUNS:
            counted, unknown = ours(graph, samples, name, options)
            inputs = {
                given.name: (_sizes(graph, given, samples), given.node.output.dtype)
                for given in graph.inputs
            }
            try:
                peak = torch_peak(model, inputs, name, options, options_given.tracker)
            except Exception as error:
                print(f"{exhibit}: {type(error).__name__}: {error}", file=sys.stderr)
                break
            off = counted / peak - 1
            worst = max(worst, abs(off))
            print(
                f"| {exhibit.name} | {samples} | {name} | {counted / _MEGA:,.1f} "
                f"| {peak / _MEGA:,.1f} | {off:+.1%} | {unknown} |",
                flush=True,
            )
    print(f"\nThe largest difference is {worst:.1%}.")


def _sizes(graph: Any, given: Any, samples: int) -> tuple[int, ...]:
    from modellint.facts.tensor_bytes import Bytes

    return Bytes(graph, samples).sizes(given.node.output)


if __name__ == "__main__":
    main()
