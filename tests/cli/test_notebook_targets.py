"""Notebooks on the command line: linted as their module, told of and changed in their cells."""

import ast
import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from command import modellint
from documents import ROOT
from notebook_files import JUPYTER, Style, notebook, written

from modellint import UsageError, lint_paths
from modellint.report import FORMATS

SETUP = "%matplotlib inline\n!pip install -q torch\nimport torch\nfrom torch import nn"
NET = """\
%%time

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)  # "卷积"
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu().mean((2, 3))
        return nn.functional.softmax(self.head(x))"""
SAFE = NET.replace("padding=1)", "padding=1, bias=False)").replace("head(x))", "head(x), dim=1)")
ALL = SAFE.replace("8, 4, padding=1", "8, 5, padding=2")
CALL = "net = Net()\n%time y = net(torch.rand(1, 3, 32, 32))\ny.shape?\nfiles = !ls"
CELLS = [SETUP, "%%bash\nls 'x", NET, CALL]
EVEN = "net.ipynb:cell 3:6:21"
STYLES = [
    JUPYTER,
    Style(indent=2, ascii=True, last=""),
    Style(indent="\t", listed=False, end="\r\n"),
    Style(indent=None, listed=False, bom=True),
    Style(indent=None, last="\n\n"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(CELLS)
    return tmp_path


def write(cells, style=JUPYTER, name="net.ipynb", **more):
    Path(name).write_bytes(written(cells, style, **more))


def run(*arguments, stdin=""):
    return modellint(*arguments, cwd=".", stdin=stdin)


def told(*arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


def cells_of(text, seed):
    """A file cut at some of its statements, cells of other things between; where each begins."""
    draw = random.Random(seed)
    starts = sorted(
        min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        for node in ast.parse(text).body
    )
    cuts = [1, *(line for line in starts[1:] if draw.random() < 0.6)]
    lines = text.split("\n")
    cells, begins = [], []
    for first, after in zip(cuts, [*cuts[1:], len(lines) + 1], strict=True):
        if draw.random() < 0.5:
            cells.append(
                draw.choice(["%load_ext modellint", "%%bash\nif 'x", "", "torch?", "!x '"])
            )
            begins.append(None)
        cells.append("\n".join(lines[first - 1 : after - 1]))
        begins.append(first)
    return cells, begins


#: A line as texts and names have it.
PLACE = re.compile(r"(cell \d+, )?line \d+|@[\d:]+|same\.\w+:(cell \d+:)?\d+")


def as_of_file(entry, begins):
    """An entry of JSON with the lines of the file that the notebook was made of."""
    if isinstance(entry, list):
        return [as_of_file(one, begins) for one in entry]
    if not isinstance(entry, dict):
        # A place within a text or a name is that of a line.
        return re.sub(
            r"cell \d+, line \d+|line \d+|@[\d:]+|same\.\w+:[\w: ]*\d+", "LINE", str(entry)
        )
    made = {key: as_of_file(value, begins) for key, value in entry.items() if key != "digest"}
    if "path" in made:
        made["path"] = Path(entry["path"]).stem
    if "cell" in entry:
        shift = begins[entry["cell"] - 1] - 1
        for key in ("line", "end_line"):
            if key in entry:
                made[key] = str(entry[key] + shift)
        del made["cell"]
    return made


SOURCES = sorted([*(ROOT / "examples").glob("*.py"), *(ROOT / "tests/mutations/nets").glob("*.py")])


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_notebook_is_linted_as_the_module_of_its_cells(source):
    text = source.read_text("utf-8")
    Path("same.py").write_text(text, "utf-8")
    cells, begins = cells_of(text, source.stem)
    write(cells, name="same.ipynb")
    options = ("--select", "all", "--isolated", "-o")
    run("same.py", *options, "file.json", "--format", "json")
    run("same.ipynb", *options, "notebook.json", "--format", "json")
    one, other = (json.loads(Path(f"{name}.json").read_text()) for name in ("file", "notebook"))
    assert one["models"]
    for part in ("models", "findings", "errors", "notes", "silenced"):
        assert all("cell" in entry for entry in other[part])
        assert as_of_file(other[part], begins) == as_of_file(one[part], begins)


def test_findings_stand_in_their_cells():
    done = run("net.ipynb")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(f"{EVEN}: warning"))
    assert lines[at + 1] == '6 |         self.conv = nn.Conv2d(3, 8, 4, padding=1)  # "卷积"'
    assert underlined(done.stdout) == "4"
    assert "see: net.ipynb:cell 3:11:23 called here" in map(str.strip, lines[at:])
    found = {one["rule"]: one for one in told("net.ipynb")["findings"]}
    even = found["even-kernel"]
    assert (even["cell"], even["line"], even["column"]) == (3, 6, 21)
    assert (even["end_line"], even["end_column"]) == (6, 50)
    assert [(one["cell"], one["line"]) for one in even["related"]] == [(3, 11)]
    assert {one["cell"] for one in even["fix"]["edits"]} == {3}
    assert found["softmax-without-dim"]["layer"] == "softmax@3:12"


def test_a_report_of_a_notebook_comes_back_from_json():
    report = lint_paths(["net.ipynb"])
    again = type(report).from_dict(report.to_dict())
    assert again.findings == report.findings and again.models == report.models
    assert report.findings[0].cell == 3
    assert report.models[0].layers["conv"].cell == 3


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_the_cell(name):
    text = run("net.ipynb", "--format", name).stdout
    if name == "json":
        assert '"cell": 3,\n      "line": 6,\n      "column": 21' in text
    else:
        assert EVEN in text
    assert "net.ipynb:6" not in text


def raw_line(number, name="net.ipynb"):
    return Path(name).read_text("utf-8-sig").split("\n")[number - 1]


@pytest.mark.parametrize("style", STYLES)
def test_hosts_get_the_lines_of_the_file_itself(style):
    write(CELLS, style)
    built = "nn.Conv2d(3, 8, 4, padding=1)"
    log = json.loads(run("net.ipynb", "--format", "sarif").stdout)
    schema = json.loads((ROOT / "tests/report/data/sarif-2.1.0.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(log)
    found = next(one for one in log["runs"][0]["results"] if one["ruleId"] == "even-kernel")
    (place,) = found["locations"]
    region = place["physicalLocation"]["region"]
    raw = raw_line(region["startLine"])
    assert raw[region["startColumn"] - 1 : region["endColumn"] - 1] == built
    assert {"name": "cell 3", "kind": "module"} in place["logicalLocations"]
    command = next(
        line
        for line in run("net.ipynb", "--format", "github").stdout.splitlines()
        if line.startswith("::warning") and "even-kernel" in line
    )
    line, column = (int(re.search(rf"\b{key}=(\d+)", command)[1]) for key in ("line", "col"))
    assert raw_line(line)[column - 1 :].startswith(built)
    issues = json.loads(run("net.ipynb", "--format", "gitlab").stdout)
    issue = next(one for one in issues if one["check_name"] == "even-kernel")
    assert issue["location"]["lines"]["begin"] == region["startLine"]
    suites = ElementTree.fromstring(run("net.ipynb", "--format", "junit").stdout.encode())
    case = next(one for one in suites.iter("testcase") if "even-kernel" in one.get("name"))
    assert case.get("line") == str(region["startLine"])


@pytest.mark.parametrize("style", STYLES)
def test_the_fixes_of_sarif_are_what_is_written(style):
    write(CELLS, style)
    log = json.loads(run("net.ipynb", "--format", "sarif").stdout)
    fixes = [
        one["fixes"][0]["artifactChanges"][0]["replacements"]
        for one in log["runs"][0]["results"]
        if one.get("fixes") and one["fixes"][0]["properties"]["safe"]
    ]
    assert len(fixes) == 2
    for replacements in fixes:
        text = Path("net.ipynb").read_bytes().decode("utf-8-sig")
        for one in reversed(replacements):
            region = one["deletedRegion"]
            lines = re.split("(?<=\n)", text)
            start, end = (
                sum(map(len, lines[: region[f"{edge}Line"] - 1])) + region[f"{edge}Column"] - 1
                for edge in ("start", "end")
            )
            text = text[:start] + one["insertedContent"]["text"] + text[end:]
        changed = json.loads(text)
        source = "".join(changed["cells"][5]["source"])
        assert source in (
            NET.replace("padding=1)", "padding=1, bias=False)"),
            NET.replace("head(x))", "head(x), dim=1)"),
        )


@pytest.mark.parametrize("style", STYLES)
def test_fixes_change_the_text_of_the_cell_and_nothing_else(style):
    write(CELLS, style)
    done = run("net.ipynb", "--fix")
    assert done.stdout.splitlines()[-1].endswith("2 fixed, 1 more with --unsafe-fixes")
    assert Path("net.ipynb").read_bytes() == written([*CELLS[:2], SAFE, CALL], style)
    run("net.ipynb", "--fix", "--unsafe-fixes")
    assert Path("net.ipynb").read_bytes() == written([*CELLS[:2], ALL, CALL], style)
    assert run("net.ipynb", "--fix").stdout.endswith("no findings\n")


def test_a_fix_may_be_of_several_cells():
    head = "def head(features=8 * 31 * 31):\n    return nn.Linear(features, 10)"
    base = (
        "class Base(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 8, 4, padding=1)"
    )
    net = (
        "class Net(Base):\n    def __init__(self):\n        super().__init__()\n"
        "        self.fc = nn.Linear(8 * 31 * 31, 10)\n"
        "    def forward(self, x):\n        return self.fc(self.conv(x).flatten(1))"
    )
    write([SETUP, base, head, net, CALL])
    only = ("net.ipynb", "--select", "even-kernel")
    (found,) = told(*only)["findings"]
    assert {edit["cell"] for edit in found["fix"]["edits"]} == {2, 4}
    diff = run(*only, "--diff", "--unsafe-fixes").stdout
    assert re.findall("^--- (.*)$", diff, re.MULTILINE) == ["net.ipynb:cell 2", "net.ipynb:cell 4"]
    run(*only, "--fix", "--unsafe-fixes")
    fixed = [base.replace("8, 4, padding=1", "8, 5, padding=2"), head, net.replace("31", "32")]
    assert Path("net.ipynb").read_bytes() == written([SETUP, *fixed, CALL])


@pytest.mark.slow
def test_an_executor_places_findings_in_cells():
    with ThreadPoolExecutor(1) as executor:
        report = lint_paths(["net.ipynb"], executor=executor)
    assert report.to_dict() == lint_paths(["net.ipynb"]).to_dict()
    assert {one.cell for one in report.findings} == {3}


def test_a_diff_shows_a_cell_as_it_was_typed():
    before = Path("net.ipynb").read_bytes()
    diff = run("net.ipynb", "--diff").stdout.splitlines()
    assert diff[:2] == ["--- net.ipynb:cell 3", "+++ net.ipynb:cell 3"]
    assert [line for line in diff[2:] if line[0] in "+-"] == [
        '-        self.conv = nn.Conv2d(3, 8, 4, padding=1)  # "卷积"',
        '+        self.conv = nn.Conv2d(3, 8, 4, padding=1, bias=False)  # "卷积"',
        "-        return nn.functional.softmax(self.head(x))",
        "+        return nn.functional.softmax(self.head(x), dim=1)",
    ]
    assert Path("net.ipynb").read_bytes() == before


def test_a_fix_of_a_notebook_that_has_changed_is_not_made():
    report = lint_paths(["net.ipynb"])
    write(["import torch", *CELLS])
    now = Path("net.ipynb").read_bytes()
    assert "has changed" in report.fix().troubles[0]
    assert Path("net.ipynb").read_bytes() == now


@pytest.mark.parametrize("style", STYLES)
def test_ignore_comments_are_written_into_the_cell(style):
    write(CELLS, style)
    run("net.ipynb", "--select", "even-kernel,softmax-without-dim", "--add-ignore", "wegen Ü")
    mark = "  # modellint: ignore[{}] -- wegen Ü"
    cell = NET.replace('"卷积"', '"卷积"' + mark.format("even-kernel"))
    cell = cell.replace("head(x))", "head(x))" + mark.format("softmax-without-dim"))
    assert Path("net.ipynb").read_bytes() == written([*CELLS[:2], cell, CALL], style)
    left = {one["rule"] for one in told("net.ipynb")["findings"]}
    assert left.isdisjoint({"even-kernel", "softmax-without-dim"})


@pytest.mark.parametrize(
    ("cell", "comment"),
    [
        (NET.replace('# "卷积"', "# modellint: ignore[even-kernel]"), "on the line"),
        (NET.replace("Module):", "Module):  # modellint: ignore[even-kernel]"), "on the class"),
    ],
)
def test_comments_silence_in_their_cell(cell, comment):
    write([SETUP, cell, CALL])
    assert told("net.ipynb", "--select", "even-kernel,unused-ignore")["findings"] == []


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_comment_on_the_file_may_stand_in_any_cell(at):
    cells = [*CELLS]
    cells[at] += "\n# modellint: ignore-file[even-kernel]"
    write(cells)
    found = told("net.ipynb", "--select", "even-kernel,unused-ignore")["findings"]
    # That of a cell which is no Python is none.
    assert [one["rule"] for one in found] == (["even-kernel"] if at == 1 else [])


def test_a_comment_that_silences_nothing_is_told_in_its_cell():
    cell = NET.replace("BatchNorm2d(8)", "BatchNorm2d(8)  # modellint: ignore[even-kernel]")
    write([SETUP, "", cell, CALL])
    (found,) = told("net.ipynb", "--select", "even-kernel,unused-ignore")["findings"][1:]
    assert (found["rule"], found["cell"], found["line"]) == ("unused-ignore", 3, 7)
    assert (found["column"], found["end_line"]) == (40, 7)


def test_a_comment_says_how_a_model_is_fed():
    write([SETUP, NET.replace("Module):", "Module):  # modellint: input=(1, 3, 40, 40)")])
    (model,) = told("net.ipynb")["models"]
    assert model["inputs"][0]["example"][-2:] == [40, 40]
    assert model["inputs"][0]["source"] == "input= comment at cell 2, line 3"


def test_selectors_name_what_a_cell_defines():
    write([SETUP, NET, NET.replace("Net", "Other"), "wide = Net()"])
    assert [one["name"] for one in told("net.ipynb::Other")["models"]] == ["Other"]
    assert [one["cell"] for one in told("net.ipynb::Net()")["models"]] == [2]
    done = run("net.ipynb::Nit")
    assert done.returncode == 2 and "its models: Net, Other" in done.stderr


def test_models_are_listed_with_their_cells():
    out = run("net.ipynb", "--list").stdout.splitlines()
    assert out[0] == "net.ipynb:cell 3:3: Net (class)"
    assert out[2].endswith("(call at cell 4, line 2)")


def test_shapes_stand_beside_the_lines_of_each_cell():
    base = NET.replace("Net(nn.Module)", "Base(nn.Module)").replace("%%time\n", "")
    derived = (
        "import math\nclass Net(Base):\n    def forward(self, x):\n"
        "        y = super().forward(x)\n        return y.relu()"
    )
    write([SETUP, base, "", derived, CALL])
    text = run("net.ipynb::Net", "--annotate", "--select", "even-kernel").stdout
    parts = re.split(r"^# (net\.ipynb:cell \d+)$", text, flags=re.MULTILINE)
    shown = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert "self.norm(self.conv(x))" in shown["net.ipynb:cell 2"]
    own = (parts[0] + "".join(shown.values())).splitlines()
    (line,) = [line for line in own if "y.relu()" in line]
    assert line.startswith("        return y.relu()") and line.endswith("# (N, 10)")
    report = told("net.ipynb::Net", "--annotate", "--select", "even-kernel")
    sources = {one["cell"]: one for one in report["models"][0]["annotated"]}
    assert {*sources} == {2, 4}
    assert [one["line"] for one in sources[4]["lines"]] == [4, 5]
    assert sources[2]["shown"][0][0] == 2


def test_standard_input_may_be_a_notebook():
    text = Path("net.ipynb").read_text("utf-8")
    Path("net.ipynb").unlink()
    done = run("-", "--stdin-filename", "x.ipynb", "--format", "concise", stdin=text)
    assert done.stdout.startswith("x.ipynb:cell 3:6:21: ")
    done = run("-", "--stdin-filename", "x.ipynb", stdin=text)
    assert "self.conv = nn.Conv2d(3, 8, 4, padding=1)" in done.stdout
    done = run("-", "--stdin-filename", "x.ipynb", "--fix", stdin=text)
    assert done.stdout.encode() == written([*CELLS[:2], SAFE, CALL])


def test_folders_are_searched_for_notebooks():
    for name in ("legacy/old.ipynb", "deep/er/net.ipynb", ".ipynb_checkpoints/net.ipynb"):
        Path(name).parent.mkdir(parents=True)
        write(CELLS, name=name)
    write(["import torch"], name="plain.ipynb")
    Path("torch.ipynb").mkdir()
    Path("broken.ipynb").write_text('{"cells": [')
    Path("modellint.toml").write_text('exclude = ["legacy"]')
    report = told(".")
    assert {one["path"] for one in report["models"]} == {"net.ipynb", "deep/er/net.ipynb"}
    # What never says torch is none of ours, however broken.
    assert report["errors"] == []


def test_settings_speak_of_notebooks():
    Path("modellint.toml").write_text(
        'select = ["even-kernel", "softmax-without-dim", "budget"]\n'
        '[per-file-ignores]\n"net.ipynb::Net" = ["even-kernel"]\n'
        '[budget."net.ipynb::Net"]\nparameters = 5\n'
    )
    assert [one["rule"] for one in told("net.ipynb")["findings"]] == [
        "budget",
        "softmax-without-dim",
    ]
    Path("modellint.toml").write_text('[per-file-ignores]\n"*.ipynb" = ["all"]\n')
    assert told("net.ipynb")["findings"] == []


def test_a_baseline_knows_a_finding_by_the_line_of_its_cell():
    run("net.ipynb", "--write-baseline", "known.json")
    entries = json.loads(Path("known.json").read_text())["findings"]
    assert 'self.conv = nn.Conv2d(3, 8, 4, padding=1)  # "卷积"' in [
        one["source"] for one in entries
    ]
    assert {one["class"] for one in entries} == {"Net"}
    # Cells may move, and others be written.
    more = NET.replace("Net", "More").replace("8, 4,", "8, 6,")
    write([SETUP, "x = 1\n\n", "import os", NET, more, CALL])
    found = told("net.ipynb", "--baseline", "known.json")["findings"]
    assert found and {one["model"] for one in found} == {"More"}


def test_a_result_is_kept_until_the_notebook_changes(monkeypatch):
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    cached = ("net.ipynb", "--cache-dir", "cache", "--format", "concise")
    first = run(*cached).stdout
    assert len([*Path("cache").rglob("*.json")]) == 1
    ran = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("modellint.engine.running.run_file", lambda *_: ran.append(1))
        assert run(*cached).stdout == first
    assert not ran
    write(["", *CELLS])
    assert run(*cached).stdout == first.replace("cell 3", "cell 4").replace("@3", "@4")


def test_what_a_command_gives_is_not_guessed():
    cells = ["files = !ls\nn = len(files)", NET.replace("8, 10)", "8, n)")]
    write([SETUP, *cells])
    (model,) = told("net.ipynb")["models"]
    assert model["status"] == "not-analysed"
    assert model["reason"].startswith("cell 2, line 1")


def test_names_of_the_kernel_are_there():
    cells = [
        SETUP,
        "import asyncio\nasync def width():\n    await asyncio.sleep(0)\n    return 8",
        "here = get_ipython()\nget_ipython().run_line_magic('cd', '..')\ndisplay(1)\n"
        "IN_COLAB = 'google.colab' in str(get_ipython())\nW = 8 if IN_COLAB else await width()",
        NET.replace("__init__(self)", "__init__(self, w)").replace("8, 4,", "w, 4,"),
        "net = Net(W)\nnet(torch.rand(1, 3, 32, 32))",
    ]
    write(cells)
    report = told("net.ipynb")
    assert [one["status"] for one in report["models"]] == ["analysed"]
    assert report["errors"] == report["notes"] == []


def test_a_class_that_a_later_cell_defines_again_is_linted_as_it_was():
    first = NET.replace("8, 4, padding=1", "8, 6, padding=2")
    write([SETUP, first, CALL, NET, CALL.replace("32, 32", "40, 40")])
    report = told("net.ipynb", "--select", "even-kernel")
    assert [(one["name"], one["class"], one["cell"]) for one in report["models"]] == [
        ("Net (cell 2)", "Net", 2),
        ("Net", "Net", 4),
    ]
    assert [(one["model"], one["cell"], one["line"]) for one in report["findings"]] == [
        ("Net (cell 2)", 2, 6),
        ("Net", 4, 6),
    ]
    sizes = [one["inputs"][0]["example"][-1] for one in report["models"]]
    assert sizes == [32, 40]
    assert "net.ipynb:cell 2:3: Net (cell 2) (class)" in run("net.ipynb", "--list").stdout
    assert [one["name"] for one in told("net.ipynb::Net")["models"]] == ["Net"]
    # What is fixed is what counts in the end.
    run("net.ipynb", "--select", "even-kernel", "--fix", "--unsafe-fixes")
    fixed = NET.replace("8, 4, padding=1", "8, 5, padding=2")
    assert Path("net.ipynb").read_bytes() == written(
        [SETUP, first, CALL, fixed, CALL.replace("32, 32", "40, 40")]
    )


@pytest.mark.slow
def test_an_earlier_class_that_crashes_leaves_the_later_one():
    first = NET.replace("\n    def forward", "        import os; os.abort()\n\n    def forward")
    write([SETUP, first, NET, CALL])
    report = told("net.ipynb", "--select", "even-kernel")
    assert {one["name"]: one["status"] for one in report["models"]} == {
        "Net (cell 2)": "failed",
        "Net": "analysed",
    }
    assert [(one["kind"], one["cell"]) for one in report["errors"]] == [("crash", 2)]


def test_code_that_reads_its_own_source_reads_that_of_the_cell():
    cells = [SETUP, "import inspect", NET + "\n\nLINES = inspect.getsource(Net.forward)"]
    cells.append(
        "class Wide(Net):\n    def __init__(self):\n        super().__init__()\n"
        "        assert LINES.lstrip().startswith('def forward(self, x)'), LINES"
    )
    write(cells)
    assert told("net.ipynb")["errors"] == []


FAILURES = {
    "build-error": ("        raise ValueError('line 3')", (3, 9)),
    "timeout": ("        import time; time.sleep(60)", (3, 9)),
    "crash": ("        import os; os.abort()", (3, 9)),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAILURES)
def test_what_fails_is_told_in_its_cell(kind):
    code, place = FAILURES[kind]
    write([SETUP, "", NET.replace("\n    def forward", f"{code}\n\n    def forward"), CALL])
    report = told("net.ipynb", "--timeout", "5")
    (error,) = report["errors"]
    assert (error["kind"], error["cell"], error["line"]) == (kind, *place)
    assert [(one["status"], one["cell"]) for one in report["models"]] == [("failed", 3)]


def test_a_cell_that_is_no_python_is_told_and_the_others_are_linted(monkeypatch):
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    write([*CELLS, "%time\n\ndef f(x:\n    pass", "answer = # yours"])
    options = ("net.ipynb", "--select", "even-kernel", "--cache-dir", "cache")
    done = run(*options)
    assert done.returncode == 1
    assert EVEN in done.stdout
    lines = done.stdout.splitlines()
    at = next(at for at, line in enumerate(lines) if "syntax-error" in line)
    assert lines[at].startswith("net.ipynb:cell 5:3: error[syntax-error] 3:")
    assert lines[at + 1] == "3 | def f(x:"
    assert any(line.startswith("net.ipynb:cell 6:1: error[syntax-error]") for line in lines)
    # What is wrong is told again.
    assert run(*options).stdout == done.stdout
    run("net.ipynb", "--fix")
    assert Path("net.ipynb").read_bytes() == written(
        [*CELLS[:2], SAFE, CALL, "%time\n\ndef f(x:\n    pass", "answer = # yours"]
    )
    assert "net.ipynb:cell 5:3" in run("net.ipynb", "--list").stdout


@pytest.mark.parametrize("margin", [" ", "\t", "    "])
def test_a_cell_may_be_indented_as_a_whole(margin):
    def indented(cell):
        return "\n".join(margin + line if line else line for line in cell.split("\n"))

    write([SETUP, "", indented(NET.removeprefix("%%time\n")), indented(CALL)])
    found = next(one for one in told("net.ipynb")["findings"] if one["rule"] == "even-kernel")
    wide = len(margin)
    assert (found["line"], found["column"], found["end_column"]) == (5, 21 + wide, 50 + wide)
    assert found["related"][0]["column"] == 23 + wide
    assert underlined(run("net.ipynb").stdout) == "4"
    run("net.ipynb", "--fix", "--unsafe-fixes")
    fixed = [SETUP, "", indented(ALL.removeprefix("%%time\n")), indented(CALL)]
    assert Path("net.ipynb").read_bytes() == written(fixed)
    write([SETUP, "", indented(NET.removeprefix("%%time\n")), indented(CALL)])
    run("net.ipynb", "--select", "even-kernel", "--add-ignore")
    mark = "  # modellint: ignore[even-kernel]"
    silenced = NET.removeprefix("%%time\n").replace('"卷积"', f'"卷积"{mark}')
    cells = [SETUP, "", indented(silenced), indented(CALL)]
    assert Path("net.ipynb").read_bytes() == written(cells)


def underlined(text):
    """What the carets of the finding on an even kernel are below of."""
    lines = text.splitlines()
    at = next(at for at, line in enumerate(lines) if "[even-kernel]" in line)
    start, end = lines[at + 2].index("^"), lines[at + 2].rindex("^") + 1
    return lines[at + 1][start:end]


def test_a_notebook_in_another_language_is_passed_over_with_a_word():
    write(["library(torch)"], metadata={"language_info": {"name": "R"}})
    done = run("net.ipynb")
    assert done.returncode == 0
    assert "net.ipynb:1: note: a notebook in R" in done.stderr


def test_a_broken_notebook_is_one_error():
    Path("net.ipynb").write_text('{"cells": [\n torch')
    done = run("net.ipynb", "--format", "concise")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith("net.ipynb:2: error[unreadable] is no notebook")
    assert done.stdout.count("net.ipynb") == 1


def test_a_huge_notebook_is_passed_over(monkeypatch):
    monkeypatch.setattr("modellint.engine.intake._LARGEST_NOTEBOOK", 1 << 20)
    made = notebook(CELLS)
    made["cells"][1]["outputs"] = [{"text": "x" * (1 << 20)}]
    Path("net.ipynb").write_bytes(JUPYTER.bytes(made))
    assert "larger than 1 MiB" in run("net.ipynb").stderr
    # Pictures in a notebook are no code: what is too large for a file of code is read.
    monkeypatch.setattr("modellint.engine.intake._LARGEST_NOTEBOOK", 8 << 20)
    made["cells"][1]["outputs"] = [{"text": "x" * (3 << 20)}]
    Path("net.ipynb").write_bytes(JUPYTER.bytes(made))
    assert "even-kernel" in run("net.ipynb").stdout


@pytest.mark.parametrize("name", ["README.md", "weights.pt", "data.csv"])
def test_targets_of_another_kind_are_wrong_usage(name):
    Path(name).write_bytes(b"\x80\x02torch")
    done = run(name)
    assert done.returncode == 2
    assert f"{name}: neither a Python file nor a notebook" in done.stderr
    with pytest.raises(UsageError, match="neither a Python file nor a notebook"):
        lint_paths([name])


def test_a_style_of_every_kind_is_tried():
    """What a program may do otherwise than Jupyter, some style above does."""
    for field in Style._fields:
        assert any(getattr(style, field) != getattr(JUPYTER, field) for style in STYLES), field


def test_results_are_the_same_whatever_the_order(monkeypatch):
    write(CELLS, name="b.ipynb")
    Path("net.py").write_text("\n".join(["import torch", "from torch import nn", NET[7:]]))
    paths = ["net.ipynb", "net.py", "b.ipynb"]
    one, other = (lint_paths(given).to_dict() for given in (paths, paths[::-1]))
    assert one == other
    assert [entry["path"] for entry in one["models"]] == ["b.ipynb", "net.ipynb", "net.py"]
    assert replace(lint_paths(paths), models=()).sorted().findings == lint_paths(paths).findings
