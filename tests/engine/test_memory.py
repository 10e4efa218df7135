"""Results are used again exactly if everything that they depend on is as it was."""

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command import modellint
from documents import block, marks

from modellint.config.configuration import read_configuration
from modellint.config.settings import ALL_TRIALS, Settings
from modellint.engine import running
from modellint.engine.cache import Cache
from modellint.engine.engine import lint_targets
from modellint.report import FORMATS
from modellint.worker.environment import variable_state

NET = """
import torch
from torch import nn
{before}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 5)

    def forward(self, x):
        return self.conv(x)
"""
RULE = """
from modellint import Finding, rule

@rule("advice")
def own_rule(graph):
    \"\"\"Every convolution is told of.\"\"\"
    for call in graph.calls("conv2d"):
        yield Finding(call, "{message}")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project in the current folder."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("pyproject.toml").touch()
    return tmp_path


@pytest.fixture(autouse=True)
def ran(monkeypatch):
    """The files that a worker was asked to lint, by name."""
    names = []
    plain = running.run_file

    def noted(pool, work):
        names.append(Path(work.job.path).name)
        return plain(pool, work)

    monkeypatch.setattr(running, "run_file", noted)
    return names


def write(name="net.py", *, before="", width=8):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(NET.format(before=before, width=width), "utf-8")


def lint(*targets, **settings):
    return lint_targets(targets or ["net.py"], Settings(**{"cache": True, **settings}))


def entries(folder=".modellint_cache"):
    return sorted(Path(folder).glob("*.json"))


def put(path, text="x = 1\n"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf-8")


def test_what_has_not_changed_is_not_run_again(ran):
    write()
    write("other.py", before="import missing_package_xyz\n")
    put("plain.py", "import torch\n")
    put("commented.py", NET.format(before="", width=3) + "# modellint: ignore-file[even-kernel]\n")
    first = lint(".")
    assert sorted(ran) == ["commented.py", "net.py", "other.py"]
    ran.clear()
    again = lint(".")
    assert ran == []
    assert again.to_dict() == first.to_dict() == lint(".", cache=False).to_dict()
    for name in FORMATS:
        assert again.render(name, layers=True) == first.render(name, layers=True)
    assert {finding.rule for finding in again.findings} >= {"unused-ignore", "edge-losing-padding"}


def test_a_result_with_few_trials_is_not_one_with_many(ran):
    write()
    without = lint(trials=0)
    assert not without.fixes
    with_all = lint(trials=ALL_TRIALS)
    assert ran == ["net.py", "net.py"]
    assert with_all.fixes
    assert lint(trials=ALL_TRIALS).fixes == with_all.fixes == lint(cache=False).fixes
    assert not lint(trials=0).fixes
    assert ran == ["net.py"] * 3


def test_what_lines_make_is_kept_for_a_run_that_asks_for_it(ran):
    write()
    plain = lint()
    assert not plain.models[0].annotated
    first = lint(annotated=True)
    assert ran == ["net.py", "net.py"]
    assert first.models[0].annotated
    ran.clear()
    assert lint(annotated=True).annotated() == first.annotated()
    # A report of a run that did not ask for it asks now, and finds it kept.
    assert plain.annotated() == first.annotated()
    assert not lint().models[0].annotated
    assert ran == []


WITHOUT_WORKER = """
import sys
def refuse(event, arguments):
    assert event not in ("subprocess.Popen", "os.fork"), event
    assert event != "import" or arguments[0] != "torch"
sys.addaudithook(refuse)
sys.argv = ["modellint", "net.py", *sys.argv[1:]]
from modellint.cli import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--annotate",)])
def test_a_cached_run_needs_no_torch(new_worker, options):
    write()
    environment = {**os.environ, "MODELLINT_NO_CACHE": ""}

    def run(*arguments):
        return subprocess.run([sys.executable, *arguments], capture_output=True, env=environment)

    assert run("-c", WITHOUT_WORKER, *options).returncode == 2
    first = run("-m", "modellint", "net.py", *options)
    again = run("-c", WITHOUT_WORKER, *options)
    assert (again.returncode, again.stdout, again.stderr) == (0, first.stdout, b"")


def changes():
    """What is there before the first run, and what happens between the two."""

    def case(name, before, change, *, first=lambda: None, settings=None):
        return pytest.param(before, first, change, settings or {}, id=name)

    read = (
        "import os\ntry:\n    WIDTH = int(open('width.txt').read())\nexcept OSError:\n    WIDTH = 8"
    )
    tries = "try:\n    import extra\n    WIDTH = 9\nexcept ImportError:\n    WIDTH = 8"
    lists = "import os\nWIDTH = 8 + len(os.listdir('configurations'))"
    asks = "import os\nWIDTH = int(os.environ.get('NET_WIDTH', '8'))"
    path = "import sys\nsys.path.append('../common')\nimport shared"
    yield case("the file", "", lambda: write(width=9))
    yield case(
        "a helper",
        "import helper",
        lambda: put("helper.py", "x = 2\n"),
        first=lambda: put("helper.py"),
    )
    yield case(
        "a helper's helper",
        "import helper",
        lambda: put("deep.py", "x = 2\n"),
        first=lambda: (put("helper.py", "import deep\n"), put("deep.py")),
    )
    yield case(
        "a helper outside of the project",
        path,
        lambda: put("../common/shared.py", "x = 2\n"),
        first=lambda: put("../common/shared.py"),
    )
    yield case(
        "a helper that is compiled",
        "import helper",
        lambda: put("helper.py", "x = 2\n"),
        first=lambda: (
            put("helper.py"),
            subprocess.run([sys.executable, "-m", "compileall", "-q", "."], check=True),
        ),
    )
    yield case(
        "a package that hides a helper",
        "import helper",
        lambda: put("helper/__init__.py"),
        first=lambda: put("helper.py"),
    )
    yield case("a module that hides a library", "import tabulate", lambda: put("tabulate.py"))
    yield case("a module that was missing", tries, lambda: put("extra.py"))
    yield case(
        "a helper that is gone",
        tries,
        lambda: Path("extra.py").unlink(),
        first=lambda: put("extra.py"),
    )
    yield case("a package around it", "", lambda: put("__init__.py"))
    yield case(
        "a data file", read, lambda: put("width.txt", "9"), first=lambda: put("width.txt", "8")
    )
    yield case("a data file that was missing", read, lambda: put("width.txt", "9"))
    yield case(
        "a folder that it lists",
        lists,
        lambda: put("configurations/b"),
        first=lambda: put("configurations/a"),
    )
    yield case("a variable", asks, lambda: os.environ.__setitem__("NET_WIDTH", "9"))
    yield case(
        "a rule file",
        "",
        lambda: put("rules/own.py", RULE.format(message="two")),
        first=lambda: (
            put("rules/own.py", RULE.format(message="one")),
            put("modellint.toml", 'plugins = ["rules"]\n'),
        ),
    )
    yield case("a severity", "", lambda: put("modellint.toml", 'severity.advice = "error"\n'))
    yield case(
        "what is said of its model",
        "",
        lambda: put("modellint.toml", 'budget."net.py::Net" = {parameters = 1}\n'),
    )
    yield case("a source folder", "", lambda: put("../project/src/net.py"))


@pytest.mark.parametrize(("before", "first", "change", "settings"), [*changes()])
def test_a_change_is_seen(before, first, change, settings, ran, monkeypatch):
    # So that whatever the change sets is unset again.
    monkeypatch.setenv("NET_WIDTH", "8")
    monkeypatch.delenv("NET_WIDTH")
    first()
    write(before=before, width="WIDTH" if "WIDTH" in before else 8)
    lint(**settings)
    lint(**settings)
    assert ran == ["net.py"]
    change()
    found = lint(**settings)
    assert ran == ["net.py"] * 2
    assert found.to_dict() == lint(**settings, cache=False).to_dict()


@pytest.mark.parametrize(
    "change",
    [
        lambda: os.utime("net.py", (1, 1)),
        lambda: os.utime("helper.py", (1, 1)),
        lambda: put("unrelated.py"),
        lambda: put("report.json", "{}"),
    ],
)
def test_what_does_not_matter_is_no_change(change, ran):
    put("helper.py")
    write(before="import helper")
    lint()
    change()
    lint()
    assert ran == ["net.py"]


def test_a_folder_that_was_searched_for_settings_may_get_other_files(ran):
    put("sizes.json", '{"width": 3}')
    sizes = "import json; WIDTH = json.load(open('sizes.json'))['width']"
    write(before=sizes, width="WIDTH")
    first = lint()
    for change in (lambda: put("unrelated.txt"), lambda: put("runs/log.json", "{}")):
        change()
        assert lint().to_dict() == first.to_dict()
    assert ran == ["net.py"]
    put("sizes.json", '{"width": 4}')
    assert lint().to_dict() != first.to_dict()


@pytest.mark.parametrize(
    "settings",
    [
        {"confirmed": True},
        {"inputs": ("1,3,64,64",)},
        {"select": ("correctness",)},
        {"ignore": ("edge-losing-padding",)},
        {"options": {"edge-losing-padding": {"layer_trim": 0.9}}},
        {"verbose": True},
    ],
    ids=str,
)
def test_each_way_to_lint_has_results_of_its_own(settings, ran):
    write()
    plain, other = lint(), lint(**settings)
    assert len(ran) == 2
    assert (lint().to_dict(), lint(**settings).to_dict()) == (plain.to_dict(), other.to_dict())
    assert len(ran) == 2


def test_settings_that_concern_the_report_alone_share_results(ran):
    write()
    lint()
    assert lint(fail_level="never").exit_status == 0
    assert lint(strict=True, fail_level="error").exit_status == 0
    assert ran == ["net.py"]


def test_a_selector_and_its_file_are_kept_apart(ran):
    put(
        "net.py",
        NET.format(before="", width=8) + NET.format(before="", width=9).replace("Net", "B"),
    )
    assert len(lint("net.py::B").models) == 1
    assert len(lint().models) == 2
    assert len(lint("net.py::B").models) == 1
    assert len(ran) == 2


@pytest.mark.parametrize(
    "before",
    [
        "import missing_package_xyz\nclass Base(missing_package_xyz.Base): pass\nnn.Module = Base",
        "1 / 0\nraise SystemExit",
    ],
)
def test_what_is_not_used_of_a_file_does_not_count(before, ran):
    write(before=before)
    lint()
    lint()
    assert ran[0] == "net.py"


def failing(line):
    return NET.format(before="", width=8).replace("nn.Conv2d", f"{line} or nn.Conv2d")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (failing("1 / 0"), "failed"),
        (failing("__import__('os').abort()"), "failed"),
        (failing("__import__('missing_package_xyz')"), "not-analysed"),
        (failing("open('/nowhere/weights.pt')"), "not-analysed"),
        (failing("__import__('socket').create_connection(('192.0.2.1', 9))"), "not-analysed"),
        (failing("__import__('subprocess').run(['true']).returncode"), "analysed"),
        (failing("print(open('log.txt', 'r+').write('x'), end='') "), "analysed"),
        (failing("print(len(__import__('os').environ.copy()))"), "analysed"),
    ],
    ids=["error", "crash", "package", "file", "network", "program", "changed", "environment"],
)
def test_what_may_be_otherwise_the_next_time_is_not_kept(text, status, ran):
    put("net.py", text)
    put("log.txt", "log\n")
    put("good.py", NET.format(before="", width=8))
    assert {m.status for m in lint(".").models if m.path == "net.py"} == {status}
    assert [model.status for model in lint(".").models if model.path == "net.py"] == [status]
    assert sorted(ran) == ["good.py", "net.py", "net.py"]


def test_a_class_that_needs_arguments_is_kept(ran):
    put("net.py", NET.format(before="", width=8).replace("__init__(self)", "__init__(self, what)"))
    assert [model.status for model in lint().models] == ["not-analysed"]
    assert lint(strict=True).exit_status == 1
    assert ran == ["net.py"]


def test_what_a_file_makes_itself_is_no_premise(ran):
    write(
        before="import os\nopen('made.txt', 'w').write('x')\ntext = open('made.txt').read()\n"
        "os.environ['MADE'] = '1'\nmade = os.environ['MADE']"
    )
    lint()
    put("made.txt", "something else")
    lint()
    assert ran == ["net.py"]


def test_too_little_of_a_variable_is_kept_to_tell_a_secret_from():
    state = variable_state("correct horse battery staple")
    assert len(state) == 8
    assert state != variable_state("correct horse battery stapler")
    assert variable_state(None) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-20],
        lambda data: b"\xff\x00" + data,
        lambda data: data.replace(b'"line": 9', b'"line": 8', 1),
        lambda data: b"{}",
        lambda data: b"[]",
    ],
)
def test_a_spoilt_entry_counts_as_none(spoil, ran):
    write()
    first = lint().to_dict()
    (entry,) = entries()
    assert spoil(entry.read_bytes()) != entry.read_bytes()
    entry.write_bytes(spoil(entry.read_bytes()))
    assert lint().to_dict() == first
    assert len(ran) == 2
    lint()
    assert len(ran) == 2


@pytest.mark.parametrize("entry", [{}, {"premises": 1}, {"read": {"files": []}}])
def test_an_entry_of_another_shape_counts_as_none(entry, ran):
    write()
    lint()
    (path,) = entries()
    kept = json.loads(path.read_bytes())["entry"]
    Cache(".modellint_cache").store(path.stem, {**kept, **entry} if entry else entry)
    lint()
    assert len(ran) == 2


def test_where_nothing_can_be_written_nothing_is_kept(ran):
    write()
    put("file")
    report = lint(cache_dir="file/below")
    assert [model.status for model in report.models] == ["analysed"]
    assert [remark.path for remark in report.remarks] == ["file/below"]
    lint(cache_dir="file/below")
    assert len(ran) == 2


def test_the_folder_is_beside_the_configuration_or_the_project(folder):
    write("a/net.py")
    put("a/modellint.toml", "")
    write("b/net.py")
    put("b/modellint.toml", 'cache-dir = "kept"\n')
    write("c/net.py")
    write("../elsewhere/net.py")
    lint("a", "b", "c", "../elsewhere")
    found = {path.relative_to(folder).parent.as_posix() for path in folder.rglob("*.json")}
    assert found == {
        "project/a/.modellint_cache",
        "project/b/kept",
        "project/.modellint_cache",
    }


def test_the_folder_is_marked_as_a_cache():
    write()
    lint()
    tag = Path(".modellint_cache/CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55\n")
    assert "*" in Path(".modellint_cache/.gitignore").read_text().splitlines()


def test_a_folder_of_other_things_is_not_marked():
    write()
    put("mine/thesis.txt")
    lint(cache_dir="mine")
    assert len(entries("mine")) == 1
    assert not Path("mine/.gitignore").exists()
    assert not Path("mine/CACHEDIR.TAG").exists()


def test_nothing_else_in_the_project_changes():
    write()
    before = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    lint()
    after = {path: path.stat().st_mtime_ns for path in Path().iterdir()}
    after.pop(Path(".modellint_cache"))
    assert after == before
    assert {path.suffix for path in Path(".modellint_cache").iterdir()} == {".json", "", ".TAG"}


def test_what_no_run_asks_for_is_deleted():
    write()
    lint()
    (used,) = entries()
    cache = Path(".modellint_cache")
    old = [cache / f"{'0' * 32}.json", cache / f".{'0' * 32}.1.1", cache / "notes.txt"]
    for path in old:
        path.touch()
    long_ago = time.time() - 40 * 24 * 3600
    for path in [used, *old]:
        os.utime(path, (long_ago, long_ago))
    lint()
    assert all(path.exists() for path in old), "looked for once a day"
    os.utime(cache / "CACHEDIR.TAG", (long_ago, long_ago))
    write("other.py")
    lint(".")
    assert [path.name for path in old if path.exists()] == ["notes.txt"]
    assert used.exists()


def test_writers_at_one_time_leave_whole_entries(tmp_path):
    entry = {"content": list(range(2000))}

    def write_often(number):
        cache = Cache(str(tmp_path / "cache"))
        for _ in range(20):
            cache.store("a" * 32, {**entry, "number": number})
            found = cache.load("a" * 32)
            assert found is not None and found["content"] == entry["content"]
        assert cache.trouble is None

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write_often, range(4)))
    assert [path.name for path in (tmp_path / "cache").glob(".[0-9a-f]*.*")] == []


def test_standard_input_is_not_kept():
    text = NET.format(before="", width=8).encode()
    report = lint_targets(["-"], Settings(cache=True), text, "net.py")
    assert [model.status for model in report.models] == ["analysed"]
    assert entries() == []


def test_the_command_keeps_results_unless_told_otherwise(monkeypatch, ran):
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    monkeypatch.delenv("MODELLINT_CACHE_DIR", raising=False)
    write()
    arguments = ("net.py", "--layers", "--contract")
    first = modellint(*arguments, cwd=".")
    assert modellint(*arguments, cwd=".").stdout == first.stdout
    assert ran == ["net.py"]
    assert modellint(*arguments, "--no-cache", cwd=".").stdout == first.stdout
    assert modellint(*arguments, "--cache-dir", "other", cwd=".").stdout == first.stdout
    monkeypatch.setenv("MODELLINT_CACHE_DIR", "third")
    assert modellint(*arguments, cwd=".").stdout == first.stdout
    assert len(ran) == 4
    assert len(entries()) == len(entries("other")) == len(entries("third")) == 1


def test_a_baseline_and_ignores_go_by_kept_results(monkeypatch, ran):
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    write()
    arguments = ("net.py", "--fail-level", "info")
    assert modellint(*arguments, cwd=".").returncode == 1
    modellint(*arguments, "--write-baseline", "baseline.json", cwd=".")
    assert modellint(*arguments, "--baseline", "baseline.json", cwd=".").returncode == 0
    assert ran == ["net.py"]
    modellint("net.py", "--add-ignore", "for now", cwd=".")
    assert ran == ["net.py"]
    assert modellint(*arguments, cwd=".").returncode == 0
    assert len(ran) == 2


def test_the_page_tells_what_works(folder, monkeypatch, ran):
    assert marks("cache.md") == ["twice", "configured", "github"]
    put("modellint.toml", block("cache.md", "configured").replace("[tool.modellint]", ""))
    configuration = read_configuration(str(Path("modellint.toml").absolute()))
    assert configuration.cache_dir == str(Path(".cache/modellint").absolute())
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    write("models/net.py")
    for line in block("cache.md", "twice").splitlines():
        modellint(*line.partition("#")[0].split()[1:], cwd=".")
    assert ran == ["net.py"]
    assert len(entries(".cache/modellint")) == 1
    shutil.rmtree(".cache")
