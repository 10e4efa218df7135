"""What lints share: the turn to read files, processes that last, libraries imported beforehand."""

from dataclasses import replace

import pytest

from modellint.config.interpreters import OWN
from modellint.errors import UsageError
from modellint.protocol.jobs import Job
from modellint.server.runs import Interrupted, Lasting, Run

JOB = Job("/net.py", "net.py", "/", data=b"", preload=("einops",))


class Stub:
    """A pool whose jobs say which libraries they import late, and that refuses some."""

    def __init__(self, late=(), refused=()):
        self.late, self.refused = late, refused
        self.ran, self.interrupted = [], []

    def start(self):
        pass

    def run(self, job):
        self.ran.append(job.preload)
        if {*job.preload} & {*self.refused}:
            raise UsageError("preload names it")
        yield {"type": "stage", "name": "load", "model": None, "line": 1, "assumed": False}
        yield {"type": "end", "kind": None, "late": [*self.late]}

    def interrupt(self, job):
        self.interrupted.append(job)

    def close(self):
        pass


@pytest.fixture
def lasting(monkeypatch):
    made = Lasting()
    monkeypatch.setattr(made, "pool", lambda interpreter: made.stub)
    yield made
    made.close()


def test_what_one_file_imports_of_heavy_libraries_the_next_finds_imported(lasting):
    lasting.stub = Stub(late=["timm", "numpy"])
    for _ in range(2):
        with Run(lasting) as run:
            assert [one["type"] for one in run.start(OWN).run(JOB)] == ["stage", "end"]
    assert lasting.stub.ran == [("einops",), ("einops", "timm", "numpy")]


def test_a_library_that_cannot_be_imported_beforehand_costs_nobody_the_lint(lasting):
    lasting.stub = Stub(refused=["timm"])
    lasting.learn(OWN, ["timm"])
    for _ in range(2):
        assert len([*Run(lasting).start(OWN).run(JOB)]) == 2
    assert lasting.stub.ran == [("einops", "timm"), ("einops",), ("einops",)]
    # What the configuration names is another matter.
    lasting.stub = Stub(refused=["einops"])
    with pytest.raises(UsageError):
        [*Run(lasting).start(OWN).run(JOB)]


def test_the_turn_ends_when_processes_are_waited_for(lasting):
    lasting.stub = Stub()
    with Run(lasting) as run:
        assert lasting.turn.locked()
        pool = run.start(OWN)
        assert not lasting.turn.locked()
        with Run(lasting):
            assert [*pool.run(JOB)]
        assert not lasting.turn.locked()
    with pytest.raises(ZeroDivisionError), Run(lasting):
        raise ZeroDivisionError
    assert not lasting.turn.locked()


def test_a_run_that_is_stopped_runs_nothing_more_and_ends_what_it_began(lasting):
    lasting.stub = Stub()
    run = Run(lasting)
    pool = run.start(OWN)
    messages = pool.run(JOB)
    assert next(messages)["type"] == "stage"
    run.stop()
    assert [one.preload for one in lasting.stub.interrupted] == [JOB.preload]
    with pytest.raises(Interrupted):
        next(messages)
    with pytest.raises(Interrupted):
        run.start(OWN)
    with pytest.raises(Interrupted):
        [*pool.run(replace(JOB))]
    # What is over is not ended once more.
    run.stop()
    assert len(lasting.stub.interrupted) == 1
