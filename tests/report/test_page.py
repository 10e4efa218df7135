"""The `html` format: what is embedded, that nothing of a report is markup, how blocks are made."""

import json
import re
import shutil
import subprocess
import time
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources

import pytest
from command import modellint as command
from reports import EVEN, HOSTILE, MODEL, REPORT
from torch import nn

import modellint
from modellint import lint, trace
from modellint.linting.drawing import FINEST, picture
from modellint.report import render
from modellint.report.html.blocks import PORT, WIDEST, Block, blocks, name_of
from modellint.results.picture import Border, Picture, Step
from modellint.results.report import Report

BREAKING = "</script><img src=x onerror=alert(1)><!--<script>]]>&lt;'\""


class Blocks(HTMLParser):
    """The elements of a page by name, and its blocks of data by id."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.data, self._id = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._id = dict(attrs).get("id") if tag == "script" else None

    def handle_data(self, text):
        if self._id:
            self.data[self._id] = json.loads(text)
            self._id = None


def shown(report):
    return Blocks(render(report, "html"))


#: The functions of the page that a chart needs, and a chart of layers: the heights of its bars.
CHART = """
const style = { setProperty() {} };
const html = (tag, attributes, ...children) => ({ tag, attributes, children, style, append() {} });
const svg = (tag, attributes) => {
  if (attributes.class === "bar") drawn.push(attributes.d);
  return { append() {}, addEventListener() {} };
};
const count = String;
const short = String;
const drawn = [];
const { layers, parameters, macs } = JSON.parse(require("fs").readFileSync(0));
depth({ layers, parameters, macs, at: "", borders: [], stopped: null });
console.log(JSON.stringify(drawn.map((d) => [...d.matchAll(/v-([\\d.]+)h/g)].map((m) => +m[1]))));
"""


def bars(model):
    """The heights of the bars of parameters and of MACs, by the page's own script."""
    script = (resources.files("modellint.report.html") / "charts.js").read_text("utf-8")
    program = ["node", "-e", script + CHART]
    return json.loads(subprocess.check_output(program, input=json.dumps(model), text=True))


def steps(*modules):
    """A picture of steps in these modules, each reading the one before."""
    return Picture(
        tuple(
            Step(f"{path}", "conv2d", "Conv2d", path, ("N", 8), (2, 8), (at - 1,) if at else ())
            for at, path in enumerate(modules)
        ),
        {},
    )


def within(block):
    yield block
    for part in block.parts:
        if isinstance(part, Block):
            yield from within(part)


# What is embedded


def test_the_page_has_the_numbers_of_the_json():
    report = lint(
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 5)),
        ["1,3,32,32"],
        pictures=True,
    )
    (model,) = report.to_dict()["models"]
    page = shown(report).data
    data = page["model-0"]
    assert (data["parameters"], data["macs"]) == (model["parameters"], model["macs"])
    assert [layer[0] for layer in data["layers"]] == [layer["key"] for layer in model["layers"]]
    for mine, theirs in zip(data["layers"], model["layers"], strict=True):
        assert mine[6:9] == [theirs[name] for name in ("parameters", "macs", "receptive_field")]
    said = [page["findings"][at]["layers"] for at in data["findings"]]
    assert said == [one["layers"] for one in report.to_dict()["findings"]]
    assert page["overview"]["models"][0]["parameters"] == model["parameters"]


def test_a_step_has_the_sizes_of_one_sample():
    report = lint(nn.Sequential(nn.Linear(6, 4)), ["L,N,6"], pictures=True)
    given, first, *_ = shown(report).data["model-0"]["steps"]
    assert first[3].endswith("×4")
    assert given[3].count("×") == 1


def test_json_has_no_pictures():
    report = lint(nn.Conv2d(3, 8, 3), ["1,3,32,32"], pictures=True)
    assert report.models[0].picture is not None
    assert "picture" not in report.to_dict()["models"][0]
    assert Report.from_dict(report.to_dict(pictures=True)).models == report.models


def test_a_run_draws_only_for_the_page(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n"
        "    def __init__(self):\n        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU())\n"
    )
    assert modellint.lint_paths(["net.py"]).models[0].picture is None
    assert modellint.lint_paths(["net.py"], pictures=True).models[0].picture.steps
    command("net.py", cwd=tmp_path)
    pages = []
    # The second run has its results from the cache.
    for _ in range(2):
        done = command("net.py", "--format", "html", "-o", "page.html", cwd=tmp_path)
        assert not done.stdout
        pages.append((tmp_path / "page.html").read_bytes())
    assert pages[0] == pages[1]
    data = Blocks((tmp_path / "page.html").read_text("ascii")).data["model-0"]
    assert [step[1] for step in data["steps"]] == ["input", "Conv2d", "ReLU", "output"]
    assert data["borders"][0]["axes"][0][2] < 1


@pytest.mark.parametrize("report", [Report(), REPORT, replace(REPORT, models=())])
def test_every_report_has_a_page(report):
    page = shown(report)
    assert len(page.data) == 2 + len(report.models)
    entries = page.data["findings"]
    assert sum(max(len(one["models"]), 1) for one in entries) == len(report.findings) + len(
        report.errors
    )
    for at in range(len(report.models)):
        mine = page.data[f"model-{at}"]["findings"]
        assert mine == [
            place
            for place, one in enumerate(entries)
            if at in [model for _, model in one["models"]]
        ]


def test_what_failed_is_on_the_first_tab():
    data = shown(REPORT).data
    words = {one["words"] for one in data["overview"]["troubles"]}
    assert words == {"partly analysed", "not analysed"}
    kinds = {problem.kind for problem in REPORT.errors}
    assert kinds == {"import-error", "timeout"} <= {one["rule"] for one in data["findings"]}


def test_a_fix_stands_beside_its_finding():
    fixes = {one["rule"]: one["fix"] for one in shown(REPORT).data["findings"]}
    assert fixes["shape-mismatch"] is None
    assert fixes["edge-losing-padding"] == {
        "message": "padding=1; fc in_features=6 * 28 * 28",
        "safe": False,
        "diff": [
            "- self.conv1 = nn.Conv2d(1, 6, 3)",
            "+ self.conv1 = nn.Conv2d(1, 6, 3, padding=1)",
            "-     6 * 26 * 26, 10,",
            "+     6 * 28 * 28, 10,",
        ],
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="no node runs the page's scripts")
@pytest.mark.parametrize("number", [3, 480, 600, 1001])
def test_layers_that_cost_the_same_are_bars_of_one_height(number):
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(number)))
    data = shown(lint(model, ["1,4"], pictures=True)).data["model-0"]
    for heights in bars(data):
        assert len(heights) == number
        assert len(set(heights)) == 1


# What it must not do


@pytest.mark.parametrize("text", [BREAKING, HOSTILE])
def test_no_text_of_a_report_is_markup(text):
    model = replace(MODEL, name=text, path=text, class_name=text, reason=text, accepts=text)
    finding = replace(EVEN, model=text, path=text, layer=text, layers=(text,), rule=text)
    report = Report(models=(model,), findings=(finding,), texts={text: text * 3})
    plain = Blocks(render(Report(models=(MODEL,)), "html")).tags
    assert shown(report).tags == plain
    if text is BREAKING:
        data = shown(report).data
        assert data["model-0"]["name"] == data["findings"][0]["rule"] == text


def test_the_page_asks_for_nothing_else_and_admits_only_its_own_scripts():
    text = render(REPORT, "html")
    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', text)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    page = text.partition('<script type="application/json"')[0]
    assert not re.search(r"(src|href)=(?!\"data:,)", page)
    assert "url(" not in page
    for tag in ("style", "script"):
        own = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert len(own) == 1
        mark = b64encode(sha256(own[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{mark}'" in policy


def test_the_page_is_ascii_and_the_same_every_time():
    text = render(REPORT, "html")
    assert text.isascii()
    assert text == render(REPORT, "html")


# Pictures


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(8, 8, 3, padding=1)
        self.two = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return x + self.two(self.one(x).view(x.shape)).contiguous()


def test_a_picture_has_paths_through_what_only_moves_numbers():
    made = picture(trace(Residual(), ["1,8,16,16"]))
    assert [step.key.partition("@")[0] for step in made.steps] == [
        "x",
        "one",
        "two",
        "add",
        "output",
    ]
    assert [step.sources for step in made.steps] == [(), (0,), (1,), (0, 2), (3,)]
    assert Picture.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_a_forward_that_stops_is_drawn_to_where_it_stops():
    made = picture(trace(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Linear(7, 2)), ["1,3,16,16"]))
    assert [step.type for step in made.steps] == ["input", "Conv2d", "Linear"]
    assert made.steps[-1].sources == (1,)


def test_a_border_that_padding_leaves_out_counts_less():
    valid, same = (
        picture(trace(nn.Sequential(nn.Conv2d(1, 1, 5, padding=p)), ["1,1,32,48"])).borders
        for p in (0, 2)
    )
    assert [(one.name, one.size) for one in valid] == [("H", 32), ("W", 48)]
    # One window in five reads the outermost row; 28 windows give 32 rows a mean of 28 / 32.
    assert valid[0].edge == pytest.approx(0.2 / (28 / 32), rel=1e-3)
    assert valid[0].weights[0] == valid[0].edge < same[0].edge
    for one in (*valid, *same):
        assert sum(one.weights) / len(one.weights) == pytest.approx(1, rel=1e-3)


def test_a_long_axis_is_put_into_parts():
    (border,) = picture(trace(nn.Sequential(nn.Conv1d(1, 1, 3)), ["1,1,2000"])).borders
    assert isinstance(border, Border)
    assert len(border.weights) == FINEST
    assert sum(border.weights) / FINEST == pytest.approx(1, rel=1e-3)


# Blocks


def test_blocks_follow_the_modules_and_single_parts_stand_alone():
    whole = blocks(steps("stem", "body.0.a", "body.0.b", "body.1.a", "body.1.b", "head.only"))
    assert [part if isinstance(part, int) else part.name for part in whole.parts] == [0, "body", 5]
    body = whole.parts[1]
    assert [(part.path, part.parts) for part in body.parts] == [
        ("body.0", (1, 2)),
        ("body.1", (3, 4)),
    ]
    assert body.rows == ((0,), (1,))
    assert body.connections == ((PORT, 0), (0, 1), (1, PORT))


def test_modules_whose_parts_take_turns_make_no_circle():
    whole = blocks(steps("convs.0", "pools.0", "convs.1", "pools.1"))
    assert whole.parts == (0, 1, 2, 3)
    assert whole.rows == ((0,), (1,), (2,), (3,))


def test_branches_are_side_by_side():
    made = Picture(
        tuple(
            Step(name, "conv2d", "Conv2d", name, (), (), sources)
            for name, sources in [("x", ()), ("a", (0,)), ("b", (0,)), ("c", (0,)), ("d", (1, 2))]
        )
    )
    assert blocks(made).rows == ((0,), (1, 2, 3), (4,))


def test_many_steps_without_a_module_hide_no_block():
    after = [f"topk@{at}" for at in range(500)]
    made = steps("stem", "body.a", "body.b", *after)
    made = replace(
        made, steps=tuple(replace(s, module="" if "@" in s.key else s.module) for s in made.steps)
    )
    whole = blocks(made)
    names = [part if isinstance(part, int) else part.name for part in whole.parts]
    assert names == [0, "body", "topk … topk"]
    assert all(len(block.parts) <= WIDEST for block in within(whole))


def test_names_are_those_within_the_block():
    keys = {"a.b.conv": "conv", "conv2d@17": "conv2d", "a.relu#2": "relu", "x": "x", "0": "0"}
    for key, name in keys.items():
        assert name_of(replace(steps("m").steps[0], key=key)) == name


@pytest.mark.parametrize("pattern", ["{}", "layers.{}", "layers.{}.conv", "a." * 500 + "{}.b.c"])
def test_a_model_of_thousands_of_layers_is_a_small_page_soon(pattern):
    made = steps(*(pattern.format(at) for at in range(4000)))
    layers = {
        step.key: replace(next(iter(MODEL.layers.values())), key=step.key) for step in made.steps
    }
    report = Report(models=(replace(MODEL, layers=layers, picture=made),))
    begun = time.process_time()
    text = render(report, "html")
    assert time.process_time() - begun < 5
    assert len(text) < 2_000_000 + 4000 * len(pattern)
    whole = blocks(made)
    assert all(len(block.parts) <= WIDEST for block in within(whole))
    drawn = [part for block in within(whole) for part in block.parts if isinstance(part, int)]
    assert drawn == [*range(4000)]


def test_every_connection_goes_down():
    made = picture(trace(nn.Sequential(Residual(), Residual(), nn.Conv2d(8, 2, 1)), ["1,8,16,16"]))
    for block in within(blocks(made)):
        row = {part: at for at, parts in enumerate(block.rows) for part in parts}
        assert sorted(row) == [*range(len(block.parts))]
        for source, reader in block.connections:
            assert PORT in (source, reader) or row[source] < row[reader]
