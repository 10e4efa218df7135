"""What is linted when: each text after a pause in typing, and again when what it read has changed.

All of it runs in the thread of the event loop, but for the lints themselves. An edit ends the lint
of its text that is under way. A lint tells its findings first; their fixes are tried in a second
one, which takes as long again and which an edit ends as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath
from threading import Semaphore, Timer

from modellint.config.configuration import OWN_FILE, PYPROJECT
from modellint.config.settings import TRIALS, Settings
from modellint.engine.memory import still_holds
from modellint.engine.running import cores
from modellint.errors import PluginError, UsageError, WorkerError
from modellint.linting.plugins import forget_files
from modellint.report.lines import last_line
from modellint.results.report import Report
from modellint.server.buffers import Buffer
from modellint.server.options import Options
from modellint.server.runs import Interrupted, Lasting, Result, Run, lint, mended
from modellint.source.paths import shown_path

log = logging.getLogger("modellint.server")

#: As many lints run at once as there are processors; one that takes longer than this, in seconds,
#: is none of them any more: it may hang.
_QUICK = 2.0
#: How long somebody waits for what is due at most, and how often it is looked after, in seconds.
_PATIENCE, _LOOK = 10.0, 0.02
#: As many threads wait for what hangs.
_LANES = 64
#: What decides, by its name, how files are linted, whatever they read.
_GOVERNING = frozenset({OWN_FILE, PYPROJECT, ".gitignore"})
#: Errors that a run ends with, which are sentences for the user.
_FAULTS = (UsageError, PluginError, WorkerError)


@dataclass
class _File:
    """A file that is open: its text, the lint that is due or runs, and what earlier ones gave.

    `shapes` is the latest result that has some; it is `old` where a later one had none to give.
    """

    buffer: Buffer
    due: asyncio.TimerHandle | None = None
    run: Run | None = None
    result: Result | None = None
    shapes: Result | None = None
    old: bool = False


@dataclass(frozen=True)
class Known:
    """What is known of an open file, of its text as it stands or as it stood.

    `shapes` is the latest result with shapes; `old` tells that the text has none any more, as while
    it is no Python.
    """

    buffer: Buffer
    result: Result | None
    shapes: Result | None
    old: bool = False

    @property
    def is_current(self) -> bool:
        """Whether the result is that of the text as it stands."""
        return self.result is not None and self.result.buffer.data == self.buffer.data


@dataclass
class Linter:
    """Lints the texts that are open; `publish` is told of each file that has a new result.

    `complain` is given the sentence on what keeps a file from being linted at all.
    """

    publish: Callable[[str], None]
    complain: Callable[[str], None]
    options: Callable[[str], Options]
    _files: dict[str, _File] = field(default_factory=dict)
    _lasting: Lasting = field(default_factory=Lasting)
    _lanes: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_LANES, "lint"))
    _slots: Semaphore = field(default_factory=lambda: Semaphore(cores()))
    _complaints: dict[str, str] = field(default_factory=dict)
    _closed: bool = False

    def known(self, path: str) -> Known | None:
        """What is known of a file, if it is open."""
        file = self._files.get(path)
        return None if file is None else Known(file.buffer, file.result, file.shapes, file.old)

    def results(self) -> list[Result]:
        """What is known of all open files."""
        return [file.result for file in self._files.values() if file.result is not None]

    def opened(self, buffer: Buffer) -> None:
        """Lint a text at once."""
        self._lasting.index.look_again()
        file = self._files.setdefault(buffer.path, _File(buffer))
        file.buffer = buffer
        self._plan(file, 0)

    def changed(self, buffer: Buffer) -> None:
        """Lint a text when nobody has typed for a moment."""
        file = self._files.get(buffer.path)
        if file is None:
            self.opened(buffer)
            return
        known = file.result
        is_same = file.due is None and file.buffer.data == buffer.data
        if known is not None and is_same and known.buffer.data == buffer.data:
            # Another version of the same text; what runs is of it, too.
            file.buffer = buffer
            file.result = replace(known, buffer=buffer)
            self.publish(buffer.path)
            return
        file.buffer = buffer
        self._plan(file, self.options(buffer.path).pause)

    def closed(self, path: str) -> None:
        """Forget a file."""
        file = self._files.pop(path, None)
        if file is not None:
            self._stop(file)
            self.publish(path)

    def saved(self, path: str) -> None:
        """Lint the text that was saved, if that has not been done, and those that read the file."""
        file = self._files.get(path)
        if file is not None and file.due is not None:
            self._plan(file, 0)
        self.on_disk([path])

    def on_disk(self, paths: Iterable[str]) -> None:
        """Lint again what may have read files that have changed on disk."""
        changed = {*paths}
        self._lasting.index.look_again()
        governed = any(PurePath(path).name in _GOVERNING for path in changed)
        for path, file in self._files.items():
            if file.due is not None:
                continue
            if governed or (file.run is not None and changed != {path}):
                # A lint that is under way may have read a file before it changed.
                self._plan(file, 0)
            elif file.result is not None and changed != {path}:
                again = partial(self._plan_again, file)
                self._ask(partial(self._is_out_of_date, file.result), again)
        self._ask(partial(self._forget_rules, changed), self.again)

    def again(self) -> None:
        """Lint all that is open: how it is to be linted has changed."""
        for file in self._files.values():
            self._plan(file, 0)

    async def settled(self, path: str) -> None:
        """Wait until nothing is due for a file, but not for ever."""
        until = time.monotonic() + _PATIENCE
        while (file := self._files.get(path)) is not None and time.monotonic() < until:
            if file.due is None and file.run is None:
                return
            await asyncio.sleep(_LOOK)

    async def fix(self, path: str, *, unsafe: bool) -> tuple[Result, bytes] | None:
        """A result and what its file holds with all its fixes made; `None` if it is out of date."""
        known = self.known(path)
        if known is None or known.result is None or not known.is_current:
            return None
        run = Run(self._lasting)
        work = partial(mended, known.result, run, self._lasting, unsafe=unsafe)
        try:
            made = await asyncio.to_thread(work)
        except (*_FAULTS, Interrupted):
            return None
        finally:
            run.stop()
        return known.result, made.changed.get(shown_path(path), known.buffer.data)

    def close(self) -> None:
        """End all that runs."""
        self._closed = True
        for file in self._files.values():
            self._stop(file)
        self._lanes.shutdown(wait=False, cancel_futures=True)
        self._lasting.close()

    def _plan(self, file: _File, pause: float) -> None:
        self._stop(file)
        if not self._closed:
            file.due = asyncio.get_running_loop().call_later(pause, self._begin, file)

    def _stop(self, file: _File) -> None:
        if file.due is not None:
            file.due.cancel()
            file.due = None
        if file.run is not None:
            file.run.stop()
            file.run = None

    def _begin(self, file: _File) -> None:
        file.due = None
        settings = self.options(file.buffer.path).settings
        self._lint(file, replace(settings, annotated=True, trials=0, jobs=1))

    def _lint(self, file: _File, settings: Settings) -> None:
        file.run = run = Run(self._lasting)
        started = time.monotonic()
        work = partial(self._in_turn, partial(lint, file.buffer, settings, run, self._lasting))
        task = asyncio.get_running_loop().run_in_executor(self._lanes, work)
        task.add_done_callback(partial(self._done, file, run, settings, started))

    def _in_turn(self, work: Callable[[], Result]) -> Result:
        """Do what a thread is there for, once a processor is free."""
        self._slots.acquire()
        slot = [self._slots]

        def give_back() -> None:
            with suppress(IndexError):  # The other one has.
                slot.pop().release()

        timer = Timer(_QUICK, give_back)
        timer.daemon = True
        timer.start()
        try:
            return work()
        finally:
            timer.cancel()
            give_back()

    def _done(
        self,
        file: _File,
        run: Run,
        settings: Settings,
        started: float,
        task: asyncio.Future[Result],
    ) -> None:
        if file.run is not run or task.cancelled():
            # Whoever stopped it has planned another.
            task.cancelled() or task.exception()
            return
        file.run = None
        error = task.exception()
        if error is None:
            result = task.result()
            self._complaints.pop(file.buffer.path, None)
            self._keep(file, result)
            what = "with fixes" if result.tried else "without fixes"
            words = (last_line(result.report), what, time.monotonic() - started)
            log.info("%s: %s, %s, %.2f s", shown_path(file.buffer.path), *words)
            if not result.tried and result.report.findings:
                self._lint(file, replace(settings, trials=TRIALS))
        elif isinstance(error, _FAULTS):
            self._keep(file, Result(file.buffer, Report(), tried=True))
            self._tell(file, str(error))
        elif not isinstance(error, Interrupted):
            self._tell(file, f"internal error: {type(error).__name__}: {error}")
            raise error

    def _keep(self, file: _File, result: Result) -> None:
        if result.buffer.data == file.buffer.data:
            result = replace(result, buffer=file.buffer)
        file.result = result
        if any(model.annotated for model in result.report.models):
            file.shapes, file.old = result, False
        elif result.report.errors:
            file.old = True
        else:
            file.shapes, file.old = None, False
        self.publish(file.buffer.path)

    def _tell(self, file: _File, sentence: str) -> None:
        """Complain, but of one thing once."""
        if sentence not in self._complaints.values():
            self.complain(sentence)
        self._complaints[file.buffer.path] = sentence

    def _ask(self, question: Callable[[], bool], act: Callable[[], None]) -> None:
        """Do something if the answer, which takes a while to find, is yes."""
        # Not among the lints, which may hang.
        task = asyncio.get_running_loop().run_in_executor(None, question)
        task.add_done_callback(lambda task: act() if task.result() else None)

    def _forget_rules(self, changed: set[str]) -> bool:
        """Whether rules of a project have changed, which then are to be imported again."""
        with self._lasting.turn:
            return forget_files(changed)

    def _plan_again(self, file: _File) -> None:
        # It may have been closed meanwhile.
        if file.due is None and self._files.get(file.buffer.path) is file:
            self._plan(file, 0)

    def _is_out_of_date(self, result: Result) -> bool:
        """Whether another lint might tell something else, by what this one has read."""
        behind = result.behind
        if behind.job is None or behind.interpreter is None:
            return True
        with self._lasting.turn:
            _, programs = self._lasting.index.programs(result.buffer.path)
        return programs != behind.job.programs or not still_holds(behind.read, behind.interpreter)
