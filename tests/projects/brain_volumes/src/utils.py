from importlib import import_module

import yaml


def load_config(path, overrides=()):
    with open(path) as f:
        cfg = yaml.safe_load(f)
    for override in overrides:  # trainer.lr=0.01
        key, value = override.split("=")
        node = cfg
        *parents, last = key.split(".")
        for parent in parents:
            node = node[parent]
        node[last] = yaml.safe_load(value)
    return cfg


def instantiate(node, **kwargs):
    node = dict(node)
    module, _, name = node.pop("_target_").rpartition(".")
    return getattr(import_module(module), name)(**node, **kwargs)
