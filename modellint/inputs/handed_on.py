"""What one model of a file gives to another: a discriminator gets the images of a generator.

The file shows `netD(netG(z))`, and the shape of `z`. What `netG` makes of it is known when that has
been traced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.discovery.candidates import Candidate, discover, find
from modellint.discovery.example_tensors import InputHint, InputTensor, is_stated
from modellint.errors import ModellintError
from modellint.source.file import SourceFile

if TYPE_CHECKING:
    from modellint.building.loader import LoadedModule
    from modellint.graph import Graph


def makers(candidates: Sequence[Candidate], source: SourceFile) -> dict[str, Candidate]:
    """The models whose outputs some candidates are shown to get, by how the file calls them."""
    names = {
        tensor.of
        for candidate in candidates
        for hint in _made(candidate)
        for tensor in hint.tensors
        if tensor.of is not None
    }
    if not names:
        return {}
    known = discover(source)
    found = {name: find(known, name) for name in sorted(names)}
    return {name: maker for name, maker in found.items() if maker is not None}


def _made(candidate: Candidate) -> list[InputHint]:
    """The hints that count and hold another model's output: none where the file says sizes."""
    return [] if is_stated(candidate.inputs) else list(candidate.inputs)


class Feeding:
    """The shapes that models of a loaded file make for others, each traced once."""

    def __init__(self, loaded: LoadedModule, models: dict[str, Candidate]) -> None:
        self._loaded = loaded
        self._models = models
        self._outputs: dict[str, InputTensor | None] = {}

    def hints(self, candidate: Candidate) -> tuple[InputHint, ...]:
        """What the file shows for a model, in sizes; hints that stay unknown are left out."""
        return tuple(self._known(candidate.inputs))

    def _known(self, hints: Sequence[InputHint]) -> Iterator[InputHint]:
        stated = is_stated(hints)
        for hint in hints:
            if stated and (hint.images or any(tensor.of is not None for tensor in hint.tensors)):
                continue
            tensors = [self._filled(tensor) for tensor in hint.tensors]
            if None not in tensors:
                yield replace(hint, tensors=tuple(one for one in tensors if one is not None))

    def _filled(self, tensor: InputTensor) -> InputTensor | None:
        if tensor.of is None:
            return tensor
        if tensor.of not in self._outputs:
            self._outputs[tensor.of] = self._output(tensor.of)
        made = self._outputs[tensor.of]
        return None if made is None else made._replace(name=tensor.name)

    def _output(self, name: str) -> InputTensor | None:
        """The one tensor that a model gives, if the file's own sizes decide on its shape."""
        from modellint.building.builder import build
        from modellint.inputs.search import trace_with_inputs

        maker = self._models.get(name)
        if maker is None:
            return None
        shown = [hint for hint in maker.inputs if all(one.of is None for one in hint.tensors)]
        try:
            model = build(self._loaded, maker).model
            graph = trace_with_inputs(
                model, hints=shown, name=maker.name, source=self._loaded.source
            )
        except ModellintError:  # Told where that model's own turn comes.
            return None
        return _single(graph)


def _single(graph: Graph) -> InputTensor | None:
    if graph.mismatch is not None or graph.guessed or len(graph.outputs) != 1:
        return None
    output = graph.outputs[0].output
    sizes = zip(output.symbolic, output.example, strict=True)
    shape = tuple(None if symbol == "N" else size for symbol, size in sizes)
    return InputTensor(None, shape, output.dtype)
