"""Each size tells where it came from, and what rests on an assumed one is a remark."""

import pytest
import torch
from torch import nn

import modellint
from tests.inputs.test_search import LeNet


def origins(model, *inputs):
    return modellint.trace(model, inputs).inputs[0].origins


def test_what_a_user_gives_is_stated_and_letters_are_not():
    conv = nn.Conv2d(3, 4, 3)
    assert origins(conv, "2,3,20,20").sizes == ("stated",) * 4
    assert origins(conv, "N,3,H,20").sizes == ("assumed", "stated", "assumed", "stated")
    assert origins(conv, "N,C,20,20").sizes == ("assumed", "forced", "stated", "stated")
    assert origins(conv, "N,C,20,20").weakest == "forced"


def test_only_a_size_that_the_model_leaves_no_choice_is_forced():
    found = origins(nn.Conv2d(3, 4, 3))
    assert (found.rank, found.sizes) == ("forced", ("assumed", "forced", "assumed", "assumed"))
    assert origins(nn.Linear(20, 4)).weakest == "forced"
    assert origins(nn.Sequential(nn.Embedding(9, 4))).dtype == "forced"


@pytest.mark.parametrize(
    "model",
    [
        LeNet(),
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(8), nn.Flatten(), nn.Linear(4 * 35 * 47, 5)),
    ],
    ids=["four sizes", "oblong"],
)
def test_a_size_that_happens_to_fit_is_assumed(model):
    graph = modellint.trace(model)
    assert graph.mismatch is None
    assert graph.inputs[0].origin == "assumed"
    assert "solved" not in graph.inputs[0].source


def test_maps_that_only_have_to_agree_are_of_no_size_in_particular():
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(6, 8, 4, stride=2, padding=1)

        def forward(self, a, b):
            return self.conv(torch.cat((a, b), 1))

    graph = modellint.trace(Both())
    assert graph.guessed
    assert modellint.lint(Both(), select=["dead-taps"]).findings == ()


def test_the_report_says_what_was_assumed_and_what_not():
    report = modellint.lint(nn.Conv2d(3, 4, 3))
    assert report.models[0].inputs[0].told == "assumed 224×224"
    (given,) = report.to_dict()["models"][0]["inputs"]
    assert (given["origin"], given["guessed"]) == ("assumed", True)
    assert given["origins"]["sizes"] == ["assumed", "forced", "assumed", "assumed"]


class WholeMap(nn.Module):
    """Five halvings, and a kernel of 4×4: the whole map of an image of 128×128."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, 8, 8, 8, 8]
        steps = [nn.Conv2d(width, 8, 3, stride=2, padding=1) for width in widths]
        self.body = nn.Sequential(*[layer for step in steps for layer in (step, nn.ReLU())])
        self.out = nn.Conv2d(8, 5, 4)

    def forward(self, x):
        return self.out(self.body(x))


def test_a_finding_that_another_size_takes_away_is_a_remark():
    found = {f.layer: f.severity for f in modellint.lint(WholeMap()).findings if "even" in f.rule}
    assert found == {"out": "info"}
    shown = modellint.lint(WholeMap(), ["1,3,224,224"]).findings
    assert {f.layer: f.severity for f in shown if "even" in f.rule} == {"out": "warning"}


def test_a_finding_that_stays_at_every_size_keeps_its_severity():
    model = nn.Sequential(nn.Conv2d(3, 8, 4, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    (finding,) = modellint.lint(model, select=["even-kernel"]).findings
    assert finding.severity == "warning"


class OfTuples(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(10, 4), nn.Linear(4 * 8, 2)

    def forward(self, batch):
        return self.fc(self.table(batch[0]).reshape(-1, 32))


def test_an_input_that_is_taken_apart_as_a_tuple_is_assumed() -> None:
    (model,) = modellint.lint(OfTuples()).models
    assert [one.guessed for one in model.inputs] == [True]


class Scores(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.fc = nn.Embedding(10, 4), nn.Linear(4 * 8, 2)

    def forward(self, batch):
        rows = self.table(batch[0])
        rows = torch.softmax(rows.reshape(-1, 1, 4) @ rows.reshape(-1, 4, 1), -1) * rows[:, None]
        return self.fc(rows.reshape(-1, 32))


def test_what_is_found_of_it_is_a_remark() -> None:
    report = modellint.lint(Scores(), select=["constant-output"])
    assert [one.severity for one in report.findings] in ([], ["info"])
    report = modellint.lint(Scores(), ["2,8:int64"], select=["constant-output"])
    assert [one.severity for one in report.findings] == ["warning"]
