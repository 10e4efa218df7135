"""Which fixes pass their trials, what goes with them, and what is said where one does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from modellint import lint_paths
from modellint.results.findings import Diagnostic
from tests.offers import offered, with_fix

DIGITS = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 12 * 12, 10)  # digits

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        return self.fc1(x.{rows})
"""
CALL = "\n\nNet()(torch.rand(2, 1, 28, 28))\n"


def _of(rule: str, found: list[Diagnostic]) -> Diagnostic:
    (one,) = [finding for finding in found if finding.rule == rule]
    return one


def test_what_a_padding_moves_on_is_mended_with_it() -> None:
    text = DIGITS.format(rows="flatten(1)") + CALL
    one = _of("edge-losing-padding", offered(text))
    changed = with_fix(text, one)
    assert "nn.Conv2d(1, 32, 5, padding=2)" in changed
    assert "nn.Linear(32 * 14 * 14, 10)  # digits" in changed
    assert one.help is not None
    assert "fc1" in one.help
    assert not [left for left in offered(changed) if left.rule == "edge-losing-padding"]


def test_it_is_also_where_the_input_was_solved_from_the_layer() -> None:
    text = DIGITS.format(rows="flatten(1)")
    changed = with_fix(text, _of("edge-losing-padding", offered(text)))
    assert "nn.Linear(32 * 14 * 14, 10)" in changed


def test_a_view_of_fixed_length_becomes_a_flatten() -> None:
    text = DIGITS.format(rows="view(-1, 32 * 12 * 12)") + CALL
    changed = with_fix(text, _of("edge-losing-padding", offered(text)))
    assert "x.flatten(1)" in changed
    assert "32 * 14 * 14" in changed


def test_what_follows_is_mended_whatever_rules_are_on() -> None:
    text = DIGITS.format(rows="flatten(1)") + CALL
    changed = with_fix(text, _of("edge-losing-padding", offered(text, "edge-losing-padding")))
    assert "32 * 14 * 14" in changed


def test_without_a_run_left_nothing_is_offered_and_the_help_stays() -> None:
    text = DIGITS.format(rows="flatten(1)") + CALL
    told = _of("edge-losing-padding", offered(text, trials=0))
    assert told.fix is None
    assert told.help is not None
    short = _of("edge-losing-padding", offered(text, trials=1))
    assert short.fix is None
    assert short.help == told.help


def test_a_fix_that_breaks_the_model_is_not_offered_nor_its_number_said() -> None:
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 5)
            self.fc = nn.Linear(8, 10)

        def forward(self, x):
            y = self.conv(x)
            assert y.shape[-1] == x.shape[-1] - 4
            return self.fc(y.mean((2, 3)))


    Net()(torch.rand(2, 3, 32, 32))
    """
    told = _of("edge-losing-padding", offered(text, trials=0))
    assert "padding=2" in (told.help or "")
    tried = _of("edge-losing-padding", offered(text))
    assert tried.fix is None
    assert "padding=2" not in (tried.help or "")


def test_a_layer_is_not_left_out_with_those_before_it() -> None:
    """Called on `self`, as methods of a tensor are on it, a layer would take the place of both."""
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.drop = nn.Dropout(0)

        def forward(self, x):
            return self.drop(self.conv(x).relu())


    Net()(torch.rand(2, 3, 32, 32))
    """
    changed = with_fix(text, _of("no-op-layer", offered(text)))
    assert "return self.conv(x).relu()" in changed


def test_two_maps_that_are_added_change_together() -> None:
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.left = nn.Conv2d(3, 8, 4, padding=1)
            self.right = nn.Conv2d(3, 8, 4, padding=1)

        def forward(self, x):
            return self.left(x) + self.right(x)


    Net()(torch.rand(2, 3, 32, 32))
    """
    found = [one for one in offered(text) if one.rule == "even-kernel"]
    assert len(found) == 2
    assert with_fix(text, found[0]) == with_fix(text, found[1])
    assert with_fix(text, found[0]).count("nn.Conv2d(3, 8, 5, padding=2)") == 2


def test_one_line_that_builds_several_layers_is_edited_once_for_all() -> None:
    text = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            layers = []
            for channels in (3, 8, 8):
                layers += [nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
            self.net = nn.Sequential(*layers)

        def forward(self, x):
            return self.net(x)


    Net()(torch.rand(2, 3, 32, 32))
    """
    one = _of("bias-before-norm", offered(text))
    assert one.fix is not None
    assert one.fix.safe
    assert len(one.fix.edits) == 1


def test_a_safe_change_is_not_made_where_the_line_builds_other_layers_too() -> None:
    text = """
    import torch
    from torch import nn


    def conv(channels):
        return nn.Conv2d(channels, 8, 3, padding=1)


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = conv(3)
            self.norm = nn.BatchNorm2d(8)
            self.last = conv(8)

        def forward(self, x):
            return self.last(self.norm(self.first(x)).relu())


    Net()(torch.rand(2, 3, 32, 32))
    """
    assert _of("bias-before-norm", offered(text)).fix is None


def test_a_number_that_a_block_is_given_is_changed_where_the_block_is_built() -> None:
    text = """
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self, given, wide):
            super().__init__()
            self.conv = nn.Conv2d(given, wide, 3, padding=1)

        def forward(self, x):
            return self.conv(x).relu()


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = Block(3, 16)
            self.two = Block(32, 64)

        def forward(self, x):
            return self.two(self.one(x))


    Net()(torch.rand(2, 3, 32, 32))
    """
    changed = with_fix(text, _of("shape-mismatch", offered(text)))
    assert "self.two = Block(16, 64)" in changed


def test_a_layer_in_a_container_gets_a_layer_before_it() -> None:
    text = """
    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),  # the only one
        nn.MaxPool2d(4),
        nn.Linear(8 * 8 * 8, 10),
    )
    net(torch.rand(2, 3, 32, 32))
    """
    changed = with_fix(text, _of("shape-mismatch", offered(text)))
    assert "nn.Flatten(), nn.Linear(8 * 8 * 8, 10)," in changed
    assert "# the only one" in changed


def test_a_file_without_findings_is_run_once(monkeypatch) -> None:
    import modellint.worker.pipeline as pipeline

    runs: list[int] = []
    lint = pipeline.lint_source
    monkeypatch.setattr(pipeline, "lint_source", lambda *given: runs.append(1) or lint(*given))
    text = dedent(DIGITS).format(rows="flatten(1)").replace("5)", "5, padding=2)")
    found = offered(text.replace("12 * 12", "14 * 14") + CALL, "edge-losing-padding")
    assert not found
    assert len(runs) == 1


def test_a_model_that_its_own_fix_kills_is_told_of_as_it_was(tmp_path: Path) -> None:
    text = DIGITS.format(rows="flatten(1)").replace(
        "        self.pool",
        "        self.conv1.padding == (2, 2) and os._exit(3)\n        self.pool",
    )
    (tmp_path / "net.py").write_text(f"import os\n{text}{CALL}")
    report = lint_paths([tmp_path / "net.py"], isolated=True)
    assert not report.errors
    told = _of("edge-losing-padding", [*report.findings])
    assert told.fix is None


def test_a_fix_reaches_the_report_with_the_path_that_the_report_prints(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(DIGITS.format(rows="flatten(1)") + CALL)
    report = lint_paths([tmp_path / "net.py"], isolated=True)
    told = _of("edge-losing-padding", [*report.findings])
    assert told.fix is not None
    assert {edit.path for edit in told.fix.edits} == {told.path}
    assert Diagnostic.from_dict(told.to_dict()) == told
