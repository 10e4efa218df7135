"""Measures what some rules add to the time of all of them, in one process.

    python -m benchmarks.rules                                   # the rules on rows and axes
    python -m benchmarks.rules --rules batch-mixed unread-pixels # others
    python -m benchmarks.rules --only resnet50 swin_t            # on these models alone

Rules share facts, so that a rule's own time says little: measured are all rules that are on by
default, and all but those that are named, each on a new trace of the same model, in turn. Times
are processor time on one thread, the best of fifteen; the traces are not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence

import torch

import modellint
from modellint.contracts.contract import accepted
from modellint.rules import Rule
from modellint.tracing.garbage import uncollected
from tests.zoo.models import Exhibit, build, exhibits

from .speed import MANY, RULES, quiet

#: Rows of a batch that meet, axes in the wrong order, results that say nothing or are not read.
ROWS_AND_AXES = (
    "batch-mixed",
    "scrambled-axes",
    "batch-squeezed",
    "constant-output",
    "loss-mismatch",
    "dropped-result",
)
MODELS = {
    "torchvision": """convnext_tiny densenet121 efficientnet_b0 googlenet inception_v3 maxvit_t
        mobilenet_v2 mobilenet_v3_large regnet_y_400mf resnet18 resnet50 shufflenet_v2_x1_0
        squeezenet1_0 swin_s swin_t swin_v2_t vgg16 vit_b_16 deeplabv3_resnet50 fcn_resnet50
        r3d_18 mvit_v2_s""",
    "timm": """beit_base_patch16_224 cait_xxs36_384 convnext_atto crossvit_15_240
        deit_tiny_patch16_224 edgenext_base hrnet_w18 mixer_l16_224 mobilevit_s pvt_v2_b0
        swinv2_tiny_window8_256 twins_pcpvt_base deit3_base_patch16_224""",
    "smp": "unet-resnet18",
    "transformers": """BertModel DistilBertModel GPT2LMHeadModel LlamaForCausalLM T5Model
        ConvNextModel ViTModel SwinModel""",
}


def subjects(only: Sequence[str]) -> Iterator[Exhibit]:
    """The models that are measured."""
    for family, names in MODELS.items():
        wanted = {*names.split()}
        for exhibit in exhibits(family):
            if exhibit.name in wanted and (not only or exhibit.name in only):
                yield exhibit
            wanted.discard(exhibit.name)
        if wanted and not only:
            raise SystemExit(f"the zoo has no {family} model {', '.join(sorted(wanted))}")


def measure(exhibit: Exhibit, named: Sequence[str]) -> tuple[float, float]:
    """The seconds of all rules but those named, and of all rules."""
    model = build(exhibit)
    specs = exhibit.inputs(model)
    fewer = [rule for rule in RULES if rule.name not in named]
    least = [float("inf"), float("inf")]
    for _ in range(MANY):
        for place, rules in enumerate((fewer, RULES)):
            least[place] = min(least[place], _seconds(model, specs, rules))
    return least[0], least[1]


def _seconds(model: torch.nn.Module, specs: Sequence[str], rules: Sequence[Rule]) -> float:
    with uncollected():
        graph = modellint.trace(model, specs)
        accepted(graph)
        started = time.process_time()
        for rule in rules:
            list(rule(graph))
        return time.process_time() - started


def _row(name: str, before: float, after: float) -> str:
    return f"| {name} | {1000 * before:.1f} | {1000 * after:.1f} | {after / before:.2f} |"


def main() -> None:
    """Print a row a model, as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules", description=__doc__)
    parser.add_argument("--rules", nargs="+", default=ROWS_AND_AXES)
    parser.add_argument("--only", nargs="+", default=())
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| model | the other rules, ms | all rules, ms | ratio |\n|---|---|---|---|")
    sums = [0.0, 0.0]
    count = 0
    for exhibit in subjects(given.only):
        with quiet():
            before, after = measure(exhibit, given.rules)
        sums = [sums[0] + before, sums[1] + after]
        count += 1
        print(_row(str(exhibit), before, after), flush=True)
    if count:
        print(_row(f"**sum of {count}**", *sums))


if __name__ == "__main__":
    main()
