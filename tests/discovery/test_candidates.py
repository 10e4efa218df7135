"""Discovery: which models a file defines, how to build them, what to feed them."""

from __future__ import annotations

import textwrap

import pytest

from modellint.discovery.candidates import Candidate, discover, entries, find
from modellint.source.file import parse_source

HEADER = "import torch\nimport torch.nn as nn\n"
FORWARD = "\n    def forward(self, x):\n        return x\n"


def found(text: str, header: str = HEADER) -> tuple[Candidate, ...]:
    return discover(parse_source("net.py", (header + textwrap.dedent(text)).encode()))


def model(name: str, parameters: str = "", body: str = "pass", base: str = "nn.Module") -> str:
    return (
        f"class {name}({base}):\n"
        f"    def __init__(self{', ' + parameters if parameters else ''}):\n"
        f"        super().__init__()\n        {body}{FORWARD}"
    )


def names(text: str, header: str = HEADER) -> list[str]:
    return [candidate.name for candidate in entries(found(text, header))]


def only(text: str, header: str = HEADER) -> Candidate:
    (candidate,) = entries(found(text, header))
    return candidate


def shapes(candidate: Candidate) -> list[tuple[tuple[int | None, ...], str]]:
    return [(tensor.shape, tensor.dtype) for tensor in candidate.inputs[0].tensors]


@pytest.mark.parametrize(
    ("header", "base"),
    [
        ("import torch\n", "torch.nn.Module"),
        ("from torch import nn\n", "nn.Module"),
        ("import torch.nn as N\n", "N.Module"),
        ("from torch.nn import Module as M\n", "M"),
        ("from torch.nn import *\n", "Module"),
        ("from common import *\n", "nn.Module"),
        ("import torch.nn as nn\n", "nn.Sequential"),
        ("import lightning as L\n", "L.LightningModule"),
        ("import pytorch_lightning as pl\n", "pl.LightningModule"),
        ("from .base import Base\n", "Base"),
        ("from torchvision.models import ResNet\n", "ResNet"),
    ],
)
def test_models_are_recognised_through_imports(header: str, base: str) -> None:
    assert names(model("Net", base=base), header) == ["Net"]


@pytest.mark.parametrize(
    "text",
    [
        "class Net:\n    def forward(self, x): return x",
        "class Op(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): return x",
        "class Data(torch.utils.data.Dataset):\n    def forward(self): pass",
        "class Net(nn.Module):\n    pass",
        "class Blocks(nn.ModuleList):\n    pass",
        "class DiceLoss(nn.Module):" + FORWARD,
        "class HeadMixin(nn.Module):" + FORWARD,
        "class Net(nn.Module):\n    def forward(self, x):\n        raise NotImplementedError",
        "import abc\nclass Net(nn.Module, abc.ABC):\n    @abc.abstractmethod\n"
        "    def head(self): ...\n    def forward(self, x): return x",
        "",
    ],
)
def test_what_is_no_model_of_its_own_is_no_entry(text: str) -> None:
    assert names(text) == []


def test_subclass_of_an_abstract_class_is_a_model() -> None:
    text = """
    class Base(nn.Module):
        def forward(self, x):
            raise NotImplementedError
    class Net(Base):
        def forward(self, x):
            return x
    """
    assert names(text) == ["Net"]


def test_conditional_and_decorated_definitions_count() -> None:
    text = """
    if torch.__version__ > "2":
        class One(nn.Module):
            @torch.no_grad()
            def forward(self, x):
                return x
    try:
        class Two(nn.Module):
            forward = torch.jit.script_method
    except ImportError:
        pass
    """
    assert names(text) == ["One", "Two"]


def test_block_of_a_bigger_model_is_a_part() -> None:
    text = (
        model("Block", "width")
        + "def stage(block, n):\n    return nn.Sequential(*[Block(3) for _ in range(n)])\n"
        + model("Net", body="self.a = stage(Block, 2)")
    )
    assert names(text) == ["Net"]
    part = find(found(text), "Block")
    assert part is not None and part.part_of == "Net"


def test_part_of_what_cannot_be_built_stands_when_it_is_shown() -> None:
    text = model("Net") + model("Trainer", "config", "self.net = Net()") + "net = Net()\n"
    assert names(text) == ["Net", "Trainer"]


def test_class_with_defaults_is_named_by_its_class() -> None:
    candidate = only(model("Net", "width=3") + "big = Net(30)\nsmall = Net(2)\n")
    assert candidate.name == "Net"
    assert [(str(call), call.origin) for call in candidate.calls] == [
        ("Net()", "defaults"),
        ("Net(30)", "call at line 9"),
        ("Net(2)", "call at line 10"),
    ]


def test_class_with_one_instance_is_named_by_its_class() -> None:
    candidate = only(model("Net", "width") + "net = Net(3)\n")
    assert (candidate.name, candidate.kind, candidate.aliases) == ("Net", "class", ("net",))
    assert candidate.calls[0].positional == ("3",)


def test_several_instances_are_named_by_their_variables() -> None:
    text = model("Net", "width") + "small = Net(3)\nbig = Net(width=300)\nagain = Net(3)\n"
    first, second = entries(found(text))
    assert (first.name, first.kind, str(first.calls[0])) == ("small", "instance", "Net(3)")
    assert (second.name, str(second.calls[0])) == ("big", "Net(width=300)")


def test_factories_are_named_by_themselves() -> None:
    text = (
        model("Block")
        + model("ResNet", "block, layers, classes=10")
        + textwrap.dedent("""
        def _resnet(block, layers, **kwargs):
            model = ResNet(block, layers, **kwargs)
            return model
        def resnet18(pretrained=False, **kwargs):
            return _resnet(Block, [2, 2, 2, 2], **kwargs)
        def resnet34():
            net = _resnet(Block, [3, 4, 6, 3])
            return net.eval()
        def resnet18_again():
            return ResNet(Block, (2, 2, 2, 2))
        def main():
            return resnet18()
        """)
    )
    assert names(text) == ["resnet18", "resnet34"]
    block = find(found(text), "Block")
    again = find(found(text), "resnet18_again")
    assert block is not None and block.part_of == "ResNet"
    assert again is not None and again.skip == "the same architecture as resnet18"


def test_factory_of_the_defaults_is_the_class() -> None:
    text = model("Net", "width=3") + "def net(**kwargs):\n    return Net(width=3, **kwargs)\n"
    assert names(text) == ["Net"]


def test_factory_that_trains_is_none() -> None:
    text = (
        model("Net", "width")
        + "def fitted():\n    net = Net(3)\n    net(1).backward()\n    return net\n"
    )
    assert names(text) == ["Net"]


def test_module_level_sequential_is_an_instance() -> None:
    candidate = only("net = nn.Sequential(\n    nn.Linear(3, 3),\n)\ny = net(torch.rand(5, 3))\n")
    assert (candidate.name, candidate.kind, candidate.class_name) == (
        "net",
        "instance",
        "Sequential",
    )
    assert (candidate.line, candidate.end_line) == (3, 5)
    assert shapes(candidate) == [((5, 3), "float32")]


def test_arguments_are_resolved_through_simple_assignments() -> None:
    text = (
        model("Encoder", "width")
        + model("Net", "encoder, depth, device")
        + textwrap.dedent("""
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--depth", type=int, default=4)
        DEPTH = 2
        if __name__ == "__main__":
            args = parser.parse_args()
            width = 16 * 2
            device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
            encoder = Encoder(width).to(device)
            net = Net(encoder, args.depth * DEPTH, device).to(device)
        """)
    )
    candidate = only(text)
    assert candidate.calls[0].positional[:2] == ("Encoder(16 * 2)", "4 * DEPTH")
    assert candidate.calls[0].line == 25


def test_arguments_that_are_unknown_are_named() -> None:
    text = model("Net", "vocabulary, width=3") + "def go(v):\n    return train(Net(v))\n"
    candidate = only(text)
    assert candidate.calls == ()
    assert candidate.missing is not None and "vocabulary" in candidate.missing


def test_common_names_come_last_and_say_so() -> None:
    candidate = only(model("Net", "in_channels, num_classes") + "net = Net(1, 2)\n")
    assert [call.origin for call in candidate.calls] == [
        "call at line 9",
        "common names: in_channels=3, num_classes=10",
    ]


NET = model("Net")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("net = Net()\nx = torch.rand((1, 28, 28))\ny = net(x)", [((1, 28, 28), "float32")]),
        ("print(Net()(torch.randn(1, 3, 32, 32)).shape)", [((1, 3, 32, 32), "float32")]),
        (
            "N = 4\ndef test():\n    net = Net().cuda()\n"
            "    net(torch.zeros(size=(N, 3, 8, 8)).to('cuda'))",
            [((4, 3, 8, 8), "float32")],
        ),
        ("net = Net()\nnet(torch.randint(0, 9, (2, 7)))", [((2, 7), "int64")]),
        ("net = Net()\nnet(torch.zeros(2, 7, dtype=torch.long))", [((2, 7), "int64")]),
        ("net = Net()\nnet(torch.ones(2, 7).long())", [((2, 7), "int64")]),
        ("net = Net()\nnet(torch.tensor([[1, 2, 3]]))", [((1, 3), "int64")]),
        ("net = Net()\nnet(torch.rand(3, 8).unsqueeze(0))", [((1, 3, 8), "float32")]),
        ("x = torch.rand(3, 8)\nNet()(x[:, :-1])", [((3, 7), "float32")]),
        ("x = torch.rand(3, 8)\nNet()(x[:2])", [((2, 8), "float32")]),
        ("x = torch.rand(3, 8, 9)\nNet()(x[0, 1:n:2])", [((None, 9), "float32")]),
        ("x = torch.rand(3, 8, 9)\nNet()(x[-1, ::2])", [((4, 9), "float32")]),
        ("net = Net()\nnet(torch.rand(6, 4).view(2, -1))", [((2, 12), "float32")]),
        (
            "from torch.autograd import Variable\nnet = Net()\n"
            "a, b = torch.rand(2, 3), Variable(torch.rand(2, 4))\nnet(a, b)",
            [((2, 3), "float32"), ((2, 4), "float32")],
        ),
        (
            "from torchsummary import summary\nsummary(Net().cuda(), (3, 32, 32))",
            [((None, 3, 32, 32), "float32")],
        ),
        (
            "from torchinfo import summary\nnet = Net()\nsummary(net, input_size=(1, 3, 32, 32))",
            [((1, 3, 32, 32), "float32")],
        ),
        (
            "net = Net()\ntorch.onnx.export(net, torch.randn(1, 3, 8, 8), 'net.onnx')",
            [((1, 3, 8, 8), "float32")],
        ),
        ("net = Net()\ntorch.jit.trace(net, torch.randn(1, 3))", [((1, 3), "float32")]),
        ("net = Net()\nwriter.add_graph(net, torch.randn(1, 3))", [((1, 3), "float32")]),
        ("net = Net()\nx = torch.randn(1, 3)\nprofile(net, inputs=(x,))", [((1, 3), "float32")]),
        ("net = Net()\nmake_dot(net(torch.randn(1, 3)))", [((1, 3), "float32")]),
        ("def go(n):\n    return Net()(torch.randn(n, 3, 8))", [((None, 3, 8), "float32")]),
        ("default_cfg = {'input_size': (3, 224, 224)}", [((None, 3, 224, 224), "float32")]),
    ],
)
def test_inputs_are_read_from_the_file(
    text: str, expected: list[tuple[tuple[int | None, ...], str]]
) -> None:
    assert shapes(only(NET + text)) == expected


def test_example_in_a_docstring_counts() -> None:
    text = '''
    class Net(nn.Module):
        """A net.

        >>> net = Net(3)
        >>> net(torch.rand(1, 3, 16, 16)).shape
        """
        def __init__(self, width):
            super().__init__()
        def forward(self, x):
            return x
    '''
    candidate = only(text)
    assert str(candidate.calls[0]) == "Net(3)"
    assert candidate.inputs[0].source == "call at line 8"
    assert shapes(candidate) == [((1, 3, 16, 16), "float32")]


def test_example_input_array_counts() -> None:
    candidate = only(model("Net", body="self.example_input_array = torch.rand(2, 1, 28, 28)"))
    assert shapes(candidate) == [((2, 1, 28, 28), "float32")]
    assert candidate.inputs[0].source == "example_input_array at line 6"


def test_input_comment_comes_first() -> None:
    text = NET.replace(":\n", ":  # modellint: input=(1, H, 28), mask=(2, 3):int64\n", 1)
    candidate = only(text + "Net()(torch.rand(5))\n")
    assert [hint.source for hint in candidate.inputs] == [
        "input= comment at line 3",
        "call at line 9",
    ]
    first, second = candidate.inputs[0].tensors
    assert (first.name, first.shape, first.dtype) == (None, (1, "H", 28), "float32")
    assert (second.name, second.shape, second.dtype) == ("mask", (2, 3), "int64")


def test_calls_come_before_summaries() -> None:
    text = NET + "net = Net()\nsummary(net, (3, 8, 8))\nnet(torch.rand(1, 3, 9, 9))\n"
    sources = [hint.source for hint in only(text).inputs]
    assert sources == ["call at line 11", "summary at line 10"]


def test_call_on_data_shows_nothing() -> None:
    text = NET + "net = Net()\nfor x, y in loader:\n    net(x)\n"
    assert only(text).inputs == ()


def test_timm_configurations_are_read_by_factory() -> None:
    text = model("Net", "width") + textwrap.dedent("""
        def _cfg(url="", **kwargs):
            return {"url": url, "input_size": (3, 224, 224), **kwargs}
        default_cfgs = generate({"small.a1": _cfg(input_size=(3, 96, 96)), "big.a1": _cfg()})
        def _create(variant, **kwargs):
            return build_model_with_cfg(Net, variant, **kwargs)
        @register_model
        def small(pretrained=False, **kwargs) -> Net:
            return _create("small", width=3)
        @register_model
        def big(pretrained=False, **kwargs) -> Net:
            return _create("big", width=3)
        """)
    small, big = entries(found(text))
    assert (small.name, shapes(small)) == ("small", [((None, 3, 96, 96), "float32")])
    assert (big.name, shapes(big)) == ("big", [((None, 3, 224, 224), "float32")])


def test_candidates_come_in_file_order_with_their_lines() -> None:
    text = model("B") + model("A") + "def make(num_classes):\n    return A(num_classes)\n"
    lines = [(candidate.name, candidate.line, candidate.end_line) for candidate in found(text)]
    assert lines == [("B", 3, 8), ("A", 9, 14), ("make", 15, 16)]


def test_mutually_recursive_classes_leave_one_entry() -> None:
    text = model("A", body="self.b = B()") + model("B", body="self.a = [A]")
    assert len(names(text)) == 1


@pytest.mark.parametrize("parameters", ["config", "c: GPTConfig", "c: 'GPTConfig'"])
def test_configuration_object_is_built_from_its_defaults(parameters: str) -> None:
    text = (
        "from dataclasses import dataclass\n@dataclass\nclass GPTConfig:\n    width: int = 3\n"
        + model("GPT", parameters)
    )
    candidate = only(text)
    assert candidate.calls[0].keywords == ((parameters.partition(":")[0], "GPTConfig()"),)
    assert candidate.calls[0].origin.startswith("common names")


@pytest.mark.parametrize(
    "expression", ["1" + "+1" * 800, "a" + ".b" * 800, "f" + "()" * 800, "'a'" + "+'b'" * 800]
)
def test_deep_expressions_are_read(expression: str) -> None:
    assert names(f"x = {expression}\n" + NET) == ["Net"]


def test_values_that_grow_are_given_up() -> None:
    doubled = "x = 9\ny = (1, 2)\nz = net\n" + "x = x * x\ny = y + y\nz = z + z\n" * 60
    assert names(NET + doubled) == ["Net"]


def test_script_with_options_and_noise_is_understood() -> None:
    text = model("Generator", body="self.fc = nn.Linear(opt.latent, 3)") + textwrap.dedent("""
        import argparse
        import numpy as np
        from torch.autograd import Variable
        parser = argparse.ArgumentParser()
        parser.add_argument("--latent", type=int, default=100)
        opt = parser.parse_args()
        generator = Generator()
        Tensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor
        for i, (imgs, _) in enumerate(loader):
            z = Variable(Tensor(np.random.normal(0, 1, (imgs.shape[0], opt.latent))))
            gen_imgs = generator(z)
        """)
    assert shapes(only(text)) == [((None, 100), "float32")]
