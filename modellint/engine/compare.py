"""Lints targets as they are and as they were, and puts the two side by side.

What they were is a revision of git, another file, or the report of an earlier run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from modellint.comparing.comparison import compared
from modellint.config.settings import Settings
from modellint.config.stated_packages import package_changes, states_packages
from modellint.config.targets import path_and_names
from modellint.engine.engine import lint_targets
from modellint.engine.revisions import Revision, find_revision
from modellint.engine.running import Pools, Progress
from modellint.engine.trees import Tree
from modellint.errors import UsageError
from modellint.protocol.states import names_in
from modellint.results.report import Note, Report
from modellint.source.paths import (
    absolute_path,
    is_exported,
    is_notebook,
    project_root,
    regular_bytes,
    shown_path,
)
from modellint.worker.leftovers import remove_folder

#: How many packages are named whose versions have changed.
_PACKAGES = 6


def lint_compared(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    progress: Progress | None = None,
    pools: Pools | None = None,
) -> Report:
    """Lint targets, and tell what became of their models since what `settings.compare` names.

    The findings and errors of the report are the new ones. Raises `UsageError` as `lint_targets`
    does, and for what there is nothing to compare with.
    """
    if pools is None:
        with closing(Pools()) as opened:
            return lint_compared(given, settings, progress, opened)
    settings = replace(settings, training=True)
    since = "HEAD" if settings.compare is None else settings.compare
    if since.endswith(".json"):
        from modellint.engine.earlier_reports import read_report

        before = read_report(since)  # Before anything runs: it may not be one.
        # What was not asked for then is nothing that has changed.
        asked = any(model.training_memory is not None for model in before.models)
        settings = replace(settings, training=asked)
        after = lint_targets(given, settings, progress=progress, pools=pools)
        return compared(before, after, since)
    if is_file(since):
        return _with_file(given, settings, since, progress, pools)
    paths = [absolute_path(path_and_names(os.fspath(one))[0]) for one in given]
    revision = find_revision(since, paths)
    from modellint.engine.past import lint_past

    after = lint_targets(given, settings, progress=progress, pools=pools)
    with _written(revision) as (tree, notes):
        try:
            past = lint_past(given, settings, tree, pools)
        except UsageError as error:
            raise UsageError(f"at {since}: {tree.outside(str(error))}") from error
        notes += [*_packages(tree, paths)]
    return compared(past.report, after, since, revision.commit, borrowed=past.borrowed, notes=notes)


def is_file(since: str) -> bool:
    """Whether what targets are to be compared with is a file, by its name, and no revision."""
    path = since.partition("::")[0]
    return "::" in since or path.endswith(".py") or is_notebook(path) or is_exported(path)


def _with_file(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    since: str,
    progress: Progress | None,
    pools: Pools,
) -> Report:
    """Targets beside another file, which is what they were."""
    if os.path.isdir(path_and_names(since)[0]):  # noqa: PTH112
        raise UsageError(f"--compare {since}: is a folder; give a file or a revision of git")
    try:
        before = lint_targets([since], settings, pools=pools)
    except UsageError as error:
        raise UsageError(f"--compare {since}: {error}") from error
    after = lint_targets(given, settings, progress=progress, pools=pools)
    return compared(before, after, since, alone=True)


def _packages(tree: Tree, paths: Sequence[str]) -> Iterator[Note]:
    """What the projects of targets say of packages now that they did not say then.

    Nobody has the packages of then: both sides run with those that are installed.
    """
    folders = {_project_of(path) for path in paths}
    for folder in sorted(folders):
        for name in sorted(filter(states_packages, names_in(folder))):
            path = os.path.join(folder, name)  # noqa: PTH118
            try:
                before, after = regular_bytes(tree.inside(path)), regular_bytes(path)
            except OSError:
                continue
            found = [
                f"{package} {then or 'not at all'} → {now or 'not at all'}"
                for package, then, now in package_changes(name, before, after)
            ]
            more = [f"{len(found) - _PACKAGES} more"] * (len(found) > _PACKAGES)
            if found:
                told = ", ".join([*found[:_PACKAGES], *more])
                yield Note(shown_path(path), 1, f"{told}; both sides run with what is installed")


def _project_of(path: str) -> str:
    """The folder of the project that a file is in, or that a folder is or is in."""
    return project_root(os.path.join(path, "-") if os.path.isdir(path) else path)  # noqa: PTH112, PTH118


@contextmanager
def _written(revision: Revision) -> Iterator[tuple[Tree, list[Note]]]:
    """The files of a revision in a folder that goes away; notes on what of them is not there."""
    name = revision.name
    try:
        top = os.path.realpath(tempfile.mkdtemp(prefix="modellint-"))
    except OSError as error:
        raise UsageError(f"--compare {name}: no place for its files: {error}") from error
    try:
        tree = Tree(top, revision.root)
        try:
            os.makedirs(tree.folder)  # noqa: PTH103
            troubles = revision.write(tree.folder)
        except OSError as error:
            raise UsageError(f"--compare {name}: its files cannot be written: {error}") from error
        yield tree, [Note(shown_path(revision.root), 1, one) for one in troubles]
    finally:
        remove_folder(top)
