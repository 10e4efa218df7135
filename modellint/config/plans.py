"""What counts for one file: its configuration with the command line over it, and the rules."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modellint.config.configuration import Configuration, StatedModel
from modellint.config.interpreters import OWN, Interpreter, Interpreters
from modellint.config.projects import Projects, leads_to
from modellint.config.rule_options import checked_options
from modellint.config.selection import Layer, all_known, check_words, select_rules, unknown
from modellint.errors import UsageError
from modellint.linting.plugins import Rules, load_rules
from modellint.protocol.limits import MEMORY
from modellint.results.report import FailLevel
from modellint.rules import Category, Rule, Severity
from modellint.source.paths import absolute_path

if TYPE_CHECKING:
    from modellint.config.settings import Settings

#: The rule that the table `budget` gives the options of, a model at a time.
BUDGET = "budget"


@dataclass(frozen=True)
class Plan:
    """The settings that one configuration and the command line give to the files it governs.

    `rules` are all there are with its plugins, `on` those that run; `interpreter` is the Python
    for the models, which files of one configuration need not share. `options` are by rule and
    option, `severities` by rule, both only where they differ from the rule's own.
    """

    configuration: Configuration
    rules: Rules
    on: tuple[Rule, ...]
    fail_level: FailLevel
    timeout: float
    memory: int
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    interpreter: Interpreter = OWN

    def stated(self, path: str) -> Iterator[StatedModel]:
        """How the models of a file are to be built and fed, as far as the configuration says."""
        for model in self.configuration.models:
            if leads_to(model.path, self.configuration, path):
                yield model

    def budgets(self, path: str) -> Iterator[tuple[str, Mapping[str, int]]]:
        """What the models of a file may cost, by name."""
        for selector, budget in self.configuration.budgets.items():
            pattern, _, model = selector.rpartition("::")
            if leads_to(pattern, self.configuration, path):
                yield model, budget


class Plans:
    """The plans of a run, one a configuration and Python, each made when it is first needed.

    `loaded` is whether a project's plugins are loaded, which runs them; else they are only read.
    """

    def __init__(self, settings: Settings, *, loaded: bool = True) -> None:
        self._loaded = loaded
        self.projects = Projects(
            settings.config, isolated=settings.isolated, exclude=settings.exclude
        )
        self._settings = settings
        self._interpreters = Interpreters(settings.python)
        self._made: dict[str | None, Plan] = {}
        self._with: dict[tuple[str | None, Interpreter], Plan] = {}
        self._of_folder: dict[str, Plan] = {}

    @property
    def here(self) -> Plan:
        """The plan for files of the current folder."""
        return self.of(str(Path.cwd() / "-"))

    def of(self, path: str) -> Plan:
        """The plan for a file.

        Raises `UsageError` for a configuration that names what there is not, and `PluginError`
        for a plugin that does not load.
        """
        folder = os.path.dirname(absolute_path(path))  # noqa: PTH120 - asked for each file
        if folder not in self._of_folder:
            self._of_folder[folder] = self._governing(path)
        return self._of_folder[folder]

    def _governing(self, path: str) -> Plan:
        configuration = self.projects.governing(path)
        if configuration.path not in self._made:
            self._made[configuration.path] = make_plan(
                configuration, self._settings, loaded=self._loaded
            )
        interpreter = self._interpreters.of(path, configuration)
        key = (configuration.path, interpreter)
        if key not in self._with:
            self._with[key] = replace(self._made[configuration.path], interpreter=interpreter)
        return self._with[key]


def _check_paths(configuration: Configuration) -> None:
    """Raise `UsageError` for a model's file that is not there: its budget would hold nothing."""
    paths = {
        **{f'budget."{selector}"': selector for selector in configuration.budgets},
        **{f"models[{at}]": f"{one.path}::" for at, one in enumerate(configuration.models)},
    }
    for key, selector in paths.items():
        path = selector.rpartition("::")[0]
        if "*" not in path and not os.path.isfile(configuration.folder / path):  # noqa: PTH113
            raise configuration.wrong(key, f"speaks of {path}, which is no file")


def make_plan(configuration: Configuration, settings: Settings, *, loaded: bool = True) -> Plan:
    """Put the command line over a configuration; raise `UsageError` where a name is unknown.

    Where plugins are not `loaded`, a name that is not known may be that of a rule which only
    running them would show: it is passed over.
    """
    installed = load_rules()
    plugins = configuration.plugins
    rules = installed.with_files(plugins) if loaded else installed.with_written(plugins)
    _check(configuration, rules)
    _check_paths(configuration)
    selected = ("default",) if configuration.select is None else configuration.select
    written = Layer(selected, configuration.ignore, configuration.extend_select)
    given = Layer(settings.select, settings.ignore, settings.extend_select)
    return Plan(
        configuration,
        rules,
        select_rules(rules, [written, given]),
        fail_level=settings.fail_level or configuration.fail_level or "warning",
        timeout=settings.timeout or configuration.timeout or 60.0,
        memory=settings.memory or configuration.memory or MEMORY,
        options=_merged(
            checked_options(
                configuration.options,
                rules,
                lambda key, what: configuration.wrong(f"rules.{key}", what),
            ),
            checked_options(settings.options, rules),
        ),
        severities=dict(_severities(configuration, rules)),
    )


def _check(configuration: Configuration, rules: Rules) -> None:
    """Raise `UsageError`, with the file and the key, for words that name no rule."""
    words = {
        "select": configuration.select or (),
        "extend-select": configuration.extend_select,
        "ignore": configuration.ignore,
        **{
            f'per-file-ignores."{selector}"': ignored
            for selector, ignored in configuration.per_file_ignores.items()
        },
    }
    for key, given in words.items():
        try:
            check_words(rules, given)
        except UsageError as error:
            raise configuration.wrong(key, f"is wrong: {error}") from error


def _severities(configuration: Configuration, rules: Rules) -> Iterator[tuple[str, Severity]]:
    """The severity of each rule that the table speaks of, by itself or by its category."""
    given = configuration.severity
    names_of = [name for rule in rules.values() for name in (rule.name, *rule.aliases)]
    known = [*names_of, *map(str, Category)]
    for word in given:
        if word not in known and all_known(rules):
            raise configuration.wrong("severity", unknown("rule or category", word, known))
    for rule in rules.values():
        names = [name for name in (rule.name, *rule.aliases, rule.category.value) if name in given]
        if names:
            yield rule.name, given[names[0]]


def _merged(
    written: Mapping[str, Mapping[str, Any]], given: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Mapping[str, Any]]:
    return {name: {**written.get(name, {}), **given.get(name, {})} for name in {**written, **given}}
