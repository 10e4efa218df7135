"""Configuration: which file counts for what, what each key does, and what is refused by name."""

import re
import tomllib
from pathlib import Path

import pytest
from command import modellint
from documents import ROOT

import modellint as api
from modellint.cli.settings_page import settings_page
from modellint.config.configuration import read_configuration
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets, plans_of
from modellint.errors import UsageError

PAGE = (ROOT / "docs" / "configuration.md").read_text("utf-8")

# An even kernel (warning, line 8) and a trimmed border (warning, line 17), built by hand only.
NET = """
import torch
from torch import nn

class Decoder(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, 4, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.decoder = Decoder(4)

    def forward(self, x):
        return self.decoder(self.conv1(x))


if __name__ == "__main__":
    Net()(torch.rand(1, 3, 32, 32))
"""

PLUGIN = '''
from modellint import Finding, rule


@rule("advice")
def wide_layer(graph, *, channels: int = 4):
    """A convolution has many channels."""
    for call in graph.calls("conv2d"):
        if call.output.example[1] >= channels:
            yield Finding(call, "it is wide")
'''


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "net.py", NET)
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def configure(text, path="pyproject.toml"):
    """Write a configuration; its first table is that of modellint."""
    table = "[tool.modellint]\n" if path.endswith("pyproject.toml") else ""
    own = not table
    text = re.sub(r"^(\[+)(?=[\w\"])", "\\1" + ("" if own else "tool.modellint."), text, flags=re.M)
    return write(Path(path), table + text)


def found(*targets, **settings):
    """The rules with severities that a run finds, as `path: rule severity`, sorted."""
    report = lint_targets(targets or ["."], Settings(**settings))
    assert not report.errors
    return sorted({f"{f.path}: {f.rule} {f.severity}" for f in report.findings})


def layers(*targets, **settings):
    report = lint_targets(targets or ["."], Settings(**settings))
    return sorted({layer for finding in report.findings for layer in finding.layers})


# Which file counts ---------------------------------------------------------------------------


def test_without_configuration_the_defaults_count():
    assert found() == [
        "net.py: edge-losing-padding warning",
        "net.py: even-kernel warning",
    ]


def test_the_nearest_table_counts_and_nothing_is_merged():
    configure('ignore = ["even-kernel"]')
    configure('select = ["even-kernel"]', "near/pyproject.toml")
    write(Path("near/pkg/net.py"), NET)
    write(Path("near/pkg/pyproject.toml"), "[project]\nname = 'no table'\n")
    assert found() == [
        "near/pkg/net.py: even-kernel warning",
        "net.py: edge-losing-padding warning",
    ]


def test_of_two_in_one_folder_its_own_file_wins():
    configure('ignore = ["even-kernel"]')
    configure('ignore = ["edge-losing-padding"]', "modellint.toml")
    assert found() == ["net.py: even-kernel warning"]


def test_its_own_file_counts_without_a_pyproject():
    configure('select = ["even-kernel"]', "modellint.toml")
    write(Path("deep/down/net.py"), NET)
    assert found() == [
        "deep/down/net.py: even-kernel warning",
        "net.py: even-kernel warning",
    ]


def test_another_tools_broken_file_does_not_matter():
    write(Path("pyproject.toml"), "this is = = no TOML\n")
    assert len(found()) == 2


def test_one_file_may_be_given_for_all():
    configure('ignore = ["even-kernel"]')
    given = configure('select = ["even-kernel"]', "ci/strict.toml")
    assert found(config=str(given)) == ["net.py: even-kernel warning"]
    run = modellint("net.py", "--config", given, "--format", "concise", cwd=".")
    assert "even-kernel" in run.stdout
    assert "edge-losing-padding" not in run.stdout


def test_configuration_may_be_left_out():
    configure('ignore = ["all"]')
    assert found() == []
    assert len(found(isolated=True)) == 2
    assert modellint("net.py", "--isolated", cwd=".").returncode == 1


def test_given_and_left_out_contradict():
    configure("")
    run = modellint("net.py", "--isolated", "--config", "pyproject.toml", cwd=".")
    assert run.returncode == 2


@pytest.mark.parametrize("given", ["nowhere.toml", "pyproject.toml"])
def test_a_given_file_must_be_a_configuration(given):
    write(Path("pyproject.toml"), "[project]\nname = 'no table'\n")
    run = modellint("net.py", "--config", given, cwd=".")
    assert run.returncode == 2
    assert given in run.stderr


def test_lint_paths_reads_configuration_and_lint_does_not():
    configure('ignore = ["even-kernel"]')
    assert {f.rule for f in api.lint_paths(["."]).findings} == {"edge-losing-padding"}
    assert len(api.lint_paths(["."], isolated=True).findings) == 2
    assert {f.rule for f in api.lint_paths(["."], select=["even-kernel"]).findings} == {
        "even-kernel"
    }


# Keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "given", "rules"),
    [
        ('select = ["even-kernel"]', {}, {"even-kernel"}),
        ('select = ["all"]\nignore = ["suspicious"]', {}, set()),
        ("select = []", {}, set()),
        ('select = []\nextend-select = ["even-kernel"]', {}, {"even-kernel"}),
        ('select = ["even-kernel"]\nextend-select = ["edge-losing-padding"]', {}, None),
        ('ignore = ["suspicious"]\nextend-select = ["even-kernel"]', {}, {"even-kernel"}),
        ('ignore = ["even-kernel"]', {"select": ("even-kernel",)}, {"even-kernel"}),
        ('ignore = ["even-kernel"]', {"extend_select": ("even-kernel",)}, None),
        ('ignore = ["even-kernel"]', {"ignore": ("edge-losing-padding",)}, set()),
        ('extend-select = ["even-kernel"]', {"ignore": ("suspicious",)}, set()),
    ],
)
def test_the_command_line_goes_over_the_selection(written, given, rules):
    configure(written)
    wanted = {"even-kernel", "edge-losing-padding"} if rules is None else rules
    assert {line.split()[1] for line in found(**given)} == wanted


def test_excluded_files_are_left_out_unless_named():
    configure('exclude = ["old/", "*_gen.py"]')
    for path in ("old/a.py", "new/b_gen.py", "new/c.py"):
        write(Path(path), NET)
    assert {line.partition(":")[0] for line in found()} == {"net.py", "new/c.py"}
    assert {line.partition(":")[0] for line in found("new/b_gen.py")} == {"new/b_gen.py"}


def test_patterns_are_relative_to_the_files_folder(monkeypatch):
    configure('exclude = ["a/net.py"]', "project/pyproject.toml")
    for path in ("project/a/net.py", "project/b/a/net.py"):
        write(Path(path), NET)
    assert {line.partition(":")[0] for line in found("project")} == {"project/b/a/net.py"}
    monkeypatch.chdir("project/b")
    assert {line.partition(":")[0] for line in found("..")} == {"a/net.py"}


def test_each_file_has_its_own_fail_level():
    configure('fail-level = "error"')
    assert lint_targets(["."], Settings()).exit_status == 0
    assert lint_targets(["."], Settings(fail_level="warning")).exit_status == 1
    configure('fail-level = "info"', "strict/pyproject.toml")
    write(Path("strict/net.py"), NET)
    assert lint_targets(["."], Settings()).exit_status == 1
    assert lint_targets(["net.py"], Settings()).exit_status == 0


def test_a_severity_is_that_of_a_rule_or_else_of_its_category():
    configure('[severity]\nsuspicious = "info"\neven-kernel = "error"')
    assert found() == ["net.py: edge-losing-padding info", "net.py: even-kernel error"]


def test_a_remark_stays_a_remark():
    configure('[severity]\nedge-losing-padding = "error"')
    write(Path("net.py"), NET.replace("32, 32", "224, 224"))
    assert found(ignore=("even-kernel",)) == ["net.py: edge-losing-padding info"]


def test_options_reach_their_rule():
    assert len(found()) == 2
    configure("[rules.edge-losing-padding]\nlayer-trim = 0.2\ntotal_trim = 1")
    assert "net.py: edge-losing-padding info" in found()


def test_files_have_ignores_of_their_own():
    configure('[per-file-ignores]\n"tests/*" = ["suspicious"]\n"net.py" = ["even-kernel"]')
    write(Path("tests/deep/a.py"), NET)
    write(Path("tests/b.py"), NET)
    assert found("net.py", "tests/b.py") == ["net.py: edge-losing-padding warning"]


def test_patterns_may_begin_at_the_folder_of_the_configuration():
    write(Path("sub/net.py"), NET)
    configure('[per-file-ignores]\n"./net.py" = ["all"]')
    assert {one.partition(":")[0] for one in found("net.py", "sub/net.py")} == {"sub/net.py"}
    configure('[per-file-ignores]\n"./net.py::Decoder" = ["all"]')
    assert layers("net.py") == ["conv1"]
    configure('exclude = ["./net.py"]')
    assert {one.partition(":")[0] for one in found(".")} == {"sub/net.py"}


def test_models_have_ignores_of_their_own():
    configure('[per-file-ignores]\n"net.py::Decoder" = ["all"]')
    assert layers() == ["conv1"]
    configure('[per-file-ignores]\n"net.py::Net" = ["all"]')
    assert layers() == []
    assert layers("net.py::Decoder") == ["conv"]


def test_an_ignore_counts_where_a_layer_is_built_in_another_file():
    configure('[per-file-ignores]\n"parts.py" = ["even-kernel"]')
    head, tail = NET.split("\n\n\nclass Net")
    write(Path("parts.py"), head)
    write(
        Path("net.py"),
        f"import torch\nfrom torch import nn\nfrom parts import *\n\nclass Net{tail}",
    )
    assert layers("net.py") == ["conv1"]
    configure('[per-file-ignores]\n"parts.py::Decoder" = ["even-kernel"]')
    assert layers("net.py") == ["conv1"]
    configure('[per-file-ignores]\n"parts.py::Encoder" = ["even-kernel"]')
    assert layers("net.py") == ["conv1", "decoder.conv"]


def test_a_projects_own_rules_are_found_beside_its_configuration():
    configure(
        'plugins = ["lint/rules"]\n[rules.wide-layer]\nchannels = 4', "project/pyproject.toml"
    )
    write(Path("project/lint/rules/wide.py"), PLUGIN)
    write(Path("project/net.py"), NET)
    assert "project/net.py: wide-layer info" in found()
    assert "net.py: wide-layer info" not in found()
    assert found("project", select=("wide-layer",), options={"wide-layer": {"channels": 5}}) == []
    assert "wide-layer" not in modellint("--rules", cwd=".").stdout
    assert "wide-layer" in modellint("--rules", cwd="project").stdout
    assert "many channels" in modellint("--explain", "wide-layer", cwd="project").stdout


def test_a_model_is_built_and_fed_as_stated():
    text = NET.replace("def __init__(self):", "def __init__(self, depth):").replace(
        "if __name__", "if 0 and __name__"
    )
    write(Path("net.py"), text.replace("    Net()(torch.rand(1, 3, 32, 32))", "    pass"))
    found = lint_targets(["net.py"], Settings()).models
    assert {one.name: one.status for one in found}["Net"] == "not-analysed"
    configure(
        '[[models]]\npath = "net.py"\nmodel = "Net"\nargs = {depth = 3}\ninputs = ["2,3,40,W"]'
    )
    (model,) = lint_targets(["net.py"], Settings()).models
    assert model.status == "analysed"
    (given,) = model.inputs
    assert given.example[:3] == (2, 3, 40)
    assert (given.source, given.guessed) == ("pyproject.toml", False)
    (model,) = lint_targets(["net.py"], Settings(inputs=("1,3,50,50",))).models
    assert model.inputs[0].example == (1, 3, 50, 50)
    listed = modellint("net.py", "--list", cwd=".").stdout
    assert "Net(depth=3)" in listed
    assert "(2, 3, 40, W)" in listed


def test_a_part_that_is_stated_is_a_model_of_its_own():
    configure('[[models]]\npath = "*.py"\nmodel = "Decoder"\nargs = {width = 7}')
    models = {m.name: m for m in lint_targets(["net.py"], Settings()).models}
    assert set(models) == {"Decoder", "Net"}
    assert models["Decoder"].layers["conv"].input[1] == 7
    assert [m.name for m in lint_targets(["net.py::Net"], Settings()).models] == ["Net"]


@pytest.mark.parametrize(
    ("limits", "over"),
    [
        ("parameters = 371", ["conv1"]),
        ('parameters = "0.36k"', ["conv1"]),
        ("parameters = 372", []),
        ('macs = "97.2k"', ["decoder.conv"]),
        ('activation_memory = "14.4 KB"', ["decoder.conv"]),
        ('activation_memory = "1 MiB"\nparameters = "1M"\nmacs = "1G"', []),
    ],
)
def test_a_budget_is_that_of_its_model(limits, over):
    configure(f'select = ["budget"]\n[budget."net.py::Net"]\n{limits}')
    report = lint_targets(["net.py"], Settings())
    assert [finding.severity for finding in report.findings] == ["error"] * len(over)


def test_a_budget_concerns_its_model_alone():
    configure('select = ["budget"]\n[budget."net.py::Net"]\nparameters = 10')
    write(Path("other.py"), NET)
    assert {f.path for f in lint_targets(["."], Settings()).findings} == {"net.py"}


def test_a_limit_of_memory_is_read():
    configure('memory = "2 GiB"')
    (plan,) = plans_of(["net.py"], Settings()).values()
    assert plan.memory == 2 << 30
    (plan,) = plans_of(["net.py"], Settings(memory=1 << 30)).values()
    assert plan.memory == 1 << 30


def test_a_timeout_is_read():
    configure("timeout = 2.5")
    (plan,) = plans_of(["net.py"], Settings()).values()
    assert plan.timeout == 2.5
    (plan,) = plans_of(["net.py"], Settings(timeout=7)).values()
    assert plan.timeout == 7


# Mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key", "near"),
    [
        ('selct = ["all"]', "tool.modellint", "select"),
        ('select = ["even-kernels"]', "select", "even-kernel"),
        ('extend-select = ["pedantik"]', "extend-select", "pedantic"),
        ('[severity]\neven-kernl = "error"', "severity", "even-kernel?"),
        ('[severity]\nsuspiciuos = "error"', "severity", "suspicious?"),
        ("[rules.edge-loosing-padding]\nlayer_trim = 1", "edge-loosing", "edge-losing-padding"),
        ("[rules.edge-losing-padding]\nlayr_trim = 1", "edge-losing-padding", "layer_trim"),
        ('[per-file-ignores]\n"a.py" = ["even-kernal"]', "per-file-ignores", "even-kernel"),
        ('[budget."net.py::Net"]\nmax = 3', "budget", "macs"),
        ('[budget."net.py::Nett"]\nmacs = 3', "budget", "Net"),
        ('[[models]]\npath = "net.py"\nmodel = "Nett"', "models", "Net"),
        ('[[models]]\npath = "net.py"\nmodle = "Net"', "models", "model"),
        ('[[models]]\npath = "nett.py"\nmodel = "Net"', "models", "nett.py"),
        ('[budget."nett.py::Net"]\nmacs = 3', "budget", "nett.py"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_the_nearest(text, key, near):
    configure(text)
    run = modellint("net.py", cwd=".")
    assert (run.returncode, run.stdout) == (2, "")
    assert "pyproject.toml" in run.stderr
    assert key in run.stderr
    assert near in run.stderr


@pytest.mark.parametrize(
    "text",
    [
        'select = "all"',
        "select = [1]",
        'fail-level = "warn"',
        "fail-level = 1",
        'timeout = "long"',
        "timeout = 0",
        "timeout = true",
        'memory = "lots"',
        "memory = 8",
        "plugins = 3",
        'severity = "error"',
        '[severity]\neven-kernel = "fatal"',
        "rules = 3",
        "[rules]\neven-kernel = 3",
        '[rules.edge-losing-padding]\nlayer_trim = "much"',
        "[rules.edge-losing-padding]\nlayer_trim = true",
        "[rules.parameter-heavy-linear]\nmin_parameters = 0.5",
        '[per-file-ignores]\n"a.py" = "all"',
        "[budget.net]\nmacs = 3",
        '[budget."net.py::Net"]\nmacs = "lots"',
        '[budget."net.py::Net"]\nmacs = "3 MiB"',
        '[budget."net.py::Net"]\nmacs = 0',
        'models = "net.py"',
        '[[models]]\npath = "net.py"',
        '[[models]]\npath = "net.py"\nmodel = "Net"\n[[models]]\npath = "net.py"\nmodel = "Net"',
        '[[models]]\npath = "net.py"\nmodel = "Net"\nargs = {depth = 1979-05-27}',
        '[[models]]\npath = "net.py"\nmodel = "Net"\nargs = {"a b" = 1}',
        '[[models]]\npath = "net.py"\nmodel = "Net"\ninputs = ["1,-3"]',
        "select = [",
    ],
)
def test_a_value_of_another_type_is_refused(text):
    path = configure(text)
    run = modellint("net.py", cwd=".")
    assert (run.returncode, run.stdout) == (2, "")
    assert path.name in run.stderr
    assert "Traceback" not in run.stderr


def test_the_prefix_does_not_belong_in_its_own_file():
    write(Path("modellint.toml"), "[tool.modellint]\nselect = []\n")
    with pytest.raises(UsageError, match="tool"):
        found()


def test_arguments_that_the_class_refuses_are_told_to_be_the_configurations():
    configure('[[models]]\npath = "net.py"\nmodel = "Net"\nargs = {depth = 3}')
    (model,) = lint_targets(["net.py"], Settings()).models
    assert model.status == "not-analysed"
    assert "pyproject.toml" in model.reason


@pytest.mark.parametrize("broken", ["raise ValueError", "import no_such_package", "x = 1", None])
def test_a_plugin_that_does_not_load_is_named(broken):
    configure('plugins = ["lint/mine.py"]')
    if broken:
        write(Path("lint/mine.py"), broken)
    run = modellint("net.py", cwd=".")
    assert (run.returncode, run.stdout) == (2, "")
    assert "mine.py" in run.stderr


def test_an_option_of_the_call_is_checked_too():
    with pytest.raises(UsageError, match="layer_trim"):
        found(options={"edge-losing-padding": {"layer_trin": 1}})


# What counts, shown --------------------------------------------------------------------------


def written_on_the_page():
    (text,) = re.findall(r"<!-- every key -->\n```toml\n(.*?)```", PAGE, re.DOTALL)
    return text


def keys(table, prefix=""):
    for name, value in table.items():
        yield prefix + name
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from keys(inner, f"{prefix}{name}.")


def test_the_page_shows_every_key_and_each_is_taken():
    from modellint.config import configuration

    write(Path("pyproject.toml"), written_on_the_page())
    write(Path("rules/wide.py"), PLUGIN)
    write(Path("models/net.py"), NET)
    read_configuration(str(Path("pyproject.toml").absolute()))
    assert plans_of(["models/net.py"], Settings())
    table = tomllib.loads(written_on_the_page())["tool"]["modellint"]
    assert set(table) == set(configuration._KEYS)
    assert set(table["models"][0]) == set(configuration._OF_A_MODEL)
    assert set(table["budget"]["models/net.py::Net"]) == set(configuration._AMOUNTS)


def test_the_shown_settings_are_those_that_count():
    write(Path("pyproject.toml"), written_on_the_page())
    write(Path("rules/wide.py"), PLUGIN)
    write(Path("models/net.py"), NET)
    run = modellint("--show-settings", ".", "--ignore", "wide-layer", cwd=".")
    assert run.returncode == 0
    # Written down again, they give the same settings.
    Path("pyproject.toml").unlink()
    write(Path("modellint.toml"), run.stdout)
    again = settings_page(plans_of(["."], Settings()))
    assert again.replace("modellint.toml", "pyproject.toml") == run.stdout


def test_settings_are_shown_a_configuration_at_a_time():
    configure('fail-level = "error"', "strict/pyproject.toml")
    write(Path("strict/a.py"), NET)
    write(Path("strict/b.py"), NET)
    shown = modellint("--show-settings", ".", cwd=".").stdout
    assert shown.count("# settings of") == 2
    assert "strict/a.py, strict/b.py" in shown
