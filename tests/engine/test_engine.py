"""Files in, report out: what fails is one entry at its line, and everything else goes on."""

from pathlib import Path
from textwrap import dedent

import pytest

from modellint.config.settings import Settings
from modellint.config.targets import expand_targets
from modellint.engine import server_pool
from modellint.engine.engine import lint_targets
from modellint.errors import UsageError
from modellint.source.paths import shown_path

GOOD = """
import torch
from torch import nn


class Good(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(*files, **settings):
    """Lint texts as the files a.py, b.py, ... of one folder."""
    for name, text in zip("abcdef", files, strict=False):
        Path(f"{name}.py").write_text(dedent(text), "utf-8")
    return lint_targets(["."], Settings(**settings))


def with_constructor(line):
    """GOOD with a line more in its constructor, which is line 9."""
    return GOOD.replace("padding=1)\n", f"padding=1)\n        {line}\n")


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("import torch\ndef f(:\n", "syntax-error", 2),
        (with_constructor("1 / 0"), "build-error", 10),
        (with_constructor("__import__('sys').exit(0)"), None, 10),
        (with_constructor("__import__('os')._exit(0)"), "crash", None),
        (with_constructor("__import__('os').abort()"), "crash", None),
        (GOOD.replace("return self.conv(x)", "y = missing(self.conv(x))"), "trace-error", 12),
        ("import wandb_not_there\n" + GOOD.replace("nn.Conv2d(", "wandb_not_there.Conv("), None, 1),
    ],
)
def test_a_failing_file_is_one_entry_and_the_next_is_linted(text, kind, line):
    report = lint(text, GOOD)
    (good,) = [model for model in report.models if model.path == "b.py"]
    assert good.status == "analysed"
    entries = [(p.path, p.kind) for p in report.errors]
    if kind is None:
        assert next(m.status for m in report.models if m.path == "a.py") in (
            "failed",
            "not-analysed",
        )
        return
    assert entries == [("a.py", kind)]
    if line is not None:
        assert report.errors[0].line == line
    assert report.exit_status == 1


def test_a_timeout_ends_one_file_only():
    report = lint(with_constructor("while True: pass"), GOOD, timeout=3)
    assert [problem.kind for problem in report.errors] == ["timeout"]
    assert {m.path: m.status for m in report.models} == {"a.py": "failed", "b.py": "analysed"}


def test_a_crash_keeps_the_models_before_and_after():
    middle = with_constructor("__import__('os').abort()").replace("Good", "Middle")
    last = GOOD.replace("Good", "Last")
    report = lint(GOOD + middle + last)
    assert [(m.name, m.status) for m in report.models] == [
        ("Good", "analysed"),
        ("Middle", "failed"),
        ("Last", "analysed"),
    ]
    (problem,) = report.errors
    assert problem.kind == "crash"
    assert "SIGABRT" in problem.message
    assert "Middle" in problem.message


def test_replaced_functions_do_not_reach_the_report():
    vandal = """
    import json, os
    json.dumps = None
    os.write = None
    """
    report = lint(GOOD.replace("import torch\n", "import torch\n" + dedent(vandal), 1))
    assert [model.status for model in report.models] == ["analysed"]


def test_files_without_torch_start_no_worker(new_worker, monkeypatch):
    monkeypatch.setattr(server_pool, "launch", lambda *_: pytest.fail("a worker was started"))
    report = lint("import os\n", "def f(:\n", "import torch\n", "import torch\ndef g(:\n")
    assert report.models == ()
    assert [(problem.path, problem.kind) for problem in report.errors] == [("d.py", "syntax-error")]


def test_a_named_file_is_parsed_even_without_torch(folder):
    (folder / "a.py").write_text("def f(:\n")
    assert lint_targets(["a.py"], Settings()).errors[0].kind == "syntax-error"


def test_missing_torch_is_one_clear_error(new_worker, folder, monkeypatch):
    (folder / "hidden").mkdir()
    (folder / "hidden" / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None\n")
    monkeypatch.setenv("PYTHONPATH", str(folder / "hidden"))
    with pytest.raises(UsageError, match="PyTorch"):
        lint(GOOD)


def test_a_class_without_its_arguments_is_not_analysed():
    report = lint(GOOD.replace("__init__(self)", "__init__(self, mystery)"))
    assert [model.status for model in report.models] == ["not-analysed"]
    assert "mystery" in (report.models[0].reason or "")
    assert report.exit_status == 0
    assert lint(strict=True).exit_status == 1


def test_stray_processes_and_threads_do_not_hold_the_run():
    stray = with_constructor("__import__('subprocess').Popen(['sleep', '60'])")
    thread = with_constructor(
        "__import__('threading').Thread(target=__import__('time').sleep, args=(60,)).start()"
    )
    assert {model.status for model in lint(stray, thread, timeout=20).models} == {"analysed"}


def test_a_worker_that_was_killed_is_told_and_replaced():
    killer = with_constructor("__import__('os').kill(__import__('os').getppid(), 9)")
    report = lint(killer, GOOD)
    assert {m.path: m.status for m in report.models} == {"a.py": "failed", "b.py": "analysed"}


def test_targets_leave_out_what_git_ignores(folder):
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_text("build/\n*_old.py\n!keep_old.py\n")
    for name in (
        "a.py",
        "a_old.py",
        "keep_old.py",
        "build/b.py",
        ".venv/c.py",
        "env/d.py",
        "n.txt",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    (folder / "env" / "pyvenv.cfg").write_text("")
    assert [target.shown for target in expand_targets(["."])] == ["a.py", "keep_old.py"]
    assert [target.shown for target in expand_targets(["a_old.py"])] == ["a_old.py"]


def test_a_file_by_two_paths_is_one_target(folder):
    (folder / "a.py").write_text("")
    (folder / "link.py").symlink_to("a.py")
    targets = expand_targets(["a.py", "./a.py", "link.py"])
    assert [target.shown for target in targets] == ["a.py"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["a.py", "link.py", "folder/a.py"], "a.py"),
        (["link.py", "folder/a.py"], "folder/a.py"),
        (["folder", "."], "a.py"),
        ([".", "link.py"], "link.py"),
    ],
)
def test_the_name_of_a_file_does_not_hang_on_the_order_of_its_paths(folder, given, shown):
    (folder / "a.py").write_text("")
    (folder / "link.py").symlink_to("a.py")
    (folder / "folder").symlink_to(".")
    for order in (given, given[::-1]):
        assert [target.shown for target in expand_targets(order)] == [shown]


@pytest.mark.parametrize("given", [["-", "a.py"], ["a.py", "-"]])
def test_what_an_editor_sends_counts_before_what_is_saved(folder, given):
    (folder / "a.py").write_text("saved")
    (target,) = expand_targets(given, b"sent", "a.py")
    assert target.data == b"sent"


def test_the_order_of_selectors_changes_nothing(folder):
    made = GOOD.replace("__init__(self)", "__init__(self, size)") + "a, b = Good(1), Good(2)\n"
    (folder / "a.py").write_text(made)
    whole = lint_targets(["a.py"], Settings())
    assert len(whole.models) == 2
    for names in ("ab", "ba"):
        assert lint_targets([f"a.py::{name}" for name in names], Settings()) == whole


def test_selectors_of_one_file_add_up(folder):
    (folder / "a.py").write_text("")
    assert expand_targets(["a.py::A", "a.py::B"])[0].names == ("A", "B")
    assert expand_targets(["a.py::A", "a.py"])[0].names == ()


def test_paths_are_shown_relative_to_the_current_folder(folder):
    assert shown_path(folder / "x" / "a.py") == "x/a.py"
    assert shown_path("x/../a.py") == "a.py"
    assert shown_path(folder.parent / "a.py") == (folder.parent / "a.py").as_posix()


def test_a_link_to_nowhere_is_unreadable(folder):
    Path("a.py").symlink_to("nowhere.py")
    assert [problem.kind for problem in lint_targets(["a.py"], Settings()).errors] == ["unreadable"]
