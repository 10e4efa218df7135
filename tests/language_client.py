"""An editor for tests: pygls' own client beside a server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from environments import bare
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.uris import to_fs_path

T = TypeVar("T")

#: How long anything may take on a busy machine that imports torch, in seconds.
PATIENCE = 120.0
START = "from modellint.server.start import main; main()"


class Editor:
    """A client in a thread of its own, with texts that it edits as an editor does.

    `can` are further capabilities of it; `settings` what it answers when it is asked for them.
    """

    def __init__(
        self,
        *folders: Path,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        options: Any = None,
        settings: Any = None,
        can: types.ClientCapabilities | None = None,
    ) -> None:
        self.folders = folders
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.counts: dict[str, int] = {}
        self.logged: list[str] = []
        self.shown: list[str] = []
        self.opened: list[str] = []
        self.settings = settings
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = LanguageClient("tests", "1")
        self._listen()
        env = bare(**(environment or {}))
        self.run(self._client.start_io(python, "-c", START, cwd=folders[0], env=env))
        self.capabilities = self.initialize(can, options)

    def initialize(self, can: types.ClientCapabilities | None, options: Any) -> Any:
        """Introduce the editor; what the server can."""
        names = [types.WorkspaceFolder(one.as_uri(), one.name) for one in self.folders]
        answer = self.run(
            self._client.initialize_async(
                types.InitializeParams(
                    capabilities=can or CAPABILITIES,
                    process_id=os.getpid(),
                    root_uri=self.folders[0].as_uri(),
                    workspace_folders=names,
                    initialization_options=options,
                )
            )
        )
        self.tell(self._client.initialized, types.InitializedParams())
        return answer.capabilities

    def _listen(self) -> None:
        client = self._client

        @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: types.PublishDiagnosticsParams) -> None:
            self.published[params.uri] = params
            self.counts[params.uri] = self.counts.get(params.uri, 0) + 1

        @client.feature(types.WINDOW_LOG_MESSAGE)
        def logged(params: types.LogMessageParams) -> None:
            self.logged.append(params.message)

        @client.feature(types.WINDOW_SHOW_MESSAGE)
        def shown(params: types.ShowMessageParams) -> None:
            self.shown.append(params.message)

        @client.feature(types.WINDOW_SHOW_DOCUMENT)
        def opened(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
            self.opened.append(params.uri)
            return types.ShowDocumentResult(True)

        @client.feature(types.WORKSPACE_CONFIGURATION)
        def configuration(params: types.ConfigurationParams) -> list[Any]:
            return [self.settings for _ in params.items]

        @client.feature(types.WORKSPACE_INLAY_HINT_REFRESH)
        @client.feature(types.WORKSPACE_CODE_LENS_REFRESH)
        def refreshed(*_: Any) -> None:
            pass

        @client.feature(types.CLIENT_REGISTER_CAPABILITY)
        def registered(_params: types.RegistrationParams) -> None:
            pass

    @property
    def server(self) -> int:
        """The number of the server's process."""
        process = self._client._server
        assert process is not None
        return process.pid

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the thread of the client."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def tell(self, notify: Callable[..., None], params: Any) -> None:
        """Notify the server, from the thread of the client."""
        done: Future[None] = Future()

        def call() -> None:
            notify(params)
            done.set_result(None)

        self._loop.call_soon_threadsafe(call)
        done.result(PATIENCE)

    def ask(self, name: str, params: Any) -> Any:
        """Ask the server, by the name of the client's method without its end."""
        return self.run(getattr(self._client, f"{name}_async")(params))

    def notify(self, name: str, params: Any) -> None:
        """Notify the server, by the name of the client's method."""
        self.tell(getattr(self._client, name), params)

    # Texts.

    def open(self, path: Path, text: str | None = None, uri: str = "") -> str:
        """Open a file, or a text in its place; its URI."""
        uri = uri or path.as_uri()
        self.texts[uri] = path.read_text("utf-8") if text is None else text
        self.versions[uri] = 1
        item = types.TextDocumentItem(uri, "python", 1, self.texts[uri])
        self.notify("text_document_did_open", types.DidOpenTextDocumentParams(item))
        return uri

    def change(self, uri: str, text: str) -> int:
        """Put another text in the place of one; its version."""
        self.texts[uri] = text
        self.versions[uri] += 1
        self.notify(
            "text_document_did_change",
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            ),
        )
        return self.versions[uri]

    def save(self, uri: str) -> None:
        """Save a text, as editors do."""
        path = path_of(uri)
        path.write_text(self.texts[uri], "utf-8")
        document = types.TextDocumentIdentifier(uri)
        self.notify("text_document_did_save", types.DidSaveTextDocumentParams(document))

    def close_text(self, uri: str) -> None:
        """Close a text."""
        document = types.TextDocumentIdentifier(uri)
        self.notify("text_document_did_close", types.DidCloseTextDocumentParams(document))

    def wait(self, met: Callable[[], T], patience: float = PATIENCE) -> T:
        """Wait until something is so; what it is."""
        until = time.monotonic() + patience
        while not (found := met()):
            assert time.monotonic() < until, (self.published, self.logged, self.shown)
            time.sleep(0.02)
        return found

    def diagnostics(self, uri: str, version: int | None = None) -> list[types.Diagnostic]:
        """What is published of a text in its last version, as soon as it is."""
        wanted = self.versions[uri] if version is None else version

        def told() -> types.PublishDiagnosticsParams | None:
            found = self.published.get(uri)
            return found if found is not None and found.version == wanted else None

        return [*self.wait(told).diagnostics]

    def rules(self, uri: str) -> list[str]:
        """The rules of what is published of a text in its last version."""
        return [str(one.code) for one in self.diagnostics(uri)]

    def hover(self, uri: str, line: int, column: int) -> str:
        """What is shown of a place, counted from 1."""
        found = self.ask(
            "text_document_hover",
            types.HoverParams(
                types.TextDocumentIdentifier(uri), types.Position(line - 1, column - 1)
            ),
        )
        return "" if found is None else found.contents.value

    def hints(self, uri: str) -> dict[int, str]:
        """The hints of a text, by their lines from 1."""
        whole = types.Range(types.Position(0, 0), types.Position(10_000, 0))
        found = self.ask(
            "text_document_inlay_hint",
            types.InlayHintParams(types.TextDocumentIdentifier(uri), whole),
        )
        return {one.position.line + 1: one.label for one in found or ()}

    def lenses(self, uri: str) -> dict[int, str]:
        """What stands above lines of a text, by these from 1."""
        document = types.TextDocumentIdentifier(uri)
        found = self.ask("text_document_code_lens", types.CodeLensParams(document))
        return {one.range.start.line + 1: one.command.title for one in found or ()}

    def actions(
        self, uri: str, where: types.Range, only: list[str] | None = None
    ) -> dict[str, types.CodeAction]:
        """What is offered for a range, by its title."""
        found = self.ask(
            "text_document_code_action",
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri), where, types.CodeActionContext([], only)
            ),
        )
        # To the client what has a command and no edit is a command.
        return {one.title: one for one in found or ()}

    def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """An action with what it changes."""
        return self.ask("code_action_resolve", action)

    def with_edit(self, uri: str, edit: types.WorkspaceEdit) -> str:
        """A text with an edit made, as an editor makes it."""
        edits = [*(edit.changes or {}).get(uri, ())]
        for change in edit.document_changes or ():
            if change.text_document.uri == uri:
                assert change.text_document.version == self.versions[uri]
                edits += change.edits
        return with_edits(self.texts[uri], edits)

    def leave(self) -> int:
        """End the session as an editor does; the exit status of the server."""
        process = self._client._server
        assert process is not None
        self.run(self._client.shutdown_async(None))
        self.tell(self._client.exit, None)
        status = self.run(asyncio.wait_for(process.wait(), PATIENCE))
        self.stop()
        return status

    def stop(self) -> None:
        """End the client, and the server if it is still there."""
        process = self._client._server
        if process is not None and process.returncode is None:
            process.kill()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)


def with_edits(text: str, edits: list[types.TextEdit]) -> str:
    """A text with edits, whose columns are counted in UTF-16."""
    lines = text.split("\n")
    for edit in sorted(edits, key=lambda one: one.range.start, reverse=True):
        start, end = edit.range.start, edit.range.end
        head = _units(lines[start.line])[: 2 * start.character].decode("utf-16-le")
        tail = _units(lines[end.line])[2 * end.character :].decode("utf-16-le")
        lines[start.line : end.line + 1] = (head + edit.new_text + tail).split("\n")
    return "\n".join(lines)


def _units(line: str) -> bytes:
    return line.encode("utf-16-le")


def path_of(uri: str) -> Path:
    """The path of a file's URI."""
    path = to_fs_path(uri)
    assert path is not None
    return Path(path)


def processes_of(mark: str) -> list[str]:
    """The commands of the processes that have a mark in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


Placed = tuple[int, int, int, int, str, str, str]
"""The range of a diagnostic, its severity, its code, and the first line of its message."""


def placed(diagnostics: Iterable[types.Diagnostic]) -> set[Placed]:
    """Diagnostics as they can be compared."""
    return {
        (
            one.range.start.line,
            one.range.start.character,
            one.range.end.line,
            one.range.end.character,
            one.severity.name.lower().removesuffix("rmation"),
            str(one.code),
            one.message.partition("\n")[0],
        )
        for one in diagnostics
        if one.severity is not None and one.code not in ("not-analysed", "partial")
    }


def by_command(*paths: Path, cwd: Path) -> dict[str, set[Placed]]:
    """What the command says of files on disk, by URI, as an editor would place it."""
    names = [str(path.relative_to(cwd)) for path in paths]
    report = json.loads(command_line("--format", "json", *names, cwd=cwd))
    found: dict[str, set[Placed]] = {path.as_uri(): set() for path in paths}
    for one in report["findings"]:
        lines = (cwd / one["path"]).read_text("utf-8").split("\n")
        start = _column(lines, one["line"], one["column"])
        end = _column(lines, one["end_line"], one["end_column"])
        more = f" (and {one['count'] - 1} more like it)" if one["count"] > 1 else ""
        place = (one["line"] - 1, start, one["end_line"] - 1, end)
        text = one["message"] + more
        found[(cwd / one["path"]).as_uri()].add((*place, one["severity"], one["rule"], text))
    for one in report["errors"]:
        lines = (cwd / one["path"]).read_text("utf-8").split("\n")
        text = lines[one["line"] - 1]
        place = (
            one["line"] - 1,
            len(text) - len(text.lstrip()),
            one["line"] - 1,
            len(text.rstrip()),
        )
        found[(cwd / one["path"]).as_uri()].add((*place, "error", one["kind"], one["message"]))
    return found


def _column(lines: list[str], line: int, column: int) -> int:
    return len(_units(lines[line - 1][: column - 1])) // 2


def command_line(*arguments: str, cwd: Path) -> str:
    """What the command prints."""
    run = subprocess.run(
        [sys.executable, "-m", "modellint", "--no-cache", *arguments],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE * 4,
    )
    assert run.returncode in (0, 1), run.stderr
    return run.stdout


CAPABILITIES = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(
        publish_diagnostics=types.PublishDiagnosticsClientCapabilities(related_information=True),
        code_action=types.CodeActionClientCapabilities(
            resolve_support=types.ClientCodeActionResolveOptions(properties=["edit"])
        ),
    ),
    workspace=types.WorkspaceClientCapabilities(
        workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
    ),
)
