"""The model and the layer that a finding is about."""

from __future__ import annotations

from modellint.results.findings import Diagnostic
from modellint.results.models import Layer, ModelReport
from modellint.results.report import Report


def model_of(report: Report, finding: Diagnostic) -> ModelReport | None:
    """The finding's model; models of one name are told apart by their file, or not at all."""
    models = [model for model in report.models if model.name == finding.model]
    if len(models) > 1:
        models = [model for model in models if model.path == finding.path]
    return models[0] if len(models) == 1 else None


def layer_of(report: Report, finding: Diagnostic) -> Layer | None:
    """The finding's layer, where its model is known as far as that."""
    model = model_of(report, finding)
    return None if model is None else model.layers.get(finding.layer)
