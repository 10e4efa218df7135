"""How other files of a project build and feed the models of one: calls, each with its inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from modellint.discovery.arguments import ConstructorCall
from modellint.discovery.declarations import read_declarations
from modellint.discovery.example_tensors import InputHint
from modellint.discovery.names import read_names
from modellint.programs.modules import Modules
from modellint.programs.observed import Construction, Feeding
from modellint.programs.reader import ProgramReader
from modellint.programs.settings_files import NotRead, read_text
from modellint.programs.shown_calls import CallWriter, Way, ways
from modellint.programs.values import ClassValue, FunctionValue
from modellint.programs.written_values import NotTold
from modellint.results.places import place_of
from modellint.source.file import SourceFile
from modellint.source.project_files import OF_SETTINGS, SETTINGS

#: How many programs are read for a file, how many steps they take, and how many calls are kept.
_MOST_PROGRAMS, _MOST_STEPS, _MOST_CALLS = 24, 120_000, 3
#: How many settings files are tried in place of one that a command line would name.
_MOST_SETTINGS = 4


@dataclass(frozen=True)
class Seen:
    """What was seen of a class or a factory: the calls that build it, best first, and its inputs.

    `inside` is the model that it is only a part of, where there is one, `loosely` if that takes
    arguments of which nothing is known; `missing` says what a call does not tell, where that is
    needed.
    """

    calls: tuple[ConstructorCall, ...] = ()
    hints: tuple[InputHint, ...] = ()
    inside: str | None = None
    loosely: bool = False
    missing: str | None = None


def seen_in_project(
    source: SourceFile,
    wanted: Collection[str],
    programs: Sequence[str],
    root: str,
    shown: Callable[[str], str],
    consulted: set[str] | None = None,
) -> dict[str, Seen]:
    """What programs of a project show of `wanted` classes and factories of a file, by their names.

    `programs` are files, the likeliest first; `shown` turns a path into what reports print. What
    was looked for is added to `consulted`.
    """
    search = _Search(source, wanted, root, shown)
    search.read_all(programs[:_MOST_PROGRAMS])
    if consulted is not None:
        consulted |= search.modules.consulted
    return {name: search.seen(name) for name in wanted}


class _Search:
    def __init__(
        self,
        source: SourceFile,
        wanted: Collection[str],
        root: str,
        shown: Callable[[str], str],
    ) -> None:
        self.path = os.path.normpath(source.path)
        self.wanted = wanted
        self.shown = shown
        self.source = source
        self.modules = Modules(root)
        self.modules.own(self.path, source.tree)
        self.built: list[Construction] = []
        self.fed: list[Feeding] = []
        #: The models that are given others as arguments, by the `id` of what they are given.
        self._holders: dict[int, ClassValue] = {}
        names = read_names(source.tree)
        declared = read_declarations(source.tree, names, source.path)
        self.writer = CallWriter(self.path, names, declared, self.at)
        self._steps = 0
        self._told: dict[tuple[str, int], bool] = {}

    @property
    def lacking(self) -> set[str]:
        """The classes and factories of which no call is known that tells all of its arguments."""
        return {
            name
            for name in self.wanted
            if not any(self._is_told(way) and not way.built.explored for way in self._ways(name))
        }

    def _is_told(self, way: Way) -> bool:
        key = (way.callee, id(way.built))
        if key not in self._told:
            try:
                whole = self.writer.call(way).whole
            except NotTold:
                whole = False
            self._told[key] = whole and not (way.built.inside or way.built.uncalled)
        return self._told[key]

    def _ways(self, name: str) -> Iterator[Way]:
        return ways(self.built, name, self.path)

    def read_all(self, programs: Sequence[str]) -> None:
        """Read programs as they run when nothing is said, then as they might with other options."""
        own, others = programs[:1], programs[1:]
        programs = [*own, *sorted(others, key=lambda one: not self._names_a_model(one))]
        asking: list[tuple[str, ProgramReader]] = []
        for program in programs:
            reader = self.read(program) if self.lacking else None
            if reader is not None and (reader.settings_read or reader.asked_for_settings):
                asking.append((program, reader))
        for program, reader in asking:
            for settings in self._other_settings(program, reader):
                if self.lacking:
                    self.read(program, settings=settings)
        for program in programs:
            if self.lacking:
                self.read(program, exploring=True)

    def _other_settings(self, program: str, reader: ProgramReader) -> list[str]:
        """The settings files that a command line could name, those that name a model first.

        Beside one that is named by default, no others count.
        """
        folders = [os.path.dirname(one) for one in reader.settings_read]  # noqa: PTH120
        if reader.asked_for_settings:
            folders += self._settings_folders(program)
        found = [
            os.path.join(folder, name)  # noqa: PTH118
            for folder in dict.fromkeys(folders)
            for name in self.modules.sources(folder)
            if name.endswith(SETTINGS)
        ]
        rest = [one for one in found if one not in reader.settings_read]
        naming = [one for one in rest if self._names_a_model(one)]
        others = rest if reader.asked_for_settings else []
        return [*dict.fromkeys([*naming, *others])][:_MOST_SETTINGS]

    def _settings_folders(self, program: str) -> Iterator[str]:
        """The folders beside a program that are called after settings, and the program's own."""
        for place in dict.fromkeys([os.path.dirname(program), self.modules.root]):  # noqa: PTH120
            yield place
            for name in self.modules.sources(place):
                path = os.path.join(place, name)  # noqa: PTH118
                if name.startswith(OF_SETTINGS) and os.path.isdir(path):  # noqa: PTH112
                    yield path

    def _names_a_model(self, path: str) -> bool:
        self.modules.consulted.add(path)
        try:
            text = read_text(path)
        except NotRead:
            return False
        return any(name in text for name in self.lacking)

    def read(
        self, program: str, *, exploring: bool = False, settings: str | None = None
    ) -> ProgramReader | None:
        """Read a program, and keep what it does with models of the file.

        `None` where too much was read already.
        """
        if self._steps > _MOST_STEPS:
            return None
        reader = ProgramReader(
            self.modules.unread(), asking=self.path, exploring=exploring, settings=settings
        )
        reader.read(os.path.normpath(program))
        self._steps += reader.steps
        lacking = self.lacking
        built = [one for one in reader.built if self._concerns(one, lacking)]
        mine = {id(one.instance) for one in built}
        for outer in reader.built:
            for given in (*outer.instance.given, *outer.instance.named.values()):
                if id(given) in mine:
                    self._holders[id(given)] = outer.instance.cls
        self.built += built
        self.fed += [one for one in reader.fed if id(one.instance) in mine]
        return reader

    def _concerns(self, one: Construction, lacking: Collection[str]) -> bool:
        """Whether a construction is one of what is wanted, and tells something new."""
        if one.instance.cls.module.path == self.path and one.instance.cls.name in lacking:
            return True
        return any(
            call.function.scope.module.path == self.path and call.function.name in lacking
            for call in one.within
        )

    def seen(self, name: str) -> Seen:
        """What was seen of a class or a factory."""
        found: list[tuple[tuple[bool, ...], ConstructorCall, list[InputHint]]] = []
        every = [*self._ways(name)]
        alone = [way for way in every if not (way.built.inside or way.built.uncalled)]
        missing: str | None = None
        for way in alone or every:
            try:
                call = self.writer.call(way).call
            except NotTold as lack:
                where = self.at(way.path, way.line)
                missing = missing or f"{where} builds it with {lack} that is not told there"
                continue
            hints = [hint for fed in self.fed for hint in self._hints(fed, way, call)]
            test = os.path.basename(way.path).startswith("test")  # noqa: PTH119
            built = way.built
            rank = (call.assumed, built.uncalled, built.explored, not hints, test)
            found.append((rank, call, hints))
        found.sort(key=lambda one: one[0])
        calls: dict[str, ConstructorCall] = {}
        inputs: list[InputHint] = []
        for _, call, hints in found:
            if str(call) in calls or len(calls) < _MOST_CALLS:
                calls.setdefault(str(call), call)
                inputs += [hint for hint in hints if hint not in inputs]
        loosely = all(way.built.uncalled and _lacks_arguments(way.built) for way in every)
        return Seen(tuple(calls.values()), tuple(inputs), self._owner(every), loosely, missing)

    def at(self, path: str, line: int) -> str:
        """A place as reports print it."""
        cell, number = self.source.place(line) if path == self.path else (None, line)
        return place_of(self.shown(path), number, cell=cell)

    def _hints(self, fed: Feeding, way: Way, call: ConstructorCall) -> Iterator[InputHint]:
        hint = self.writer.hint(fed, call) if fed.instance is way.built.instance else None
        if hint is not None:
            yield hint

    def _owner(self, every: Sequence[Way]) -> str | None:
        """The model that a class is only a part of: built by it, or given to it with what only
        running tells.
        """
        outer: ClassValue | None = None
        for way in every:
            one = way.built
            holder = one.inside[0] if one.inside else self._holders.get(id(one.instance))
            if not one.inside and self._is_told(way):
                return None
            if holder is None or holder is one.instance.cls or not _runs(holder):
                return None
            outer = outer or holder
        if outer is None:
            return None
        own = outer.module.path == self.path
        return outer.name if own else f"{outer.name} of {self.shown(outer.module.path)}"


def _runs(cls: ClassValue) -> bool:
    """Whether a class is a model of its own: what has no forward only holds one."""
    of_torch = {"torch.nn.Module", "torch.nn.modules.Module", "torch.nn.modules.module.Module"}
    return cls.find("forward") is not None or not of_torch.issuperset(cls.libraries())


def _lacks_arguments(one: Construction) -> bool:
    """Whether the model that a part is built in takes arguments, of which none are known."""
    init = one.inside[0].find("__init__") if one.inside else None
    if init is None or not isinstance(init.value, FunctionValue):
        return False
    takes = init.value.node.args
    wanted = len(takes.posonlyargs) + len(takes.args) - 1 - len(takes.defaults)
    return wanted > 0 or None in takes.kw_defaults
