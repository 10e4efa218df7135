"""Which message of an editor is answered by what."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from lsprotocol import types

from modellint.errors import UsageError
from modellint.server.actions import EXPLAIN, KINDS
from modellint.server.buffers import path_of
from modellint.server.hints import hints, lenses
from modellint.server.hovers import hover
from modellint.server.language_server import ModelServer
from modellint.server.logs import ClientHandler

log = logging.getLogger("modellint.server")

#: Files that a result may depend on, as editors watch them.
_WATCHED = ("**/*.py", "**/{pyproject.toml,modellint.toml,.gitignore}", "**/*.{yaml,yml,json}")
#: How often it is asked whether the editor is still there, in seconds.
_LOOK = 5.0


def build() -> ModelServer:
    """A server that answers all that it can."""
    server = ModelServer()
    for add in (_life, _texts, _around, _asked):
        add(server)
    return server


def _life(server: ModelServer) -> None:
    """The beginning and the end of a session, and what happens in the project meanwhile."""

    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        logging.getLogger().addHandler(ClientHandler(server, asyncio.get_running_loop()))
        logging.getLogger("modellint").setLevel(logging.INFO)
        server.configure(params.initialization_options)

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        if server.process_id is not None and os.name == "posix":
            server.watch = asyncio.ensure_future(_leave_with(server, server.process_id))
        await _register(server)
        if server.can("workspace.configuration"):
            await server.ask_settings()
            server.linter.again()

    @server.feature(types.EXIT)
    def leave(*_: Any) -> None:
        server.end()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(params: types.DidChangeConfigurationParams) -> None:
        if server.can("workspace.configuration"):
            await server.ask_settings()
        else:
            server.configure(params.settings)
        server.linter.again()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(_params: types.DidChangeWorkspaceFoldersParams) -> None:
        if server.can("workspace.configuration"):
            await server.ask_settings()
            server.linter.again()

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def changed(params: types.DidChangeWatchedFilesParams) -> None:
        paths = [path_of(one.uri) for one in params.changes]
        server.linter.on_disk([one for one in paths if one is not None])


async def _register(server: ModelServer) -> None:
    """Ask the editor to tell of files that change, and of settings, as far as it can."""
    wanted = []
    if server.can("workspace.did_change_watched_files.dynamic_registration"):
        watchers = [types.FileSystemWatcher(glob_pattern=pattern) for pattern in _WATCHED]
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        wanted.append(types.Registration("files", method, options))
    if server.can("workspace.did_change_configuration.dynamic_registration"):
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        wanted.append(types.Registration("settings", method, {"section": "modellint"}))
    if wanted:
        await server.client_register_capability_async(types.RegistrationParams(wanted))


async def _leave_with(server: ModelServer, process: int) -> None:
    """End with the process of the editor, which may have died and left the pipe open."""
    while True:
        await asyncio.sleep(_LOOK)
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            server.end()
            os._exit(1)
        except OSError:  # It is somebody else's, and there.
            continue


def _texts(server: ModelServer) -> None:
    """What is opened, typed, saved and closed: texts, and notebooks, whose cells come together."""
    _followed(
        server,
        lambda params: params.text_document.uri,
        types.TEXT_DOCUMENT_DID_OPEN,
        types.TEXT_DOCUMENT_DID_CHANGE,
        types.TEXT_DOCUMENT_DID_SAVE,
        types.TEXT_DOCUMENT_DID_CLOSE,
    )
    _followed(
        server,
        lambda params: params.notebook_document.uri,
        types.NOTEBOOK_DOCUMENT_DID_OPEN,
        types.NOTEBOOK_DOCUMENT_DID_CHANGE,
        types.NOTEBOOK_DOCUMENT_DID_SAVE,
        types.NOTEBOOK_DOCUMENT_DID_CLOSE,
    )


def _followed(
    server: ModelServer, uri: Callable[[Any], str], open_: str, change: str, save: str, close: str
) -> None:
    """Answer what an editor tells of one kind of document; `uri` says of which one."""

    @server.feature(open_)
    def opened(params: Any) -> None:
        buffer = server.buffer(uri(params))
        if buffer is not None:
            server.linter.opened(buffer)

    @server.feature(change)
    def changed(params: Any) -> None:
        buffer = server.buffer(uri(params))
        if buffer is not None:
            server.linter.changed(buffer)

    @server.feature(save)
    def saved(params: Any) -> None:
        path = path_of(uri(params))
        if path is not None:
            server.linter.saved(path)

    @server.feature(close)
    def closed(params: Any) -> None:
        path = path_of(uri(params))
        if path is not None:
            server.linter.closed(path)


def _around(server: ModelServer) -> None:
    """What an editor shows beside a text."""

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hovered(params: types.HoverParams) -> types.Hover | None:
        shapes = server.shapes(params.text_document.uri)
        if shapes is None:
            return None
        text = hover(shapes, *server.ranges.place(shapes.part, params.position))
        if text is None:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text))

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    def hinted(params: types.InlayHintParams) -> Sequence[types.InlayHint] | None:
        shapes = server.shapes(params.text_document.uri)
        sizes = server.options_of(params.text_document.uri).hints
        if shapes is None or sizes is None:
            return None
        return [*hints(shapes, server.ranges, sizes, params.range)]

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    def lens(params: types.CodeLensParams) -> Sequence[types.CodeLens] | None:
        shapes = server.shapes(params.text_document.uri)
        if shapes is None or not server.options_of(params.text_document.uri).lenses:
            return None
        return [*lenses(shapes, server.ranges)]


def _asked(server: ModelServer) -> None:
    """What is done when somebody asks for it."""

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[*KINDS], resolve_provider=True),
    )
    async def actions(
        params: types.CodeActionParams,
    ) -> Sequence[types.Command | types.CodeAction] | None:
        return await server.actions(params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        return await server.resolve(action)

    @server.command(EXPLAIN)
    async def explain(rule: str) -> str | None:
        with contextlib.suppress(UsageError):
            return await server.explain(rule)
        return None
