"""Compares parameters and multiply-accumulates with those of torchinfo and fvcore.

    python -m benchmarks.counts

fvcore is asked for its products only (convolutions, linear layers, matrix products): its total adds
norms and pools, which modellint counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterator

import modellint
from tests.zoo.models import build, exhibits

from .speed import Subject, meta_tensors, on_cpu, quiet

MODELS = {
    "torchvision": """alexnet vgg16 resnet50 resnext50_32x4d densenet121 mobilenet_v2
        efficientnet_b0 convnext_tiny swin_t vit_b_16 deeplabv3_resnet50 r3d_18 inception_v3""",
    "timm": "beit_base_patch16_224 dla102 mixer_l16_224",
    "smp": "unet-resnet18",
}
_PRODUCTS = ("conv", "linear", "addmm", "matmul", "bmm", "mm", "einsum")


def _subjects() -> Iterator[Subject]:
    for family, names in MODELS.items():
        for exhibit in exhibits(family):
            if exhibit.name in names.split():
                model = build(exhibit).to("meta")  # buffers too, for the peers
                specs = exhibit.inputs(model)
                yield Subject(exhibit, model, specs, *meta_tensors(specs))


def _fvcore(subject: Subject) -> tuple[int, int]:
    """Its products, and how many operations it says it did not count that do products."""
    from fvcore.nn import FlopCountAnalysis

    real = on_cpu(subject)
    analysis = FlopCountAnalysis(real.model, real.args)
    products = sum(count for name, count in analysis.by_operator().items() if name in _PRODUCTS)
    skipped = analysis.unsupported_ops().get("aten::scaled_dot_product_attention", 0)
    return int(products), int(skipped)


def _torchinfo(subject: Subject) -> tuple[int, int]:
    """Its parameters and its multiply-adds."""
    import torchinfo

    told = torchinfo.summary(subject.model, input_data=list(subject.args), verbose=0, device="meta")
    return int(told.total_params), int(told.total_mult_adds)


def main() -> None:
    """Print one row a model."""
    print(
        "| model | parameters | torchinfo's | MACs | fvcore's products "
        "| attention calls that fvcore leaves out | torchinfo's |\n|---|---|---|---|---|---|---|"
    )
    for subject in _subjects():
        with quiet():
            linted = modellint.lint(subject.model, subject.specs).models[0]
            try:
                products, skipped = _fvcore(subject)
                counted, left_out = f"{products:,}", str(skipped)
            except Exception as error:  # A peer that stops is told of in its column.
                counted, left_out = type(error).__name__, ""
            weights, additions = _torchinfo(subject)
        print(
            f"| {subject.exhibit} | {linted.parameters:,} | {weights:,} | {linted.macs:,} "
            f"| {counted} | {left_out} | {additions:,} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
