"""What a worker imports once so that no file pays for it, and what it spares all of them.

Torch imports parts of itself when they are first needed, in a process that forks for each file
that is in each file again.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from importlib import import_module
from types import FunctionType, ModuleType

from modellint.building.failures import describe
from modellint.worker.askers import is_installed

#: The stages of a file, and with them what they import. All of it: what is imported once user code
#: has run is imported in each file again, and by whatever user code has made of the import system.
_STAGES = """building.loader building.builder building.exported_models building.places
inputs.search inputs.assertions inputs.axis_roles inputs.elsewhere inputs.learned_positions
inputs.lost_sizes inputs.size_operands
inputs.size_reading inputs.size_uses inputs.wider_runs tracing.forward_run tracing.freezing
tracing.fx_module source.notebooks symbolic.numpy_functions symbolic.printing modules.live_sites
modules.rebuilding linting.linter linting.training worker.other_arguments
worker.trial_runs""".split()
#: What torch's operations without a kernel for meta tensors import, a third of a second's worth.
#: Too much for a run that does not need it, so it is imported once a file has needed it.
_LATE = ("torch.fx.experimental.symbolic_shapes",)
#: Libraries beside torch that take long to import, as files of models use them. What serves many
#: lints of one file may import them beforehand, as `preload` does.
_HEAVY = """numpy scipy pandas sklearn matplotlib torchvision torchaudio timm transformers
diffusers accelerate lightning pytorch_lightning torchmetrics einops monai kornia torch_geometric
segmentation_models_pytorch huggingface_hub omegaconf""".split()


def warm() -> None:
    """Import what every file needs; `ImportError` without torch."""
    # Before any directory of the user's is importable: a torch.py beside a model is no torch.
    import_module("torch")
    # What `with torch.device(...)` imports.
    import_module("torch.utils._device")
    for name in _STAGES:
        import_module(f"modellint.{name}")
    if "numpy" in sys.modules:
        # Torch imports the rest of numpy; its random state is seeded for each model.
        import_module("numpy.random")
    _spare_compiler()


def imported_late() -> list[str]:
    """What this process has imported that the next one may need as well."""
    heavy = [name for name in _HEAVY if _is_of_package(sys.modules.get(name))]
    return [*(name for name in _LATE if name in sys.modules), *heavy]


def _is_of_package(module: object) -> bool:
    """Whether what user code may have put among the modules is one of an installed package."""
    if not isinstance(module, ModuleType):
        return False
    path = ModuleType.__getattribute__(module, "__dict__").get("__file__")
    return isinstance(path, str) and is_installed(path)


def import_late(names: Iterable[str]) -> None:
    """Import what another process has said it needed."""
    for name in names:
        if name in _LATE:
            import_module(name)


def import_early(names: Iterable[str]) -> str | None:
    """Import libraries for all files that come; why not, where one cannot be."""
    for name in names:
        if name in sys.modules:
            continue
        try:
            module = import_module(name)
        except BaseException as error:  # A library raises what it likes, `sys.exit` included.
            return f"preload names {name}, which {sys.executable} cannot import ({describe(error)})"
        path = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if not is_installed(path):
            # Its files may change, and what a file imports of them would not be seen.
            return f"preload names {name}, which is no installed package but lies at {path}"
    return None


def _spare_compiler() -> None:
    """Let torch's kernels in Python run without importing its compiler, which takes a second.

    `torch._disable_dynamo` wraps such a kernel so that the compiler leaves it alone: at the first
    call it imports the compiler to ask for a function to call in place of the kernel, and keeps
    that in `__dynamo_disable`. Nothing is compiled here, so that the kernel itself will do.
    """
    import torch

    wrap = getattr(torch, "_disable_dynamo", None)
    if wrap is None or "torch._dynamo" in sys.modules:
        return
    code = wrap(lambda: None).__code__
    if "fn" not in code.co_freevars:
        return
    at = code.co_freevars.index("fn")
    for wrapper in gc.get_referrers(code):
        if isinstance(wrapper, FunctionType) and wrapper.__closure__ is not None:
            kernel = wrapper.__closure__[at].cell_contents
            if isinstance(kernel, FunctionType):
                vars(kernel).setdefault("__dynamo_disable", kernel)
