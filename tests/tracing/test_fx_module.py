"""`graph.fx` computes what the model computes: the tracer's oracle, on many architectures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

import modellint
from modellint.graph import Graph
from modellint.symbolic.dims import Dim, evaluate

Make = Callable[[], nn.Module]
MODELS: dict[str, tuple[Make, list[str]]] = {}


def model(*inputs: str) -> Callable[[Make], Make]:
    """Enter a model with the shapes to feed it."""

    def enter(make: Make) -> Make:
        MODELS[make.__name__] = (make, list(inputs))
        return make

    return enter


class Function(nn.Module):
    """A model whose forward is a function of its tensors, with layers to call."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.run = forward

    def forward(self, *tensors: Tensor) -> Any:
        return self.run(self, *tensors)


def function(*inputs: str, **layers: Callable[[], nn.Module]) -> Callable[[Any], Any]:
    """Enter a function of (model, tensors) as a model with these layers."""

    def enter(forward: Callable[..., Any]) -> Callable[..., Any]:
        def make() -> nn.Module:
            return Function(forward, **{name: layer() for name, layer in layers.items()})

        MODELS[forward.__name__] = (make, list(inputs))
        return forward

    return enter


def conv(inside: int = 3, outside: int = 4, kernel: int = 3, **options: Any) -> Make:
    return lambda: nn.Conv2d(inside, outside, kernel, **options)


@function(
    "2,1,32,32",
    c1=conv(1, 6, 5),
    c2=conv(6, 16, 5),
    f1=lambda: nn.Linear(400, 20),
    f2=lambda: nn.Linear(20, 10),
)
def lenet(m: Any, x: Tensor) -> Tensor:
    x = F.max_pool2d(F.relu(m.c1(x)), 2)
    x = F.max_pool2d(F.relu(m.c2(x)), (2, 2))
    return m.f2(F.relu(m.f1(x.view(-1, 400))))


@function(
    "2,4,9,8",
    c1=conv(4, 4, padding=1),
    n1=lambda: nn.BatchNorm2d(4),
    c2=conv(4, 4, padding=1),
    relu=lambda: nn.ReLU(inplace=True),
)
def residual_block(m: Any, x: Tensor) -> Tensor:
    y = m.relu(m.n1(m.c1(x)))
    y = m.c2(y)
    y += x
    return m.relu(y)


@function(
    "2,3,16,24",
    a=conv(padding=1),
    b=conv(4, 8, padding=1),
    up=lambda: nn.ConvTranspose2d(8, 4, 2, 2),
    out=conv(8, 2, 1),
)
def unet(m: Any, x: Tensor) -> Tensor:
    first = m.a(x)
    return m.out(torch.cat([first, m.up(m.b(F.max_pool2d(first, 2)))], dim=1))


@model("2,3,8,8")
def weight_standardised() -> nn.Module:
    class Standardised(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:  # noqa: A002
            spread, mean = torch.var_mean(self.weight, dim=[1, 2, 3], keepdim=True)
            weight = (self.weight - mean) / (spread + 1e-5).sqrt()
            return F.conv2d(input, weight, self.bias, self.stride, self.padding)

    return nn.Sequential(Standardised(3, 4, 3, padding=1), nn.GroupNorm(2, 4))


@model("2,3,8,8")
def own_parameters() -> nn.Module:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(5, 3, 3, 3))
            self.scales = nn.ParameterList([nn.Parameter(torch.randn(5, 1, 1)) for _ in range(2)])
            self.register_buffer("mean", torch.rand(3, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            x = F.conv2d(x - self.mean, self.kernel, padding=1)
            for scale in self.scales:
                x = x * scale
            return x

    return Own()


@function("2,3,9,11", c=conv(kernel=2, stride=2))
def control_flow_by_shape(m: Any, x: Tensor) -> Tensor:
    if x.shape[2] % 2:
        x = F.pad(x, (0, 0, 0, 1))
    if x.size(-1) % 2 == 1:
        x = F.pad(x, (0, 1))
    return m.c(x)


@function("2,4,6,8")
def views_by_shape(m: Any, x: Tensor) -> Tensor:
    B, C, H, W = x.shape  # noqa: N806
    x = x.view(B, C, H * W // 4, 4).permute(0, 2, 1, 3).contiguous()
    return x.reshape(B, -1, C * 4).flatten(1)


@function("2,4,6,6", c=conv(4, 4, padding=1))
def shared_layer(m: Any, x: Tensor) -> Tensor:
    return m.c(F.relu(m.c(x)))


@model("2,5:int64")
def tied_weights() -> nn.Module:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(11, 6)
            self.head = nn.Linear(6, 11, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.embed(tokens))

    return Tied()


@function("2,5,8", a=lambda: nn.MultiheadAttention(8, 2, batch_first=True))
def attention(m: Any, x: Tensor) -> Any:
    return m.a(x, x, x)


@function("5,2,8", "7,2,8", a=lambda: nn.MultiheadAttention(8, 2))
def cross_attention(m: Any, x: Tensor, y: Tensor) -> Any:
    return m.a(x, y, y, need_weights=False)[0]


@model("2,5,8")
def transformer_encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


@model("2,5,8")
def transformer_encoder_with_its_fast_path() -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)


@function("4,2,8", "5,2,8", t=lambda: nn.Transformer(8, 2, 1, 1, 16))
def transformer(m: Any, source: Tensor, target: Tensor) -> Tensor:
    mask = nn.Transformer.generate_square_subsequent_mask(target.shape[0])
    return m.t(source, target, tgt_mask=mask)


@function("2,5,6", r=lambda: nn.LSTM(6, 4, 2, batch_first=True, bidirectional=True))
def lstm(m: Any, x: Tensor) -> Any:
    out, (hidden, cell) = m.r(x)
    return out[:, -1], hidden, cell


@function("5,2,6", r=lambda: nn.GRU(6, 4), e=lambda: nn.RNN(4, 3))
def gru_and_rnn(m: Any, x: Tensor) -> Any:
    return m.e(m.r(x)[0])


@function("2,5,6", c=lambda: nn.LSTMCell(6, 4))
def cells_in_a_loop(m: Any, x: Tensor) -> Tensor:
    state = None
    made = []
    for step in x.unbind(1):
        state = m.c(step, state)
        made.append(state[0])
    return torch.stack(made, 1)


@function("2,3,6,6")
def in_place(m: Any, x: Tensor) -> Tensor:
    y = x.clone()
    y += x
    y.relu_().mul_(2).add_(1)
    y[:, 0] = 1
    z = y[:, 1]
    z += 3
    out = torch.zeros(x.shape[0], 3, 6, 12)
    out[..., ::2] = y
    out[..., 1::2] = -y
    return F.relu(out, inplace=True) + F.dropout(y, 0.5, False, True).sum()


@function("2,3,6,6")
def written_through_views(m: Any, x: Tensor) -> Tensor:
    y = x.clone()
    first, second, _ = y.chunk(3, 1)
    first.mul_(3)
    second[:, :, 0].zero_()
    y.view(2, -1)[:, :4].fill_(7.0)
    y.transpose(2, 3)[:, :, 1] += 2
    return y


@function("2,3,4", a=lambda: nn.Linear(4, 2))
def dict_output(m: Any, x: Tensor) -> Any:
    return {"a": m.a(x), "both": [x, {"deep": x + 1}], "none": None, "number": 3}


@dataclass
class Output:
    logits: Tensor
    maps: list[Tensor]


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


@function("2,3,4", a=lambda: nn.Linear(4, 2))
def named_outputs(m: Any, x: Tensor) -> Any:
    return Pair(m.a(x), x.mean(1)), (x, [x])


@function("2,3,6,6", "2,4", "3,1,1", c=conv(padding=1), f=lambda: nn.Linear(4, 4))
def several_inputs(m: Any, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return m.c(x * z) + m.f(y)[:, :, None, None]


@model("2,3,8,8")
def parametrised() -> nn.Module:
    return nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        parametrizations.spectral_norm(nn.Conv2d(4, 4, 3)),
    )


@function("2,5,8", q=lambda: nn.Linear(8, 24))
def einsum_attention(m: Any, x: Tensor) -> Tensor:
    q, k, v = m.q(x).reshape(x.shape[0], x.shape[1], 3, 2, 4).permute(2, 0, 3, 1, 4)
    weights = torch.einsum("bhid,bhjd->bhij", q, k).softmax(-1)
    return torch.einsum("bhij,bhjd->bihd", weights, v).flatten(2)


@function("2,4,8", c=lambda: nn.Linear(8, 8), d=lambda: nn.Dropout(0.5))
def checkpointed(m: Any, x: Tensor) -> Tensor:
    return checkpoint(lambda y: F.relu(m.c(y)), m.d(x), use_reentrant=False)


@function("2,4,6,8")
def resized(m: Any, x: Tensor) -> Tensor:
    a = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    b = F.interpolate(x, size=(a.shape[2], a.shape[3]))
    return F.interpolate(a + b, scale_factor=0.5, mode="nearest")


@function("2,8,6,8")
def rearranged(m: Any, x: Tensor) -> Tensor:
    up = F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2)
    return F.fold(F.unfold(up, 2, stride=2), x.shape[2:], 2, stride=2).roll((1, -1), (2, 3)).flip(1)


@function("2,8,6")
def indexed(m: Any, x: Tensor) -> Tensor:
    index = torch.tensor([3, 1, 0])
    rows = torch.arange(x.shape[0])[:, None]
    a = x[:, index][rows, torch.tensor([[0, 2]])]
    b = torch.gather(x, 1, x.new_zeros((2, 2, 6), dtype=torch.long))
    c = x.index_select(1, torch.tensor([1, 1]))
    return a + b + c[:, [1, 0]] + x[:, -2:][..., None, :].squeeze(2)


@function("2,4,8,8", c=conv(8, 4, 1))
def fourier(m: Any, x: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(x, norm="ortho")
    both = torch.cat([spectrum.real, spectrum.imag], 1)
    real, imaginary = torch.cat([m.c(both)] * 2, 1).chunk(2, 1)
    return torch.fft.irfft2(torch.complex(real, imaginary), s=x.shape[-2:])


@function("2,7:int64", e=lambda: nn.Embedding(20, 8), p=lambda: nn.Embedding(16, 8))
def embedded(m: Any, tokens: Tensor) -> Tensor:
    places = torch.arange(tokens.size(1), device=tokens.device).unsqueeze(0)
    mask = torch.triu(torch.ones(tokens.shape[1], tokens.shape[1]), 1).bool()
    x = m.e(tokens) + m.p(places)
    scores = (x @ x.transpose(-2, -1)).masked_fill(mask, float("-inf"))
    return F.scaled_dot_product_attention(x, x, x) + scores.softmax(-1) @ x


@function("2,4,6,6", c=conv(4, 4, padding=1))
def types_and_masks(m: Any, x: Tensor) -> Tensor:
    y = m.c(x.half().float())
    gate = (y > 0).to(y.dtype)
    return torch.where(y > 1, y, gate * 2).clamp(min=0) ** 2 // 1 + (1 - y) / 2 - 3 % (y.abs() + 1)


@function("2,4,9", a=lambda: nn.Conv1d(4, 8, 3), u=lambda: nn.ConvTranspose1d(4, 4, 4, 2))
def one_dimension(m: Any, x: Tensor) -> Tensor:
    return m.u(F.glu(m.a(F.pad(x, (2, 0))), 1))[..., : x.shape[-1]]


@function("2,2,4,6,6", a=lambda: nn.Conv3d(2, 4, 3, padding=1), p=lambda: nn.MaxPool3d(2))
def three_dimensions(m: Any, x: Tensor) -> Tensor:
    return m.p(m.a(x)).mean((2, 3, 4))


@function("2,4,8,8", p=lambda: nn.MaxPool2d(2, return_indices=True), u=lambda: nn.MaxUnpool2d(2))
def unpooled(m: Any, x: Tensor) -> Tensor:
    return m.u(*m.p(x))


@function("2,3,8,8", c=conv(padding=1, padding_mode="reflect"), d=conv(4, 4, padding="same"))
def padding_modes(m: Any, x: Tensor) -> Tensor:
    return F.pad(m.d(m.c(x)), (1, 1, 1, 1), mode="circular")


@function("2,3,8,8", n=lambda: nn.InstanceNorm2d(3, affine=True), l=lambda: nn.LayerNorm([8, 8]))
def norms(m: Any, x: Tensor) -> Tensor:
    return (
        F.normalize(m.l(m.n(x)), dim=1) + F.local_response_norm(x, 3) + x.norm(dim=1, keepdim=True)
    )


@model("2,3,8,8")
def hooked() -> nn.Module:
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3))
    made[0].register_forward_hook(lambda module, args, output: output * 2)
    made[2].register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    return made


@function("2,5,16", q=lambda: nn.Linear(16, 16))
def numbers_of_numpy(m: Any, x: Tensor) -> Tensor:
    scores = (m.q(x) @ x.transpose(1, 2)) / np.sqrt(16) * np.float32(2)
    return scores.clamp(np.float64(-1), max=np.int64(1)).softmax(-1) @ x[:, :, : np.int64(8)]


@function("2,5,7", fc=lambda: nn.Linear(7, 7))
def functions_of_several_tensors(m: Any, x: Tensor) -> tuple[Tensor, ...]:
    x = m.fc(x)
    blocks = torch.block_diag(x[0], x[1, :2])
    pairs = torch.cartesian_prod(x[0, 0], x[0, 1])
    wide, high = torch.broadcast_tensors(x[:1], x)
    return blocks, pairs, torch.chain_matmul(x[0], x[1].t()), wide, high


def agree(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, equal_nan=True)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            agree(one[key], other[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            agree(left, right)
    else:
        assert one == other


def feed(graph: Graph, seed: int = 0) -> list[Tensor]:
    drawn = torch.Generator().manual_seed(seed)
    made = []
    for given in graph.inputs:
        shape = given.node.output.example
        if given.node.output.dtype == "int64":
            made.append(torch.randint(0, 5, shape, generator=drawn))
        else:
            made.append(torch.randn(shape, generator=drawn))
    return made


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.filterwarnings("ignore")
def test_the_recorded_graph_computes_what_the_model_computes(name: str) -> None:
    make, inputs = MODELS[name]
    torch.manual_seed(0)
    made = make().eval()
    graph = modellint.trace(made, inputs)
    assert graph.mismatch is None, graph.mismatch
    given = feed(graph)
    with torch.no_grad():
        # In-place models write into what they get, so each run has its own.
        agree(made(*copy.deepcopy(given)), graph.fx(*copy.deepcopy(given)))


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.filterwarnings("ignore")
def test_the_recorded_sizes_hold_for_another_batch(name: str) -> None:
    make, inputs = MODELS[name]
    made = make().eval()
    graph = modellint.trace(made, inputs)
    sizes = {**graph.symbols, **({"N": 3} if "N" in graph.symbols else {})}
    if not all(c.holds(sizes) for c in graph.constraints):
        return
    given = []
    for one in graph.inputs:
        shape = [evaluate(size, sizes) for size in one.node.output.shape]
        given.append(torch.zeros(shape, dtype=getattr(torch, one.node.output.dtype)))
    with torch.no_grad():
        leaves, _ = torch.utils._pytree.tree_flatten(made(*given))
    results = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    assert len(results) == len(graph.outputs)
    for result, node in zip(results, graph.outputs, strict=True):
        shape = node.output.shape
        if any(isinstance(size, Dim) and size.unknown for size in shape):
            continue
        assert tuple(evaluate(size, sizes) for size in shape) == tuple(result.shape)


def test_one_sample_runs_through_a_graph_whose_trace_ran_two() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        return x.view(x.shape[0], 2, -1) + torch.zeros(x.shape[0], 1, 1)

    graph = modellint.trace(Function(run), ["1,4,6"])
    given = feed(graph)[0]
    assert given.shape == (1, 4, 6)
    agree(graph.fx(given), given.view(1, 2, 12))


def test_a_dataclass_output_keeps_its_tensors_by_field() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor) -> Output:
            return Output(x + 1, [x, x * 2])

    graph = modellint.trace(Net(), ["2,3"])
    given = feed(graph)[0]
    made = graph.fx(given)
    agree(made, {"logits": given + 1, "maps": [given, given * 2]})


def test_keyword_inputs_of_the_graph_are_its_placeholders() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor, *, scale: Tensor) -> Tensor:
            return x * scale

    graph = modellint.trace(Net(), ["2,3", "scale=3"])
    x, scale = feed(graph)
    agree(graph.fx(x, scale=scale), x * scale)


def test_the_graphs_parameters_are_the_models_own() -> None:
    made = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    fx = modellint.trace(made, ["2,4"]).fx
    assert {id(p) for p in fx.parameters()} == {id(p) for p in made.parameters()}


def test_running_the_graph_writes_into_no_buffer_of_the_model() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(1))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x + self.calls

    made = Counts()
    graph = modellint.trace(made, ["2,3"])
    agree(graph.fx(torch.zeros(2, 3)), torch.ones(2, 3))
    assert made.calls.item() == 0


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.compile], ids=["DataParallel", "compile"])
def test_a_wrapped_model_is_the_model(wrap: Callable[[nn.Module], Any]) -> None:
    made = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    graph = modellint.trace(wrap(made), ["2,3,8,8"])
    assert [node.op for node in graph.nodes if node.is_layer] == ["conv2d"]
    given = feed(graph)[0]
    agree(graph.fx(given), made(given))


def test_lazy_layers_get_their_sizes_and_stay_lazy() -> None:
    made = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))
    graph = modellint.trace(made, ["2,3,8,8"])
    assert graph.outputs[0].output.symbolic == ("N", 5)
    assert isinstance(made[0], nn.LazyConv2d)


@pytest.mark.zoo
@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("resnet18", 64),
        ("vgg11", 224),
        ("alexnet", 224),
        ("densenet121", 64),
        ("mobilenet_v2", 64),
        ("mobilenet_v3_small", 64),
        ("efficientnet_b0", 64),
        ("shufflenet_v2_x0_5", 64),
        ("squeezenet1_0", 64),
        ("mnasnet0_5", 64),
        ("regnet_y_400mf", 64),
        ("convnext_tiny", 64),
        ("swin_t", 64),
        ("swin_v2_t", 64),
        ("vit_b_16", 224),
        ("maxvit_t", 224),
        ("googlenet", 96),
        ("inception_v3", 160),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_torchvision_model_computes_the_same_as_its_graph(name: str, side: int) -> None:
    models = pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    made = models.get_model(name, weights=None, **options).eval()
    graph = modellint.trace(made, [f"1,3,{side},{side}"])
    given = feed(graph)[0]
    with torch.no_grad():
        agree(made(given), graph.fx(given))
