"""The committed table says what comes of planted faults, and no rule misses more than one in 20."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest
from torch import nn

from modellint.results.findings import Diagnostic
from modellint.results.report import Report

from .faults import FAULTS, RULES, Fault, Plan
from .libraries import plant_losses
from .measure import judge, plant_all
from .models import clean_models, file_models
from .report import PAGE, model_count, page_with, read_table, scores
from .sources import SOURCE_FAULTS, plant_in_texts

#: The least part of a rule's planted faults that it must catch, and of all faults together.
RECALL = 0.95
ROWS = sorted(read_table().values())
#: The rules on training that fails without a word.
SILENT = """batch-mixed scrambled-axes batch-squeezed constant-output loss-mismatch
dropped-result""".split()

NAMES = {fault.name for fault in (*FAULTS, *SOURCE_FAULTS)}

#: Models of each family, in which all faults are planted again.
SAMPLE = """resnet18 mobilenet_v3_small lraspp_mobilenet_v3_large test_byobnet test_convnext3
dla46x_c nin_cifar10 BertModel ConvNextModel unet-resnet18""".split()


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_catches_what_is_planted_and_raises_no_false_alarm(rule: str) -> None:
    score = scores(ROWS)[rule]
    assert score.recall >= RECALL
    assert not score.elsewhere


def test_enough_faults_are_planted_in_enough_models() -> None:
    assert sum(row.caught for row in ROWS) >= RECALL * len(ROWS)
    assert model_count(ROWS) >= 40
    assert {row.fault for row in ROWS} == NAMES


@pytest.mark.parametrize("rule", SILENT)
def test_what_fails_without_a_word_is_planted_in_forty_models(rule: str) -> None:
    assert model_count(row for row in ROWS if row.rule == rule) >= 40


def test_the_page_has_the_scores_of_the_table() -> None:
    text = PAGE.read_text("utf-8")
    assert page_with(ROWS, text) == text


def test_names_of_faults_are_unique() -> None:
    assert len(NAMES) == len(FAULTS) + len(SOURCE_FAULTS)


@pytest.mark.slow
def test_what_is_planted_in_the_files_gets_the_rows_that_are_committed() -> None:
    _compare("files", chain.from_iterable(map(plant_all, file_models())))


@pytest.mark.slow
def test_what_is_planted_in_the_text_of_a_file_gets_the_rows_that_are_committed() -> None:
    _compare("text", plant_in_texts())


@pytest.mark.zoo
@pytest.mark.parametrize("name", SAMPLE)
def test_what_is_planted_in_a_model_gets_the_rows_that_are_committed(name: str) -> None:
    pytest.importorskip("timm")
    pytest.importorskip("torchvision")
    exhibit = next(exhibit for exhibit in clean_models() if exhibit.name == name)
    _compare(str(exhibit), chain(plant_all(exhibit), plant_losses(exhibit)))


def _compare(where: str, rows: object) -> None:
    assert sorted(rows) == [row for row in ROWS if row.model.startswith(where)]  # type: ignore[call-overload]


# How a report is judged


def found(rule: str, layer: str, severity: str = "warning") -> Diagnostic:
    return Diagnostic(
        rule=rule,
        category="suspicious",
        severity=severity,  # type: ignore[arg-type]
        path="net.py",
        line=1,
        column=1,
        end_line=1,
        end_column=2,
        model="Net",
        layer=layer,
        count=1,
        layers=(layer,),
        message="is wrong",
    )


EVEN = Fault("even", "even-kernel", lambda subject: iter(()))
PLAN = Plan("conv", "kernel 4", "conv", lambda model: None, implied={"unread-pixels": "parity"})


@pytest.mark.parametrize(
    ("said", "outcome", "implied", "elsewhere"),
    [
        ([found("even-kernel", "conv")], "caught", "", ""),
        ([found("even-kernel", "conv#2")], "caught", "", ""),
        ([found("even-kernel", "conv", "info")], "missed: info", "", ""),
        ([found("even-kernel", "other")], "missed: silent", "", "even-kernel@other"),
        ([], "missed: silent", "", ""),
        ([found("even-kernel", "conv"), found("unread-pixels", "pool")], "caught",
         "unread-pixels@pool", ""),
        ([found("even-kernel", "conv"), found("dead-taps", "pool")], "caught", "",
         "dead-taps@pool"),
        ([found("even-kernel", "conv"), found("known", "fc")], "caught", "", ""),
    ],
)  # fmt: skip
def test_a_finding_is_held_against_what_was_planted(
    said: list[Diagnostic], outcome: str, implied: str, elsewhere: str
) -> None:
    row = judge(EVEN, PLAN, "net", {("known", "fc"): "warning"}, Report(findings=tuple(said)))
    assert (row.outcome, row.implied, row.elsewhere) == (outcome, implied, elsewhere)


def test_a_rules_false_alarms_count_against_it_whatever_was_planted() -> None:
    row = judge(EVEN, PLAN, "net", {}, Report(findings=(found("dead-taps", "pool"),)))
    taps = replace(row, rule="dead-taps", outcome="caught", elsewhere="")
    score = scores([row, taps])
    assert (score["even-kernel"].recall, score["even-kernel"].elsewhere) == (0, 0)
    assert (score["dead-taps"].recall, score["dead-taps"].precision) == (1, 0.5)


def test_a_model_with_a_warning_is_no_clean_model() -> None:
    from tests.zoo.models import Exhibit

    exhibit = Exhibit("files", "net", lambda: nn.Conv2d(3, 8, 4, padding=1), lambda m: ("1,3,9,9",))
    with pytest.raises(ValueError, match="not clean"):
        list(plant_all(exhibit))
