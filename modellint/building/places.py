"""Where the modules of a built model were constructed, as places that a report can print."""

from __future__ import annotations

from collections.abc import Mapping

from modellint.building.builder import BuiltModel
from modellint.graph import Site
from modellint.modules.construction_sites import ConstructionSite
from modellint.source.classes import source_at
from modellint.source.file import SourceFile

Places = Mapping[int, tuple[Site | None, Site | None]]
"""By `id` of the module: the place to report it at, and the place within a library, if another."""


def places_of(built: BuiltModel, source: SourceFile) -> Places:
    """The places of a model's modules: the user's own line, else the library's."""
    return {
        module: (
            _place(origin.user or origin.site, source),
            None if origin.user in (None, origin.site) else _place(origin.site, source),
        )
        for module, origin in built.construction.items()
    }


def _place(site: ConstructionSite, known: SourceFile) -> Site:
    """A site with columns in code points from 1; the whole line where its columns are unknown."""
    source = known if site.path == known.path else source_at(site.path)
    if source is None:
        return Site(site.path, site.line, 1, site.end_line, 1)
    if site.column is None or site.end_column is None:
        line = source.snippet(site.line)
        indent = len(line) - len(line.lstrip())
        return Site(site.path, site.line, indent + 1, site.line, len(line.rstrip()) + 1)
    return Site(
        site.path,
        site.line,
        source.column_of(site.line, site.column),
        site.end_line,
        source.column_of(site.end_line, site.end_column),
    )
