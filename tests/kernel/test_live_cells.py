"""Live models in a real kernel: found in the cells that made them, and nothing stays behind."""

import re

import pytest
from kernels import Kernel

from modellint.kernel.options import HELP, parse_options
from modellint.report.notebook import _COLORS

pytestmark = pytest.mark.slow

NET = """\
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 4, padding=1)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean((2, 3)))"""
EVEN = "self.conv = nn.Conv2d(3, width, 4, padding=1)"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    one = Kernel(tmp_path_factory.mktemp("temporary"))
    one.run("import modellint, torch\nfrom torch import nn\nimport torch.nn.functional as F")
    one.run("%load_ext modellint")
    yield one
    one.close()


def places(text, rule="even-kernel"):
    """The cells, lines and columns at which a report has a rule."""
    found = re.findall(rf"^cell (\d+):(\d+):(\d+): \w+\[{rule}\]", text, re.MULTILINE)
    return [tuple(map(int, one)) for one in found]


@pytest.mark.parametrize(
    ("above", "below", "line"),
    [
        ("", "", 4),
        ("\n  \n", "\n\n", 6),
        ("%matplotlib?\n!true\n", "", 6),
        ("import os\nx = %env HOME\n", "\nnet?", 6),
        ("%%capture\n", "", 5),
        ("\n%%capture out\n\n", "\n\n", 7),
    ],
)
def test_a_finding_stands_in_the_cell_as_it_was_typed(kernel, above, below, line):
    number, _ = kernel.run(f"{above}{NET}{below}")
    _, shown = kernel.run("print(modellint.lint(Net()))")
    assert places(shown["stdout"]) == [(number, line, 21)]
    lines = shown["stdout"].splitlines()
    at = next(i for i, one in enumerate(lines) if "[even-kernel]" in one)
    assert lines[at + 1] == f"{line} |         {EVEN}"
    assert f"see: cell {number}:{line + 4}:26 called here" in shown["stdout"]


def test_the_number_is_that_of_the_last_run_of_a_cell(kernel):
    cell = NET.replace("Net", "Again")
    kernel.run(cell)
    kernel.run("1 + 1")
    number, _ = kernel.run(cell)
    _, shown = kernel.run("print(modellint.lint(Again()))")
    assert places(shown["stdout"]) == [(number, 4, 21)]


def test_each_class_stands_in_its_own_cell(kernel):
    first, _ = kernel.run(
        "class Base(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.conv = nn.Conv2d(3, 8, 4)"
    )
    second, _ = kernel.run(
        "\nclass Derived(Base):\n    def __init__(self):\n"
        "        super().__init__()\n        self.more = nn.Conv2d(8, 8, 4)\n"
        "    def forward(self, x):\n        return self.more(self.conv(x))"
    )
    kernel.run("report = modellint.lint(Derived(), select=['even-kernel'])")
    assert kernel.value("[(f.layer, f.cell, f.line) for f in report.findings]") == [
        ("conv", first, 4),
        ("more", second, 5),
    ]
    assert kernel.value("[(m.path, m.cell, m.line) for m in report.models]") == [
        ("<notebook>", second, 2)
    ]
    layers = "{k: (l.cell, l.line) for k, l in report.models[0].layers.items()}"
    assert kernel.value(layers) == {"conv": (first, 4), "more": (second, 5)}
    assert kernel.value("report.findings[0].place") == f"cell {first}:4:21"


def test_what_a_forward_does_is_named_by_its_cell(kernel):
    cell = "def pooled(x):\n    return F.max_pool2d(x, 5, 2)"
    helper, _ = kernel.run(cell)
    kernel.run(NET.replace("Net", "Calls").replace("self.conv(x)", "pooled(self.conv(x))"))
    kernel.run("report = modellint.lint(Calls(), 'N,3,32,32')")
    assert f"max_pool2d@{helper}:2" in kernel.value("list(report.models[0].layers)")


def test_a_failing_forward_is_told_at_its_line(kernel):
    number, _ = kernel.run(NET.replace("Net", "Wrong").replace(".relu()", ".rulu()"))
    _, shown = kernel.run("print(modellint.lint(Wrong()))")
    assert f"cell {number}:8: error[trace-error]" in shown["stdout"]
    assert "8 |         return self.head(self.conv(x).rulu()" in shown["stdout"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("padding=1)", "padding=1)  # modellint: ignore[even-kernel]"),
        ("(nn.Module):", "(nn.Module):  # modellint: ignore[even-kernel]"),
        ("class Net", "# modellint: ignore-file[even-kernel]\nclass Net"),
    ],
)
def test_ignore_comments_count(kernel, old, new):
    kernel.run(NET.replace(old, new))
    report = "modellint.lint(Net(), select=['even-kernel'])"
    assert kernel.value(f"len({report}.findings)") == 0
    assert kernel.value(f"[s.rule for s in {report}.silenced]") == ["even-kernel"]


@pytest.mark.parametrize("name", ["json", "sarif", "github", "gitlab", "junit", "markdown", "html"])
def test_every_format_names_the_cell(kernel, name):
    number, _ = kernel.run(NET)
    text = kernel.value(f"modellint.lint(Net()).render({name!r})")
    place = f'"cell": {number},' if name == "json" else f"cell {number}:4:21"
    assert place in text and "ipykernel" not in text


def test_the_magic_runs_a_cell_and_lints_its_model(kernel):
    number, shown = kernel.run(f"%%modellint --select even-kernel\n{NET}\nprint('ran')\n41 + 1")
    assert shown["stdout"] == "ran\n"
    text = shown["text/plain"]
    assert text.startswith("42")
    assert re.search(rf"^cell {number}:5:21: warning\[even-kernel\]", text[2:], re.MULTILINE)
    assert f"5 |         {EVEN}" in text
    assert "edge-losing-padding" not in text and text.rstrip().endswith(
        "1 model checked, 1 warning"
    )
    assert kernel.value("Net.__name__") == "Net"


def test_the_magic_lints_the_instances_of_a_cell(kernel):
    made, _ = kernel.run(NET.replace("Net", "Wide"))
    _, shown = kernel.run(
        "%%modellint --layers\nnet = Wide(32)\ncriterion = nn.CrossEntropyLoss()\n"
        "optimizer = torch.optim.SGD(net.parameters(), 0.1)\ny = net(torch.rand(1, 3, 40, 48))"
    )
    text = shown["text/plain"]
    assert places(text) == [(made, 4, 21)]
    assert "Conv2d 3→32" in text and "1 model checked" in text
    # How it is fed is what the cell shows.
    assert "40×48" in text
    assert "Layers of <b>Wide</b>" in shown["text/html"]


def test_what_a_model_prints_is_its_owners_alone(kernel):
    said = NET.replace("Net", "Says").replace("return self", "print('in', x.shape); return self")
    said = said.replace("super().__init__()", "super().__init__(); print('built')")
    for cell in (f"%%modellint\n{said}", "modellint.lint(Says(), 'N,1,28,28').annotated();"):
        _, shown = kernel.run(cell)
        assert "in (" not in shown.get("stdout", "") and "in torch" not in shown.get("stdout", "")
    _, shown = kernel.run("y = Says()(torch.rand(1, 3, 9, 9))")
    assert shown["stdout"] == "built\nin torch.Size([1, 3, 9, 9])\n"


def test_a_model_without_a_class_stands_where_it_is_made(kernel):
    number, shown = kernel.run(
        "%%modellint --select even-kernel\n\nnet = nn.Sequential(nn.Conv2d(3, 8, 4), nn.ReLU())"
    )
    assert places(shown["text/plain"]) == [(number, 3, 1)]
    assert "3 | net = nn.Sequential(" in shown["text/plain"]


def test_the_magic_takes_shapes_and_rules(kernel):
    _, shown = kernel.run(f"%%modellint --input N,3,24,24 --select even-kernel,advice\n{NET}")
    assert "24×24" in shown["text/plain"]
    for line, said in (
        ("--select evn-kernel", "did you mean even-kernel"),
        ("--input 'N,3", "No closing quotation"),
        ("--input N,,3", "UsageError"),
        ("--sellect all", "unrecognized arguments"),
    ):
        _, shown = kernel.run(f"%%modellint {line}\nprint('ran')")
        assert said in shown["error"] if "error" in shown else said in shown["stderr"]
        assert "stdout" not in shown


def test_parts_and_older_cells_are_no_models_of_a_cell(kernel):
    kernel.run(NET.replace("Net", "Elder"))
    _, shown = kernel.run(
        "%%modellint\nclass Block(nn.Module):\n    def __init__(self, n):\n"
        "        super().__init__()\n        self.fc = nn.Linear(n, n)\n"
        "    def forward(self, x):\n        return self.fc(x).relu()\n\n"
        "class Tower(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.block = Block(10)\n    def forward(self, x):\n        return self.block(x)"
    )
    assert shown["text/plain"].rstrip().endswith("1 model checked, no findings")
    _, shown = kernel.run("%%modellint\nx = 3")
    assert shown["text/plain"].strip() == "No models found"


def test_a_model_that_is_not_built_is_told_at_its_cell(kernel):
    needy = NET.replace("Net", "Needy").replace("width=8", "zork").replace("width", "zork.width")
    number, shown = kernel.run(f"%%modellint\n{needy}")
    assert re.search(rf"^cell {number}:2: not analysed: Needy", shown["text/plain"], re.MULTILINE)
    broken = NET.replace("Net", "Broken").replace("super().__init__()", "super().__init__(); 1/0")
    number, shown = kernel.run(f"%%modellint\n{broken}")
    assert f"cell {number}:2: error[build-error] ZeroDivisionError" in shown["text/plain"]


def test_a_cell_that_fails_or_awaits_is_not_linted(kernel):
    _, shown = kernel.run(f"%%modellint\n{NET}\n1 / 0")
    assert "ZeroDivisionError" in shown["error"] and "text/plain" not in shown
    _, shown = kernel.run("%%modellint\nimport asyncio\nprint('ran')\nawait asyncio.sleep(0)")
    assert "cannot await" in (shown.get("error") or shown["stderr"]) and "stdout" not in shown


def test_the_magic_explains_itself(kernel):
    _, shown = kernel.run("%%modellint?")
    text = str(shown)
    for name in ("--input", "--select", "--ignore", "--extend-select", "--layers"):
        assert name in HELP
    assert parse_options("").select == ("default",)
    assert "text/plain" not in shown or "--select" in text


def test_a_report_shows_without_style_sheets_or_scripts(kernel):
    number, _ = kernel.run(NET)
    _, shown = kernel.run("modellint.lint(Net())")
    html = shown["text/html"]
    assert "<td" in html and f">cell {number}:4:21<" in html
    assert "<u><b>nn.Conv2d(3, width, 4, padding=1)</b></u>" in html
    for word in ("<script", "<style", "class=", "<link", "http"):
        assert word not in html
    assert "| --- |" in shown["text/markdown"]
    assert shown["text/plain"].startswith("<Report: 1 model checked")


def test_shapes_stand_beside_the_lines_of_a_cell(kernel):
    kernel.run(f"\n\n{NET}")
    text = kernel.value("modellint.lint(Net(), 'N,3,32,32').annotated()")
    (line,) = [line for line in text.splitlines() if "self.head(self.conv(x)" in line]
    assert line.startswith("        return self.head(") and line.endswith("# (N, 10)")
    assert "ipykernel" not in text


def luminance(color):
    """By WCAG 2.1, of a colour in hexadecimal digits."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours_bring_their_own_ground(kernel):
    """What has a colour has a ground too, so that neither is that of the theme."""
    kernel.run(NET)
    _, shown = kernel.run("modellint.lint(Net())")
    for style in re.findall(r'style="([^"]*)"', shown["text/html"]):
        named = dict(one.split(":") for one in style.split(";") if one)
        if named.get("color", "inherit") != "inherit":
            assert named["background"] in _COLORS.values() and named["color"] == "#fff"
    for color in _COLORS.values():
        assert 1.05 / (luminance(color) + 0.05) >= 4.5
        # The badge itself is told from both grounds.
        for ground in ("#ffffff", "#111111"):
            two = sorted([luminance(ground), luminance(color)])
            assert (two[1] + 0.05) / (two[0] + 0.05) >= 2


STATE = """
def _state():
    import gc, linecache, os, sys, tempfile, threading
    gc.collect()
    named = {n for n in globals() if not n.startswith('_')}
    patched = {
        f'{m.__name__}.{n}': id(v)
        for m in (torch, nn, F, torch.nn.init, nn.Module, nn.Conv2d, torch.Tensor)
        for n, v in vars(m).items() if callable(v)
    }
    return (
        named, patched, sorted(os.listdir(tempfile.gettempdir())), sorted(os.listdir('.')),
        torch.get_rng_state().sum().item(), torch.is_grad_enabled(), torch.get_default_dtype(),
        sys.gettrace() is None, sorted(t.name for t in threading.enumerate()),
        sys.path[:], dict(os.environ), [id(h) for h in sys.meta_path], gc.isenabled(),
    )
"""


@pytest.mark.parametrize(
    "cell", ["report = modellint.lint(Net())", "%%modellint\nnet = Net()", "%%modellint\n1 + 1"]
)
def test_nothing_stays_in_the_kernel(kernel, cell):
    kernel.run(STATE)
    kernel.run(f"{NET}\nreport = modellint.lint(Net())\nnet = None")
    kernel.run("import weakref, gc\ntorch.manual_seed(3)")
    # What the cell itself draws is none of ours.
    kernel.run("before = _state(); torch.manual_seed(3); net = Net(); after = None")
    kernel.run("torch.manual_seed(3); net = Net(); before = _state()")
    kernel.run("torch.manual_seed(3)")
    kernel.run(cell if "Net()" in cell else f"{cell}\nnet = Net()")
    kernel.run("after = _state()")
    assert kernel.value("[i for i, (a, b) in enumerate(zip(before, after)) if a != b]") == []
    # A model that its owner drops is gone.
    kernel.run("gone = weakref.ref(net); del net, report, _")
    kernel.run("gc.collect()")
    assert kernel.value("gone() is None")
    kernel.run("net = report = None")


def test_the_magic_goes_with_the_extension(kernel):
    kernel.run("%unload_ext modellint")
    _, shown = kernel.run("%%modellint\nx = 1")
    assert "not found" in (shown.get("error") or shown["stderr"])
    kernel.run("%load_ext modellint")
    _, shown = kernel.run("%%modellint\nx = 1")
    assert shown["text/plain"].strip() == "No models found"
