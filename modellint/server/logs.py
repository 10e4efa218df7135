"""Log records on their way to the editor, which shows them; standard output is not for them."""

from __future__ import annotations

import asyncio
import logging

from lsprotocol import types
from pygls.lsp.server import LanguageServer

_TYPES = (
    (logging.ERROR, types.MessageType.Error),
    (logging.WARNING, types.MessageType.Warning),
    (logging.INFO, types.MessageType.Info),
)


class ClientHandler(logging.Handler):
    """Sends records to the editor as messages for its log, from whichever thread they come."""

    def __init__(self, server: LanguageServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._server = server
        self._loop = loop

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; one that comes after the end of the loop is lost."""
        level = next((kind for least, kind in _TYPES if record.levelno >= least), None)
        params = types.LogMessageParams(level or types.MessageType.Debug, self.format(record))
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._server.window_log_message, params)
