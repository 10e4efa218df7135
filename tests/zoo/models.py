"""How each family of the zoo builds a model without weights, and what it is fed.

Every constructor runs on the meta device; where it reads values, on the CPU with its parameters
moved to meta as they are registered. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from modellint.building.devices import redirected

os.environ.setdefault("HF_HUB_OFFLINE", "1")

#: How many models of each timm model file are linted: the first, the middle one and the last.
OF_EACH_FILE = 3


@dataclass(frozen=True)
class Exhibit:
    """One model of the zoo: its family and name, how it is made, and the shapes it is fed.

    `inputs` are specs as on the command line; `None` asks the built model itself.
    """

    family: str
    name: str
    make: Callable[[], nn.Module] = field(repr=False)
    inputs: Callable[[nn.Module], tuple[str, ...]] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.family}:{self.name}"


def build(exhibit: Exhibit) -> nn.Module:
    """The model in evaluation mode, its parameters without values."""
    failed: Exception | None = None
    for device, parameters_to_meta in (("meta", False), ("cpu", True)):
        try:
            with (
                warnings.catch_warnings(),
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                redirected(device, parameters_to_meta=parameters_to_meta),
            ):
                warnings.simplefilter("ignore")
                return exhibit.make().eval()
        except Exception as error:  # The next rung may do; the last one's error is raised.
            failed = failed or error
    assert failed is not None
    raise failed


def exhibits(family: str) -> Iterator[Exhibit]:
    """The models of one family, in a fixed order."""
    return FAMILIES[family]()


def _images(*sizes: int, count: int = 1) -> Callable[[nn.Module], tuple[str, ...]]:
    spec = ",".join(map(str, (1, *sizes)))
    return lambda model: (spec,) * count


# -- timm ---------------------------------------------------------------------------------------


def timm() -> Iterator[Exhibit]:
    """Three models of each of timm's model files."""
    import timm as library

    for module in sorted(library.list_modules()):
        names = sorted(library.list_models(module=module))
        if len(names) > OF_EACH_FILE:
            names = [names[0], names[len(names) // 2], names[-1]]
        for name in names:
            make = partial(library.create_model, name, pretrained=False)
            yield Exhibit("timm", name, make, _configured)


def _configured(model: nn.Module) -> tuple[str, ...]:
    config: Any = model.pretrained_cfg
    return (",".join(map(str, (1, *(config.get("test_input_size") or config["input_size"])))),)


# -- torchvision --------------------------------------------------------------------------------


def torchvision() -> Iterator[Exhibit]:
    """All of torchvision but the quantised twins: images, masks, boxes, clips and flows."""
    from torchvision import models as library

    kinds = {
        "classification": library,
        "segmentation": library.segmentation,
        "detection": library.detection,
        "video": library.video,
        "optical_flow": library.optical_flow,
    }
    for kind, module in kinds.items():
        for name in sorted(library.list_models(module=module)):
            make = partial(library.get_model, name, weights=None)
            if kind in ("segmentation", "detection"):
                make = partial(library.get_model, name, weights=None, weights_backbone=None)
            if kind == "detection" and not name.startswith("ssd"):
                # Values decide in them, so they run for real: on small images, with few boxes.
                make = partial(make, min_size=128, max_size=128)
                if "rcnn" in name:
                    make = partial(make, rpn_post_nms_top_n_test=16)
            yield Exhibit("torchvision", name, make, _IMAGES.get(name) or _KINDS[kind])


_KINDS = {
    "classification": _images(3, 224, 224),
    "segmentation": _images(3, 256, 256),
    "detection": _images(3, 128, 128),
    "video": _images(3, 16, 112, 112),
    "optical_flow": _images(3, 128, 128, count=2),
}
_IMAGES = {
    "inception_v3": _images(3, 299, 299),
    "vit_h_14": _images(3, 224, 224),
    "ssd300_vgg16": _images(3, 300, 300),
    "ssdlite320_mobilenet_v3_large": _images(3, 320, 320),
    **dict.fromkeys(
        ("mvit_v1_b", "mvit_v2_s", "s3d", "swin3d_b", "swin3d_s", "swin3d_t"),
        _images(3, 16, 224, 224),
    ),
}


# -- pytorchcv ----------------------------------------------------------------------------------

_PYTORCHCV = """
alexnet zfnet vgg11 bn_vgg16 bninception resnet10 resnet18 resnetbc26b resnet50 preresnet18
preresnet50b resnext26_32x4d seresnet26 sepreresnet18 seresnext50_32x4d senet16 resnestabc14
ibn_resnet50 ibnb_resnet50 ibn_densenet121 airnet50_1x64d_r2 airnext50_32x4d_r2 bam_resnet18
cbam_resnet18 resattnet56 sknet50 scnet50 scneta50 regnetx002 regnety004 diaresnet18
diapreresnet18 pyramidnet101_a360 diracnet18v2 sharesnet18 densenet121 condensenet74_c4_g4
sparsenet121 peleenet wrn50_2 drnc26 drnd22 dpn68 darknet_tiny darknet53 channelnet revnet38
irevnet301 bagnet9 dla34 dla60x msdnet22 fishnet99 espnetv2_w1 dicenet_w1 hrnet_w18_small_v1
vovnet27s selecsls42 hardnet39ds hardnet68 xdensenet121_2 squeezenet_v1_0 squeezeresnet_v1_1
sqnxt23_w1 shufflenet_g3_w1 shufflenetv2_w1 shufflenetv2b_w1 menet108_8x1_g3 mobilenet_w1
fdmobilenet_w1 mobilenetv2_w1 mobilenetv2b_w1 mobilenetv3_large_w1 igcv3_w1 ghostnet mnasnet_a1
darts proxylessnas_cpu fbnet_cb xception inceptionv3 inceptionv4 inceptionresnetv2 polynet
nasnet_4a1056 pnasnet5large spnasnet efficientnet_b0 efficientnet_b0b efficientnet_edge_small_b
mixnet_s nin_cifar10 resnet20_cifar10 wrn20_10_1bit_cifar10 ror3_56_cifar10 rir_cifar10
resdropresnet20_cifar10 shakeshakeresnet20_2x16d_cifar10 shakedropresnet20_cifar10
fractalnet_cifar10 isqrtcovresnet18 resneta10 resnetd50b octresnet10_ad2 ntsnet_cub
fcn8sd_resnetd50b_voc pspnet_resnetd50b_voc deeplabv3_resnetd50b_voc icnet_resnetd50b_cityscapes
fastscnn_cityscapes cgnet_cityscapes dabnet_cityscapes sinet_cityscapes
bisenet_resnet18_celebamaskhq danet_resnetd50b_cityscapes lednet_cityscapes enet_cityscapes
erfnet_cityscapes linknet_cityscapes segnet_cityscapes unet_cityscapes
alphapose_fastseresnet101b_coco simplepose_resnet18_coco ibppose_coco centernet_resnet18_voc
tresnet_m raft_small
"""


def pytorchcv() -> Iterator[Exhibit]:
    """About 130 architectures of pytorchcv, one of each kind."""
    from pytorchcv.model_provider import get_model

    for name in _PYTORCHCV.split():
        yield Exhibit(
            "pytorchcv", name, partial(get_model, name, pretrained=False), _of_its_own_size
        )


def _of_its_own_size(model: nn.Module) -> tuple[str, ...]:
    size: Any = getattr(model, "in_size", None)
    if size is None:
        return ("1,3,128,128",) * (2 if type(model).__name__ == "RAFT" else 1)
    return (",".join(map(str, (1, getattr(model, "in_channels", 3), *size))),)


# -- segmentation-models-pytorch ----------------------------------------------------------------

_ENCODERS = ("resnet18", "mobilenet_v2", "efficientnet-b0", "mit_b0", "timm-skresnet18")
_WITH_CLASSES_OF_THEIR_OWN = {"DPT": ("tu-vit_base_patch16_224.augreg_in21k",)}


def smp() -> Iterator[Exhibit]:
    """Every architecture of segmentation-models-pytorch, with several encoders."""
    import segmentation_models_pytorch as library

    for name, made in library.MODEL_ARCHITECTURES_MAPPING.items():
        cls: Any = made
        for encoder in _WITH_CLASSES_OF_THEIR_OWN.get(cls.__name__, _ENCODERS):
            if (name, encoder) in _REFUSED:
                continue
            make = partial(cls, encoder_name=encoder, encoder_weights=None, classes=3)
            size = 224 if cls.__name__ == "DPT" else 256
            yield Exhibit("smp", f"{name}-{encoder}", make, _images(3, size, size))


#: Combinations that the library itself refuses.
_REFUSED = {
    (architecture, encoder)
    for encoder in ("mit_b0",)
    for architecture in ("unetplusplus", "linknet")
}


# -- transformers -------------------------------------------------------------------------------

_SMALL: Mapping[str, Any] = {
    "vocab_size": 1000,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_TOKENS = ("input_ids=1,16:int64",)


def transformers() -> Iterator[Exhibit]:
    """Language, vision and speech models of transformers, from small configurations."""
    for name, (config, overrides, inputs) in _TRANSFORMERS.items():
        make = partial(_of_transformers, name, config, overrides)
        yield Exhibit("transformers", name, make, partial(_stated, inputs))


def _stated(inputs: tuple[str, ...], model: nn.Module) -> tuple[str, ...]:
    return inputs


def _of_transformers(name: str, config: str, overrides: Mapping[str, Any]) -> nn.Module:
    import transformers as library

    made: nn.Module = getattr(library, name)(getattr(library, config)(**overrides))
    return made


_HEADS = {**_SMALL, "num_key_value_heads": 2}
_GPT = {"vocab_size": 1000, "n_embd": 64, "n_layer": 2, "n_head": 4}
_T5 = {"vocab_size": 1000, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4}
_IMAGE = {k: v for k, v in _SMALL.items() if k != "vocab_size"}
_SPEECH = {
    "vocab_size": 1000,
    "d_model": 64,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
_PIXELS = ("pixel_values=1,3,224,224",)
_PAIR = ("input_ids=1,16:int64", "decoder_input_ids=1,8:int64")
_CLIP = {
    "text_config": _SMALL,
    "vision_config": {**_IMAGE, "patch_size": 32},
    "projection_dim": 64,
}
_TRANSFORMERS: Mapping[str, tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    "BertModel": ("BertConfig", _SMALL, _TOKENS),
    "BertForSequenceClassification": ("BertConfig", _SMALL, _TOKENS),
    "DistilBertModel": (
        "DistilBertConfig",
        {"vocab_size": 1000, "dim": 64, "hidden_dim": 128, "n_layers": 2, "n_heads": 4},
        _TOKENS,
    ),
    "RobertaForMaskedLM": ("RobertaConfig", _SMALL, _TOKENS),
    "AlbertModel": ("AlbertConfig", {**_SMALL, "embedding_size": 32}, _TOKENS),
    "ElectraModel": ("ElectraConfig", {**_SMALL, "embedding_size": 32}, _TOKENS),
    "DebertaV2Model": ("DebertaV2Config", {**_SMALL, "pad_token_id": None}, _TOKENS),
    "GPT2LMHeadModel": ("GPT2Config", _GPT, _TOKENS),
    "GPTNeoXForCausalLM": ("GPTNeoXConfig", _SMALL, _TOKENS),
    "OPTForCausalLM": (
        "OPTConfig",
        {
            "vocab_size": 1000,
            "hidden_size": 64,
            "word_embed_proj_dim": 64,
            "ffn_dim": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
        },
        _TOKENS,
    ),
    "LlamaForCausalLM": ("LlamaConfig", _HEADS, _TOKENS),
    "MistralForCausalLM": ("MistralConfig", _HEADS, _TOKENS),
    "Qwen2ForCausalLM": ("Qwen2Config", _HEADS, _TOKENS),
    "GemmaForCausalLM": ("GemmaConfig", {**_HEADS, "head_dim": 16}, _TOKENS),
    "PhiForCausalLM": ("PhiConfig", _SMALL, _TOKENS),
    "FalconForCausalLM": ("FalconConfig", _SMALL, _TOKENS),
    "BloomForCausalLM": (
        "BloomConfig",
        {"vocab_size": 1000, "hidden_size": 64, "n_layer": 2, "n_head": 4},
        _TOKENS,
    ),
    "MambaForCausalLM": (
        "MambaConfig",
        {"vocab_size": 1000, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
        _TOKENS,
    ),
    "T5Model": ("T5Config", _T5, _PAIR),
    "T5ForConditionalGeneration": ("T5Config", _T5, _PAIR),
    "BartModel": (
        "BartConfig",
        {k: v for k, v in _SPEECH.items() if k != "bos_token_id"},
        _TOKENS,
    ),
    "ViTModel": ("ViTConfig", _IMAGE, _PIXELS),
    "ViTForImageClassification": ("ViTConfig", _IMAGE, _PIXELS),
    "DeiTModel": ("DeiTConfig", _IMAGE, _PIXELS),
    "Dinov2Model": ("Dinov2Config", {**_IMAGE, "patch_size": 14}, _PIXELS),
    "BeitModel": ("BeitConfig", _IMAGE, _PIXELS),
    "SwinModel": ("SwinConfig", {"embed_dim": 32, "depths": [2, 2], "num_heads": [2, 4]}, _PIXELS),
    "ConvNextModel": ("ConvNextConfig", {"depths": [1, 1, 2, 1]}, _PIXELS),
    "SegformerForSemanticSegmentation": ("SegformerConfig", {}, _PIXELS),
    "CLIPModel": ("CLIPConfig", _CLIP, ("input_ids=2,16:int64", "pixel_values=2,3,224,224")),
    "CLIPVisionModel": ("CLIPVisionConfig", {**_IMAGE, "patch_size": 32}, _PIXELS),
    "WhisperModel": (
        "WhisperConfig",
        _SPEECH,
        ("input_features=1,80,3000", "decoder_input_ids=1,8:int64"),
    ),
    "Wav2Vec2Model": (
        "Wav2Vec2Config",
        {**_IMAGE, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
        ("input_values=1,16000",),
    ),
    "HubertModel": (
        "HubertConfig",
        {**_IMAGE, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4},
        ("input_values=1,16000",),
    ),
}

FAMILIES: Mapping[str, Callable[[], Iterator[Exhibit]]] = {
    "timm": timm,
    "torchvision": torchvision,
    "pytorchcv": pytorchcv,
    "smp": smp,
    "transformers": transformers,
}

__all__ = ["FAMILIES", "Exhibit", "build", "exhibits", "torch"]
