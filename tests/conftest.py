"""One worker process for all tests of the engine, and how many cases a property is tried with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from modellint.config.interpreters import OWN
from modellint.engine import running
from modellint.engine.server_pool import FORKS, ForkingPool

# Projects that are linted, whose own tests are none of ours.
collect_ignore_glob = ["projects/*"]

# What a test lints must be linted; tests of the cache ask for one.
os.environ["MODELLINT_NO_CACHE"] = "1"

# A tier says the same in every run, so that a change is blamed for what it does. CI runs the
# properties also with the full profile; who looks for more takes the wild one:
# pytest -m 'slow or hypothesis' --hypothesis-profile=wild
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("fast", max_examples=15, derandomize=True, **_UNTIMED)
settings.register_profile("full", max_examples=500, derandomize=True, **_UNTIMED)
settings.register_profile("wild", max_examples=500, **_UNTIMED)
settings.load_profile("fast")


# The tests are of the Python that runs them, whichever environment their shell has activated.
for _name in ("MODELLINT_PYTHON", "VIRTUAL_ENV", "CONDA_PREFIX"):
    os.environ.pop(_name, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite-golden` takes what the formats print now for what they should: read the diff."""
    parser.addoption("--rewrite-golden", action="store_true", help="rewrite tests/report/golden")


class LastingPool(ForkingPool):
    """Worker processes that outlive a run, since importing torch takes seconds.

    What they start is known by a mark in its environment; temporary files go to a folder of theirs.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(OWN)
        self.folder = folder
        self._mark = f"MODELLINT_TESTED_BY={os.getpid()}"

    def start(self) -> None:
        """Start the server in an environment that tells its processes from others."""
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(*self._mark.split("="))
            patched.setattr("tempfile.tempdir", str(self.folder))
            super().start()

    @property
    def server(self) -> int | None:
        """The number of the process that has imported torch, once there is one."""
        return self._server._process.pid if self._server is not None else None

    def strays(self) -> list[str]:
        """The command lines of what runs besides the server and its supervisors."""
        return [text for text in self._strays() if text]

    def _strays(self) -> Iterator[str]:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                marked = self._mark.encode() in (process / "environ").read_bytes()
                parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
                if marked and str(self.server) not in (process.name, parent):
                    yield (process / "cmdline").read_text()
            except OSError:  # Gone since it was listed.
                continue

    def close(self) -> None:
        """End only what a run left half done."""
        for connection in self._open.difference(chain.from_iterable(self._idle.values())):
            self._drop(connection)


@pytest.fixture(scope="session")
def lasting_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LastingPool | None]:
    """Worker processes that are started once a session, where there is a fork."""
    pool = LastingPool(tmp_path_factory.mktemp("temporary")) if FORKS else None
    yield pool
    if pool is not None:
        ForkingPool.close(pool)


@pytest.fixture(autouse=True)
def one_worker(lasting_pool: LastingPool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the engine in our own Python are served by the session's worker.

    A test that is about how a worker starts asks for a `new_worker`.
    """
    if lasting_pool is not None:
        monkeypatch.setattr(
            running, "open_pool", lambda one: lasting_pool if one.own else _open_pool(one)
        )


@pytest.fixture
def new_worker(one_worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of the engine start a worker of their own."""
    monkeypatch.setattr(running, "open_pool", _open_pool)


_open_pool = running.open_pool
