"""How a project's programs build and feed the models of a file, in the styles that people write."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import modellint
from modellint.discovery.candidates import Candidate
from modellint.engine.project_index import ProjectIndex
from modellint.programs.candidates import discover_in_project
from modellint.source.file import read_source
from modellint.source.paths import shown_path

NET = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, width, depth):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(depth)])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""
CONFIGURED = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.layer = nn.Linear(cfg.width, cfg.classes)

    def forward(self, x):
        return self.layer(x)
"""


class Project:
    """A project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".git").mkdir()

    def write(self, **files: str) -> None:
        for name, text in files.items():
            path = self.folder / name.replace("__", "/")
            path = path if path.suffix else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), "utf-8")

    def models(self, name: str = "net.py") -> dict[str, Candidate]:
        path = str(self.folder / name)
        root, programs = ProjectIndex((), lambda _: None).programs(path)
        found = discover_in_project(
            read_source(path), programs, root, lambda one: shown_path(one, str(self.folder))
        )
        return {one.name: one for one in found}

    def net(self) -> Candidate:
        return self.models()["Net"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def first(candidate: Candidate) -> str:
    return str(candidate.calls[0])


def shapes(candidate: Candidate) -> list[tuple[int | str | None, ...]]:
    return [tensor.shape for hint in candidate.inputs[:1] for tensor in hint.tensors]


def test_a_script_s_literals_build_it_and_what_it_calls_it_with_feeds_it(project):
    project.write(
        net=NET,
        train="""
        import torch
        from net import Net

        model = Net(32, depth=4)
        loss = model(torch.rand(8, 32)).mean()
        loss.backward()
        """,
    )
    net = project.net()
    assert first(net) == "Net(width=32, depth=4)"
    assert net.calls[0].origin == "train.py:5 builds it"
    assert net.missing is None and not net.calls[0].assumed
    assert shapes(net) == [(8, 32)]
    assert net.inputs[0].source == "call at train.py:6"
    assert net.inputs[0].built == first(net)


def test_each_instance_keeps_its_own_input(project):
    project.write(
        net=NET,
        train="""
        import torch
        from net import Net

        small, large = Net(8, 1), Net(64, 2)
        large(torch.rand(2, 64))
        small(torch.rand(2, 8))
        """,
    )
    net = project.net()
    fed = {hint.built: hint.tensors[0].shape for hint in net.inputs}
    assert fed == {"Net(width=8, depth=1)": (2, 8), "Net(width=64, depth=2)": (2, 64)}


@pytest.mark.parametrize(
    ("train", "call"),
    [
        # A command line's defaults, completed afterwards.
        (
            """
            import argparse
            from net import Net
            parser = argparse.ArgumentParser()
            parser.add_argument("--width", type=int, default="24")
            parser.add_argument("--depth-of-it", dest="depth", default=2)
            args = parser.parse_args()
            args.depth = args.depth + 1
            model = Net(args.width, args.depth)
            """,
            "Net(width=24, depth=3)",
        ),
        # Click's options.
        (
            """
            import click
            from net import Net
            @click.command()
            @click.option("--width", default=12)
            @click.option("--depth", "-d", default=5)
            def main(width, depth):
                run(Net(width, depth))
            if __name__ == "__main__":
                main()
            """,
            "Net(width=12, depth=5)",
        ),
        # A dictionary that is unpacked, over one that it extends.
        (
            """
            from net import Net
            BASE = dict(width=16, depth=1)
            model = Net(**{**BASE, "depth": 2})
            """,
            "Net(width=16, depth=2)",
        ),
        # A registry, by a decorator.
        (
            """
            import net
            MODELS = {}
            def register(name):
                def add(make):
                    MODELS[name] = make
                    return make
                return add
            @register("tiny")
            def tiny(**kwargs):
                return net.Net(width=4, **kwargs)
            def build(cfg):
                cfg = dict(cfg)
                return MODELS[cfg.pop("type")](**cfg)
            build({"type": "tiny", "depth": 7})
            """,
            "Net(width=4, depth=7)",
        ),
        # A name that is looked up.
        (
            """
            import importlib
            module = importlib.import_module("net")
            model = getattr(module, "Net")(3, 2)
            """,
            "Net(width=3, depth=2)",
        ),
        # An object that builds it where it is first asked for.
        (
            """
            from functools import partial
            from net import Net
            class Trainer:
                widths = [4, 8]
                def __init__(self, make):
                    self.make = make
                @property
                def last(self):
                    return self.widths[-1]
                def model(self):
                    return self.make(self.last)
            Trainer(partial(Net, depth=3)).model()
            """,
            "Net(width=8, depth=3)",
        ),
        # A test with a fixture.
        (
            """
            import pytest
            from net import Net
            @pytest.fixture
            def width():
                return 6
            @pytest.mark.parametrize("depth", [2, 4])
            def test_it(width, depth):
                assert Net(width, depth)
            """,
            "Net(width=6, depth=2)",
        ),
        # A test case.
        (
            """
            import unittest
            from net import Net
            class NetTest(unittest.TestCase):
                def setUp(self):
                    self.net = Net(9, 1)
                def test_it(self):
                    self.net.eval()
            """,
            "Net(width=9, depth=1)",
        ),
    ],
)
def test_it_is_built_as_the_program_does(project, train, call):
    project.write(net=NET, train=train)
    net = project.net()
    assert first(net) == call
    assert not net.calls[0].assumed


@pytest.mark.parametrize(
    "files",
    [
        {
            "config": """
            from dataclasses import dataclass, field

            @dataclass
            class Config:
                width: int = 20
                names: list = field(default_factory=lambda: ["a", "b", "c"])

                @property
                def classes(self):
                    return len(self.names)
            """,
            "train": """
            from config import Config
            from net import Net
            Net(Config(width=40))
            """,
        },
        {
            "config": """
            class Config:
                def __init__(self, width=40):
                    self.width = width
                    self.classes = 3
            cfg = Config()
            """,
            "train": """
            from config import cfg
            from net import Net
            Net(cfg)
            """,
        },
        {
            "conf__main.yaml": """
            # comments stay out
            model: {width: 40, 'classes': 3}
            lr: 1e-3
            """,
            "train": """
            import yaml
            from types import SimpleNamespace
            from net import Net
            with open("conf/main.yaml") as file:
                said = yaml.safe_load(file)
            Net(SimpleNamespace(**said["model"]))
            """,
        },
        {
            "conf__config.yaml": """
            defaults:
              - net: wide
              - _self_
            net:
              classes: 3
            """,
            "conf__net__wide.yaml": """
            width: 40
            classes: 10
            """,
            "train": """
            import hydra
            from net import Net
            @hydra.main(config_path="conf", config_name="config", version_base=None)
            def main(cfg):
                Net(cfg.net)
            if __name__ == "__main__":
                main()
            """,
        },
    ],
    ids=["dataclass", "object", "yaml", "hydra"],
)
def test_settings_that_answer_by_attribute_are_read(project, files):
    project.write(net=CONFIGURED, **files)
    net = project.net()
    assert "40" in first(net)
    assert net.calls[0].elsewhere and not net.calls[0].assumed


def test_an_engine_of_another_file_builds_what_a_script_configures(project):
    project.write(
        net=NET,
        engine="""
        import torch
        from net import Net

        class Engine:
            def __init__(self, config):
                self.model = Net(config["width"], config["depth"])

            def step(self, batch):
                return self.model(batch)
        """,
        main="""
        import torch
        from engine import Engine

        if __name__ == "__main__":
            engine = Engine({"width": 10, "depth": 2})
            engine.step(torch.zeros(4, 10))
        """,
    )
    net = project.net()
    assert first(net) == "Net(width=10, depth=2)"
    assert net.calls[0].origin == "engine.py:7 builds it"
    assert shapes(net) == [(4, 10)]


def test_a_model_that_is_handed_on_is_fed_where_it_is_called(project):
    project.write(
        net=NET,
        loop="""
        def fit(model, batches):
            for batch in batches:
                model(batch)
        """,
        train="""
        import torch
        from torch.utils.data import DataLoader, Dataset
        from loop import fit
        from net import Net

        class Rows(Dataset):
            def __getitem__(self, index):
                return torch.rand(5)

        fit(Net(5, 1), DataLoader(Rows(), batch_size=16))
        """,
    )
    assert shapes(project.net()) == [(16, 5)]


def test_another_choice_of_an_option_is_assumed(project):
    project.write(
        net=NET,
        train="""
        import argparse
        from net import Net
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", choices=["other", "net"], default="other")
        args = parser.parse_args()
        if args.model == "net":
            model = Net(11, 2)
        """,
    )
    net = project.net()
    assert first(net) == "Net(width=11, depth=2)"
    assert net.calls[0].assumed and "train.py:8" in net.calls[0].origin


def test_what_depends_on_data_is_assumed_by_its_use(project):
    project.write(
        net=NET,
        train="""
        import pandas as pd
        from net import Net
        table = pd.read_csv("rows.csv")
        model = Net(width=len(table.columns), depth=2)
        """,
    )
    (call, *_) = project.net().calls
    assert dict(call.keywords) == {"width": "64", "depth": "2"}
    assert call.assumed and call.guessed == ("width",)
    assert call.made_up == "width=64, which train.py:5 does not tell"


def test_a_value_under_a_condition_that_is_not_known_is_no_certain_one(project):
    project.write(
        net=NET,
        train="""
        import os
        from net import Net
        width = 8
        if os.path.exists("data.csv"):
            width = 16
        model = Net(width, 2)
        """,
    )
    (call, *_) = project.net().calls
    assert call.assumed and "width" in call.guessed


def test_a_list_that_grows_by_what_is_not_known_has_no_length(project):
    project.write(
        net=NET,
        train="""
        from net import Net
        words = ["<pad>"]
        for line in open("words.txt"):
            words.append(line)
        words += load_more()
        model = Net(len(words), 2)
        """,
    )
    (call, *_) = project.net().calls
    assert call.assumed and "width" in call.guessed


def test_a_part_of_another_file_s_model_is_no_entry(project):
    project.write(
        net=NET,
        whole="""
        import torch.nn as nn
        from net import Net

        class Whole(nn.Module):
            def __init__(self, width=8):
                super().__init__()
                self.inner = Net(width, 2)

            def forward(self, x):
                return self.inner(x)
        """,
        train="""
        from whole import Whole
        model = Whole()
        """,
    )
    net = project.net()
    assert net.part_of == "Whole of whole.py" and not net.is_entry


WHOLE = """
import torch.nn as nn
from net import Net

class Whole(nn.Module):
    def __init__(self, PARAMETER):
        super().__init__()
        self.inner = Net(PARAMETER, 2)

    def forward(self, x):
        return self.inner(x)
"""
#: A model of which the file does not tell how it is built.
UNTOLD = NET.replace("(width, width)", "(width.size, width.size)")


@pytest.mark.parametrize(
    ("net", "whole", "part"),
    [
        (NET, "width=8", True),
        (UNTOLD, "settings", True),
        (NET, "settings", False),  # Nothing tells that the whole can be built, and this can.
    ],
)
def test_so_it_is_in_a_package_that_no_script_uses(project, net, whole, part):
    text = WHOLE.replace("PARAMETER", whole, 1).replace("PARAMETER", whole.partition("=")[0])
    project.write(net=net, whole=text)
    assert (project.net().part_of == "Whole of whole.py") is part


def test_a_module_that_an_option_chooses_may_be_the_one_that_is_asked_about(project):
    project.write(
        train="""
        import argparse
        from importlib import import_module
        parser = argparse.ArgumentParser()
        parser.add_argument("--model", required=True)
        args = parser.parse_args()
        chosen = import_module("models." + args.model)
        config = chosen.Config("data")
        model = chosen.Net(config)
        """,
    )
    (project.folder / "models").mkdir()
    (project.folder / "models" / "net.py").write_text(
        "import numpy as np\nimport torch\nfrom torch import nn\n\nclass Config:\n"
        "    def __init__(self, folder):\n        self.width = 24\n"
        "        self.table = torch.tensor(np.load(folder)) if folder != 'random' else None\n\n"
        "class Net(nn.Module):\n    def __init__(self, config):\n        super().__init__()\n"
        "        self.fc = nn.Linear(config.width, 3 if config.table is None else 4)\n"
        "    def forward(self, x):\n        return self.fc(x)\n"
    )
    (model,) = modellint.lint_paths([project.folder / "models" / "net.py"]).models
    assert model.status == "analysed" and model.parameters == 24 * 3 + 3


@pytest.mark.parametrize(
    "node",
    [
        "from yacs.config import CfgNode as Node",
        "import yacs.config\nclass Node(yacs.config.CfgNode):\n    pass",
    ],
)
def test_settings_of_yacs_are_read_as_they_are_by_default(project, node):
    project.write(
        net=NET,
        defaults=f"{node}\nconfig = Node()\nconfig.model = Node()\nconfig.model.width = 24\n"
        "def default():\n    return config.clone()\n",
        train="""
        from defaults import default
        from net import Net

        config = default()
        config.merge_from_file("other.yaml")
        config.freeze()
        model = Net(config.model.width, 2)
        """,
    )
    assert first(project.net()) == "Net(width=24, depth=2)"


def test_what_only_a_module_without_a_forward_holds_is_an_entry(project):
    project.write(
        net=NET,
        search="""
        import torch.nn as nn
        from net import Net

        class Search(nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def best(self, x):
                return self.model(x).argmax(1)

        if __name__ == "__main__":
            Search(Net(len(open("words.txt").read()), 2))
        """,
    )
    assert project.net().part_of is None


def test_a_model_that_is_an_argument_is_written_into_the_call(project):
    project.write(
        net="""
        import torch.nn as nn

        class Triplet(nn.Module):
            def __init__(self, embedding, margin):
                super().__init__()
                self.embedding = embedding

            def forward(self, a, b):
                return self.embedding(a), self.embedding(b)
        """,
        embedding=NET,
        train="""
        import torch.nn as nn
        from embedding import Net
        from net import Triplet
        Triplet(nn.Sequential(Net(4, 1), nn.ReLU()), margin=0.5)
        """,
    )
    triplet = project.models()["Triplet"]
    assert "torch.nn.Sequential" in first(triplet) and "embedding.py" in first(triplet)
    assert "Net')(4, 1)" in first(triplet)


def test_the_file_s_own_call_comes_before_that_of_another(project):
    project.write(
        net=NET + '\nif __name__ == "__main__":\n    Net(2, 2)\n',
        train="""
        from net import Net
        model = Net(32, 4)
        """,
    )
    assert first(project.net()) == "Net(2, 2)"


def test_a_script_that_never_ends_or_breaks_is_read_as_far_as_it_goes(project):
    project.write(
        net=NET,
        train="""
        from net import Net
        def deeper(n):
            return deeper(n + 1) + deeper(n + 2)
        deeper(0)
        while True:
            model = Net(3, 2)
            numbers = [i * j for i in range(10**9) for j in range(10**9)]
        """,
        broken="from net import Net\nNet(1, 2\n",
    )
    assert first(project.net()) == "Net(width=3, depth=2)"


def test_nothing_of_a_project_runs(project):
    project.write(
        net=NET,
        train="""
        from pathlib import Path
        from net import Net
        Path(__file__).with_name("RAN").write_text("x")
        open("RAN", "w").write("x")
        model = Net(3, 2)
        """,
    )
    assert first(project.net()) == "Net(width=3, depth=2)"
    assert not (project.folder / "RAN").exists()
