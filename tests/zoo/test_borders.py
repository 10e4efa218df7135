"""Kernels and borders of published models: answers that are known before the tool runs."""

from __future__ import annotations

import pytest

pytest.importorskip("timm")
pytest.importorskip("torchvision")

import modellint
from modellint.geometry import border_influence, positions, read_masks
from modellint.graph import Graph

from .models import build, exhibits

pytestmark = pytest.mark.zoo

EXHIBITS = {exhibit.name: exhibit for family in ("timm", "torchvision")
            for exhibit in exhibits(family)}  # fmt: skip


def found(name: str, rule: str, size: int) -> list[tuple[str, str]]:
    """The layers and severities of one rule's findings on one model at one size."""
    report = modellint.lint(build(EXHIBITS[name]), [f"1,3,{size},{size}"], select=[rule])
    assert not report.errors
    return [(layer, one.severity) for one in report.findings for layer in one.layers]


def traced(name: str, size: int) -> Graph:
    return modellint.trace(build(EXHIBITS[name]), [f"1,3,{size},{size}"])


@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
def test_of_deeplabs_branches_the_one_of_rate_36_is_dead_at_224(backbone: str) -> None:
    name = f"deeplabv3_{backbone}"
    assert found(name, "dead-taps", 224) == [("classifier.0.convs.3.0", "warning")]
    assert found(name, "dead-taps", 289) == []


@pytest.mark.parametrize("name", ["squeezenet1_0", "squeezenet1_1"])
@pytest.mark.parametrize(("size", "unread"), [(223, set()), (224, {223}), (227, set())])
def test_squeezenet_does_not_read_the_last_row_of_224(
    name: str, size: int, unread: set[int]
) -> None:
    graph = traced(name, size)
    _, _, rows, columns = read_masks(graph)[graph.inputs[0].node.index]
    assert set(range(size)) - set(positions(rows)) == unread
    assert set(range(size)) - set(positions(columns)) == unread
    layers = [("features.0", "warning")] if unread else []
    assert found(name, "unread-pixels", size) == layers


@pytest.mark.parametrize("size", [224, 225])
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "regnet_y_400mf"]
)
def test_residual_nets_read_every_pixel(name: str, size: int) -> None:
    assert found(name, "unread-pixels", size) == []


def test_inception_loses_too_little_for_a_warning() -> None:
    severities = {severity for _, severity in found("inception_v3", "edge-losing-padding", 299)}
    assert severities <= {"info"}


@pytest.mark.parametrize("name", [name for name in EXHIBITS if name.startswith("hgnet")])
def test_hgnets_even_kernels_follow_a_pad_that_makes_up_for_them(name: str) -> None:
    assert found(name, "even-kernel", 224) == []


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "densenet121", "convnext_tiny"])
def test_a_classifiers_shortcuts_keep_its_layers_productive_at_224(name: str) -> None:
    assert found(name, "unproductive-layer", 224) == []


def test_most_of_vgg_is_unproductive_on_the_images_of_cifar() -> None:
    features = build(EXHIBITS["vgg16"]).features
    report = modellint.lint(features, ["1,3,32,32"], select=["unproductive-layer"])
    # The second pool sees 16 px 4 apart, so the first two layers of block 3 see 24 and 32.
    assert [finding.layer for finding in report.findings] == ["14"]


def test_the_border_of_resnet_counts_less_than_its_middle() -> None:
    influence = border_influence(traced("resnet18", 224))
    assert all(value is not None and 0 < value < 1 for value in influence)
