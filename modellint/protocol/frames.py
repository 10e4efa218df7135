"""Messages between the front end and its worker: a length, then JSON.

The functions are bound here once: the linted file may replace `json.dumps` or `os.write` in the
process that reports on it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from json import dumps, loads
from os import read, write
from typing import Any

#: The most that may be said when a connection is opened, in bytes: names of modules, and a space.
CONNECTION = 4096
#: A frame that says it is longer is none, in bytes: waiting for its end would fill the memory.
_LONGEST = 1 << 28
_LENGTH = struct.Struct(">I")
_pack, _unpack, _size = _LENGTH.pack, _LENGTH.unpack_from, _LENGTH.size


def frame(message: Any) -> bytes:
    """A message as bytes."""
    content = dumps(message).encode()
    return _pack(len(content)) + content


def send(descriptor: int, data: bytes) -> None:
    """Write bytes to a descriptor, all of them."""
    view = memoryview(data)
    while view:
        view = view[write(descriptor, view) :]


def split_frames(buffer: bytearray) -> Iterator[bytes]:
    """Take the complete frames, headers included, from the front of a buffer.

    Raises `ValueError` for what cannot be the head of a message.
    """
    while len(buffer) >= _size:
        end = _size + int(_unpack(buffer)[0])
        if end > _LONGEST:
            raise ValueError("no message is so long")
        if len(buffer) < end:
            return
        yield bytes(buffer[:end])
        del buffer[:end]


def content(data: bytes) -> Any:
    """The message of one frame."""
    return loads(data[_size:])


def receive(descriptor: int) -> Iterator[Any]:
    """The messages that arrive on a descriptor, until its other end closes."""
    return map(content, receive_frames(descriptor))


def receive_frames(descriptor: int) -> Iterator[bytes]:
    """The complete frames that arrive on a descriptor, until its other end closes."""
    buffer = bytearray()
    while data := read(descriptor, 1 << 16):
        buffer += data
        yield from split_frames(buffer)
