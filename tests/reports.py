"""A report made by hand that has everything in it which a format must be able to write."""

from dataclasses import replace

from modellint.contracts.admitted import Sizes
from modellint.fixes.edits import Edit
from modellint.results.annotated import AnnotatedSource, Annotation, LineTensor
from modellint.results.findings import Diagnostic, Related, TriedFix
from modellint.results.models import Layer, ModelInput, ModelReport, SkippedCheck
from modellint.results.report import Note, Problem, Report, RulePage
from modellint.source.file import text_digest

#: A path with all that some format gives a meaning.
ODD = 'models/odd "näme", 100%: a\tb|c\n.py'
#: Text that would act on a terminal, a log of GitHub, Markdown, HTML, or SARIF's links.
HOSTILE = "\x1b]0;title\x07\n::error::x ##[error]y 50% [go](http://x) <b>|`*_~$& \u202e\ud800\x00"

NET = """\
class Net(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.fc = nn.Linear(
            6 * 26 * 26, 10,
        )

    def forward(self, x):
        return self.fc(self.conv1(x).flatten(1))
"""
ODD_SOURCE = """\
class Odd(nn.Module):
    def __init__(self):
\tself.größe, self.層 = 1, nn.Conv2d(3, 8, 2)  # \x1b[31m::error::red
        self.again, self.more = 1, nn.Conv2d(3, 8, 2)
"""

CONV = Layer(
    key="conv1",
    path="conv1",
    type="Conv2d",
    op="conv2d",
    line=3,
    inputs=(("N", 1, "H", "W"),),
    outputs=(("N", 6, "H - 2", "W - 2"),),
    example_inputs=((2, 1, 28, 28),),
    example_outputs=((2, 6, 26, 26),),
    parameters=60,
    macs=36504,
    receptive_field=(3, 3),
    kernel=(3, 3),
    stride=(1, 1),
    padding=((0, 0), (0, 1)),
)
FC = replace(
    CONV,
    key="fc",
    path="fc",
    type="Linear",
    op="linear",
    line=4,
    inputs=(("N", 4056),),
    outputs=(("N", 10),),
    example_inputs=((2, 4056),),
    example_outputs=((2, 10),),
    parameters=40570,
    macs=40560,
    receptive_field=None,
    kernel=None,
    stride=None,
    padding=None,
)
MODEL = ModelReport(
    path="net.py",
    name="Net",
    class_name="Net",
    line=1,
    status="analysed",
    inputs=(
        ModelInput("x", ("N", 1, "H", "W"), (2, 1, 28, 28), "float32", "call at line 9", False),
    ),
    parameters=40630,
    macs=77064,
    layers={"conv1": CONV, "fc": FC},
    contract={"H": Sizes(28, 28, 1, None), "W": Sizes(28, 28, 1, None)},
    skipped=(SkippedCheck("even-kernel", "conv1", "its kernel is not known"),),
    accepts="N any; (H - 2)*(W - 2) == 676",
)
#: What the lines of `NET` and of `ODD_SOURCE` leave.
MAP = LineTensor("", ("N", 6, "H - 2", "W - 2"), (2, 6, 26, 26), "float32")
SCORES = LineTensor("", ("N", 10), (2, 10), "float16")
ANNOTATED = AnnotatedSource(
    path="net.py",
    shown=((1, 9),),
    lines=(Annotation(9, 9, 1, (SCORES,), (SCORES,)),),
    skipped=((4, 6),),
)
ANNOTATED_ODD = AnnotatedSource(
    path=ODD,
    shown=((1, 1), (3, 4)),
    lines=(
        Annotation(3, 3, 3, (MAP,), (replace(MAP, name=HOSTILE),), between=True),
        Annotation(4, 4, 1, (MAP, MAP), (MAP, MAP), built=True),
    ),
    stopped=3,
    reason=HOSTILE,
)
BARE = replace(
    MODEL, inputs=(), parameters=None, macs=None, layers={}, contract={}, skipped=(), accepts=None
)


#: Beyond the finding's line, and within it: the first changes what the model computes.
PADDED = TriedFix(
    False,
    "padding=1; fc in_features=6 * 28 * 28",
    (Edit(3, 39, 3, 39, ", padding=1", "net.py"), Edit(5, 13, 5, 24, "6 * 28 * 28", "net.py")),
    text_digest(NET),
)
ODD_FIX = TriedFix(
    True, HOSTILE, (Edit(3, 42, 3, 43, "3,\n\t\t# ```\n\t\t", ODD),), text_digest(ODD_SOURCE)
)


def moved(finding, line):
    """A finding on one line, on another."""
    return replace(finding, line=line, end_line=line)


FINDING = Diagnostic(
    rule="edge-losing-padding",
    category="suspicious",
    severity="warning",
    path="net.py",
    line=3,
    column=22,
    end_line=3,
    end_column=40,
    model="Net",
    layer="conv1",
    count=1,
    layers=("conv1",),
    message="conv1 trims 1 px from every side",
    help="padding=1 keeps 28×28",
    related=(Related("net.py", 9, 24, "called here"),),
    fix=PADDED,
)
MISMATCH = replace(
    FINDING,
    fix=None,
    rule="shape-mismatch",
    category="correctness",
    severity="error",
    line=4,
    column=19,
    end_line=6,
    end_column=10,
    layer="fc",
    layers=("fc",),
    message="fc expects 4056 features",
    help=None,
)
EVEN = replace(
    FINDING,
    rule="even-kernel",
    path=ODD,
    line=3,
    column=26,
    end_column=44,
    model="Odd",
    layer="層",
    layers=("層", "again", "more"),
    count=3,
    message=HOSTILE,
    help=HOSTILE,
    related=(Related(ODD, 3, 2, HOSTILE), Related("/elsewhere/a b.py", 1, 1, "built here")),
    fix=ODD_FIX,
)
ADVICE = replace(
    FINDING,
    rule="late-norm",
    category="advice",
    severity="info",
    path="both.py",
    line=7,
    end_line=7,
    model="small",
    message="norm comes late",
    related=(),
    fix=None,
)
FLAGGED_TWICE = replace(ADVICE, model="wide")

REPORT = Report(
    models=(
        replace(MODEL, annotated=(ANNOTATED,)),
        replace(MODEL, path="clean.py", name="Clean", class_name="Clean", confirmed=True),
        replace(BARE, path="both.py", name="small", class_name="Base"),
        replace(BARE, path="both.py", name="wide", class_name="Base"),
        replace(
            MODEL,
            path=ODD,
            name="Odd",
            class_name="Odd",
            status="partial",
            reason="len() of a tensor fixes it",
            annotated=(ANNOTATED_ODD,),
        ),
        replace(
            BARE,
            path="late.py",
            name="Late",
            class_name="Late",
            line=9,
            status="not-analysed",
            reason="needs `size`: give it in a call | or a factory",
        ),
        replace(
            BARE,
            path="slow.py",
            name="Slow",
            class_name="Slow",
            line=2,
            status="failed",
            reason="ran for more than 60 s while building Slow",
        ),
    ),
    findings=(FINDING, MISMATCH, EVEN, ADVICE, FLAGGED_TWICE),
    errors=(
        Problem("bad.py", 3, "import-error", "No module named 'wandb'"),
        Problem("slow.py", 2, "timeout", "ran for more than 60 s while building Slow"),
    ),
    notes=(Note("net.py", 2, "statement skipped: No module named 'wandb'"),),
    torch="2.13.0",
    texts={"net.py": NET, ODD: ODD_SOURCE, "bad.py": "import os\n\nimport wandb\n"},
    rules=(
        RulePage(
            "edge-losing-padding",
            "suspicious",
            "warning",
            True,
            "A convolution without padding trims a notable part of its map.",
            "A convolution without padding trims a notable part of its map.\n\nWhy: `e - s`.",
            "### edge-losing-padding\n\nA convolution without padding trims.\n",
        ),
        RulePage("long-page", "pedantic", "info", False, "x" * 2000, "y" * 2000, "z\n"),
    ),
).sorted()
CLEAN = Report(
    models=(replace(MODEL, path="clean.py", name="Clean", class_name="Clean"),), torch="2.13.0"
)
