"""One worker process for all tests of the engine, and how many cases a property is tried with."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from modellint import engine
from modellint.child import Worker
from modellint.pipeline import Job

# The fast tier says the same in every run. CI runs the properties also with the full profile:
# pytest -m 'slow or hypothesis' --hypothesis-profile=full
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=25, derandomize=True, **_UNTIMED)
settings.register_profile("full", max_examples=500, **_UNTIMED)
settings.load_profile("fast")


class LastingWorker(Worker):
    """A worker that outlives a run of the engine, unless the run leaves a job half done."""

    busy = False

    def run(self, job: Job) -> Iterator[Any]:
        self.busy = True
        yield from super().run(job)
        self.busy = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.busy:
            self.close()


@pytest.fixture(scope="session")
def lasting_worker() -> Iterator[LastingWorker]:
    """A worker process that is started once a session: importing torch takes it seconds."""
    worker = LastingWorker()
    yield worker
    worker.close()


@pytest.fixture
def one_worker(lasting_worker: LastingWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every quiet run of the engine in this test is served by the session's one worker."""

    def chosen(*, verbose: bool = False) -> Worker:
        return Worker(verbose=True) if verbose else lasting_worker

    monkeypatch.setattr(engine, "Worker", chosen)


@pytest.fixture
def new_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the engine start a worker of their own, whatever the other tests of the file do."""
    monkeypatch.setattr(engine, "Worker", Worker)
