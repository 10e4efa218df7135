"""Forwards that check their sizes themselves, and what a size nobody gave is then taken to be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.contracts.confirming import confirm
from modellint.errors import FileError, NotAnalysed


class Checked(nn.Module):
    """A convolution behind a check of the image's sides."""

    def __init__(self, check: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.check = check

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        if self.check == "both":
            assert height == 48 and width == 80, "another size"
        elif self.check == "at most":
            if height > 64 or width > 64:
                raise ValueError("too large")
        elif self.check == "strips":
            assert height // 16 == 1
        elif self.check == "never":
            raise ValueError("not written yet")
        return self.conv(x)


@pytest.mark.parametrize(
    ("check", "sides"), [("both", (48, 80)), ("at most", (32, 32)), ("strips", (28, 224))]
)
def test_the_size_that_a_check_wants_is_tried(check: str, sides: tuple[int, int]) -> None:
    graph = modellint.trace(Checked(check))
    assert graph.inputs[0].node.output.example[-2:] == sides


def test_what_a_check_wants_is_in_the_contract() -> None:
    found = confirm(modellint.trace(Checked("at most")))
    assert (found["H"].max, found["W"].max) == (64, 64)


@pytest.mark.parametrize("given", [[], ["2,3,50,50"]])
def test_what_no_size_satisfies_is_an_error(given: list[str]) -> None:
    with pytest.raises(FileError, match="trace-error"):
        modellint.trace(Checked("never"), given)
    with pytest.raises(FileError, match="trace-error"):
        modellint.trace(Checked("both"), ["2,3,50,50"])


class Two(nn.Module):
    """Two inputs, of which one is a state of three axes."""

    def __init__(self, fault: str = "") -> None:
        super().__init__()
        self.lstm = nn.GRU(8, 4)
        self.fault = fault

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        if self.fault == "attribute":
            return self.gru(x, hidden)[0]  # type: ignore[no-any-return]
        if self.fault == "name":
            return hiden  # type: ignore[name-defined, no-any-return]  # noqa: F821
        if hidden.dim() != 7:
            raise ValueError("axes")
        return self.lstm(x, hidden)[0]  # type: ignore[no-any-return]


def test_what_inputs_that_nobody_gave_lead_to_is_not_the_models_fault() -> None:
    with pytest.raises(NotAnalysed):
        modellint.trace(Two())


@pytest.mark.parametrize("fault", ["attribute", "name"])
def test_a_name_that_there_is_not_is_the_models_fault_with_any_input(fault: str) -> None:
    with pytest.raises(FileError, match="trace-error"):
        modellint.trace(Two(fault))


def test_no_size_is_looked_for_where_none_can_fit() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return x + self.conv(x)

    # At 3×3 it runs by chance: what is left of the map is 1×1, which broadcasts.
    assert Residual()(torch.zeros(1, 8, 3, 3)).shape == (1, 8, 3, 3)
    graph = modellint.trace(Residual())
    assert graph.mismatch is not None
    assert graph.inputs[0].node.output.example == (2, 8, 224, 224)


def test_no_size_is_taken_at_which_nothing_is_left_of_a_map() -> None:
    class Halved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main = nn.Sequential(
                nn.Conv2d(8, 8, 1, stride=2), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, padding=1)
            )
            self.short = nn.Conv2d(8, 8, 1, stride=2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.main(x) + self.short(x)
            return out

    assert Halved()(torch.zeros(1, 8, 2, 2)).shape == (1, 8, 1, 1)
    graph = modellint.trace(Halved())
    assert graph.mismatch is not None
    assert graph.inputs[0].node.output.example == (2, 8, 224, 224)
    assert modellint.trace(Halved(), ["1,8,2,2"]).mismatch is None


def test_what_is_raised_counts_more_than_a_refusal_of_a_less_likely_input() -> None:
    class Constructs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.second(nn.ReLU(self.first(x)))  # type: ignore[arg-type]
            return out

    with pytest.raises(FileError, match="ReLU"):
        modellint.trace(Constructs())


def test_seconds_of_sound_are_found_long_enough() -> None:
    layers = [nn.Conv1d(1 if at == 0 else 4, 4, 80, stride=8) for at in range(3)]
    graph = modellint.trace(nn.Sequential(*layers))
    assert graph.mismatch is None
    # A second, at one of the rates that sound is sampled at.
    assert graph.inputs[0].node.output.example == (2, 1, 16000)


def test_the_length_of_a_tensor_stays_a_size() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            assert len([x, x]) == 2
            return self.fc(x).view(len(x), 2, -1)

    graph = modellint.trace(Flat())
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", 2, 2)


def test_a_causal_mask_does_not_fix_the_length() -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)

        def forward(self, x: Tensor) -> Tensor:
            mask = nn.Transformer.generate_square_subsequent_mask(x.size(1))
            out: Tensor = self.encoder(x, mask=mask)
            return out

    graph = modellint.trace(Causal(), ["N,L,8"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", "L", 8)
    model = Causal().eval()
    x = torch.rand(2, 5, 8)
    ours = modellint.trace(model, ["2,5,8"]).fx(x)
    assert torch.allclose(ours, model(x), atol=1e-5)
