"""What mends a finding where its first fix does not: another one, or that of another finding."""

from __future__ import annotations

import pytest

from modellint.results.findings import Diagnostic
from tests.offers import offered, with_fix

HEAD = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        {step}


def build():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    {change}
    return model


if __name__ == "__main__":
    build()(torch.rand(2, 8))
"""


def _of(rule: str, found: list[Diagnostic]) -> Diagnostic:
    (one,) = [finding for finding in found if finding.rule == rule]
    return one


@pytest.mark.parametrize(
    ("rule", "step", "built", "fixed"),
    [
        # A transposition that the next layer could not take.
        ("dropped-result", "x.transpose(0, 1)\n        return self.layer(x)",
         "Block(nn.ReLU())", "        return self.layer(x)"),
        # A result that nobody keeps.
        ("unused-module", "self.layer(x)\n        return x",
         "Block(nn.Sequential(nn.ReLU(), nn.Linear(16, 16), nn.ReLU()))", "x = self.layer(x)"),
        # Numbers that are made integers: in front of the layer, or where only that is the file's.
        ("invalid-argument", "return self.layer(x.long())",
         "Block(nn.Linear(16, 16))", "x.long().float()"),
        ("invalid-argument", "return self.layer(x).long()",
         "nn.Sequential(Block(nn.ReLU()), nn.Linear(16, 16))", "return self.layer(x)\n"),
    ],
)  # fmt: skip
def test_a_finding_has_the_first_fix_that_runs(
    rule: str, step: str, built: str, fixed: str
) -> None:
    text = HEAD.format(step=step, change=f"model[1] = {built}")
    changed = with_fix(text, _of(rule, offered(text)))
    assert fixed in changed
    assert not [one for one in offered(changed, trials=0) if one.rule == rule]


@pytest.mark.parametrize(
    ("rule", "change", "fixed"),
    [
        # An activation that is missing: in the place of what does nothing, else before a layer.
        ("stacked-linear", "model[1] = nn.Identity()", "model[1] = nn.ReLU()"),
        (
            "stacked-linear",
            "last = model[2]\n    model[2] = nn.Sequential(nn.Linear(16, 16), last)",
            "nn.Sequential(nn.Linear(16, 16), nn.ReLU(), last)",
        ),
        ("constant-output", "model[2] = nn.Sequential(nn.Linear(16, 1), nn.Softmax(1))",
         "nn.Sequential(nn.Linear(16, 1), nn.Sigmoid())"),
        ("constant-output", "model[1] = nn.Sequential(nn.ReLU(), nn.Dropout(1.0))",
         "model[1] = nn.Sequential(nn.ReLU())"),
    ],
)  # fmt: skip
def test_what_a_file_puts_into_a_model_is_changed_there(rule: str, change: str, fixed: str) -> None:
    text = HEAD.format(step="return self.layer(x)", change=change)
    assert fixed in with_fix(text, _of(rule, offered(text)))


def test_a_list_that_is_filled_elsewhere_is_registered_where_a_class_keeps_it() -> None:
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            layers = []
            for _ in range(3):
                layers.append(nn.Linear(8, 8))
            self.layers = layers

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).relu()
            return x


    Net()(torch.rand(2, 8))
    """
    one = _of("unregistered-module", offered(text))
    assert "self.layers = nn.ModuleList(layers)" in with_fix(text, one)


def test_a_list_in_the_model_of_another_file_is_registered_where_this_one_assigns_it() -> None:
    text = """
    import torch
    from torch import nn
    from tests.mutations.nets.attention import Encoder


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = Encoder()
            blocks = [*self.model.blocks]
            del self.model.blocks
            self.model.blocks = blocks

        def forward(self, x):
            return self.model(x)


    Net()(torch.rand(2, 5, 16))
    """
    one = _of("unregistered-module", offered(text, models=("Net",)))
    assert "self.model.blocks = nn.ModuleList(blocks)" in with_fix(text, one)


def test_a_layer_that_a_container_calls_gets_one_of_its_own_before_it() -> None:
    text = """
    import torch
    from torch import nn


    def build():
        model = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.ReLU(), nn.Identity())
        model[2] = nn.Flatten(1)
        model.append(nn.Linear(64 * 16 * 16, 10))
        return model


    build()(torch.rand(2, 3, 16, 16))
    """
    one = _of("parameter-heavy-linear", offered(text))
    changed = with_fix(text, one)
    assert "model[2] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1))" in changed
    assert "nn.Linear(64, 10)" in changed


SKIP = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 8, {kernel}, padding=1)

    def forward(self, x):
        return x + self.conv(x).relu()


Net()(torch.rand(1, 8, 32, 32))
"""


def test_what_goes_with_the_fix_of_another_finding_has_that_fix() -> None:
    text = SKIP.format(kernel=4)
    found = offered(text)
    kernel, stop = _of("even-kernel", found), _of("shape-mismatch", found)
    assert kernel.fix is not None
    assert stop.fix is not None
    assert stop.fix.edits == kernel.fix.edits
    assert stop.help is not None
    assert "conv" in stop.help
    left = offered(with_fix(text, stop), trials=0)
    assert not [one for one in left if one.severity == "error"]


def test_what_stays_does_not_have_the_fix_of_another() -> None:
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 4, padding=1)
            self.spare = nn.Linear(8, 8)

        def forward(self, x):
            return self.conv(x).relu()


    Net()(torch.rand(1, 8, 32, 32))
    """
    found = offered(text)
    assert _of("even-kernel", found).fix is not None
    assert _of("unused-module", found).fix is None
