"""Files through worker processes: at once, limited, ended, and the same however they ran."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent, indent

import pytest

from modellint.cli import progress
from modellint.config.settings import Settings
from modellint.engine import running
from modellint.engine.engine import lint_targets
from modellint.engine.subprocess_pool import SinglePool
from modellint.errors import UsageError
from modellint.protocol.limits import MEMORY, parse_memory, shown_memory
from modellint.worker.deaths import running_line

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

NET = """
import os, sys, time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
{body}
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, body="pass"):
    """A file whose one model runs `body` in its constructor, from line 10 on."""
    text = NET.format(body=indent(dedent(body).strip(), " " * 8))
    Path(name).write_text(text, "utf-8")


def statuses(report):
    return {model.path: model.status for model in report.models}


def kinds(report):
    return [(problem.path, problem.kind, problem.line) for problem in report.errors]


def gone(pid):
    """Whether a process has ended, soon; one that nobody waited for has ended too."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


MEETS = """
    open({own!r}, "w").close()
    while not os.path.exists({other!r}):
        time.sleep(0.01)
"""


def test_files_run_at_the_same_time():
    write("a.py", MEETS.format(own="a", other="b"))
    write("b.py", MEETS.format(own="b", other="a"))
    report = lint_targets(["a.py", "b.py"], Settings(jobs=2, timeout=20))
    assert statuses(report) == {"a.py": "analysed", "b.py": "analysed"}


def test_one_job_runs_one_file_at_a_time():
    body = """
        here = os.listdir("running") if os.path.isdir("running") else []
        assert not here
        os.makedirs("running/" + str(os.getpid()))
        time.sleep(0.1)
        os.rmdir("running/" + str(os.getpid()))
    """
    for name in ("a.py", "b.py", "c.py"):
        write(name, body)
    assert not lint_targets(["."], Settings(jobs=1)).errors


@linux
def test_the_server_has_one_thread_to_fork_from(lasting_pool):
    write("a.py")
    lint_targets(["."], Settings())
    assert len(list(Path(f"/proc/{lasting_pool.server}/task").iterdir())) == 1


def test_no_file_pays_for_the_compiler_of_torch():
    body = "self.table = nn.Embedding(9, 4); assert 'torch._dynamo' not in sys.modules"
    write("a.py", body)
    assert not lint_targets(["a.py"], Settings()).errors


@linux
def test_what_one_file_makes_torch_import_the_next_one_finds():
    write("a.py", "torch.zeros(3).sin(); assert 'sympy' in sys.modules")
    write("b.py", "assert 'sympy' in sys.modules")
    assert not lint_targets(["a.py", "b.py"], Settings(jobs=1)).errors


@pytest.mark.slow
@linux
def test_files_whose_worker_was_killed_run_once_more():
    write("a.py", MEETS.format(own="a", other="b") + "    time.sleep(0.5)\n")
    write(
        "b.py",
        """
        parent = os.getppid()
        above = open(f"/proc/{parent}/stat").read().rpartition(")")[2].split()[1]
        if not os.path.exists("b"):
            open("b", "w").close()
            os.kill(int(above), 9)
            os.kill(parent, 9)
            time.sleep(60)
        """,
    )
    report = lint_targets(["."], Settings(jobs=2, timeout=20))
    assert statuses(report) == {"a.py": "analysed", "b.py": "analysed"}


@linux
@pytest.mark.parametrize("whom", [pytest.param("above", marks=pytest.mark.slow), "parent"])
def test_a_file_that_kills_its_worker_again_and_again_costs_its_neighbours_nothing(whom):
    for name in "abcd":
        write(f"{name}.py", "time.sleep(0.3)")
    for name in "km":
        write(
            f"{name}.py",
            f"""
            parent = os.getppid()
            above = int(open(f"/proc/{{parent}}/stat").read().rpartition(")")[2].split()[1])
            os.kill({whom}, 9)
            os.kill(parent, 9)
            time.sleep(60)
            """,
        )
    report = lint_targets(["."], Settings(jobs=3, timeout=20))
    killed = {"k.py": "failed", "m.py": "failed"}
    assert statuses(report) == dict.fromkeys(["a.py", "b.py", "c.py", "d.py"], "analysed") | killed
    assert {(error.path, error.kind) for error in report.errors} == {
        ("k.py", "crash"),
        ("m.py", "crash"),
    }


@linux
def test_processes_that_ended_while_they_waited_cost_no_file_its_result(lasting_pool):
    for _ in range(7):
        connection, other = socket.socketpair()
        other.close()
        lasting_pool._open.add(connection)
        lasting_pool._idle.setdefault((), []).append(connection)
    write("a.py")
    report = lint_targets(["a.py"], Settings())
    assert statuses(report) == {"a.py": "analysed"}


def test_a_model_that_hangs_costs_its_neighbours_only_time():
    write("a.py")
    good = Path("a.py").read_text()
    hanging = good.replace("Net", "Hanging").replace("pass", "while True: pass")
    Path("a.py").write_text(good + hanging + good.replace("Net", "Last"))
    report = lint_targets(["a.py"], Settings(timeout=1.5))
    assert [(m.name, m.status) for m in report.models] == [
        ("Net", "analysed"),
        ("Hanging", "failed"),
        ("Last", "analysed"),
    ]
    line = 1 + (good + hanging).splitlines().index("        while True: pass")
    assert kinds(report) == [("a.py", "timeout", line)]
    assert report.errors[0].message == "ran for more than 1.5 s while building Hanging"


@pytest.mark.slow
def test_models_whose_turn_never_came_are_not_blamed():
    # Long enough to be loaded in on a machine that is busy, and nothing that keeps it so.
    write("a.py", "time.sleep(600)")
    hanging = Path("a.py").read_text()
    others = [hanging.replace("Net", "Other"), hanging.replace("Net", "Last")]
    Path("a.py").write_text("".join([hanging, *others]))
    report = lint_targets(["a.py"], Settings(timeout=3))
    assert [(m.name, m.status) for m in report.models] == [
        ("Net", "failed"),
        ("Other", "failed"),
        ("Last", "not-analysed"),
    ]
    assert [kind for _, kind, _ in kinds(report)] == ["timeout", "timeout"]
    assert report.exit_status == 1


@linux
@pytest.mark.slow
def test_a_stopped_supervisor_is_given_up(monkeypatch):
    from modellint.engine import server_pool

    monkeypatch.setattr(server_pool, "_SILENCE", 1.0)
    write("a.py", "os.kill(os.getppid(), 19)")
    write("b.py")
    report = lint_targets(["."], Settings(timeout=1, jobs=1))
    assert statuses(report) == {"a.py": "failed", "b.py": "analysed"}


@linux
def test_what_a_file_leaves_running_is_ended():
    write(
        "a.py",
        """
        import subprocess
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                open("daemon", "w").write(str(os.getpid()))
                time.sleep(600)
            os._exit(0)
        while not os.path.exists("daemon") or not open("daemon").read():
            time.sleep(0.01)
        """,
    )
    report = lint_targets(["a.py"], Settings())
    assert statuses(report) == {"a.py": "analysed"}
    assert gone(Path("daemon").read_text())
    assert len(report.remarks) == 1


@linux
@pytest.mark.parametrize(
    "ending",
    [signal.SIGINT, signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
)
def test_however_a_run_is_ended_nothing_runs_on(ending):
    body = """
        import subprocess
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        open("pid-{name}", "w").write(f"{{os.getpid()}} {{os.getppid()}} {{child.pid}}")
        while True: pass
    """
    for name in ("a", "b"):
        write(f"{name}.py", body.format(name=name))
    run = subprocess.Popen(
        [sys.executable, "-m", "modellint", ".", "-j2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a shell starts in the background ignores it, and so would this process.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    files = [Path("pid-a"), Path("pid-b")]
    while not all(file.exists() and file.read_text() for file in files):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(ending)
    out, err = run.communicate(timeout=30)
    assert out == b""
    assert run.returncode == (130 if ending == signal.SIGINT else -ending)
    assert b"Traceback" not in err
    for pid in " ".join(file.read_text() for file in files).split():
        assert gone(pid)


def test_an_interrupt_while_modellint_is_imported_is_one_as_well():
    code = """
import sys
class Interrupts:
    def find_spec(self, name, path, target=None):
        if name == "modellint.cli.command":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from modellint.cli.start import main
main()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert (run.returncode, run.stderr) == (130, b"")


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_met_with_silence():
    for index in range(4):
        write(f"net{index}.py")
    command = f"{sys.executable} -m modellint . --format json | head -1"
    run = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("{\n", "")


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "<&-", ">&-", "2>&-"])
def test_closed_streams_are_survived(closed):
    write("net.py")
    run = f"{sys.executable} -m modellint net.py {closed}"
    done = subprocess.run(run, shell=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.slow
def test_a_full_disk_is_an_error_of_the_run():
    write("net.py")
    with Path("/dev/full").open("w") as full:
        run = [sys.executable, "-m", "modellint", "net.py"]
        done = subprocess.run(run, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("body", "kind", "line"),
    [
        pytest.param("pass", None, None),
        pytest.param("os._exit(0)", "crash", 10, marks=pytest.mark.slow),
        pytest.param("os.abort()", "crash", 10, marks=pytest.mark.slow),
        pytest.param("while True: pass", "timeout", 10, marks=pytest.mark.slow),
        pytest.param("sys.exit(0)", "build-error", 10, marks=pytest.mark.slow),
        pytest.param("os.closerange(3, 4096); os.close(0)", "crash", 7, marks=pytest.mark.slow),
        pytest.param("1 / 0", "build-error", 10, marks=pytest.mark.slow),
        pytest.param(
            "__import__('subprocess').Popen(['sleep', '60'])", None, None, marks=pytest.mark.slow
        ),
    ],
)
def test_without_a_fork_each_file_has_a_process(monkeypatch, body, kind, line):
    monkeypatch.setattr(running, "open_pool", SinglePool)
    write("net.py", body)
    write("other.py")
    files = ["net.py", "other.py"] if kind else ["net.py"]
    report = lint_targets(files, Settings(timeout=5, jobs=2))
    assert statuses(report).get("other.py", "analysed") == "analysed"
    assert statuses(report)["net.py"] == ("failed" if kind else "analysed")
    assert kinds(report) == ([("net.py", kind, line)] if kind else [])


@pytest.mark.slow
def test_without_a_fork_reports_are_the_same(monkeypatch):
    for name in ("a.py", "b.py"):
        write(name)
    write("c.py", "os.abort()")
    forked = lint_targets(["."], Settings()).to_dict()
    monkeypatch.setattr(running, "open_pool", SinglePool)
    assert lint_targets(["."], Settings()).to_dict() == forked


@pytest.mark.slow
def test_reports_are_the_same_however_files_ran():
    for index in range(5):
        write(f"net{index}.py", ["pass", "1 / 0", "self.b = nn.Conv2d(3, 3, 5)"][index % 3])
    names = sorted(path.name for path in Path().iterdir())
    # As the command line does for JSON.
    one = lint_targets(names, Settings(jobs=1, training=True)).render("json")
    assert lint_targets(names[::-1], Settings(jobs=4, training=True)).render("json") == one
    done = subprocess.run(
        [sys.executable, "-m", "modellint", *names[2:], *names[:2], "--format", "json"],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == one


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8G", MEMORY),
        ("512M", 512 << 20),
        ("512 MiB", 512 << 20),
        ("1.5g", 3 << 29),
        ("2GB", 2 << 30),
        ("1T", 1 << 40),
        ("200000000", 200_000_000),
    ],
)
def test_amounts_of_memory_are_read(text, number):
    assert parse_memory(text) == number
    assert parse_memory(shown_memory(number)) == pytest.approx(number, rel=0.01)


@pytest.mark.parametrize(
    "text", ["", "much", "8X", "-1G", "0", "1M", "G", "1e9", "2000000T", "9" * 400]
)
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(UsageError):
        parse_memory(text)


@pytest.mark.parametrize(
    "settings",
    [
        *({"timeout": seconds} for seconds in (0, -1, 1e9, float("inf"), float("nan"))),
        *({"jobs": jobs} for jobs in (0, -1)),
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused(settings):
    write("net.py")
    with pytest.raises(UsageError):
        lint_targets(["net.py"], Settings(**settings))


@linux
def test_a_limit_of_memory_holds_for_each_file_alone():
    write("big.py", "data = bytearray(700 << 20)")
    write("small.py", "data = bytearray(100 << 20)")
    report = lint_targets(["."], Settings(memory=512 << 20))
    assert kinds(report) == [("big.py", "memory-limit", 10)]
    assert statuses(report) == {"big.py": "failed", "small.py": "analysed"}
    assert not lint_targets(["."], Settings(memory=1 << 30)).errors


# -- deaths ----------------------------------------------------------------------------------------

CRASH = """Fatal Python error: Segmentation fault

Thread 0x00007f (most recent call first):
  File "/x/net.py", line 3 in worker

Current thread 0x00007e (most recent call first):
  File "/lib/ctypes/__init__.py", line 519 in string_at
  File "/x/net.py", line 18 in __init__
  File "/x/net.py", line 25 in <module>
  File "/lib/modellint/building/builder.py", line 130 in build
"""
#: What Python 3.14 writes besides.
C_STACK = """
Current thread's C stack trace (most recent call first):
  Binary file "/lib/python3.14", at _Py_DumpStack+0x31 [0x55]
"""
TIMEOUT = """Timeout (0:00:03)!
Thread 0x00007f (most recent call first):
  File "/x/net.py", line 3 in worker

Thread 0x00007e (most recent call first):
  File "/x/net.py", line 7 in __init__
"""
#: Of a signal that the code sent to itself, and survived.
KILL = CRASH.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("log", "path", "line"),
    [
        (CRASH, "/x/net.py", 18),
        (CRASH + C_STACK, "/x/net.py", 18),
        (CRASH.replace("7e (", "7e [python] ("), "/x/net.py", 18),
        (TIMEOUT, "/x/net.py", 7),
        (TIMEOUT + CRASH, "/x/net.py", 18),
        (KILL + TIMEOUT, "/x/net.py", 7),
        (KILL, "/x/net.py", 18),
        (CRASH, "/x/other.py", None),
        ("", "/x/net.py", None),
        ("garbage (most recent call first):\n", "/x/net.py", None),
        (CRASH.replace("net.py", "n\\xe4t.py"), "/x/nät.py", 18),
        (CRASH.replace("net.py", "\\u7f51\\U0001f525.py"), "/x/网🔥.py", 18),
        (CRASH.replace("/x/net.py", "/" + "x" * 499 + "..."), "/" + "x" * 600, 18),
    ],
)
def test_the_line_that_ran_last_is_read_from_the_log(log, path, line):
    assert running_line(log, path) == line


# -- progress --------------------------------------------------------------------------------------


def test_a_long_run_is_drawn_and_taken_away(monkeypatch):
    clock = iter([0.0, 0.5, 2.0, 2.01, 3.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    bar = progress.Bar(stream)
    bar(1, 10)
    assert stream.getvalue() == ""
    bar(2, 10)
    drawn = stream.getvalue()
    assert "2 of 10" in drawn
    bar(3, 10)
    assert stream.getvalue() == drawn
    bar(4, 10)
    assert "4 of 10" in stream.getvalue()
    bar.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_bar_fits_a_line_in_any_encoding(monkeypatch, encoding):
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    stream = io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace")
    progress.Bar(stream)(1, 2)
    drawn = stream.buffer.getvalue().decode(encoding)
    assert "\\" not in drawn
    assert len(drawn) < 80


@pytest.mark.parametrize(
    ("environment", "quiet", "terminal", "wanted"),
    [
        ({}, False, True, True),
        ({"TERM": "xterm"}, False, True, True),
        ({}, False, False, False),
        ({}, True, True, False),
        ({"CI": "true"}, False, True, False),
        ({"PRE_COMMIT": "1"}, False, True, False),
        ({"TERM": "dumb"}, False, True, False),
    ],
)
def test_the_bar_is_for_terminals(monkeypatch, environment, quiet, terminal, wanted):
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stream)
    assert progress.wants_bar(quiet=quiet, environment=environment) is wanted
