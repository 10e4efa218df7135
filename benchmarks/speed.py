"""Measures modellint against a plain meta forward and against its peers, in one process.

    python -m benchmarks.speed                 # everything; prints Markdown
    python -m benchmarks.speed --only forward  # one part: growth, export, forward, peers, memory

Times are processor time in one process, on one thread, after a first run that warms the caches:
the best of fifteen where modellint stands beside a forward or itself, the best of five of its
peers, which take longer.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

import modellint
from modellint.config.selection import DEFAULT, select_rules
from modellint.contracts.contract import accepted
from modellint.graph import Graph
from modellint.linting.plugins import load_rules
from modellint.symbolic.specs import parse_input
from modellint.tracing.garbage import uncollected
from tests.zoo.models import Exhibit, build, exhibits

MODELS = {
    "torchvision": """alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_b4 googlenet
        inception_v3 maxvit_t mnasnet1_0 mobilenet_v2 mobilenet_v3_large regnet_y_400mf resnet18
        resnet50 resnet101 resnext50_32x4d shufflenet_v2_x1_0 squeezenet1_0 swin_t swin_v2_t vgg16
        vit_b_16 deeplabv3_resnet50 fcn_resnet50 lraspp_mobilenet_v3_large
        r3d_18""",
    "timm": """beit_base_patch16_224 crossvit_15_240 deit_tiny_patch16_224 edgenext_base
        hrnet_w18 mixer_l16_224 poolformer_m48 res2net50_26w_6s""",
    "smp": "unet-resnet18 fpn-mobilenet_v2",
    "transformers": "BertModel GPT2LMHeadModel LlamaForCausalLM T5Model",
}
#: `torch.export` with dynamic sizes takes seconds a model: it runs on a few, twice on each.
EXPORTED = ("resnet18", "vgg16", "mobilenet_v2", "resnet50", "vit_b_16")
REPEATS = 5
MANY = 15
RULES = [rule for rule in select_rules(load_rules(), [DEFAULT]) if rule.reads == "graph"]


@dataclass(frozen=True)
class Subject:
    """A built model and what it is fed, as specs and as meta tensors."""

    exhibit: Exhibit
    model: nn.Module
    specs: tuple[str, ...]
    args: tuple[torch.Tensor, ...]
    kwargs: dict[str, torch.Tensor]


def subjects() -> Iterator[Subject]:
    """The models that are measured, one at a time."""
    for family, names in MODELS.items():
        wanted = set(names.split())
        for exhibit in exhibits(family):
            if exhibit.name in wanted:
                wanted.remove(exhibit.name)
                model = build(exhibit).to("meta")  # buffers too, for the peers
                specs = exhibit.inputs(model)
                yield Subject(exhibit, model, specs, *meta_tensors(specs))
        if wanted:
            raise SystemExit(f"the zoo has no {family} model {', '.join(sorted(wanted))}")


def meta_tensors(
    specs: Sequence[str],
) -> tuple[tuple[torch.Tensor, ...], dict[str, torch.Tensor]]:
    """The positional and the keyword inputs that the specs say, without values."""
    args, kwargs = [], {}
    for spec in map(parse_input, specs):
        dtype = getattr(torch, spec.dtype or "float32")
        tensor: torch.Tensor = torch.zeros(spec.dims, dtype=dtype, device="meta")  # type: ignore[arg-type]
        if spec.name:
            kwargs[spec.name] = tensor
        else:
            args.append(tensor)
    return tuple(args), kwargs


def on_cpu(subject: Subject) -> Subject:
    """The same with weights and inputs on the CPU, for what does not run without values."""
    if subject.kwargs:
        raise TypeError("keyword inputs are not traced")
    inputs = tuple(torch.zeros_like(tensor, device="cpu") for tensor in subject.args)
    return replace(subject, model=subject.exhibit.make().eval(), args=inputs)


def best(run: Callable[[], Any], repeats: int = REPEATS) -> float:
    """The least processor time of several runs, seconds."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return min(times)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without what the peers print and warn of."""
    logging.disable(logging.WARNING)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


# -- what is measured ---------------------------------------------------------------------------


def forward(subject: Subject) -> None:
    """The model's own forward on meta tensors."""
    with torch.no_grad():
        subject.model(*subject.args, **subject.kwargs)


def lint(subject: Subject) -> None:
    """All of `modellint.lint`: the analysis, and the table of layers and the report besides."""
    modellint.lint(subject.model, subject.specs)


def analyse(subject: Subject) -> None:
    """Trace, symbolic shapes, solved contract and all rules that are on by default."""
    with uncollected():  # As in `modellint.lint`, where too no graph is left at the end.
        _check(modellint.trace(subject.model, subject.specs))


def _check(graph: Graph) -> None:
    accepted(graph)
    for rule in RULES:
        list(rule(graph))


def torchinfo_summary(subject: Subject) -> None:
    """torchinfo on meta tensors: example shapes, parameters, multiply-adds."""
    import torchinfo

    data = list(subject.args) or subject.kwargs
    torchinfo.summary(subject.model, input_data=data, verbose=0, device="meta")


def fvcore_flops(subject: Subject) -> None:
    """fvcore's count, which traces with torch.jit; on real tensors, since on meta it stops."""
    from fvcore.nn import FlopCountAnalysis

    FlopCountAnalysis(subject.model, subject.args).total()


def shape_prop(subject: Subject) -> None:
    """torch.fx symbolic tracing and shape propagation."""
    from torch.fx import symbolic_trace
    from torch.fx.passes.shape_prop import ShapeProp

    if subject.kwargs:
        raise TypeError("no keyword inputs")
    with torch.no_grad():
        ShapeProp(symbolic_trace(subject.model)).propagate(*subject.args)


PEERS: dict[str, Callable[[Subject], None]] = {
    "torchinfo.summary on meta": torchinfo_summary,
    "fvcore FlopCountAnalysis on the CPU": fvcore_flops,
    "torch.fx symbolic_trace + ShapeProp on meta": shape_prop,
}


def export(subject: Subject, strict: bool) -> None:
    """torch.export with N, H and W dynamic; in strict mode Dynamo reads the forward's bytecode."""
    auto = torch.export.Dim.AUTO
    axes = {0: auto, 2: auto, 3: auto}
    torch.export.export(subject.model, subject.args, dynamic_shapes=(axes,), strict=strict)


# -- reports ------------------------------------------------------------------------------------


def report_forward() -> None:
    """modellint against a plain meta forward, a model a row."""
    print("| model | meta forward, s | analysis, s | ratio | whole lint, s | ratio |")
    print("|---|---|---|---|---|---|")
    total_forward = total_core = total_lint = 0.0
    count = 0
    for subject in subjects():
        with quiet():
            for warm in (forward, analyse, lint):
                warm(subject)
            measured = (forward, analyse, lint)
            plain, core, linted = (best(partial(of, subject), MANY) for of in measured)
        total_forward, total_core = total_forward + plain, total_core + core
        total_lint, count = total_lint + linted, count + 1
        print(_forward_row(str(subject.exhibit), plain, core, linted, 3), flush=True)
    print(_forward_row(f"**sum of {count}**", total_forward, total_core, total_lint, 2))


def _forward_row(name: str, plain: float, core: float, linted: float, digits: int) -> str:
    seconds = [f"{taken:.{digits}f}" for taken in (plain, core, linted)]
    ratios = [f"{core / plain:.2f}", f"{linted / plain:.2f}"]
    return f"| {name} | {seconds[0]} | {seconds[1]} | {ratios[0]} | {seconds[2]} | {ratios[1]} |"


def report_peers() -> None:
    """The peers' times against modellint's on the models that each peer can do."""
    sums = {name: [0.0, 0.0, 0] for name in PEERS}
    failed: dict[str, list[str]] = {name: [] for name in PEERS}
    for subject in subjects():
        with quiet():
            lint(subject)
            linted = best(partial(lint, subject))
            for name, peer in PEERS.items():
                try:
                    if peer is fvcore_flops:
                        taken = best(partial(peer, on_cpu(subject)), 1)
                    else:
                        peer(subject)
                        taken = best(partial(peer, subject))
                except Exception:  # What a peer cannot do is counted, not measured.
                    failed[name].append(subject.exhibit.name)
                    continue
                of = sums[name]
                of[0], of[1], of[2] = of[0] + taken, of[1] + linted, of[2] + 1
    print("| peer | models it can do | peer, s | modellint, s | peer / modellint |")
    print("|---|---|---|---|---|")
    for name, (taken, linted, count) in sums.items():
        whole = int(count) + len(failed[name])
        print(
            f"| {name} | {count} of {whole} | {taken:.2f} | {linted:.2f} "
            f"| {taken / linted if linted else float('nan'):.1f} |"
        )


def report_export() -> None:
    """torch.export with dynamic sizes, by default and in strict mode, against modellint."""
    print("| model | analysis, s | torch.export, s | ratio | strict, s | ratio |")
    print("|---|---|---|---|---|---|")
    sums = [0.0, 0.0, 0.0]
    for name in EXPORTED:
        exhibit = next(e for e in exhibits("torchvision") if e.name == name)
        model = build(exhibit).to("meta")  # buffers too, for the peers
        specs = ("2,3,224,224",)
        subject = Subject(exhibit, model, specs, *meta_tensors(specs))
        with quiet():
            analyse(subject)
            taken = [best(partial(analyse, subject), MANY)]
            for strict in (False, True):
                export(subject, strict)
                taken.append(best(partial(export, subject, strict), 1))
        sums = [so_far + more for so_far, more in zip(sums, taken, strict=True)]
        print(_export_row(name, *taken), flush=True)
    print(_export_row("**sum**", *sums))


def _export_row(name: str, core: float, plain: float, strict: float) -> str:
    return (
        f"| {name} | {core:.4f} | {plain:.2f} | {plain / core:.0f} "
        f"| {strict:.2f} | {strict / core:.0f} |"
    )


def chain(layers: int) -> nn.Module:
    """A net of so many layers, convolutions and activations in turn."""
    made: list[nn.Module] = []
    for number in range(layers):
        made.append(nn.Conv2d(8, 8, 3, padding=1) if number % 2 == 0 else nn.ReLU())
    return nn.Sequential(*made).eval()


def report_growth() -> None:
    """How the time grows with the number of layers."""
    times = {}
    for layers in (1000, 4000):
        with torch.device("meta"):
            model = chain(layers)
        with quiet():
            modellint.lint(model, ["1,8,64,64"])
            times[layers] = best(partial(modellint.lint, model, ["1,8,64,64"]), MANY)
    print("| layers | modellint, s |\n|---|---|")
    for layers, taken in times.items():
        print(f"| {layers} | {taken:.2f} |")
    print(f"| 4000 / 1000 | **{times[4000] / times[1000]:.2f}** |")


def report_memory() -> None:
    """The peak memory of linting a decoder of 65 billion parameters in a fresh process."""
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "benchmarks.decoder"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    print("| status | parameters | seconds | peak resident memory, MiB |\n|---|---|---|---|")
    print(f"| {told['status']} | {told['parameters']:,} | {told['seconds']} | {told['peak_mib']} |")


#: First what a heap would falsify that forty models have been through.
PARTS = {
    "growth": report_growth,
    "export": report_export,
    "forward": report_forward,
    "peers": report_peers,
    "memory": report_memory,
}


def main() -> None:
    """Print the parts that are asked for, as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    given = parser.parse_args()
    # Processor time is comparable only where one thread does the work.
    torch.set_num_threads(1)
    for name in given.only:
        print(f"\n## {name}: {(PARTS[name].__doc__ or '').strip()}\n")
        PARTS[name]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
