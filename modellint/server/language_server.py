"""Answers an editor: which request is about which file, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path

from modellint._version import __version__
from modellint.config.plans import Plans
from modellint.config.selection import find_rule
from modellint.errors import UsageError
from modellint.report.rules_page import rule_page
from modellint.report.view import View
from modellint.server.actions import Actions
from modellint.server.buffers import Buffer, Part, path_of, read_buffer
from modellint.server.diagnostics import Diagnostics
from modellint.server.linter import Known, Linter
from modellint.server.options import Options, read_options
from modellint.server.ranges import Ranges
from modellint.server.runs import Result
from modellint.server.shapes import Shapes
from modellint.source.file import decoded, read_bytes
from modellint.source.paths import absolute_path

log = logging.getLogger("modellint.server")

#: The section of an editor's settings.
SECTION = "modellint"
#: The notebooks whose cells count.
NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[
        types.NotebookDocumentFilterWithCells(
            cells=[types.NotebookCellLanguage(language="python")],
            notebook=types.NotebookDocumentFilterNotebookType(notebook_type="jupyter-notebook"),
        )
    ],
    save=True,
)


class ModelServer(LanguageServer):
    """A language server with the linter that it asks, and what the editor has asked for."""

    def __init__(self) -> None:
        super().__init__("modellint", __version__, notebook_document_sync=NOTEBOOKS)
        self.linter = Linter(self.publish, self.complain, self.options_for)
        self._options = Options()
        self._by_folder: dict[str, Options] = {}
        self._published: dict[str, list[types.Diagnostic]] = {}
        self._pages: tempfile.TemporaryDirectory[str] | None = None
        #: Held here, as the loop keeps no task.
        self.watch: asyncio.Future[None] | None = None

    # What the editor can do, and what it wants.

    def options_for(self, path: str) -> Options:
        """The settings of the innermost folder of the editor's that a file is in."""
        above = [one for one in self._by_folder if path.startswith(os.path.join(one, ""))]  # noqa: PTH118
        return self._by_folder[max(above, key=len)] if above else self._options

    def options_of(self, uri: str) -> Options:
        """The settings for a text."""
        buffer = self.buffer(uri)
        return self._options if buffer is None else self.options_for(buffer.path)

    def configure(self, given: Any, folder: str | None = None) -> None:
        """Take the settings that an editor sends; what it sends wrongly, it is told."""
        # Some send the whole of what it has.
        if isinstance(given, dict) and isinstance(given.get(SECTION), dict):
            given = given[SECTION]
        try:
            options = read_options(given)
        except UsageError as error:
            self.complain(str(error))
            return
        if folder is None:
            self._options = options
            self._by_folder.clear()
        else:
            self._by_folder[folder] = options

    async def ask_settings(self) -> None:
        """Ask the editor for its settings, those of each of its folders."""
        folders = [path_of(one.uri) for one in self.workspace.folders.values()]
        paths = [one for one in folders if one is not None]
        items = [types.ConfigurationItem(section=SECTION)]
        items += [
            types.ConfigurationItem(scope_uri=from_fs_path(one), section=SECTION) for one in paths
        ]
        given = await self.workspace_configuration_async(types.ConfigurationParams(items))
        for folder, settings in zip([None, *paths], given, strict=False):
            if settings is not None:
                self.configure(settings, folder)

    def can(self, name: str) -> bool:
        """Whether the editor has a capability."""
        return bool(get_capability(self.client_capabilities, name, False))

    # Files, as the editor knows them.

    def buffer(self, uri: str) -> Buffer | None:
        """What stands in the editor under a URI."""
        return read_buffer(self.workspace, uri)

    def known(self, uri: str) -> tuple[Known, Part] | None:
        """What is known of a text, by the URI of it or of the cell that it is."""
        buffer = self.buffer(uri)
        known = None if buffer is None else self.linter.known(buffer.path)
        part = None if known is None else known.buffer.part_at(uri)
        return None if known is None or part is None else (known, part)

    def shapes(self, uri: str) -> Shapes | None:
        """The shapes beside a text."""
        found = self.known(uri)
        return None if found is None else Shapes.of(*found)

    @property
    def ranges(self) -> Ranges:
        """Places as the editor counts them."""
        return Ranges(self.workspace.position_codec)

    def diagnostics(self, result: Result) -> Diagnostics:
        """What turns a result into diagnostics."""
        related = self.can("text_document.publish_diagnostics.related_information")
        return Diagnostics(self.ranges, partial(self._text, result.buffer), related)

    def _text(self, buffer: Buffer, shown: str, cell: int | None) -> Part | None:
        """The text of a file that a report speaks of: what was linted, or what is open or saved."""
        path = absolute_path(shown)
        if path == buffer.path:
            return buffer.part(cell)
        known = self.linter.known(path)
        if known is not None:
            return known.buffer.part(cell)
        try:
            text = decoded(path, read_bytes(path))
        except Exception:  # Of a file that cannot be read there is nothing to show.
            return None
        return Part(from_fs_path(path) or "", None, text)

    # What the editor is told unasked.

    def publish(self, path: str) -> None:
        """Tell what was found in a file, and in others by the way; ask for what is beside it."""
        found: dict[str, dict[str, types.Diagnostic]] = {}
        versions: dict[str, int | None] = {}
        known = self.linter.known(path)
        ours = {part.uri for part in known.buffer.parts} if known is not None else set()
        for result in self.linter.results():
            for part in result.buffer.parts:
                versions[part.uri] = part.version
            for part, one in self.diagnostics(result).of(result.report):
                # Several files may have a finding in one that they import.
                found.setdefault(part.uri, {})[repr(one)] = one
        for uri in sorted({*found, *ours, *self._published}):
            told = [*found.get(uri, {}).values()]
            # In a text that has been edited since the editor has moved them.
            if uri in ours or told != self._published.get(uri):
                self.text_document_publish_diagnostics(
                    types.PublishDiagnosticsParams(uri, told, version=versions.get(uri))
                )
            self._published[uri] = told
        self._published = {uri: told for uri, told in self._published.items() if told}
        if self.can("workspace.inlay_hint.refresh_support"):
            self.workspace_inlay_hint_refresh(None)
        if self.can("workspace.code_lens.refresh_support"):
            self.workspace_code_lens_refresh(None)

    def complain(self, sentence: str) -> None:
        """Show what the user has to mend before anything can be linted."""
        log.error("%s", sentence)
        self.window_show_message(
            types.ShowMessageParams(types.MessageType.Error, f"modellint: {sentence}")
        )

    # What is asked for by hand.

    async def actions(
        self, params: types.CodeActionParams
    ) -> Sequence[types.Command | types.CodeAction] | None:
        """What can be done about the findings of a range, if they are of the text as it stands."""
        uri, only = params.text_document.uri, params.context.only
        if only is not None and any(kind.startswith("source") for kind in only):
            # As when a text is saved that was typed just before.
            buffer = self.buffer(uri)
            await self.linter.settled("" if buffer is None else buffer.path)
        found = self.known(uri)
        if found is None or not found[0].is_current or found[0].result is None:
            return None
        part = found[1]
        actions = self._actions(found[0].result)
        made = await asyncio.to_thread(lambda: [*actions.at(part, params.range)])
        made += actions.of_file(part)
        if only is not None:
            made = [one for one in made if any(_is_of(one.kind or "", kind) for kind in only)]
        if not self._resolves:
            # Worked out only where it was asked for: it takes several lints.
            wanted = only is not None
            made = [await self.resolve(one) if wanted else one for one in made]
            made = [one for one in made if one.edit is not None or one.command is not None]
        return made

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """Work out what an action changes."""
        data: Any = action.data
        known = self.known(data["uri"]) if isinstance(data, dict) else None
        if known is not None and action.edit is None:
            fixed = await self.linter.fix(known[0].buffer.path, unsafe=data["unsafe"])
            if fixed is not None:
                result, changed = fixed
                action.edit = self._actions(result).changed(changed)
        return action

    def _actions(self, result: Result) -> Actions:
        versioned = self.can("workspace.workspace_edit.document_changes")
        return Actions(result, self.diagnostics(result), versioned)

    @property
    def _resolves(self) -> bool:
        """Whether the editor asks for an edit when an action was chosen."""
        name = "text_document.code_action.resolve_support"
        support = get_capability(self.client_capabilities, name, None)
        return support is not None and "edit" in support.properties

    async def explain(self, name: str) -> str:
        """Show the page of a rule in the editor; its text."""
        rules = Plans(self._options.settings, loaded=False).here.rules
        text = rule_page(find_rule(rules, name), View())
        if self.can("window.show_document.support"):
            self._pages = self._pages or tempfile.TemporaryDirectory(prefix="modellint-pages-")
            page = Path(self._pages.name) / f"{name}.md"
            page.write_text(text, "utf-8")
            uri = from_fs_path(str(page)) or ""
            await self.window_show_document_async(types.ShowDocumentParams(uri, take_focus=True))
        else:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Info, text))
        return text

    def end(self) -> None:
        """End what runs, and leave nothing behind."""
        self.linter.close()
        if self._pages is not None:
            self._pages.cleanup()


def _is_of(kind: str, wanted: str) -> bool:
    return kind == wanted or kind.startswith(f"{wanted}.") or not wanted
