"""What training a model takes, in words: the lines below its layers, and what each layer keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modellint.results.models import Layer, ModelReport
from modellint.results.training_memory import TrainingMemory

_MEGA = 1e6


def training_lines(model: ModelReport) -> Iterator[str]:
    """Two lines for a person: the peak and what it is for, then its parts."""
    memory = model.training_memory
    if memory is not None:
        yield f"training takes {peak(memory)} at the peak, {_with(memory)}, {_batch(memory)}"
        yield f"  {parts(memory)}"


def training_fact(model: ModelReport) -> list[str] | None:
    """The peak for a page, and all that is told of it."""
    memory = model.training_memory
    told = " ".join(training_lines(model))
    return None if memory is None else [f"{peak(memory)}", " ".join(told.split())]


def peak(memory: TrainingMemory) -> str:
    """The peak, from the least to the most where the optimizer is not known."""
    least = "at least " if memory.unknown else ""
    if memory.least == memory.peak:
        return f"{least}{mega(memory.peak)} MB"
    return f"{least}{mega(memory.least)} to {mega(memory.peak)} MB"


def parts(memory: TrainingMemory) -> str:
    """What is in memory, a part at a time."""
    states = [one.states for one in memory.optimizers]
    held = mega(min(states)) or "0"
    if min(states) != max(states):
        held += f" to {mega(max(states))}"
    told = [
        f"parameters {mega(memory.parameters)}",
        f"gradients {mega(memory.gradients)}",
        f"optimizer states {held}",
        f"kept for the backward pass {mega(memory.kept)} MB",
    ]
    if memory.buffers:
        told.insert(1, f"buffers {mega(memory.buffers)}")
    if memory.unknown:
        told.append(f"what {' and '.join(memory.unknown)} keep is not known")
    return ", ".join(told)


def _with(memory: TrainingMemory) -> str:
    names = " to ".join(dict.fromkeys(one.name for one in memory.optimizers))
    if memory.source is None:
        return f"with {names} (no optimizer is shown)"
    return f"with {names} ({memory.source})"


def _batch(memory: TrainingMemory) -> str:
    samples = f"for {memory.samples} sample{'s' if memory.samples != 1 else ''}"
    told = samples if memory.batch is None else f"{samples} ({memory.batch})"
    if memory.batch is None:
        told += " (no batch is shown)"
    if memory.precision is not None:
        told += f", under autocast to {memory.precision}"
    if memory.checkpointed:
        told += f", {', '.join(memory.checkpointed)} computed again"
    return told


def kept_header(model: ModelReport) -> tuple[str, ...]:
    """The heading of a last column of the table of layers, if the model has numbers for it."""
    return () if model.training_memory is None else ("kept MB",)


def kept_cells(model: ModelReport, layers: Iterable[Layer]) -> Iterator[list[str]]:
    """The cells of that column: one for each layer and the total."""
    memory = model.training_memory
    for layer in layers:
        yield [] if memory is None else [mega(layer.kept)]
    yield [] if memory is None else [mega(memory.kept)]


def mega(value: int | None) -> str:
    """Bytes in megabytes, nothing for none."""
    if not value:
        return ""
    scaled = value / _MEGA
    return f"{scaled:,.2f}" if scaled >= 0.005 else "<0.01"
