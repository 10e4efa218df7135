"""The JSON of a report as types: what a worker, a cache or another machine may say of a file.

`modellint.protocol.reading` holds what arrives to them. `Line`, `Count` and `Filled` are narrower
than what JSON can say: the formats count on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypedDict, TypeVar

from modellint.graph.origins import Origin
from modellint.results.error_kinds import KINDS
from modellint.results.models import Status
from modellint.rules import Severity

T = TypeVar("T")

Line = Annotated[int, 1]
Count = Annotated[int, 0]
#: A list that is not empty.
Filled = Annotated[list[T], 1]
Size = int | str
if TYPE_CHECKING:
    Kind = str
else:
    #: Each name of an error's kind that `--explain` knows.
    Kind = Literal[tuple(KINDS)]


class SavedJson(TypedDict):
    """An entry `state_dict` of a model: the sizes of its tensors, and who saves otherwise."""

    shapes: dict[str, list[Count] | None]
    custom: list[str]


StepJson = tuple[str, str, str, str, list[Size], list[int], list[Count]]


class BorderJson(TypedDict):
    """An entry of `borders` of a picture."""

    input: str
    axis: Count
    name: Size
    size: Count
    weights: Filled[float]
    edge: float


class PictureJson(TypedDict):
    """What is drawn of a model."""

    steps: list[StepJson]
    types: dict[str, str]
    borders: list[BorderJson]


class OriginsJson(TypedDict):
    """An entry `origins` of an input."""

    rank: Origin
    dtype: Origin
    sizes: list[Origin]
    batch: Count | None


class InputJson(TypedDict):
    """An entry of `inputs` of a model."""

    name: str
    shape: list[Size]
    example: list[int]
    dtype: str
    source: str
    guessed: bool
    origin: Origin
    origins: OriginsJson


class ArgumentJson(TypedDict):
    """An entry of `arguments` of a model."""

    name: str
    value: str
    origin: Origin
    source: str


class LayerJson(TypedDict):
    """An entry of `layers` of a model."""

    key: str
    path: str
    type: str
    op: str
    cell: NotRequired[Line]
    line: Line
    inputs: list[list[Size]]
    outputs: Filled[list[Size]]
    example_inputs: list[list[int]]
    example_outputs: Filled[list[int]]
    parameters: Count
    macs: Count
    receptive_field: list[int] | None
    kernel: list[int] | None
    stride: list[int] | None
    padding: list[tuple[int, int]] | None
    parameter_memory: Count
    activation_memory: Count
    kept: Count | None


class SizesJson(TypedDict):
    """What a contract says of a symbol."""

    min: int
    max: int | None
    multiple_of: Line
    values: Filled[int] | None


class SkippedJson(TypedDict):
    """An entry of `skipped` of a model."""

    rule: str
    layer: str
    reason: str


LineTensorJson = tuple[str, list[Size], list[int], str]


class AnnotationJson(TypedDict):
    """What a line leaves behind."""

    line: Line
    end_line: Line
    text: str
    count: Line
    first: Filled[LineTensorJson]
    last: Filled[LineTensorJson]
    between: bool
    built: bool


PlaceJson = tuple[str, bool, Line, Line, Line, Line]


class AnnotatedJson(TypedDict):
    """An entry of `annotated` of a model."""

    path: str
    cell: NotRequired[Line]
    shown: list[tuple[Line, Line]]
    lines: list[AnnotationJson]
    skipped: list[tuple[Line, Line]]
    stopped: Line | None
    reason: str | None
    places: list[PlaceJson]


class OptimizerJson(TypedDict):
    """An entry of `optimizers` of the memory that training takes."""

    name: str
    states: Count
    peak: Count


class TrainingMemoryJson(TypedDict):
    """The entry `training_memory` of a model: bytes, for a batch of `samples`."""

    samples: Line
    batch: str | None
    source: str | None
    parameters: Count
    buffers: Count
    gradients: Count
    kept: Count
    optimizers: Filled[OptimizerJson]
    precision: str | None
    checkpointed: list[str]
    unknown: list[str]


ModelJson = TypedDict(
    "ModelJson",
    {
        "path": str,
        "name": str,
        "class": str,
        "cell": NotRequired[Line],
        "line": Line,
        "status": Status,
        "reason": str | None,
        "inputs": list[InputJson],
        "parameters": Count | None,
        "macs": Count | None,
        "activation_memory": Count | None,
        "layers": list[LayerJson],
        "contract": dict[str, SizesJson],
        "joint": list[str],
        "confirmed": bool,
        "skipped": list[SkippedJson],
        "accepts": str | None,
        "stopped": str | None,
        "arguments": list[ArgumentJson],
        "parameter_memory": Count | None,
        "state_dict": SavedJson | None,
        "training_memory": TrainingMemoryJson | None,
        "picture": NotRequired[PictureJson],
        "annotated": NotRequired[list[AnnotatedJson]],
    },
)


class RelatedJson(TypedDict):
    """An entry of `related` of a finding."""

    path: str
    cell: NotRequired[Line]
    line: Line
    column: Line
    message: str


class EditJson(TypedDict):
    """An entry of `edits` of a fix."""

    path: str
    cell: NotRequired[Line]
    line: Line
    column: Line
    end_line: Line
    end_column: Line
    text: str


class FixJson(TypedDict):
    """What mends a finding."""

    safe: bool
    message: str
    edits: Filled[EditJson]
    digest: str


class FindingJson(TypedDict):
    """An entry of `findings`."""

    rule: str
    category: str
    severity: Severity
    path: str
    cell: NotRequired[Line]
    line: Line
    column: Line
    end_line: Line
    end_column: Line
    model: str
    layer: str
    count: Line
    layers: list[str]
    message: str
    help: str | None
    related: list[RelatedJson]
    arguments: NotRequired[Filled[str]]
    fix: NotRequired[FixJson]
    no_fix: NotRequired[str]


class UserCallJson(TypedDict):
    """An entry of `calls` of an error."""

    path: str
    cell: NotRequired[Line]
    line: Line
    column: Line
    function: str


class ProblemJson(TypedDict):
    """An entry of `errors`."""

    path: str
    cell: NotRequired[Line]
    line: Line
    column: NotRequired[Line]
    end_column: NotRequired[Line]
    kind: Kind
    message: str
    model: NotRequired[str]
    calls: NotRequired[Filled[UserCallJson]]
    traceback: NotRequired[str]


class NoteJson(TypedDict):
    """An entry of `notes`, or a remark."""

    path: str
    cell: NotRequired[Line]
    line: Line
    message: str


class SilencedJson(TypedDict):
    """An entry of `silenced`."""

    rule: str
    path: str
    cell: NotRequired[Line]
    line: Line
    model: str
    layers: list[str]


class ToolJson(TypedDict):
    """What made a report."""

    name: str
    version: str
    torch: str | None


class ReportJson(TypedDict):
    """A report; what a worker never fills in, a baseline and the sums, is not read of it."""

    version: int
    tool: ToolJson
    models: list[ModelJson]
    findings: list[FindingJson]
    errors: list[ProblemJson]
    notes: list[NoteJson]
    silenced: list[SilencedJson]
    baseline: None
    summary: dict[str, Any]
