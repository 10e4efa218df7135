"""Rows 71 to 135: models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hostile.files import FAILED, NOT_ANALYSED, OK, PLAIN
from hostile.row import HERE, Row, layers, net

slow = pytest.mark.slow
PARTIAL = {"Net": "partial"}
#: For what is looked at as a whole: analysed, or not analysed with a reason, and nothing wrong.
SOMEHOW = ("analysed", "partial", "not-analysed")


def somehow(report: Any, run: Any) -> None:
    """The check that each model is told of honestly, without an error."""
    assert report["errors"] == []
    for model in report["models"]:
        assert model["status"] in SOMEHOW
        assert (model["reason"] is None) == (model["status"] == "analysed")


def parameters(number: int, count: int | None = None) -> Callable[[Any, Any], None]:
    """The check that the model has so many parameters and, if said, calls of layers."""

    def check(report: Any, run: Any) -> None:
        (model,) = [model for model in report["models"] if model["path"] == "net.py"]
        assert model["parameters"] == number
        assert count is None or len(model["layers"]) == count

    return check


def wrong(number: int, title: str, construction: str, rule: str, **more: Any) -> Row:
    """A layer whose construction is a finding at its line."""
    return Row(number, title, layers(construction, **more), exit=1, rules=(rule,))


def refused(number: int, title: str, construction: str) -> Row:
    """A layer whose constructor raises, at its line."""
    text = layers(construction)
    return Row(number, title, text, exit=1, kind="build-error", status=FAILED)


def fine(number: int, title: str, *args: str, **more: Any) -> Row:
    """A model that is analysed, without a finding."""
    return Row(number, title, net(*args, **more), status=OK)


CONSTRUCTORS = [
    Row(
        71,
        "constructor that needs arguments",
        net().replace("def __init__(self)", "def __init__(self, mystery)"),
        status=NOT_ANALYSED,
    ),
    Row(
        71,
        "constructor that needs usual arguments",
        net("self.n = num_classes").replace("__init__(self)", "__init__(self, num_classes)"),
        status=OK,
    ),
    Row(
        72,
        "abstract base class, mixin, protocol",
        net(
            before="""
            import abc
            from typing import Protocol
            class Base(nn.Module, abc.ABC):
                @abc.abstractmethod
                def forward(self, x): ...
            class Mixin:
                def twice(self, x):
                    return self(self(x))
            class Shape(Protocol):
                size: int
            """
        ),
        status=OK,
    ),
    Row(
        73,
        "a hundred gigabytes",
        net(
            layer="self.layers = nn.ModuleList(nn.Linear(50_000, 50_000) for _ in range(10))",
            forward="for layer in self.layers:\n    x = layer(x).relu()\nreturn x",
        ),
        status=OK,
    ),
    fine(
        74,
        "cuda in the constructor",
        "self.cuda()",
        layer="self.conv = nn.Conv2d(3, 8, 3, padding=1).cuda()",
    ),
    fine(74, "device cuda", "self.w = torch.ones(3, device='cuda')"),
    Row(74, "asks for a GPU", net(f"torch.cuda.get_device_name(0)  {HERE}"), check=somehow),
    Row(
        75,
        "weights that are not there and decide",
        net(f"len(torch.load('gone.pt'))  {HERE}"),
        status=NOT_ANALYSED,
    ),
    fine(
        75,
        "weights that are not there",
        layer="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.conv.load_state_dict(torch.load("gone.pt")["conv"])
        """,
    ),
    fine(
        76,
        "state of real tensors",
        layer="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        with torch.device("cpu"):
            state = nn.Conv2d(3, 8, 3).state_dict()
        self.conv.load_state_dict(state)
        """,
    ),
    fine(77, "values in the constructor", "[x.item() for x in torch.linspace(0, 0.1, 4)]"),
    fine(
        77,
        "values and many parameters",
        layer="""
        rates = [x.item() for x in torch.linspace(0, 0.1, 4)]
        drops = [nn.Dropout(rate) for rate in rates]
        self.conv = nn.Sequential(*drops, nn.Conv2d(3, 8, 3, padding=1))
        """,
    ),
    Row(
        78,
        "quantized",
        net(
            layer="""
            import torch.ao.nn.quantized as nnq
            self.conv = nnq.Conv2d(3, 8, 3)
            """
        ),
        check=somehow,
    ),
    refused(79, "negative sizes", "nn.Linear(-1, 4)"),
    wrong(80, "no channels", "nn.Conv2d(3, 0, 1)", "invalid-argument"),
    refused(81, "sizes that overflow", "nn.Linear(2**40, 2**40)"),
    refused(82, "groups that do not divide", "nn.Conv2d(3, 8, 3, groups=2)"),
    refused(83, "same with a stride", "nn.Conv2d(3, 8, 3, padding='same', stride=2)"),
    Row(
        84,
        "same with an even kernel",
        layers("nn.Conv2d(3, 8, 4, padding='same')"),
        rules=("asymmetric-same",),
    ),
    Row(
        85,
        "kernel larger than the input",
        layers("nn.Conv2d(3, 8, 9)", after="Net()(torch.rand(1, 3, 8, 8))"),
        exit=1,
        rules=("shape-mismatch",),
    ),
    Row(
        86,
        "huge kernel",
        layers("nn.Conv2d(3, 8, 100001)", after="Net()(torch.rand(1, 3, 32, 32))"),
        exit=1,
        rules=("shape-mismatch",),
    ),
    wrong(87, "dilation 0", "nn.Conv2d(3, 8, 3, padding=1, dilation=0)", "invalid-argument"),
    wrong(88, "stride 0", "nn.Conv2d(3, 8, 3, padding=1, stride=0)", "invalid-argument"),
    wrong(89, "negative padding", "nn.Conv2d(3, 8, 3, padding=-1)", "invalid-argument"),
    wrong(
        90,
        "output padding as large as the stride",
        "nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1, output_padding=2)",
        "invalid-argument",
    ),
    Row(
        91,
        "reflection of more than there is",
        layers("nn.ReflectionPad2d(8)", after="Net()(torch.rand(1, 3, 8, 8))"),
        exit=1,
        rules=("shape-mismatch",),
    ),
    fine(
        92,
        "circular padding",
        layer="self.conv = nn.Conv2d(3, 8, 3, padding=1, padding_mode='circular')",
    ),
    fine(93, "one dimension", layer="self.conv = nn.Conv1d(3, 8, 3, padding=1)"),
    fine(93, "three dimensions", layer="self.conv = nn.Conv3d(3, 8, 3, padding=1)"),
    fine(93, "no batch", after="Net()(torch.rand(3, 32, 32))"),
    Row(
        94,
        "batch norm of one value",
        net(
            layer=f"""
            self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
            self.norm = nn.BatchNorm2d(8)  {HERE}
            """,
            forward="return self.norm(F.adaptive_avg_pool2d(self.conv(x), 1))",
        ),
        exit=1,
        status=OK,
        rules=("batch-norm-single-value",),
    ),
    *(
        Row(
            95,
            f"wrong channels of a {title}",
            net(
                layer=f"""
                self.conv = nn.Conv2d(3, 8, 3, padding=1)
                self.norm = {norm}  {HERE}
                """,
                forward="return self.norm(self.conv(x))",
                after="Net()(torch.rand(1, 3, 32, 32))",
            ),
            exit=1,
            rules=("shape-mismatch",),
        )
        for title, norm in (
            ("batch norm", "nn.BatchNorm2d(16)"),
            ("group norm", "nn.GroupNorm(2, 16)"),
            ("layer norm", "nn.LayerNorm(7)"),
        )
    ),
    Row(
        96,
        "integers into a linear layer",
        layers("nn.Linear(8, 4)", after="Net()(torch.ones(1, 8, dtype=torch.int64))"),
        exit=1,
        rules=("invalid-argument",),
    ),
    fine(
        97,
        "embedding of any index",
        layer="self.embedding = nn.Embedding(10, 4)",
        forward="return self.embedding(x + 100)",
    ),
]

FORWARDS = [
    Row(
        98,
        "branch on values",
        net(forward="return self.conv(x) if x.sum() > 0 else x"),
        status=PARTIAL,
    ),
    fine(
        99,
        "branch on a size",
        forward="return self.conv(x) if x.shape[0] > 1 else self.conv(x) * 2",
    ),
    fine(
        99,
        "branch on a size of the map",
        forward="return self.conv(x[:, :, :64] if x.shape[2] > 64 else x)",
    ),
    Row(
        100,
        "loop over a size",
        net(forward="return sum(self.conv(x[i:i + 1]) for i in range(x.shape[0]))"),
        check=somehow,
    ),
    Row(100, "length of a tensor", net(forward="return self.conv(x) / len(x)"), check=somehow),
    fine(100, "assertion on a size", forward="assert x.shape[1] == 3\nreturn self.conv(x)"),
    *(
        Row(101, title, net(forward=f"return self.conv(x) * {value}"), check=somehow)
        for title, value in (
            ("item", "x.max().item()"),
            ("numpy", "float(x.max().numpy())"),
            ("list", "x.flatten()[:1].tolist()[0]"),
        )
    ),
    Row(102, "nonzero", net(forward="return self.conv(x).nonzero().float()"), check=somehow),
    Row(102, "mask", net(forward="x = self.conv(x)\nreturn x[x > 0]"), check=somehow),
    *(
        fine(103, title, forward=f"x = self.conv(x)\nreturn {value}", before=before)
        for title, value, before in (
            ("dict", "{'out': x, 'aux': [x, (x,)]}", ""),
            ("tuple", "x, x", ""),
            ("None and numbers", "x, None, 3", ""),
            (
                "named tuple",
                "Out(x, x)",
                "import typing\nclass Out(typing.NamedTuple):\n    a: object\n    b: object",
            ),
            (
                "dataclass",
                "Out(x)",
                "from dataclasses import dataclass\n@dataclass\nclass Out:\n    a: object",
            ),
        )
    ),
    Row(
        104,
        "several inputs",
        net(forward="return self.conv(x) + self.conv(y)").replace("(self, x)", "(self, x, y)"),
        check=somehow,
    ),
    *(
        Row(
            104,
            title,
            net(forward="return self.conv(x)").replace(
                "forward(self, x)", f"forward(self, {given})"
            ),
            status=OK,
        )
        for title, given in (
            ("None by default", "x, mask=None"),
            ("more by star", "x, *args, **kwargs"),
            ("a flag by keyword", "x, *, training: bool = False"),
        )
    ),
    Row(
        104,
        "keyword without default",
        net(forward="return self.conv(x) + scale").replace("(self, x)", "(self, x, *, scale)"),
        check=somehow,
    ),
    fine(
        105,
        "tokens",
        layer="""
        self.embedding = nn.Embedding(100, 16)
        self.out = nn.Linear(16, 4)
        """,
        forward="return self.out(self.embedding(x))",
    ),
    fine(106, "lazy", layer="self.conv = nn.LazyConv2d(8, 3, padding=1)"),
    Row(
        107,
        "constructor that builds itself",
        net(f"self.inner = Net()  {HERE}"),
        exit=1,
        kind="build-error",
        status=FAILED,
    ),
    Row(
        108,
        "forward that calls itself",
        net(forward=f"return self.forward(self.conv(x)[:, :3])  {HERE}"),
        exit=1,
        kind="trace-error",
        status=FAILED,
    ),
    Row(
        108,
        "module that holds itself",
        net("object.__setattr__(self, 'me', self)", forward="return self.me.conv(x)"),
        status=OK,
    ),
    Row(
        109,
        "shared and tied",
        net(
            layer="""
            self.a = nn.Conv2d(3, 3, 3, padding=1, bias=False)
            self.b = nn.Conv2d(3, 3, 3, padding=1, bias=False)
            self.b.weight = self.a.weight
            """,
            forward="return self.b(torch.tanh(self.a(torch.tanh(self.a(x)))))",
        ),
        status=OK,
        check=parameters(81, 3),
    ),
    *(
        fine(110, title, layer=f"self.conv = {wrapper}(nn.Conv2d(3, 8, 3, padding=1))")
        for title, wrapper in (
            ("old weight norm", "nn.utils.weight_norm"),
            ("weight norm", "nn.utils.parametrizations.weight_norm"),
            ("old spectral norm", "nn.utils.spectral_norm"),
            ("spectral norm", "nn.utils.parametrizations.spectral_norm"),
            ("orthogonal", "nn.utils.parametrizations.orthogonal"),
        )
    ),
    Row(
        111,
        "sparse",
        net(forward="return torch.sparse.mm(x.flatten(1).to_sparse(), x.flatten(1).T)"),
        check=somehow,
    ),
    fine(112, "complex", forward="return torch.fft.irfft2(torch.fft.rfft2(self.conv(x)))"),
    fine(
        113,
        "autograd function",
        before="""
        class Double(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2
            @staticmethod
            def backward(ctx, grad):
                return grad * 2
        """,
        forward="return Double.apply(self.conv(x))",
    ),
    Row(
        114,
        "compiled inside",
        net(layer="self.conv = torch.compile(nn.Conv2d(3, 8, 3, padding=1))"),
        status=OK,
    ),
    Row(
        114,
        "compiled",
        net(after="net = torch.compile(Net())"),
        check=somehow,
    ),
    Row(
        115,
        "scripted inside",
        net(layer="self.conv = torch.jit.script(nn.Conv2d(3, 8, 3, padding=1))"),
        check=somehow,
    ),
    Row(115, "scripted", net(after="net = torch.jit.script(Net())"), check=somehow),
    *(
        Row(116, title, net(after=f"net = {wrapper}"), check=somehow)
        for title, wrapper in (
            ("data parallel", "nn.DataParallel(Net())"),
            ("distributed", "nn.parallel.DistributedDataParallel(Net())"),
        )
    ),
    fine(
        117,
        "hooks that print",
        layer="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.conv.register_forward_hook(lambda m, i, o: print("hook", o.shape))
        """,
    ),
    fine(
        118,
        "forward that counts",
        "self.calls = 0\nself.register_buffer('seen', torch.zeros(1))",
        forward="self.calls += 1\nself.seen += 1\nassert self.calls < 3\nreturn self.conv(x)",
    ),
    Row(
        119,
        "random branch",
        net(
            before="import random",
            forward="return self.conv(x) * (1 if random.random() < 0.5 else 2)",
        ),
        status=OK,
    ),
    fine(
        119,
        "dropout",
        layer="self.conv = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(3, 8, 3, padding=1))",
    ),
]

MODULES = [
    Row(
        120,
        "modules in a list",
        net(
            layer=f"""
            self.layers = [
                nn.Conv2d(3, 3, 3, padding=1),  {HERE}
            ]
            """,
            forward="for layer in self.layers:\n    x = layer(x)\nreturn x",
        ),
        exit=1,
        rules=("unregistered-module",),
    ),
    Row(
        121,
        "no super().__init__()",
        PLAIN.replace("        super().__init__()\n", "").replace(
            "padding=1)", f"padding=1)  {HERE}"
        ),
        exit=1,
        kind="build-error",
        status=FAILED,
    ),
    Row(
        122,
        "no forward",
        net(
            before="""
            class Parts(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc = nn.Linear(3, 4)
            """
        ),
        check=somehow,
    ),
    Row(
        123,
        "parameter made in the forward",
        net(forward="return self.conv(x) * nn.Parameter(torch.ones(1))"),
        status=OK,
        check=parameters(224),
    ),
    fine(
        124,
        "LSTM",
        layer="self.lstm = nn.LSTM(8, 16, batch_first=True)",
        forward="return self.lstm(x)[0]",
    ),
    Row(
        124,
        "packed sequence",
        net(
            layer="self.lstm = nn.LSTM(8, 16, batch_first=True)",
            forward="""
            lengths = [x.shape[1]] * x.shape[0]
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
            return self.lstm(packed)[0].data
            """,
        ),
        check=somehow,
    ),
    fine(
        124,
        "transformer",
        layer="self.encoder = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)",
        forward="return self.encoder(x)",
        after="Net()(torch.rand(2, 7, 16))",
    ),
    Row(
        124,
        "checkpoint",
        net(
            before="from torch.utils.checkpoint import checkpoint",
            forward="return checkpoint(self.conv, x, use_reentrant=False)",
        ),
        status=OK,
        marks=(slow,),  # It imports torch's compiler.
    ),
    Row(
        125,
        "10,000 nested modules",
        net(
            before="""
            class Nest(nn.Module):
                def __init__(self, inner):
                    super().__init__()
                    self.inner = inner
                def forward(self, x):
                    return self.inner(x)
            """,
            layer="""
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            for _ in range(10_000):
                self.conv = Nest(self.conv)
            """,
        ),
        status=NOT_ANALYSED,
        marks=(slow,),
    ),
    Row(
        126,
        "10,000 layers",
        net(
            layer="""
            layers = [nn.Conv2d(3, 3, 3, padding=1) for _ in range(10_000)]
            self.conv = nn.Sequential(*layers)
            """,
        ),
        check=somehow,
        marks=(slow,),
    ),
    fine(
        127,
        "threads in the forward",
        forward="""
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as threads:
            threads.submit(print, x.shape[2]).result()
        return self.conv(x)
        """,
    ),
    Row(
        127,
        "layers in threads",
        net(
            forward="""
            from concurrent.futures import ThreadPoolExecutor
            with ThreadPoolExecutor(1) as threads:
                return threads.submit(self.conv, x).result()
            """
        ),
        check=somehow,
    ),
    Row(
        127,
        "vmap",
        net(forward="return torch.vmap(lambda one: one * 2)(self.conv(x))"),
        check=somehow,
    ),
    fine(128, "a constant on the CPU", forward="return self.conv(x) + torch.ones(1, device='cpu')"),
    fine(
        128,
        "a constant from outside",
        before="MEAN = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)",
        forward="return self.conv(x - MEAN)",
    ),
    Row(
        129,
        "data replaced",
        net(
            "self.w = nn.Parameter(torch.ones(3))\nself.w.data = torch.zeros(4)",
            forward="return self.conv(x) * self.w.sum()",
        ),
        check=somehow,
    ),
    Row(
        129,
        "resized in place",
        net(forward="x = self.conv(x).clone()\nx.resize_(1)\nreturn x"),
        check=somehow,
    ),
    Row(129, "set_", net(forward="y = self.conv(x)\nx.set_(y)\nreturn x"), check=somehow),
    Row(
        130,
        "Lightning without Lightning",
        net(before=f"import lightning as L  {HERE}").replace("(nn.Module)", "(L.LightningModule)"),
        check=somehow,
    ),
    Row(
        130,
        "einops without einops",
        net(
            before=f"from einops import rearrange  {HERE}",
            forward="return rearrange(self.conv(x), 'n c h w -> n (h w) c')",
        ),
        check=somehow,
    ),
    Row(
        131,
        "methods that raise",
        PLAIN.replace(
            "    def forward",
            "    def refuse(self, *args):\n        raise RuntimeError\n\n"
            "    __repr__ = __len__ = __iter__ = __eq__ = __hash__ = __bool__ = refuse\n\n"
            "    def forward",
        ),
        status=OK,
    ),
    *(
        Row(
            132,
            title,
            PLAIN.replace("    def forward", f"    @{decorator}\n    def forward"),
            status=OK,
        )
        for title, decorator in (
            ("no grad", "torch.no_grad()"),
            ("autocast", "torch.autocast('cpu')"),
            ("inference mode", "torch.inference_mode()"),
        )
    ),
    Row(
        132,
        "wrapped",
        net(
            before="""
            import functools
            def logged(function):
                @functools.wraps(function)
                def inner(*args, **kwargs):
                    return function(*args, **kwargs)
                return inner
            """
        ).replace("    def forward", "    @logged\n    def forward"),
        status=OK,
    ),
    Row(
        132,
        "script method",
        PLAIN.replace("    def forward", "    @torch.jit.script_method\n    def forward"),
        check=somehow,
    ),
    Row(
        133,
        "one bad model among good ones",
        net(name="First")
        + net(f"1 / 0  {HERE}", name="Bad").partition("nn\n")[2]
        + net(name="Last").partition("nn\n")[2],
        exit=1,
        kind="build-error",
        status={"First": "analysed", "Bad": "failed", "Last": "analysed"},
    ),
    Row(
        134,
        "one class at several places",
        net(
            before=f"""
            class Block(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.conv = nn.Conv2d(3, 3, 1, padding=1)  {HERE}
                def forward(self, x):
                    return self.conv(x)
            """,
            layer="self.a, self.b = Block(), Block()\nself.c = Block()",
            forward="return self.c(self.b(self.a(x).relu()).relu())",
        ),
        exit=1,
        rules=("pointwise-padding",),
        check=lambda report, run: _counts(report, 3),
    ),
    Row(
        135,
        "a layer that a library builds",
        net(
            before="sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'site-packages'))",
            layer=f"""
            from library import Block
            self.block = Block()  {HERE}
            """,
            forward="return self.block(x)",
        ),
        exit=1,
        rules=("pointwise-padding",),
        files={
            "site-packages/library/__init__.py": net(
                name="Block", layer="self.conv = nn.Conv2d(3, 3, 1, padding=1)"
            ),
        },
    ),
]


def _counts(report: Any, number: int) -> None:
    assert [finding["count"] for finding in report["findings"]] == [number]


ROWS = [*CONSTRUCTORS, *FORWARDS, *MODULES]
