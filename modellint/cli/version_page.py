"""What `--version -v` prints: all of a machine that a report of a fault needs to say."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from modellint._version import __version__
from modellint.config.configuration import Configuration
from modellint.config.interpreters import Interpreters
from modellint.config.projects import Projects
from modellint.config.settings import Settings
from modellint.engine.probing import installation_of
from modellint.errors import PluginError, UsageError
from modellint.linting.plugins import installed_plugins
from modellint.report.lines import printable
from modellint.source.paths import shown_path

VERSION = f"modellint {__version__}"


def version_page(settings: Settings) -> str:
    """The version, and a line each for what lint results in the current folder depend on.

    Whoever asks may have something that is broken: what cannot be told is told as such.
    """
    return "".join(f"{printable(line)}\n" for line in _lines(settings))


def _lines(settings: Settings) -> Iterator[str]:
    yield VERSION
    yield f"  Python: {platform.python_version()} ({sys.executable})"
    yield f"  system: {platform.platform()}"
    here = str(Path.cwd() / "-")
    configuration, wrong = _configuration(settings, here)
    yield from _models(settings, here, configuration)
    yield f"  plugins: {_plugins()}"
    yield f"  configuration: {wrong or _described(configuration)}"


def _configuration(settings: Settings, path: str) -> tuple[Configuration, str]:
    """The configuration that governs a file; where that is not valid, none, and the reason."""
    try:
        return Projects(settings.config, isolated=settings.isolated).governing(path), ""
    except UsageError as error:
        return Configuration(), str(error)


def _described(configuration: Configuration) -> str:
    folder = str(configuration.folder)
    paths = [shown_path(path, folder) for path in configuration.plugins]
    return configuration.shown + (f", with rules in {', '.join(paths)}" if paths else "")


def _models(settings: Settings, path: str, configuration: Configuration) -> Iterator[str]:
    """The Python that models run in, what chose it, and its torch."""
    try:
        interpreter = Interpreters(settings.python).of(path, configuration)
    except UsageError as error:
        yield f"  models run in: {error}"
        return
    try:
        found = installation_of(interpreter)
    except UsageError as error:
        yield f"  models run in: {interpreter.shown}, {interpreter.why}"
        yield f"  torch: {error}"
        return
    version = found.version.partition(" ")[0]
    yield f"  models run in: {interpreter.shown}, Python {version}, {interpreter.why}"
    yield f"  torch: {found.torch or _absent(interpreter.own)}"


def _absent(own: bool) -> str:
    # Another Python that has no torch at all is refused before.
    return "not installed" if own else "of an unknown version"


def _plugins() -> str:
    try:
        names = {plugin.distribution for plugin in installed_plugins()}
    except PluginError as error:
        return str(error)
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(names))
