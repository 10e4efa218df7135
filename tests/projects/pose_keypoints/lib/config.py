"""Defaults of the project. A YAML file overrides them: update_config(cfg, path)."""

import yaml


class Node(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


_C = Node()
_C.MODEL = Node()
_C.MODEL.NAME = "simple_baseline"
_C.MODEL.NUM_JOINTS = 17
_C.MODEL.IMAGE_SIZE = [192, 256]  # width * height
_C.MODEL.HEATMAP_SIZE = [48, 64]
_C.MODEL.NUM_DECONV_FILTERS = [64, 64, 64]
_C.MODEL.STACKS = 2

_C.TRAIN = Node()
_C.TRAIN.BATCH_SIZE = 2
_C.TRAIN.LR = 0.001
_C.TRAIN.STEPS = 2

cfg = _C


def update_config(cfg, path):
    with open(path) as f:
        for section, values in (yaml.safe_load(f) or {}).items():
            cfg[section].update(values)
