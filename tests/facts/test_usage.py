"""What a model's results depend on, in evaluation and in training, and what only a list holds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import modellint
from modellint.facts.composition import pairs
from modellint.facts.usage import training, unused_modules


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.fc(x))


class Auxiliary(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = Block()
        self.aux = Block()
        self.spare = Block()

    def forward(self, x):
        x = self.main(x)
        return (x, self.aux(x)) if self.training else x


class NeedsTargets(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Linear(4, 4)
        self.aux = nn.Linear(4, 4)

    def forward(self, x, targets=None):
        if self.training and targets is None:
            raise ValueError("targets are needed in training")
        return self.main(x)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.layers = [Block(), [Block()]]
        self.named = {"a": nn.Linear(4, 4), "again": self.first}

    def forward(self, x):
        x = self.layers[1][0](self.layers[0](self.first(x)))
        return self.named["a"](x)


class Keeps(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Linear(4, 4)
        self.gate = nn.Linear(4, 2)
        self.seen = {}

    def forward(self, x):
        self.seen["gate"] = self.gate(x).mean()
        return self.main(x)


def unused(model):
    graph = modellint.trace(model, ["N,4"])
    return graph, {found.module.path: found.parameters for found in unused_modules(graph)}


def test_what_runs_in_training_only_is_seen_there_and_the_model_is_left_as_it_was():
    model = Auxiliary()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    graph, found = unused(model)
    assert found == {"aux": 28, "spare": 28}
    trained = training(graph)
    assert {one.module.path for one in unused_modules(trained)} == {"spare"}
    assert trained.modules["aux"].called
    assert not graph.modules["aux"].called
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.training
    assert modellint.lint(model, ["N,4"], select=["unused-module"]).findings[0].layer == "spare"


def test_a_model_that_uses_all_it_has_is_traced_once(monkeypatch):
    modes = []
    from modellint.tracing import forward_run

    run = forward_run.run
    monkeypatch.setattr(
        forward_run, "run", lambda *a, **k: modes.append(k.get("training", False)) or run(*a, **k)
    )
    modellint.lint(Block(), ["N,4"], select=["all"])
    assert set(modes) == {False}
    modellint.lint(Auxiliary(), ["N,4"], select=["unused-module"])
    assert modes.count(True) == 1


def test_what_cannot_be_traced_in_training_is_skipped_with_the_reason():
    report = modellint.lint(NeedsTargets(), ["x=N,4"], select=["unused-module"])
    (skipped,) = report.models[0].skipped
    assert (skipped.rule, skipped.layer) == ("unused-module", "aux")
    assert "targets are needed" in skipped.reason
    assert not report.findings


def test_what_the_forward_keeps_is_a_result():
    graph, found = unused(Keeps())
    assert not found
    assert [node.op for node in graph.kept] == ["mean"]


def test_modules_of_plain_containers_have_paths_places_and_no_registration():
    graph = modellint.trace(Plain(), ["N,4"])
    held = {path for path, module in graph.modules.items() if not module.registered}
    first = {"layers[0]", "layers[0].fc", "layers[0].norm"}
    second = {"layers[1][0]", "layers[1][0].fc", "layers[1][0].norm"}
    assert held == first | second | {"named['a']"}
    assert all(graph.modules[path].construction is not None for path in held)
    report = modellint.lint(Plain(), ["N,4"], select=["unregistered-module"])
    layers = [layer for finding in report.findings for layer in finding.layers]
    assert sorted(layers) == ["layers[0]", "layers[1][0]", "named['a']"]


def test_long_containers_are_taken_for_data():
    model = Keeps()
    model.vocabulary = {str(number): [number] for number in range(30_000)}
    model.pairs = [[number] for number in range(3)]
    graph = modellint.trace(model, ["N,4"])
    assert all(module.registered for module in graph.modules.values())


def test_training_mode_reaches_held_modules_and_leaves_them():
    model = Plain().eval()
    held = model.layers[0].norm
    modellint.lint(model, ["N,4"], select=["all"])
    assert held.training
    assert int(held.num_batches_tracked) == 0


def test_a_pair_of_layers_is_counted_as_the_kernel_that_it_makes():
    def composed(*layers, size="N,8,16,16"):
        graph = modellint.trace(nn.Sequential(*layers), [size])
        return [(pair.weights, pair.composed) for pair in pairs(graph)]

    assert composed(nn.Conv2d(8, 4, 3), nn.Conv2d(4, 6, 3)) == [(504, 8 * 6 * 25)]
    strided = composed(nn.Conv2d(8, 4, 2, stride=2), nn.Conv2d(4, 6, 3))
    assert strided == [(344, 8 * 6 * 36)]
    dilated = composed(nn.Conv2d(8, 4, 3), nn.Conv2d(4, 6, 3, dilation=3))
    assert dilated == [(504, 8 * 6 * 81)]
    depthwise = composed(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 6, 1))
    assert depthwise == [(72 + 48, 8 * 6 * 9)]
    grouped = composed(nn.Conv2d(8, 8, 1, groups=4), nn.Conv2d(8, 8, 1, groups=2))
    assert grouped == [(16 + 32, 8 * 4)]
    crossed = composed(nn.Conv2d(8, 8, 1, groups=2), nn.Conv2d(8, 8, 1, groups=4))
    assert crossed == [(32 + 16, 8 * 4)]
    flat = composed(nn.Conv2d(8, 4, 3, padding=1), nn.Flatten(), nn.Linear(1024, 5))
    assert flat == [(288 + 5120, 8 * 256 * 5)]
    assert composed(nn.Linear(4, 6), nn.Linear(6, 3), size="N,4") == [(42, 12)]
    rows = composed(nn.Conv2d(8, 4, 3), nn.Flatten(2), nn.Conv1d(4, 5, 1))
    assert rows == [(288 + 20, 8 * 5 * 9)]
    assert composed(nn.Conv2d(8, 4, 3), nn.Flatten(2), nn.Conv1d(4, 5, 3)) == [(348, None)]
    pooled = composed(nn.Conv2d(8, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    assert pooled == [(288 + 20, 8 * 5 * 9)]


class Head(nn.Module):
    """An auxiliary head as it is nearly always written; `case` varies what becomes of it."""

    def __init__(self):
        super().__init__()
        self.main = nn.Linear(4, 4)
        self.aux = nn.Linear(4, 4)

    def _forward(self, x):
        aux = None
        if self.aux is not None:  # noqa: SIM102 - as torchvision writes it
            if self.training:
                aux = self.aux(x)
        x = self.main(x)
        return x, aux

    def forward(self, x):
        x, aux = self._forward(x)
        if self.training:
            return x, aux
        return x


class Direct(Head):
    def forward(self, x):
        aux = x
        if self.training and self.aux is not None:
            aux = self.aux(x)
        return self.main(x), aux


class Dropped(Head):
    def _forward(self, x):
        aux = None
        if self.training:
            aux = self.aux(x)  # noqa: F841 - the fault that is looked for
        return self.main(x), None


class Overwritten(Head):
    def _forward(self, x):
        if self.training:
            aux = self.aux(x)
        aux = None
        return self.main(x), aux


class Conditional(Head):
    wanted = False

    def _forward(self, x):
        aux = None
        if self.training and self.wanted:
            aux = self.aux(x)
        return self.main(x), aux


class Negated(Head):
    def _forward(self, x):
        aux = None
        if not self.training:
            pass
        elif self.wanted():
            aux = self.aux(x)
        return self.main(x), aux

    def wanted(self):
        return False


class Early(Head):
    def _forward(self, x):
        if self.training:
            return self.main(x), None
        aux = None
        if self.training:
            aux = self.aux(x)
        return self.main(x), aux


@pytest.mark.parametrize(
    ("model", "read", "flagged"),
    [
        (Head, True, False),
        (Direct, True, False),
        (Dropped, False, True),
        (Overwritten, False, True),
        (Conditional, False, True),
        (Negated, False, True),
        (Early, False, True),
    ],
)
def test_a_head_that_the_source_plainly_returns_in_training_is_not_traced_there(
    model, read, flagged, monkeypatch
):
    from modellint.tracing import forward_run

    modes = []
    run = forward_run.run
    monkeypatch.setattr(
        forward_run, "run", lambda *a, **k: modes.append(k.get("training", False)) or run(*a, **k)
    )
    report = modellint.lint(model(), ["N,4"], select=["unused-module"])
    assert (True in modes) is not read
    # A finding, or where another method or condition may run it a check that is skipped.
    assert bool(report.findings or report.models[0].skipped) is flagged
    # What was read is what a trace in training mode says.
    graph = modellint.trace(model(), ["N,4"])
    assert ("aux" in {found.module.path for found in unused_modules(training(graph))}) is flagged
