"""What nobody gave is no ground for an accusation; what holds for every input stays one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

import modellint
from modellint.errors import NotAnalysed
from tests.mutations.models import file_models
from tests.nets import nets


class Run(nn.Module):
    """Layers, and what is done with them."""

    def __init__(self, run, **layers: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def adds_the_channel(net, x):
    return net.conv(x.unsqueeze(1)).mean((2, 3))


def clip(net, x):
    b, t, c, h, w = x.shape
    return net.conv(x.reshape(b * t, c, h, w)).mean((2, 3)).reshape(b, t, -1)


def pair(net, x):
    return net.conv(x[:, :3]) + net.conv(x[:, 3:])


def colours_and_depth(net, x):
    return net.conv(x[:, :3]) + net.depth(x[:, 3:])


def two_images_and_a_mask(net, x):
    first, second, mask = x[:, :3], x[:, 3:6], x[:, 6:]
    return net.conv(first) + net.conv(second) + net.depth(mask)


def split_in_two(net, x):
    first, second = torch.tensor_split(x, [3], dim=1)
    return net.conv(first) + net.depth(second)


def three_rows(net, x):
    return net.fc(x[0]) * x[2] + x[1]


def one_at_a_time(net, x):
    return x if net.fc(x).sum(1) > 0 else net.fc(x)


def strips(net, x):
    return net.rnn(x.reshape(-1, 28, 28))[0]


def wants_so_many(net, x):
    return net.fc(x) + torch.zeros(7, 8)


IN_SOME_OTHER_FORM = {
    "three axes": (Run(adds_the_channel, conv=nn.Conv2d(1, 8, 3)), (2, 20, 30)),
    "five axes": (Run(clip, conv=nn.Conv2d(3, 8, 3)), (2, 4, 3, 20, 20)),
    "six channels": (Run(pair, conv=nn.Conv2d(3, 8, 3)), (2, 6, 20, 20)),
    "four channels": (
        Run(colours_and_depth, conv=nn.Conv2d(3, 8, 3), depth=nn.Conv2d(1, 8, 3)),
        (2, 4, 20, 20),
    ),
    "seven channels": (
        Run(two_images_and_a_mask, conv=nn.Conv2d(3, 8, 3), depth=nn.Conv2d(1, 8, 3)),
        (2, 7, 20, 20),
    ),
    "channels split in two": (
        Run(split_in_two, conv=nn.Conv1d(3, 8, 3), depth=nn.Conv1d(2, 8, 3)),
        (2, 5, 20),
    ),
    "three samples": (Run(three_rows, fc=nn.Linear(8, 8)), (3, 8)),
    "one sample": (Run(one_at_a_time, fc=nn.Linear(8, 8)), (1, 8)),
    "rows of images": (Run(strips, rnn=nn.GRU(28, 4)), (2, 28, 28)),
    "seven samples": (Run(wants_so_many, fc=nn.Linear(8, 8)), (7, 8)),
    "oblong images": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.MaxPool2d(8), nn.Flatten(), nn.Linear(4 * 35 * 47, 5)),
        (1, 3, 282, 378),
    ),
    "a second of sound": (
        nn.Sequential(nn.Conv1d(1, 4, 9), nn.MaxPool1d(64), nn.Flatten(), nn.Linear(4 * 249, 5)),
        (1, 1, 15950),
    ),
}


@pytest.mark.parametrize("name", IN_SOME_OTHER_FORM)
def test_what_runs_for_some_input_is_not_called_broken(name):
    model, shape = IN_SOME_OTHER_FORM[name]
    model(torch.rand(shape))
    report = modellint.lint(model, select=["correctness"])
    assert report.findings == report.errors == ()
    assert report.models[0].status in ("analysed", "partial")


def takes_an_array(net, x):
    assert not isinstance(x, Tensor)
    return net.fc(torch.as_tensor(x))


def takes_a_dictionary(net, x):
    return net.fc(x["features"])


def takes_words(net, x):
    return net.fc(torch.ones(len(x.split()), 8))


def takes_a_list(net, x):
    return net.fc(x.pop())


@pytest.mark.parametrize(
    "run", [takes_an_array, takes_a_dictionary, takes_words, takes_a_list], ids=lambda f: f.__name__
)
def test_what_takes_no_tensor_is_not_analysed_and_told_what_would_help(run):
    report = modellint.lint(Run(run, fc=nn.Linear(8, 8)))
    assert report.findings == report.errors == ()
    (model,) = report.models
    assert model.status == "not-analysed"
    assert "--input" in model.reason or "takes something else than tensors" in model.reason


def three_channels_in_four(net, x):
    return net.second(net.first(x))


def no_such_layer(net, x):
    return net.third(x)


def no_such_name(net, x):
    return net.first(y)  # noqa: F821


def layer_in_place_of_a_call(net, x):
    return net.second(nn.ReLU(net.first(x)))


def number_plus_none(net, x):
    return net.first(x) + None


@pytest.mark.parametrize(
    "run",
    [
        three_channels_in_four,
        no_such_layer,
        no_such_name,
        layer_in_place_of_a_call,
        number_plus_none,
    ],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(3, 8, 3), nn.Conv2d(4, 8, 3)),
        (nn.Conv1d(3, 8, 3), nn.Conv1d(4, 8, 3)),
        (nn.Linear(3, 8), nn.Linear(4, 8)),
    ],
    ids=["images", "signals", "features"],
)
def test_what_fails_for_every_input_is_an_error_although_nobody_gave_one(run, layers):
    report = modellint.lint(Run(run, first=layers[0], second=layers[1]), select=["shape-mismatch"])
    assert report.findings or report.errors


def test_features_that_no_map_can_have_are_an_error():
    layers = [nn.Conv2d(3, 16, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 25 + 1, 10)]
    report = modellint.lint(nn.Sequential(*layers), select=["shape-mismatch"])
    assert [finding.layer for finding in report.findings] == ["3"]


def test_letters_that_a_user_gives_are_no_sizes_to_accuse_for():
    model = Run(pair, conv=nn.Conv2d(3, 8, 3))
    assert modellint.lint(model, ["N,C,H,W"], select=["shape-mismatch"]).findings == ()
    assert modellint.lint(model, ["2,3,9,9"], select=["shape-mismatch"]).findings


@pytest.mark.parametrize("exhibit", [*file_models()], ids=lambda exhibit: exhibit.name)
def test_no_working_model_of_a_file_is_accused_when_its_input_is_hidden(exhibit):
    report = modellint.lint(exhibit.make(), select=["correctness"])
    assert report.errors == ()
    assert [one for one in report.findings if one.severity == "error"] == []


@given(nets())
def test_no_random_net_is_accused_when_its_input_is_hidden(net):
    try:
        graph = modellint.trace(net)
    except NotAnalysed:
        return
    for side in range(20, 70) if graph.mismatch is not None else ():
        with pytest.raises(RuntimeError):
            net.eval()(torch.rand(2, 3, side, side))


def test_the_reason_says_what_was_tried_and_what_to_give():
    with pytest.raises(NotAnalysed, match=r"2×8.*--input N,C"):
        modellint.trace(Run(takes_an_array, fc=nn.Linear(8, 8)))


class Lengths(nn.Module):
    """Sequences of several lengths, packed."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(100, 16)
        self.rnn = nn.GRU(16, 16, batch_first=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.emb(x), lengths.tolist(), batch_first=True, enforce_sorted=False
        )
        return self.rnn(packed)[1]


def test_one_whole_number_a_sample_is_what_a_length_may_be():
    report = modellint.lint(Lengths(), ["N,T:int64", "N:int64"], select=["correctness"])
    assert report.findings == report.errors == ()


class Table(nn.Module):
    """A category and numbers in one table of floats."""

    def __init__(self) -> None:
        super().__init__()
        self.category, self.numbers = nn.Embedding(10, 8), nn.Linear(11, 8)

    def forward(self, x):
        return self.category((x[:, 0].abs() % 10).long()) + self.numbers(x[:, 1:])


@pytest.mark.parametrize("inputs", [[], ["4,12"], ["N,12"], ["4,12:float32"]])
def test_a_dtype_that_nobody_said_is_no_ground_for_an_error(inputs):
    report = modellint.lint(Table(), inputs, select=["correctness"])
    assert report.findings == report.errors == ()


def expanded(net, x):
    return net.fc(x.expand(256, -1))


@pytest.mark.parametrize("inputs", [["1,8"], []])
def test_a_batch_of_one_is_run_as_one_where_more_do_not_fit(inputs):
    report = modellint.lint(Run(expanded, fc=nn.Linear(8, 8)), inputs, select=["correctness"])
    assert report.findings == report.errors == ()
    assert modellint.lint(
        Run(expanded, fc=nn.Linear(8, 8)), ["2,8"], select=["shape-mismatch"]
    ).findings
