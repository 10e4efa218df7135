"""Arguments of a call in Python: what is meant is taken, what makes no sense is said by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import modellint
from modellint import UsageError


class Even(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 6, 4, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


@pytest.mark.parametrize(
    "names",
    [
        "even-kernel",
        ["even-kernel"],
        ("even-kernel",),
        {"even-kernel"},
        "even-kernel, over-padding",
        {"even-kernel": 1}.keys(),
        "suspicious",
        modellint.Category.SUSPICIOUS,
        [modellint.Category.SUSPICIOUS, "advice"],
        None,
    ],
    ids=str,
)
def test_rules_are_selected_however_they_are_named(names: Any) -> None:
    report = modellint.lint(Even(), "N,1,28,28", select=names)
    assert {finding.rule for finding in report.findings} == {"even-kernel"}


def test_a_rule_stands_for_its_name() -> None:
    from modellint_rules.even_kernel import even_kernel

    report = modellint.lint(Even(), "N,1,28,28", select=even_kernel)
    assert {finding.rule for finding in report.findings} == {"even-kernel"}
    assert modellint.lint(Even(), "N,1,28,28", ignore=[even_kernel]).ok


@pytest.mark.parametrize("one", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_files_are_linted_however_they_are_named(one: Any, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('ignore = ["even-kernel"]\n')
    path = tmp_path / "nothing.py"
    path.write_text("import torch\n")
    for given in (config, str(config), None):
        assert modellint.lint_paths(one(path), config=given).ok


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"select": "even-kernal"}, "select: there is no rule .* 'even-kernal'; did you mean even-"),
    ({"ignore": ["even-kernal"]}, "ignore: there is no rule"),
    ({"extend_select": 5}, "extend_select: 5; give names of rules"),
    ({"select": [5]}, "select: 5 is no name of a rule"),
    ({"options": 5}, "options: 5 is no dict"),
    ({"options": {"even-kernel": 5}}, "options: even-kernel has 5, no dict of options"),
    ({"options": {"parameter-heavy-linear": {"share": "x"}}}, "options: .*share must be a number"),
    ({"options": {"parameter-heavy-linear": {"shair": 1}}}, "options: .*did you mean share"),
    ({"fail_level": "warn"}, "fail_level: there is no 'warn'; did you mean 'warning'"),
    ({"fail_level": 2}, "fail_level: there is no 2; known: error, warning, info, never"),
    ({"pictures": "yes"}, "pictures: 'yes' is neither True nor False"),
]
OF_FILES: list[tuple[dict[str, Any], str]] = [
    ({"paths": Even()}, "paths: an Even; modellint.lint takes a model"),
    ({"paths": 5}, 'paths: 5; give paths, such as "models/"'),
    ({"paths": [5]}, "paths: 5 is no path"),
    ({"config": 5}, "config: 5 is no path"),
    ({"baseline": b"x"}, "baseline: b'x' is no path"),
    ({"timeout": "60"}, "timeout: '60' is no number of seconds"),
    ({"memory": 8}, "memory: 8 is no text; write it as '8G'"),
    ({"jobs": 1.5}, "jobs: 1.5 is no whole number"),
    ({"strict": None}, "strict: None is neither True nor False"),
    ({"executor": 4}, "executor: an int has no submit; give a concurrent.futures.Executor"),
]


@pytest.mark.parametrize(("wrong", "says"), WRONG, ids=[says for _, says in WRONG])
def test_what_makes_no_sense_is_said_by_name(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        modellint.lint(Even(), "N,1,28,28", **wrong)
    with pytest.raises(UsageError, match=says):
        modellint.lint_paths(__file__, isolated=True, **wrong)


@pytest.mark.parametrize(("wrong", "says"), OF_FILES, ids=[says for _, says in OF_FILES])
def test_what_makes_no_sense_for_files_is_said_by_name(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        modellint.lint_paths(**{"paths": __file__, **wrong})


def test_a_format_that_there_is_not_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no format 'jsn'; did you mean json"):
        modellint.Report().render("jsn")  # type: ignore[arg-type]
