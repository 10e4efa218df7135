class Registry:
    def __init__(self, name):
        self.name = name
        self._modules = {}

    def register(self, key):
        def wrap(cls):
            assert key not in self._modules, f"{key} is already in {self.name}"
            self._modules[key] = cls
            return cls

        return wrap

    def build(self, cfg, **extra):
        cfg = dict(cfg, **extra)
        return self._modules[cfg.pop("type")](**cfg)


BACKBONES = Registry("backbone")
HEADS = Registry("head")
DETECTORS = Registry("detector")
