"""The clean models that faults are planted in: of the zoo, and from files."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from tests.zoo.models import Exhibit, exhibits

HERE = Path(__file__).parent
EXAMPLES = HERE.parent.parent / "examples"

#: Those of the zoo, of every family and kind, none too slow to be linted forty times.
ZOO = {
    "torchvision": """resnet18 resnet50 resnext50_32x4d densenet121 mobilenet_v2
    mobilenet_v3_small efficientnet_b0 regnet_x_400mf regnet_y_400mf mnasnet0_5 convnext_tiny
    googlenet fcn_resnet50 lraspp_mobilenet_v3_large r3d_18""",
    "timm": """test_byobnet test_convnext3 test_nfnet test_vit_relpos deit_tiny_patch16_224
    swin_tiny_patch4_window7_224 convmixer_768_32 pvt_v2_b0 ghostnet_050 repvgg_b0 dla46x_c
    legacy_seresnet34 cspnext_s mobilevit_s fasternet_t0 tf_mobilenetv3_small_minimal_100""",
    "pytorchcv": """darknet_tiny nin_cifar10 resnet20_cifar10 peleenet drnd22 shufflenetv2_w1
    preresnet18 erfnet_cityscapes""",
    "smp": "unet-resnet18 fpn-mobilenet_v2 segformer-resnet18 unet-mit_b0 linknet-resnet18",
    "transformers": "BertModel LlamaForCausalLM ViTModel ConvNextModel",
}

NETS = HERE / "nets"

#: Model files, each with the class in it and what it is fed.
FILES = {
    EXAMPLES / "residual.py": ("Residual", ("8,3,32,32",)),
    EXAMPLES / "unet.py": ("UNet", ("2,1,128,128",)),
    NETS / "classifier.py": ("Classifier", ("8,3,32,32",)),
    NETS / "perceptron.py": ("Perceptron", ("16,20",)),
    NETS / "sentences.py": ("Sentences", ("4,40:int64",)),
    NETS / "tagger.py": ("Tagger", ("2,12:int64",)),
    NETS / "autoencoder.py": ("Autoencoder", ("4,1,32,32",)),
    NETS / "generator.py": ("Generator", ("8,100",)),
    NETS / "segmenter.py": ("Segmenter", ("2,3,64,64",)),
    NETS / "attention.py": ("Encoder", ("4,10,16",)),
    NETS / "enlarger.py": ("Enlarger", ("1,3,48,48",)),
}


def clean_models() -> Iterator[Exhibit]:
    """All models that faults are planted in, in a fixed order."""
    for family, names in ZOO.items():
        wanted = set(names.split())
        for exhibit in exhibits(family):
            if exhibit.name in wanted:
                wanted.discard(exhibit.name)
                yield exhibit
        if wanted:
            raise ValueError(f"{family} has no {', '.join(sorted(wanted))}")
    yield from file_models()


def file_models() -> Iterator[Exhibit]:
    """The models of the files."""
    for path, (name, specs) in FILES.items():
        yield Exhibit("files", path.stem, partial(_of_file, path, name), partial(_fed, specs))


def _of_file(path: Path, name: str) -> nn.Module:
    spec = importlib.util.spec_from_file_location(f"mutated_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    # Where the lint looks for the source of a class.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    made: nn.Module = getattr(module, name)()
    return made


def _fed(specs: tuple[str, ...], model: nn.Module) -> tuple[str, ...]:
    return specs
