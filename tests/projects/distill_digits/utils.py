import json


class Params:
    """Loads hyperparameters from a json file; `params.learning_rate` reads one."""

    def __init__(self, json_path):
        with open(json_path) as f:
            self.__dict__.update(json.load(f))

    @property
    def dict(self):
        return self.__dict__
