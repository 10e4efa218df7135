"""The formats, on a report made by hand: golden texts, and what must survive any content."""

import json
import pickle
import re
from dataclasses import replace

import pytest
import reports
from reports import CONV

from modellint.errors import UsageError
from modellint.fixes.edits import Edit
from modellint.report import FORMATS, View, last_line, render
from modellint.results.findings import Related
from modellint.results.report import FixCount, Note, Problem, Report, RulePage

SOURCE = """\
class Net(nn.Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 6, 3)

    def forward(self, x):
        return self.conv1(x)
"""
MODEL = replace(
    reports.MODEL, parameters=60, macs=36504, layers={"conv1": CONV}, contract={}, accepts=None
)
FINDING = replace(reports.FINDING, related=(Related("net.py", 6, 16, "called here"),), fix=None)
REPORT = Report(
    models=(MODEL, replace(MODEL, name="Late", line=9, status="not-analysed", reason="needs size")),
    findings=(FINDING, replace(FINDING, rule="even-kernel", count=3, layers=("a", "b", "c"))),
    errors=(Problem("bad.py", 3, "import-error", "No module named 'wandb'"),),
    notes=(Note("net.py", 2, "statement skipped"),),
    torch="2.13.0",
    texts={"net.py": SOURCE},
)


def _words(text):
    return text.split()


FULL = """\
net.py:3:22: warning[edge-losing-padding] conv1 trims 1 px from every side
3 |         self.conv1 = nn.Conv2d(1, 6, 3)
  |                      ^^^^^^^^^^^^^^^^^^
  shapes: (N, 1, H, W) → (N, 6, H - 2, W - 2)
   model: Net
     see: net.py:6:16 called here
    help: padding=1 keeps 28×28

net.py:3:22: warning[even-kernel] conv1 trims 1 px from every side (and 2 more like it)
3 |         self.conv1 = nn.Conv2d(1, 6, 3)
  |                      ^^^^^^^^^^^^^^^^^^
  shapes: (N, 1, H, W) → (N, 6, H - 2, W - 2)
   model: Net
   alike: a, b, c
     see: net.py:6:16 called here
    help: padding=1 keeps 28×28

bad.py:3: error[import-error] No module named 'wandb'
net.py:9: not analysed: Late: needs size

note: to accept a finding, end its line with `# modellint: ignore[edge-losing-padding] -- why`
1 model checked, 1 not analysed, 1 error, 2 warnings
"""
TRIMS = "conv1 trims 1 px from every side"
HELP = "help: padding=1 keeps 28×28"
CONCISE = f"""\
net.py:3:22: warning[edge-losing-padding] {TRIMS} (in Net); {HELP}
net.py:3:22: warning[even-kernel] {TRIMS} (and 2 more like it) (in Net); {HELP}
bad.py:3: error[import-error] No module named 'wandb'
net.py:9: not analysed: Late: needs size
1 model checked, 1 not analysed, 1 error, 2 warnings
"""


@pytest.mark.parametrize(("name", "text"), [("full", FULL), ("concise", CONCISE)])
def test_golden(name, text):
    assert REPORT.render(name) == text


def test_json_has_the_documented_keys_in_order():
    data = json.loads(REPORT.render("json"))
    assert list(data) == _words(
        """version tool models findings errors notes silenced baseline summary"""
    )
    assert list(data["tool"]) == ["name", "version", "torch"]
    assert list(data["models"][0]) == _words(
        """path name class line status reason inputs parameters macs activation_memory layers
        contract joint confirmed
        skipped accepts stopped arguments parameter_memory state_dict training_memory"""
    )
    assert list(data["models"][0]["layers"][0])[:12] == _words(
        """key path type op line inputs outputs example_inputs example_outputs
        parameters macs receptive_field"""
    )
    assert list(data["findings"][0]) == _words(
        """rule category severity path line column end_line end_column model
        layer count layers message help related"""
    )
    assert data["summary"] == {
        "models": 2,
        "analysed": 1,
        "not_analysed": 1,
        "failed": 0,
        "error": 0,
        "warning": 2,
        "info": 0,
    }


def test_a_report_comes_back_from_its_dict():
    data = json.loads(json.dumps(REPORT.to_dict()))
    assert Report.from_dict(data) == replace(REPORT, texts={})


def test_a_report_goes_to_another_process_and_back():
    page = RulePage("even-kernel", "suspicious", "warning", True, "summary", "text", "page")
    report = replace(REPORT, rules=(page,))
    copy = pickle.loads(pickle.dumps(report))
    assert copy == report
    assert copy.rules == report.rules


def test_the_table_of_layers_shows_shapes_and_windows():
    view = View(layers=True)
    table = render(REPORT, "full", view)
    row = next(line for line in table.splitlines() if line.startswith("conv1  "))
    for cell in ("2×1×28×28 → 2×6×26×26", "3×3", "0×0+1", "100.0%", "36,504"):
        assert cell in row
    symbolic = render(REPORT, "full", replace(view, sizes="symbolic"))
    assert "(N, 1, H, W) → (N, 6, H - 2, W - 2)" in symbolic


def test_the_contract_is_told_in_words():
    model = replace(MODEL, accepts="N any; H at least 3", confirmed=True)
    text = Report(models=(model,)).render("concise", contract=True)
    assert text.startswith("net.py:1: Net accepts N any; H at least 3\n")


def test_statistics_count_each_rule():
    assert "1  edge-losing-padding\n1  even-kernel\n" in REPORT.render("concise", statistics=True)
    statistics = json.loads(REPORT.render("json", statistics=True))["statistics"]
    assert statistics == {"edge-losing-padding": 1, "even-kernel": 1}


@pytest.mark.parametrize("name", FORMATS)
def test_odd_names_and_messages_do_no_harm(name):
    odd = replace(
        FINDING, path="a\udcffb.py", message="\x1b]0;title\x07 ::error::\nsecond", help="\x1b[2J"
    )
    text = render(replace(REPORT, findings=(odd,)), name)
    assert "\x1b" not in text
    assert text.encode("utf-8")
    if name == "json":
        assert json.loads(text)["findings"][0]["message"] == odd.message
    else:
        plain = replace(odd, message="one line", help="help")
        assert text.count("\n") == render(replace(REPORT, findings=(plain,)), name).count("\n")


def test_colour_is_only_added():
    import click

    colored = render(REPORT, "full", View(color=True))
    assert colored != FULL
    assert click.unstyle(colored) == FULL


@pytest.mark.parametrize(("severity", "code"), [("error", 31), ("warning", 33), ("info", 36)])
def test_a_severity_has_its_colour_in_the_headline_and_under_the_code(severity, code):
    report = replace(REPORT, findings=(replace(FINDING, severity=severity),), errors=())
    colored = render(report, "full", View(color=True))
    for text in (severity, "^^^^"):
        assert f"\x1b[{code}m\x1b[1m{text}" in colored


def test_quiet_leaves_findings_and_errors():
    assert render(REPORT, "concise", View(quiet=True)) == CONCISE.rpartition("1 model")[0]


def test_an_unknown_format_names_the_nearest():
    with pytest.raises(UsageError, match="concise"):
        REPORT.render("consise")


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report(), 0),
        (REPORT, 1),
        (replace(REPORT, errors=()), 1),
        (replace(REPORT, errors=(), fail_level="error"), 0),
        (replace(REPORT, errors=(), findings=()), 0),
        (replace(REPORT, errors=(), findings=(), strict=True), 1),
        (replace(REPORT, errors=(Problem("a.py", 1, "plugin-error", "x"),)), 2),
        (Report(findings=(replace(FINDING, severity="info"),)), 0),
        (Report(findings=(replace(FINDING, severity="info"),), fail_level="info"), 1),
        (Report(findings=(replace(FINDING, severity="error"),), fail_level="never"), 0),
    ],
)
def test_the_exit_status_follows_from_the_report(report, status):
    assert report.exit_status == status
    assert report.ok is (status == 0)


@pytest.mark.parametrize("name", ["full", "concise"])
def test_findings_of_one_line_name_their_models_where_a_file_has_several(name):
    models = tuple(replace(MODEL, name=one) for one in ("small", "wide"))
    findings = tuple(
        replace(FINDING, model=one.name, message=f"trims {at}") for at, one in enumerate(models)
    )
    text = Report(models=models, findings=findings).render(name)
    blocks = text.split("trims ")[1:]
    assert all(model.name in block for model, block in zip(models, blocks, strict=True))
    elsewhere = replace(models[1], path="other.py")
    alone = Report(models=(models[0], elsewhere), findings=findings[:1]).render(name)
    assert "small" not in alone


def test_a_finding_that_models_share_is_printed_once():
    shared = replace(REPORT, findings=(FINDING, replace(FINDING, model="Wide")), errors=())
    full, concise = shared.render("full"), shared.render("concise")
    assert full.count("edge-losing-padding] conv1") == concise.count("trims") == 1
    assert "  models: Net, Wide\n" in full
    assert "(in Net, Wide);" in concise
    assert full.endswith("1 warning\n")
    assert len(json.loads(shared.render("json"))["findings"]) == 2


def test_the_last_line_knows_its_grammar():
    assert Report().render("concise") == "No models found\n"
    one = Report(models=(MODEL,))
    assert one.render("concise") == "1 model checked, no findings\n"
    assert Report(models=(MODEL, MODEL)).render("concise").startswith("2 models checked")


def test_a_fix_is_told_under_its_help_and_all_are_counted():
    text = render(reports.REPORT, "full")
    assert f"fix: {reports.PADDED.message} (unsafe)" in text
    assert "note: 1 can be fixed with --fix, 1 more with --unsafe-fixes" in text
    assert "note: 2 can be fixed with --fix --unsafe-fixes" in render(
        reports.REPORT, "full", View(unsafe=True)
    )
    only = replace(reports.REPORT, findings=(reports.FINDING,))
    assert "note: 1 can be fixed with --fix --unsafe-fixes" in render(only, "full")


@pytest.mark.parametrize(
    ("made", "unsafe", "words"),
    [(3, 2, ", 3 fixed, 2 more with --unsafe-fixes"), (3, 0, ", 3 fixed"), (0, 0, "")],
)
def test_a_run_that_made_fixes_counts_them_in_its_last_line(made, unsafe, words):
    report = replace(reports.CLEAN, fixed=FixCount(made, unsafe))
    assert last_line(report) == f"1 model checked, no findings{words}"
    assert json.loads(render(report, "json"))["summary"]["fixed"] == made
    assert "can be fixed" not in render(report, "full")


def test_a_fix_survives_json():
    data = json.loads(render(reports.REPORT, "json"))
    again = Report.from_dict(data)
    assert again.fixes == reports.REPORT.fixes
    assert {fix.message for fix in again.fixes.values()} == {
        reports.PADDED.message,
        reports.ODD_FIX.message,
    }


def blocks(text, language):
    found = re.findall(rf"^(`{{3,}}){language}\n(.*?)\n\1$", text, re.MULTILINE | re.DOTALL)
    return [body for _, body in found]


def test_what_stays_within_the_lines_of_a_finding_is_a_suggestion():
    inside = replace(reports.PADDED, edits=reports.PADDED.edits[:1])
    report = replace(reports.REPORT, findings=(replace(reports.FINDING, fix=inside),))
    text = render(report, "markdown")
    assert blocks(text, "suggestion") == ["        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)"]
    assert blocks(text, "diff") == []
    several = render(reports.REPORT, "markdown")
    changed = blocks(several, "diff")[-1]
    assert "+            6 * 28 * 28, 10," in changed.split("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_a_fix_of_another_text_is_told_in_words_alone(name):
    texts = {**reports.REPORT.texts, "net.py": reports.NET.replace("Conv2d", "Conv3d")}
    text = render(replace(reports.REPORT, texts=texts), name)
    assert "nn.Conv3d(1, 6, 3, padding=1)" not in text
    # Nor is one that cannot be made: what a file's process says may be anything.
    edits = (Edit(3, 900, 3, 901, "", "net.py"), Edit(70, 1, 71, 2, "x", "net.py"))
    wild = replace(reports.FINDING, fix=replace(reports.PADDED, edits=edits))
    render(replace(reports.REPORT, findings=(wild,)), name)
