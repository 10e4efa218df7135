"""Files that an executor runs are reported as those that run here, byte for byte."""

import pickle
import subprocess
import sys
import time
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import pytest
import yaml
from command import modellint as command_line
from documents import block, marks

import modellint
from modellint.config.interpreters import OWN
from modellint.config.sharding import Shard, parse_shard
from modellint.engine import executor_pool, running
from modellint.errors import UsageError, WorkerError
from modellint.report import FORMATS

NET = """
import os
import torch
from torch import nn


class Net{number}(nn.Module):
    def __init__(self):
        super().__init__()
        {line}
        self.conv = nn.Conv2d(3, 8, {number})

    def forward(self, x):
        return self.conv(x)
"""
LINES = [
    "pass",
    "1 / 0",
    "os.abort()",
    "import missing_package_xyz",
    "pass",
    "open('x')",
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project whose files do, fail, crash and lack; the workers of each test end with it."""
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text('[tool.modellint]\nplugins = ["own.py"]\n')
    Path("own.py").write_text(
        "from modellint import Finding, rule\n"
        "@rule('advice')\ndef own_rule(graph):\n"
        "    '''Every convolution is told of.'''\n"
        "    for call in graph.calls('conv2d'):\n        yield Finding(call, 'told')\n"
    )
    Path("bad.py").write_text("import torch\ndef f(:\n")
    for number, line in enumerate(LINES, 1):
        Path(f"net{number}.py").write_text(NET.format(number=number, line=line))
    shared = executor_pool._Shared()
    monkeypatch.setattr(executor_pool, "_shared", shared)
    yield
    if shared._timer is not None:
        # Left to run, it would end the session's worker in the middle of another test.
        shared._timer.cancel()
        shared._close()


class Plain(Executor):
    """Runs a call at once, and takes and gives nothing but what can be sent."""

    def __init__(self):
        self.calls = []

    def submit(self, function, /, *args, **kwargs):
        self.calls.append(args)
        future = Future()
        function, args, kwargs = pickle.loads(pickle.dumps((function, args, kwargs)))
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*args, **kwargs))))
        except Exception as error:
            future.set_exception(pickle.loads(pickle.dumps(error)))
        return future


def same(report, other):
    assert report.to_dict() == other.to_dict()
    for name in FORMATS:
        assert report.render(name, layers=True) == other.render(name, layers=True)


def test_an_executor_changes_nothing(monkeypatch):
    monkeypatch.setattr(executor_pool, "_IDLE", 0)
    executor = Plain()
    same(modellint.lint_paths(["."], executor=executor), modellint.lint_paths(["."]))
    assert len(executor.calls) == len(LINES)


def test_two_runs_ask_for_different_calls():
    executor = Plain()
    for _ in range(2):
        modellint.lint_paths(["net1.py"], executor=executor)
    first, second = executor.calls
    assert first != second


def test_results_of_an_executor_are_kept(monkeypatch):
    executor = Plain()
    first = modellint.lint_paths(["net1.py"], executor=executor, cache=True)
    again = modellint.lint_paths(["net1.py"], executor=executor, cache=True)
    assert len(executor.calls) == 1
    same(first, again)


def test_another_version_is_refused():
    with pytest.raises(WorkerError):
        executor_pool.lint_job({}, None, "0.0.1", "run")


def test_a_file_that_is_not_there_is_unreadable(monkeypatch):
    class Elsewhere(Plain):
        def submit(self, function, /, *args, **kwargs):
            Path("net1.py").unlink()
            return super().submit(function, *args, **kwargs)

    report = modellint.lint_paths(["net1.py"], executor=Elsewhere())
    assert [problem.kind for problem in report.errors] == ["unreadable"]


def test_what_a_job_raises_ends_the_run_and_cancels_the_rest():
    class Broken(Executor):
        def __init__(self):
            self.futures = []

        def submit(self, function, /, *args, **kwargs):
            self.futures.append(Future())
            if len(self.futures) == 2:
                self.futures[0].set_exception(UsageError("no torch"))
            return self.futures[-1]

    executor = Broken()
    with pytest.raises(UsageError, match="no torch"):
        modellint.lint_paths(["net1.py", "net2.py", "net5.py"], executor=executor)
    assert all(future.cancelled() for future in executor.futures[1:])


def foreign(result):
    return {**result, "reports": [{"report": {}, "remarks": []}]}


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda result: None,
        lambda result: "done",
        foreign,
        lambda result: {**result, "reports": 3},
        lambda result: {**result, "read": [1]},
        lambda result: ValueError("the network is gone"),
        lambda result: CancelledError(),
        lambda result: BrokenProcessPool("a process died"),
    ],
)
def test_a_task_that_fails_or_gives_what_is_no_result_is_a_crash_of_its_file(spoilt):
    class Spoils(Plain):
        def submit(self, function, /, *args, **kwargs):
            future = super().submit(function, *args, **kwargs)
            if args[0]["shown"] != "net1.py":
                return future
            made, result = Future(), spoilt(future.result())
            if isinstance(result, BaseException):
                made.set_exception(result)
            else:
                made.set_result(result)
            return made

    report = modellint.lint_paths(["net1.py", "net5.py"], executor=Spoils())
    assert [(one.path, one.kind) for one in report.errors] == [("net1.py", "crash")]
    assert [(one.name, one.status) for one in report.models] == [
        ("Net1", "failed"),
        ("Net5", "analysed"),
    ]


def test_an_executor_that_breaks_keeps_the_results_before():
    class Breaks(Plain):
        def submit(self, function, /, *args, **kwargs):
            if self.calls:
                raise BrokenProcessPool("a process died")
            return super().submit(function, *args, **kwargs)

    report = modellint.lint_paths(["net1.py", "net5.py"], executor=Breaks())
    assert [(one.path, one.kind) for one in report.errors] == [("net5.py", "crash")]
    assert {one.name: one.status for one in report.models}["Net1"] == "analysed"


def test_a_worker_is_kept_for_the_next_job_and_then_ended(monkeypatch):
    ended = []

    class Pool:
        def start(self):
            pass

        def close(self):
            ended.append(self)

    monkeypatch.setattr(running, "open_pool", lambda interpreter: Pool())
    monkeypatch.setattr(executor_pool, "_IDLE", 0.2)
    with executor_pool._shared.pool(OWN) as first:
        pass
    with executor_pool._shared.pool(OWN) as second:
        with executor_pool._shared.pool(OWN) as third:
            assert first is second is third
        time.sleep(0.4)
        assert ended == []
    deadline = time.monotonic() + 5
    while not ended and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ended == [first]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_executors_of_the_standard_library(kind):
    here = modellint.lint_paths(["."])
    if kind == "threads":
        executor = ThreadPoolExecutor(3)
    else:
        executor = ProcessPoolExecutor(2, mp_context=get_context("spawn"))
    with executor:
        same(modellint.lint_paths(["."], executor=executor), here)


@pytest.mark.slow
def test_a_dask_cluster():
    distributed = pytest.importorskip("distributed")
    here = modellint.lint_paths(["."])
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        same(modellint.lint_paths(["."], executor=client.get_executor()), here)
        Path("net1.py").write_text(NET.format(number=9, line="pass"))
        changed = modellint.lint_paths(["net1.py"], executor=client.get_executor())
        assert [model.name for model in changed.models] == ["Net9"]


@pytest.mark.slow
def test_the_program_of_the_page_runs():
    pytest.importorskip("distributed")
    assert marks("scaling.md") == ["matrix", "dask"]
    Path("models").mkdir()
    Path("net1.py").rename("models/net1.py")
    Path("program.py").write_text(block("scaling.md", "dask"))
    run = subprocess.run([sys.executable, "program.py"], capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    assert "models/net1.py:11:" in run.stdout


def test_the_matrix_of_the_page_covers_everything():
    (job,) = yaml.safe_load(block("scaling.md", "matrix"))["jobs"].values()
    parts = [parse_shard(f"{number}/4") for number in job["strategy"]["matrix"]["shard"]]
    assert parts == [Shard(number, 4) for number in range(1, 5)]
    given = job["steps"][-1]["run"].replace("${{ matrix.shard }}", "2").split()[1:]
    given = [one for one in given if one not in ("--format", "github")]
    assert command_line("--list", *given, cwd=".").returncode in (0, 1)
