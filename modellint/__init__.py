"""A linter for the architecture of PyTorch models.

`lint` checks a live module, `lint_paths` files, `trace` gives the graph that rules see, and
`assert_clean` is for tests. Names are loaded when they are first used, so that importing this
package imports neither torch nor anything else.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from modellint._version import __version__

if TYPE_CHECKING:
    from modellint.api import Inputs, Model, Names, Options, assert_clean, lint, lint_paths, trace
    from modellint.contracts.admitted import Sizes
    from modellint.errors import (
        FileError,
        ModellintError,
        NotAnalysed,
        PluginError,
        UsageError,
        WorkerError,
    )
    from modellint.fixes.changes import Fix
    from modellint.fixes.edits import Edit
    from modellint.graph import (
        ConstructorArgument,
        Graph,
        Input,
        Mismatch,
        Module,
        Node,
        Origin,
        Origins,
        Parameter,
        Site,
        Tensor,
    )
    from modellint.results.annotated import (
        AnnotatedSource,
        Annotation,
        LayerPlace,
        LineTensor,
        SizeStyle,
    )
    from modellint.results.baselined import Baselined, Key
    from modellint.results.compared import (
        Compared,
        LayerChange,
        LayerState,
        ModelChange,
        ModelState,
        StateChange,
    )
    from modellint.results.findings import Diagnostic, Related, Silenced, TriedFix
    from modellint.results.models import Layer, ModelInput, ModelReport, Shape, SkippedCheck, Status
    from modellint.results.picture import Border, Picture, Step
    from modellint.results.report import (
        FailLevel,
        FixCount,
        FixedFiles,
        Format,
        Note,
        Problem,
        Report,
        RulePage,
    )
    from modellint.results.training_memory import OptimizerMemory, TrainingMemory
    from modellint.results.user_calls import UserCall
    from modellint.rules import (
        Category,
        CategoryName,
        Check,
        Example,
        Finding,
        Reads,
        Rule,
        Severity,
        Skip,
        rule,
    )
    from modellint.source.file import SourceFile
    from modellint.symbolic.constraints import Constraint, Relation
    from modellint.symbolic.expressions import Expr

__all__ = [
    "AnnotatedSource",
    "Annotation",
    "Baselined",
    "Compared",
    "LayerChange",
    "LayerState",
    "ModelChange",
    "ModelState",
    "StateChange",
    "Border",
    "Category",
    "CategoryName",
    "Check",
    "Constraint",
    "ConstructorArgument",
    "Diagnostic",
    "Edit",
    "Example",
    "Expr",
    "FailLevel",
    "FileError",
    "Finding",
    "Fix",
    "FixCount",
    "FixedFiles",
    "Format",
    "Graph",
    "Input",
    "Inputs",
    "Key",
    "Layer",
    "LayerPlace",
    "LineTensor",
    "Mismatch",
    "Model",
    "ModelInput",
    "ModelReport",
    "ModellintError",
    "Module",
    "Names",
    "Node",
    "NotAnalysed",
    "Note",
    "OptimizerMemory",
    "Options",
    "Origin",
    "Origins",
    "Parameter",
    "Picture",
    "PluginError",
    "Problem",
    "Reads",
    "Related",
    "Relation",
    "Report",
    "Rule",
    "RulePage",
    "Severity",
    "Shape",
    "Silenced",
    "Site",
    "SizeStyle",
    "Sizes",
    "Skip",
    "SkippedCheck",
    "SourceFile",
    "Status",
    "Step",
    "Tensor",
    "TrainingMemory",
    "TriedFix",
    "UsageError",
    "UserCall",
    "WorkerError",
    "__version__",
    "assert_clean",
    "lint",
    "lint_paths",
    "rule",
    "trace",
]

_HOMES = {
    "modellint.api": "Inputs Model Names Options assert_clean lint lint_paths trace",
    "modellint.contracts.admitted": "Sizes",
    "modellint.errors": "FileError ModellintError NotAnalysed PluginError UsageError WorkerError",
    "modellint.fixes.changes": "Fix",
    "modellint.fixes.edits": "Edit",
    "modellint.graph": (
        "ConstructorArgument Graph Input Mismatch Module Node Origin Origins Parameter Site Tensor"
    ),
    "modellint.results.annotated": "AnnotatedSource Annotation LayerPlace LineTensor SizeStyle",
    "modellint.results.baselined": "Baselined Key",
    "modellint.results.compared": (
        "Compared LayerChange LayerState ModelChange ModelState StateChange"
    ),
    "modellint.results.findings": "Diagnostic Related Silenced TriedFix",
    "modellint.results.models": "Layer ModelInput ModelReport Shape SkippedCheck Status",
    "modellint.results.picture": "Border Picture Step",
    "modellint.results.user_calls": "UserCall",
    "modellint.results.report": "FailLevel FixCount FixedFiles Format Note Problem Report RulePage",
    "modellint.results.training_memory": "OptimizerMemory TrainingMemory",
    "modellint.rules": "Category CategoryName Check Example Finding Reads Rule Severity Skip rule",
    "modellint.source.file": "SourceFile",
    "modellint.symbolic.constraints": "Constraint Relation",
    "modellint.symbolic.expressions": "Expr",
}
#: What documentation named before the package had rooms is still found under its old name.
__path__.append(os.path.join(__path__[0], "former"))  # noqa: PTH118 - pathlib is slow to import

_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}


def load_ipython_extension(shell: Any) -> None:
    """Give IPython the cell magic `%%modellint`: what `%load_ext modellint` asks for."""
    import_module("modellint.kernel.magic").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take it away again, as `%unload_ext modellint` asks."""
    import_module("modellint.kernel.magic").unload(shell)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'modellint' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
