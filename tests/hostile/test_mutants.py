"""Files of models with changed tokens, and calls with odd arguments: torch is the judge."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import modellint
from hostile.mutants import mutants
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.errors import FileError, NotAnalysed
from modellint.linting.linter import Subject, linted
from modellint.linting.plugins import load_rules
from modellint.protocol.reading import read
from modellint.results.json_types import ReportJson

#: Where a long run begins, and how many files it has.
SEED = int(os.environ.get("MODELLINT_SEED", "1"))
FILES = int(os.environ.get("MODELLINT_MUTANTS", "300"))
CALLS = 700
NO_FAULT_OF_A_FILE = {"internal-error", "plugin-error", "timeout"}
REFUSED = {"import-error", "build-error", "trace-error"}
REFUSALS = {"shape-mismatch", "invalid-argument"}


def accused(report: Any) -> set[tuple[str, str]]:
    """The models, by file and class, that are said to be broken."""
    found = {
        (one.path, one.model)
        for one in report.findings
        if one.rule in REFUSALS and one.severity == "error"
    }
    for model in report.models:
        if model.status == "failed":
            found.add((model.path, model.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="judges by forks")
def test_files_with_changed_tokens_end_as_documented(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("nets").mkdir()
    texts = {f"net{at}.py": text for at, text in enumerate(mutants(SEED, FILES))}
    for name, text in texts.items():
        Path("nets", name).write_text(text, "utf-8")
    report = lint_targets(["nets"], Settings(timeout=20.0))
    read(report.to_dict(), ReportJson)
    wrong = [one for one in report.errors if one.kind in NO_FAULT_OF_A_FILE]
    assert wrong == [], texts[Path(wrong[0].path).name]
    for model in report.models:
        assert (model.reason is None) == (model.status == "analysed")
    judge = Path(__file__).with_name("mutants.py")
    run = subprocess.run(
        [sys.executable, judge, "nets"], capture_output=True, text=True, check=True
    )
    ran = {
        (f"nets/{file}", name) for file, names in json.loads(run.stdout).items() for name in names
    }
    assert len(ran) > FILES / 20
    both = sorted(accused(report) & ran)
    told = [one for one in (*report.errors, *report.findings) if both and one.path == both[0][0]]
    assert both == [], (told, texts[Path(both[0][0]).name])


#: Methods of a tensor that take numbers, axes or sizes.
METHODS = """view reshape flatten unflatten permute transpose squeeze unsqueeze expand repeat tile
chunk split narrow select index_select roll flip sum mean amax argmax cumsum softmax std var norm
topk sort clamp pow add mul div matmul new_zeros new_full repeat_interleave unfold movedim
swapaxes diagonal tril masked_fill kthvalue logsumexp prod any quantile round lerp where t mT
""".split()
ODD: list[Any] = [
    *(0, 1, 2, -1, -5, 3, 9, 1.5, 0.0, True, None, "a", 2**62, 1e400, 1j),
    *(
        (),
        (1,),
        (2, -1),
        (1, 1),
        [2, 7, 8],
        (-1, 8),
        (7, 2, 8),
        [None],
        (1.5,),
        ((1,),),
        {},
        object,
    ),
    *(torch.tensor(1), torch.tensor([0, 1]), torch.zeros(8, 3), torch.float64, torch.Size([2, 56])),
]


class Called(nn.Module):
    """A forward of one call of a method."""

    def __init__(self, name: str, given: tuple[Any, ...]) -> None:
        super().__init__()
        self.name = name
        self.given = given

    def forward(self, x: Tensor) -> Any:
        """The call."""
        found = getattr(x, self.name)
        return found(*self.given) if callable(found) else found


def shapes_of(made: Any) -> list[tuple[int, ...]] | None:
    """The shapes of a result of tensors; `None` for one that is none."""
    parts = (
        [made] if isinstance(made, Tensor) else [*made] if isinstance(made, tuple | list) else []
    )
    if not parts or not all(isinstance(one, Tensor) for one in parts):
        return None
    return [tuple(one.shape) for one in parts]


def fault_of(name: str, given: tuple[Any, ...]) -> str | None:
    """What is wrong with our answer to a call, or `None`."""
    model = Called(name, given).eval()
    try:
        with torch.no_grad():
            wanted, runs = shapes_of(model(torch.rand(2, 7, 8))), True
    except Exception:  # However torch says it.
        wanted, runs = None, False
    if runs and (wanted is None or any(0 in shape for shape in wanted)):
        return None
    try:
        graph = modellint.trace(model, ["2,7,8"])
        report = linted(graph, RULES, Subject("net.py", "Net", "Net", 1)).report
        if report.errors:
            return f"{name}{given}: {report.errors[0].message}"
        refused = any(one.rule in REFUSALS and one.severity == "error" for one in report.findings)
        said = None if refused else [node.output.example for node in graph.outputs]
    except NotAnalysed:
        return None
    except FileError as error:
        if error.kind != "trace-error":
            return f"{name}{given}: {error.kind}: {error}"
        said = None
    except Exception as error:
        return f"{name}{given}: {type(error).__name__}: {error}"
    return None if said == wanted else f"{name}{given}: torch makes {wanted}, we say {said}"


RULES = tuple(load_rules().values())


@pytest.mark.slow
def test_odd_arguments_of_methods_are_judged_as_torch_judges_them():
    rng = random.Random(SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults = [
            fault
            for _ in range(CALLS)
            if (
                fault := fault_of(
                    rng.choice(METHODS),
                    tuple(rng.choice(ODD) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))),
                )
            )
        ]
    assert faults == []
