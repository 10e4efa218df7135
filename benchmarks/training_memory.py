"""Compares what training takes with the peak of the storages that torch itself makes.

    python -m benchmarks.training_memory                      # every model, as Markdown
    python -m benchmarks.training_memory resnet50             # those whose names say so
    python -m benchmarks.training_memory resnet50 --tracker   # as torch's own MemTracker counts

Each model is trained for two steps on fake tensors (`tests/fake_training.py`), and every storage
that comes and goes is counted, by a dispatch mode of a few lines, or by torch's `MemTracker`, which
takes minutes for what that takes seconds for, and counts the same.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from torch import nn

import modellint
from modellint.facts.training_loop import Loop, Optimizer
from modellint.facts.training_memory import trained_as
from tests.fake_training import torch_peak
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
    (2, "Adam", {}),
    (16, "SGD", {"momentum": 0.9, "weight_decay": 1e-4}),
)
_MEGA = 1e6


def _subjects(wanted: list[str]) -> Iterator[tuple[Exhibit, nn.Module]]:
    for family, names in MODELS.items():
        chosen = [one for one in names.split() if not wanted or any(w in one for w in wanted)]
        for exhibit in exhibits(family) if chosen else ():
            if exhibit.name in chosen:
                yield exhibit, build(exhibit)


def ours(graph: Any, samples: int, name: str, options: dict[str, Any]) -> tuple[int, str]:
    """The same peak by the graph, and what it does not know."""
    loop = Loop((Optimizer(name, options),), samples=samples)
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
    print("| model | samples | optimizer | modellint | torch | difference |")
    print("|---|---|---|---|---|---|", flush=True)
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
            least = "at least " if unknown else ""
            off = round(counted / peak - 1, 3) + 0.0  # No minus before a zero.
            worst = max(worst, abs(off))
            print(
                f"| {exhibit.name} | {samples} | {name} | {least}{counted / _MEGA:,.1f} "
                f"| {peak / _MEGA:,.1f} | {off:+.1%} |",
                flush=True,
            )
    print(f"\nThe largest difference is {worst:.1%}.")


def _sizes(graph: Any, given: Any, samples: int) -> tuple[int, ...]:
    from modellint.facts.tensor_bytes import Bytes

    return Bytes(graph, samples).sizes(given.node.output)


if __name__ == "__main__":
    main()
