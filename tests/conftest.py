"""One worker process for all tests of the engine, and how many cases a property is tried with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from modellint import running
from modellint.pool import FORKS, ForkingPool

# The fast tier says the same in every run. CI runs the properties also with the full profile:
# pytest -m 'slow or hypothesis' --hypothesis-profile=full
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=25, derandomize=True, **_UNTIMED)
settings.register_profile("full", max_examples=500, **_UNTIMED)
settings.load_profile("fast")


class LastingPool(ForkingPool):
    """Worker processes that outlive a run, since importing torch takes seconds."""

    def close(self) -> None:
        """End only what a run left half done."""
        for connection in self._open.difference(self._idle):
            self._drop(connection)


@pytest.fixture(scope="session")
def lasting_pool() -> Iterator[ForkingPool | None]:
    """Worker processes that are started once a session, where there is a fork."""
    pool = LastingPool() if FORKS else None
    yield pool
    if pool is not None:
        ForkingPool.close(pool)


@pytest.fixture
def one_worker(lasting_pool: ForkingPool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run of the engine in this test is served by the session's worker."""
    if lasting_pool is not None:
        monkeypatch.setattr(running, "open_pool", lambda: lasting_pool)


@pytest.fixture
def new_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the engine start a worker of their own, whatever the other tests of the file do."""
    monkeypatch.setattr(running, "open_pool", _open_pool)


_open_pool = running.open_pool
