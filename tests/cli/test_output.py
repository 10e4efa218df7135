"""Where reports go: files replaced in one step, and colour where it is wanted."""

import errno
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from modellint.cli.output import wants_color, write
from modellint.errors import UsageError

TERMINAL, PIPE = True, False


@pytest.mark.parametrize(
    ("choice", "environment", "terminal", "colored"),
    [
        ("auto", {}, TERMINAL, True),
        ("auto", {}, PIPE, False),
        ("auto", {"TERM": "dumb"}, TERMINAL, False),
        ("auto", {"FORCE_COLOR": "1"}, PIPE, True),
        ("auto", {"FORCE_COLOR": "1", "TERM": "dumb"}, PIPE, True),
        ("auto", {"NO_COLOR": "1"}, TERMINAL, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, TERMINAL, False),
        # What is set but empty is as if it were not set.
        ("auto", {"NO_COLOR": "", "FORCE_COLOR": ""}, TERMINAL, True),
        ("auto", {"NO_COLOR": "", "FORCE_COLOR": ""}, PIPE, False),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, PIPE, True),
        ("never", {"FORCE_COLOR": "1"}, TERMINAL, False),
    ],
)
def test_the_first_that_has_a_say_decides_on_colour(
    choice, environment, terminal, colored, monkeypatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert wants_color(choice, None, environment) is colored


def test_a_file_is_coloured_only_when_asked(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert not wants_color("auto", "report.txt", {"FORCE_COLOR": "1"})
    assert wants_color("always", "report.txt", {})


def test_a_real_terminal_is_seen():
    code = "from modellint.cli.output import *; print(wants_color('auto', None, os.environ))"
    code = f"import os; {code}"
    environment = {**os.environ, "TERM": "xterm"}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=theirs, env=environment, check=True)
    assert os.read(ours, 100).strip() == b"True"


def test_a_file_gets_the_bytes_whatever_the_locale(tmp_path):
    write("→ \udcff\n", str(tmp_path / "report.txt"))
    assert (tmp_path / "report.txt").read_bytes() == "→ \\udcff\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_a_new_file_has_the_mode_of_new_files_and_an_old_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        write("new", str(tmp_path / "new"))
        (tmp_path / "old").write_text("old")
        (tmp_path / "old").chmod(0o600)
        write("new", str(tmp_path / "old"))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600
    assert (tmp_path / "old").read_text() == "new"


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    write("text", str(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "file").read_text() == "text"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "report.txt"
    path.write_text("old")

    def full(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match="No space left"):
        write("new", str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["nowhere/report.txt", "file/report.txt", "x" * 300])
def test_what_cannot_be_written_is_named(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=name[:40]):
        write("text", str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_what_is_no_file_is_written_to_as_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    write("through", str(tmp_path / "pipe"))
    assert reader.communicate(timeout=10)[0] == b"through"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout")
def test_a_deleted_file_that_is_open_is_written_to_and_leaves_no_other(tmp_path):
    code = "from modellint.cli.output import write; write('through', '/dev/stdout')"
    gone = tmp_path / "gone"
    with gone.open("w+b") as file:
        gone.unlink()
        subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        file.seek(0)
        assert file.read() == b"through"
    assert not [*tmp_path.iterdir()]


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout")
def test_a_pipe_is_written_to_by_the_name_of_standard_output():
    code = "from modellint.cli.output import write; write('through', '/dev/stdout')"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (run.stdout, run.stderr) == (b"through", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_stdout_is_said_and_is_no_traceback():
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [sys.executable, "-m", "modellint", "--rules"],
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    assert run.returncode == 2
    assert "standard output" in run.stderr
    assert "Traceback" not in run.stderr
    assert "ignored" not in run.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.slow),
        pytest.param({"PYTHONIOENCODING": "ascii:strict"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_a_locale_without_our_letters_gets_escapes(environment):
    run = subprocess.run(
        [sys.executable, "-m", "modellint", "--explain", "edge-losing-padding"],
        capture_output=True,
        env={**os.environ, **environment},
        check=True,
    )
    assert b"\\xd7" in run.stdout
    assert run.stdout.isascii()
    assert not run.stderr


@pytest.mark.parametrize(
    "words", ["bash", *(pytest.param(one, marks=pytest.mark.slow) for one in ("zsh", "fish"))]
)
def test_shells_complete_options_formats_rules_and_files(words, tmp_path):
    environment = {**os.environ, "_MODELLINT_COMPLETE": f"{words}_complete"}

    def completed(*typed):
        given = {"COMP_WORDS": " ".join(("modellint", *typed)), "COMP_CWORD": str(len(typed))}
        if words == "fish":
            given["COMP_CWORD"] = typed[-1]
        code = "import sys; sys.argv = ['modellint']; from modellint.cli import main; main()"
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**environment, **given},
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            check=True,
        )
        return run.stdout

    assert "--format" in completed("--fo")
    assert "sarif" in completed("--format", "sa")
    assert "even-kernel" in completed("--explain", "ev")
    assert "suspicious,even-kernel" in completed("--select", "suspicious,ev")
    if words != "fish":  # fish offers files by itself.
        assert completed("ne").startswith("file")
