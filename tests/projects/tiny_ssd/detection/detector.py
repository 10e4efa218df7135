from torch import nn

from . import backbone
from .heads import FPN
from .registry import BACKBONES, DETECTORS, HEADS


@DETECTORS.register("one_stage")
class OneStageDetector(nn.Module):
    def __init__(self, backbone, head, fpn_channels=64):
        super().__init__()
        self.backbone = BACKBONES.build(backbone)
        self.neck = FPN(self.backbone.out_channels, fpn_channels)
        self.head = HEADS.build(head, in_channels=fpn_channels)

    def forward(self, images, targets=None):
        logits, boxes = self.head(self.neck(self.backbone(images)))
        if targets is not None:
            return self.losses(logits, boxes, targets)
        return {"scores": logits.sigmoid(), "boxes": boxes}

    def losses(self, logits, boxes, targets):
        cls = nn.functional.binary_cross_entropy_with_logits(logits, targets["labels"])
        return {"cls": cls, "box": nn.functional.smooth_l1_loss(boxes, targets["boxes"])}


def build_detector(cfg):
    return DETECTORS.build(cfg)
