"""The committed table says what modellint says, and symbolic shapes are right at other sizes."""

from __future__ import annotations

from itertools import chain

import pytest

pytest.importorskip("timm")
pytest.importorskip("torchvision")

from .exactness import wrong_shapes
from .models import FAMILIES, Exhibit, exhibits
from .zoo import lint_exhibit, read_table, sample

pytestmark = pytest.mark.zoo

MODULES = {"smp": "segmentation_models_pytorch"}

#: Models whose every shape is compared with a second trace at another size.
COMPARED = frozenset(
    """resnet18 convnext_tiny efficientnet_b0 swin_t maxvit_t inception_v3 densenet121 vgg11
    googlenet shufflenet_v2_x1_0 squeezenet1_0 regnet_y_400mf deeplabv3_resnet50 fcn_resnet50
    r3d_18 s3d raft_small beit_base_patch16_224 coat_tiny crossvit_15_240 edgenext_base
    unet-resnet18 unetplusplus-resnet18 fpn-mobilenet_v2 manet-efficientnet-b0 pan-resnet18
    BertModel GPT2LMHeadModel LlamaForCausalLM T5Model WhisperModel MambaForCausalLM
    SegformerForSemanticSegmentation hrnet_w18_small_v1 dla34""".split()
)


def _installed(family: str) -> bool:
    try:
        __import__(MODULES.get(family, family))
    except ImportError:
        return False
    return True


HERE = [family for family in FAMILIES if _installed(family)]
SAMPLE = list(chain.from_iterable(map(sample, HERE)))
PAIRED = [e for e in chain.from_iterable(map(exhibits, HERE)) if e.name in COMPARED]


@pytest.mark.parametrize("exhibit", SAMPLE, ids=str)
def test_a_model_gets_the_row_that_is_committed(exhibit: Exhibit) -> None:
    assert lint_exhibit(exhibit) == read_table()[exhibit.family, exhibit.name]


@pytest.mark.parametrize("exhibit", PAIRED, ids=str)
def test_every_symbolic_shape_is_that_of_a_trace_at_another_size(exhibit: Exhibit) -> None:
    _, compared, wrong = wrong_shapes(exhibit)
    assert not wrong
    assert compared
