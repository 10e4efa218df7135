import torch
from torch import nn
from torch.nn import functional as F

from .registry import HEADS


class FPN(nn.Module):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(c, out_channels, 1) for c in in_channels)
        self.output = nn.ModuleList(
            nn.Conv2d(out_channels, out_channels, 3, padding=1) for _ in in_channels
        )

    def forward(self, feats):
        laterals = [conv(f) for conv, f in zip(self.lateral, feats)]
        for i in range(len(laterals) - 1, 0, -1):
            laterals[i - 1] = laterals[i - 1] + F.interpolate(
                laterals[i], size=laterals[i - 1].shape[-2:], mode="nearest"
            )
        return [conv(f) for conv, f in zip(self.output, laterals)]


@HEADS.register("retina")
class RetinaHead(nn.Module):
    def __init__(self, num_classes, in_channels, num_anchors=9, stacked_convs=2):
        super().__init__()
        self.num_classes = num_classes
        cls_tower, reg_tower = [], []
        for _ in range(stacked_convs):
            cls_tower += [nn.Conv2d(in_channels, in_channels, 3, padding=1), nn.ReLU()]
            reg_tower += [nn.Conv2d(in_channels, in_channels, 3, padding=1), nn.ReLU()]
        self.cls_tower = nn.Sequential(*cls_tower)
        self.reg_tower = nn.Sequential(*reg_tower)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, 3, padding=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors * 4, 3, padding=1)

    def forward(self, feats):
        logits, boxes = [], []
        for f in feats:
            n = f.shape[0]
            cls = self.cls_logits(self.cls_tower(f))
            box = self.bbox_pred(self.reg_tower(f))
            logits.append(cls.permute(0, 2, 3, 1).reshape(n, -1, self.num_classes))
            boxes.append(box.permute(0, 2, 3, 1).reshape(n, -1, 4))
        return torch.cat(logits, dim=1), torch.cat(boxes, dim=1)
