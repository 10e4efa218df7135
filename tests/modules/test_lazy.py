"""Layers that wait for their first input are placed and silenced as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

import modellint

FILE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(24, 24)
        self.lazy = nn.{lazy}{arguments}
        self.listed = [nn.Sequential(
            nn.{lazy}{arguments})]
        self.last = nn.Linear(24, 24)

    def forward(self, x):
        x = self.stem(x).reshape({shape})
        x = self.listed[0](self.lazy(x))
        return self.last(x.reshape(2, -1)[:, :24])


if __name__ == "__main__":
    Net()(torch.rand(2, 1, 24))
"""

KINDS = [
    ("LazyLinear", "(24)", "2, 24"),
    ("LazyConv1d", "(6, 1)", "2, 3, 8"),
    ("LazyConv2d", "(6, 1)", "2, 3, 2, 4"),
    ("LazyConv3d", "(6, 1)", "2, 3, 2, 2, 2"),
    ("LazyConvTranspose1d", "(6, 1)", "2, 3, 8"),
    ("LazyConvTranspose2d", "(6, 1)", "2, 3, 2, 4"),
    ("LazyConvTranspose3d", "(6, 1)", "2, 3, 2, 2, 2"),
    ("LazyBatchNorm1d", "()", "2, 3, 8"),
    ("LazyBatchNorm2d", "()", "2, 3, 2, 4"),
    ("LazyBatchNorm3d", "()", "2, 3, 2, 2, 2"),
    ("LazyInstanceNorm1d", "(affine=True)", "2, 3, 8"),
    ("LazyInstanceNorm2d", "(affine=True)", "2, 3, 2, 4"),
    ("LazyInstanceNorm3d", "(affine=True)", "2, 3, 2, 2, 2"),
]


def test_every_lazy_layer_is_tried() -> None:
    assert {kind for kind, *_ in KINDS} == {name for name in vars(nn) if name.startswith("Lazy")}


@pytest.mark.parametrize(("lazy", "arguments", "shape"), KINDS)
def test_a_layer_beside_lazy_ones_is_where_it_is_constructed(
    lazy: str, arguments: str, shape: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.py"
    path.write_text(FILE.format(lazy=lazy, arguments=arguments, shape=shape))
    (model,) = modellint.lint_paths([str(path)]).models
    assert model.status == "analysed", model.reason
    lines = {key: layer.line for key, layer in model.layers.items()}
    assert lines == {"stem": 8, "lazy": 9, "listed[0].0": 11, "last": 12}


def test_a_comment_at_a_lazy_layer_counts(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    plain = FILE.format(lazy="LazyConv2d", arguments="(6, 4, padding=2)", shape="2, 3, 2, 4")
    path.write_text(plain)
    before = modellint.lint_paths([str(path)], select=["even-kernel", "unused-ignore"])
    assert [finding.line for finding in before.findings] == [9, 11]
    lines = plain.splitlines()
    for finding in before.findings:
        lines[finding.line - 1] += "  # modellint: ignore[even-kernel] -- wanted"
    path.write_text("\n".join(lines))
    assert not modellint.lint_paths([str(path)], select=["even-kernel", "unused-ignore"]).findings


def test_a_lazy_model_that_does_not_fit_is_a_mismatch() -> None:
    for model in (
        nn.Sequential(nn.LazyLinear(8), nn.Linear(9, 4)),
        nn.Sequential(nn.Linear(9, 4), nn.LazyBatchNorm1d()),
        nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Conv2d(9, 4, 1)),
    ):
        spec = "2,3,8,8" if len(model) == 3 else "2,6"
        (finding,) = modellint.lint(model, [spec], select=["shape-mismatch"]).findings
        assert model[int(finding.layer)].__class__ in (nn.Linear, nn.Conv2d)


def test_a_live_lazy_model_is_placed_and_left_as_it_was() -> None:
    class Live(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lazy = nn.LazyConv2d(6, 4, padding=2)

        def forward(self, x: object) -> object:
            return self.lazy(x)

    model = Live()
    report = modellint.lint(model, ["1,3,8,8"], select=["even-kernel"])
    plain = modellint.lint(Live(), ["1,3,8,8"], select=["even-kernel"])
    assert model.lazy.has_uninitialized_params()
    assert report.findings == plain.findings
    (finding,) = report.findings
    source = Path(__file__).read_text().splitlines()[finding.line - 1]
    assert "self.lazy = " in source
