"""The fully connected heads of published models: where most of their parameters are."""

from __future__ import annotations

import pytest

pytest.importorskip("timm")
pytest.importorskip("torchvision")

import modellint

from .models import build, exhibits

pytestmark = pytest.mark.zoo


@pytest.mark.parametrize(
    ("family", "name", "layer", "share"),
    [
        ("torchvision", "alexnet", "classifier.1", "61.8 %"),
        ("torchvision", "vgg16", "classifier.0", "74.3 %"),
        # A convolution of 7×7 on a map of 7×7.
        ("timm", "vgg16", "pre_logits.fc1", "74.3 %"),
        ("torchvision", "fasterrcnn_resnet50_fpn", "roi_heads.box_head.fc6", "30.7 %"),
    ],
)
def test_a_head_that_reads_a_flattened_map_holds_most_parameters(
    family: str, name: str, layer: str, share: str
) -> None:
    exhibit = next(exhibit for exhibit in exhibits(family) if exhibit.name == name)
    model = build(exhibit)
    report = modellint.lint(model, exhibit.inputs(model), select=["parameter-heavy-linear"])
    (finding,) = report.findings
    assert (finding.layers, finding.severity) == ((layer,), "warning")
    assert share in finding.message


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "efficientnet_b0", "convnext_tiny"])
def test_a_classifier_behind_a_global_pool_is_silent(name: str) -> None:
    exhibit = next(one for one in exhibits("torchvision") if one.name == name)
    model = build(exhibit)
    report = modellint.lint(model, exhibit.inputs(model), select=["parameter-heavy-linear"])
    assert not report.findings
