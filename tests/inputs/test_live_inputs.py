"""What a caller in Python gives as inputs: the forward gets the same with other tensors in it."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, UserDict
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import modellint
from modellint.errors import UsageError
from modellint.inputs.live_inputs import given_inputs, input_texts
from modellint.symbolic.specs import parse_input

IMAGE = torch.rand(1, 3, 8, 9)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
        return self.conv(image) * scale


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Batch:
    first: Any
    second: Any = None
    count: int = dataclasses.field(default=0, init=False)


class Encoding(UserDict[str, Any]):
    """Answers by attribute as well, as the encodings of tokenizers do."""

    def __getattr__(self, name: str) -> Any:
        if name == "data" or name not in self.data:
            raise AttributeError(name)
        return self.data[name]


ONE_IMAGE = [
    "1,3,8,9",
    ["1,3,8,9"],
    IMAGE,
    [IMAGE],
    (IMAGE,),
    {"image": IMAGE},
    Encoding(image=IMAGE),
    {"image": "1,3,8,9"},
    {"image": (1, 3, 8, 9)},
    {"image": IMAGE}.values(),
    IMAGE.to("meta"),
    IMAGE.numpy(),
    IMAGE.numpy().astype("float64"),
    IMAGE.shape,
    (1, 3, 8, 9),
    [1, 3, 8, 9],
    [(1, 3, 8, 9)],
    [(np.int64(1), 3, 8, 9)],
    [IMAGE, 2.0],
    {"image": IMAGE, "scale": 2},
]


@pytest.mark.parametrize("inputs", ONE_IMAGE)
def test_one_image_is_the_same_however_it_is_given(inputs: Any) -> None:
    graph = modellint.trace(Net(), inputs)
    (image,) = graph.inputs
    assert image.node.output.symbolic == ("N", 3, "H", "W")
    assert (graph.symbols["H"], graph.symbols["W"]) == (8, 9)
    assert image.node.output.dtype == "float32"
    assert modellint.lint(Net(), inputs).models[0].status == "analysed"


@pytest.mark.parametrize("sizes", [("N", 3, "H", 9), (None, 3, None, 9)])
def test_a_tuple_of_sizes_may_hold_names(sizes: tuple[int | str | None, ...]) -> None:
    assert modellint.trace(Net(), sizes).symbols["W"] == 9


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.complex64, torch.bool])
def test_the_dtype_of_a_tensor_is_kept(dtype: torch.dtype) -> None:
    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:1]

    (given_input,) = modellint.trace(Same(), torch.zeros(2, 3, dtype=dtype)).inputs
    assert f"torch.{given_input.node.output.dtype}" == str(dtype)


def test_an_array_of_whole_numbers_stays_one() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(10, 4)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            return self.table(tokens)

    report = modellint.lint(Tokens(), np.zeros((2, 5), dtype=np.int64))
    assert report.models[0].inputs[0].dtype == "int64"


def containers(depth: int) -> st.SearchStrategy[Any]:
    """What a forward may be given: tensors in containers, and other values beside them."""
    tensors = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(
        lambda sizes: torch.zeros(sizes, dtype=torch.float64)
    )
    values = st.sampled_from([None, True, 3, 0.5, "text", (1, 2), torch.float16, slice(1, 2)])
    if depth == 0:
        return tensors | values
    inner = containers(depth - 1)
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from("abcd"), inner, min_size=1, max_size=3)
    return st.one_of(
        tensors,
        values,
        several,
        several.map(tuple),
        named,
        named.map(OrderedDict),
        named.map(Encoding),
        named.map(lambda held: SimpleNamespace(**held)),
        st.builds(Pair, inner, inner),
        st.builds(Batch, inner, inner),
        st.dictionaries(st.integers(0, 3), inner, min_size=1, max_size=3),
    )


def parts(value: Any) -> list[tuple[Any, Any]] | None:
    """What a container holds by key; `None` for what is none."""
    if isinstance(value, dict | UserDict):
        return [(key, value[key]) for key in value]
    if isinstance(value, list | tuple):
        return [*enumerate(value)]
    if isinstance(value, Batch):
        return [(name, getattr(value, name)) for name in ("first", "second", "count")]
    return [*vars(value).items()] if isinstance(value, SimpleNamespace) else None


def leaves(value: Any) -> list[Any]:
    held = parts(value)
    return [value] if held is None else [leaf for _, one in held for leaf in leaves(one)]


def assert_alike(got: Any, given: Any, sizes: list[tuple[int, ...]]) -> None:
    """Both are built alike; tensors that stand in for others have their dtype."""
    if isinstance(given, torch.Tensor):
        assert isinstance(got, torch.Tensor) and got is not given
        assert got.dtype == given.dtype
        sizes.append(tuple(got.shape))
        return
    assert type(got) is type(given)
    held = parts(given)
    if held is None:
        assert got == given
        return
    for (key, inner), (name, other) in zip(parts(got) or [], held, strict=True):
        assert key == name
        assert_alike(inner, other, sizes)


@given(args=st.lists(containers(2), min_size=1, max_size=3), named=containers(2))
@settings(deadline=None, max_examples=60)
def test_a_forward_gets_the_arguments_of_the_call(args: list[Any], named: Any) -> None:
    before = [id(leaf) for leaf in leaves([args, named])]
    got: list[Any] = []

    class Any_(nn.Module):  # noqa: N801
        def forward(self, *xs: Any, keyword: Any) -> Any:
            got.append((xs, keyword))
            return [one + 1 for one in leaves([xs, keyword]) if isinstance(one, torch.Tensor)]

    graph = modellint.trace(Any_(), args=args, kwargs={"keyword": named})
    sizes: list[tuple[int, ...]] = []
    assert_alike([*got[-1][0]], args, sizes)
    assert_alike(got[-1][1], named, sizes)
    tensors = [one for one in leaves([args, named]) if isinstance(one, torch.Tensor)]
    assert [one.node.output.example[1:] for one in graph.inputs] == [
        tuple(one.shape)[1:] for one in tensors
    ]
    assert [id(leaf) for leaf in leaves([args, named])] == before


@pytest.mark.parametrize(
    "given_as",
    [
        Pair(IMAGE, 2),
        Batch(IMAGE),
        [Pair(IMAGE, "N,4")],
        [Batch((1, 3, 8, 9), "N,4")],
        [{"first": IMAGE}],
        [[IMAGE, IMAGE]],
        [(IMAGE, "N,4")],
        [Encoding(first=IMAGE)],
        SimpleNamespace(first=IMAGE),
    ],
)
def test_a_container_is_one_input(given_as: Any) -> None:
    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, batch: Any) -> torch.Tensor:
            if isinstance(batch, Pair | Batch | SimpleNamespace | Encoding):
                return self.conv(batch.first)
            return self.conv(batch["first"] if isinstance(batch, dict) else batch[0])

    graph = modellint.trace(Holds(), given_as)
    assert graph.mismatch is None
    assert graph.inputs[0].node.output.symbolic == ("N", 3, "H", "W")


def specs() -> st.SearchStrategy[str]:
    sizes = st.lists(st.integers(1, 9).map(str) | st.sampled_from("NCHW"), min_size=1, max_size=4)
    one = sizes.map(",".join) | sizes.map(lambda dims: ",".join(dims) + ":int64")
    nested = st.recursive(
        one,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda held: f"[{'; '.join(held)};]"),
            st.lists(inner, min_size=1, max_size=3).map(lambda held: f"({'; '.join(held)};)"),
            st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=2).map(
                lambda held: f"{{{'; '.join(f'{k}: {v}' for k, v in held.items())}}}"
            ),
        ),
        max_leaves=4,
    )
    return nested | nested.map(lambda text: f"name={text}")


@given(specs())
def test_an_input_is_read_as_it_was_written(text: str) -> None:
    (written,) = input_texts([text])
    assert parse_input(written) == parse_input(text)


def test_files_take_tensors_as_inputs(tmp_path: Any) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Conv2d(3, 4, 3))\n"
    )
    (model,) = modellint.lint_paths(path, IMAGE).models
    assert model.inputs[0].example == (1, 3, 8, 9)
    with pytest.raises(UsageError, match=r"inputs: .*another process"):
        modellint.lint_paths(path, [Pair(IMAGE, IMAGE)])
    with pytest.raises(UsageError, match="inputs: None is no size"):
        modellint.lint_paths(path, (None, 3, 8, 9))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"inputs": 5}, "inputs: an int is no input|inputs: 5 is no input"),
    ({"inputs": [object()]}, r"inputs\[0\]: an object is no input; give a shape"),
    ({"inputs": {IMAGE}}, "inputs: a set"),
    ({"inputs": (one for one in [IMAGE])}, r"inputs: a generator .*next\(iter\(...\)\)"),
    ({"inputs": (-1, 3, 8, 9)}, "inputs: -1 is no size"),
    ({"inputs": [*range(1, 500)]}, "inputs: 499 numbers are no shape; give a tensor"),
    ({"inputs": [torch.zeros(0, 3)]}, r"inputs\[0\]: a tensor of shape \(0, 3\) holds nothing"),
    ({"inputs": torch.Tensor}, "inputs: the class Tensor"),
    ({"inputs": np.array(["a"])}, "inputs: a tensor of str"),
    ({"inputs": {"imgae": IMAGE}}, r"inputs: .*'imgae'; Net.forward takes image, scale.*\[\{...\}"),
    ({"inputs": {1: IMAGE}}, "inputs: 1 is no parameter name"),
    (
        {"inputs": [IMAGE, 1.0, IMAGE]},
        r"inputs: too many .*Net.forward takes image, scale; .*\[\[...\]\]; .*batch\[0\]",
    ),
    ({"inputs": (1.0, 3, 8, 9)}, r"inputs: \(1.0, 3, 8, 9\) is no shape; .*whole numbers"),
    ({"inputs": [{"a": [{"b": object()}]}]}, r"inputs\[0\]\['a'\]\[0\]\['b'\]: an object"),
    ({"inputs": ["image=1,3,8,9", "image=1,3,8,9"]}, "inputs: image is given twice"),
    ({"inputs": "1,3,x y"}, "inputs: input '1,3,x y'"),
    ({"args": IMAGE}, r"args: a Tensor is no list of arguments; write args=\(x,\)"),
    ({"kwargs": [IMAGE]}, "kwargs: a list is no dict"),
    ({"kwargs": {"scale": 1.0}}, "args and kwargs: missing .*'image'; Net.forward takes image"),
    ({"args": (IMAGE, 1, 2)}, "args and kwargs: too many"),
    ({"inputs": IMAGE, "args": (IMAGE,)}, "inputs and args or kwargs"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG, ids=[says for _, says in WRONG])
def test_what_is_no_input_is_told_with_what_to_give(wrong: dict[str, Any], says: str) -> None:
    for asked in (modellint.lint, modellint.trace, modellint.assert_clean):
        with pytest.raises(UsageError, match=says):
            asked(Net(), **wrong)


@pytest.mark.parametrize("how", ["inputs", "args"])
def test_a_packed_sequence_is_handed_on_with_its_lengths(how: str) -> None:
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(4, 6)

        def forward(self, packed: nn.utils.rnn.PackedSequence) -> torch.Tensor:
            last: torch.Tensor = self.lstm(packed)[1][0][-1]
            return last

    packed = nn.utils.rnn.pack_padded_sequence(torch.rand(3, 2, 4), [3, 2])
    given: dict[str, Any] = {how: packed if how == "inputs" else (packed,)}
    (model,) = modellint.lint(Reads(), **given).models
    assert model.status == "analysed"
    assert model.layers["lstm"].example_outputs[1] == (1, 2, 6)


def test_containers_that_hold_themselves_have_an_end() -> None:
    held: list[Any] = []
    held.append(held)
    with pytest.raises(UsageError, match="too deeply"):
        given_inputs(held)


def test_what_raises_when_it_is_read_is_told_as_an_argument() -> None:
    class Raises:
        dtype = torch.float32

        @property
        def shape(self) -> Any:
            raise RuntimeError("no shape today")

    with pytest.raises(UsageError, match=r"inputs: .*RuntimeError: no shape today"):
        modellint.trace(Net(), [Raises()])
