"""Lints targets as they are and as they were, and puts the two side by side.

What they were is a revision of git, or another file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace

from modellint.comparing.comparison import compared
from modellint.config.settings import Settings
from modellint.config.targets import path_and_names
from modellint.engine.engine import lint_targets
from modellint.engine.running import Pools, Progress
from modellint.engine.revisions import Revision, find_revision
from modellint.engine.trees import Tree
from modellint.errors import UsageError
from modellint.results.report import Note, Report
from modellint.source.paths import absolute_path, is_notebook, shown_path


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
    since = settings.compare or "HEAD"
    if is_file(since):
        return _with_file(given, settings, since, progress, pools)
    paths = [absolute_path(path_and_names(os.fspath(one))[0]) for one in given]
    revision = find_revision(since, paths)
    after = lint_targets(given, settings, progress=progress, pools=pools)
    with _written(revision) as (tree, lacking):
        from modellint.engine.past import lint_past

        try:
            past = lint_past(given, settings, tree, pools)
        except UsageError as error:
            raise UsageError(f"at {since}: {tree.outside(str(error))}") from error
    return compared(
        past.report, after, since, revision.commit, borrowed=past.borrowed, notes=lacking
    )


def is_file(since: str) -> bool:
    """Whether what targets are to be compared with is a file, by its name, and no revision."""
    path = since.partition("::")[0]
    return "::" in since or path.endswith(".py") or is_notebook(path)


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


@contextmanager
def _written(revision: Revision) -> Iterator[tuple[Tree, tuple[Note, ...]]]:
    """The files of a revision in a folder that goes away; notes on what of them is not there."""
    top = os.path.realpath(tempfile.mkdtemp(prefix="modellint-"))
    try:
        tree = Tree(top, revision.root)
        os.makedirs(tree.folder)  # noqa: PTH103
        troubles = revision.write(tree.folder)
        yield tree, tuple(Note(shown_path(revision.root), 1, one) for one in troubles)
    finally:
        shutil.rmtree(top, ignore_errors=True)
