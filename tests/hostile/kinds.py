"""Rows from 136 on: kinds of files that an attack found, which knew the rows before them."""

from __future__ import annotations

from hostile.files import FAILED, OK
from hostile.row import Row, net

#: Where `net` defines its class, if nothing stands before it.
CLASS = 7


def writes(message: str) -> str:
    """A file that writes into every descriptor that is open, with the length before it."""
    return net(f"""
        data = {message}
        for descriptor in range(3, 400):
            try:
                os.write(descriptor, len(data).to_bytes(4, "big") + data)
            except OSError:
                pass
    """)


def crash(number: int, title: str, text: str) -> Row:
    """A file that crashes where it is built, beside a good one that is linted."""
    return Row(number, title, text, exit=1, kind="crash", status=FAILED, line=CLASS)


ROWS = [
    Row(
        136,
        "a tree whose nodes know their parents",
        net("""
            root = {"children": []}
            root["children"].append({"parent": root})
            self.tree = root
        """),
        status=OK,
    ),
    Row(136, "attributes that hold all attributes", net("self.own = [self.__dict__]"), status=OK),
    crash(
        137,
        "json that writes something else",
        net("import json; json.JSONEncoder.encode = lambda self, value: '{}'"),
    ),
    crash(137, "json that writes no text", net("import json; json.JSONEncoder.encode = str")),
    crash(138, "messages that are none in every descriptor", writes('b"{}"')),
    crash(138, "bytes in every descriptor", writes('b"\\xff" * 100')),
    crash(
        138,
        "an end in every descriptor",
        writes(
            """b'{"type": "end", "kind": null, "changed": [], "late": [], "read": null, '"""
            """ b'"printed": "", "strays": false}'"""
        ),
    ),
    crash(
        138,
        "what only a start may say in every descriptor",
        writes("""b'{"type": "no-torch", "message": "gone"}'"""),
    ),
    crash(138, "lists in lists in every descriptor", writes('b"[" * 20_000')),
    crash(
        138,
        "a length that nothing follows in every descriptor",
        writes("b''").replace('len(data).to_bytes(4, "big")', 'b"\\xff" * 4'),
    ),
    Row(
        139,
        "a coding line that names no encoding of text",
        b"# coding: zlib\nimport torch\n",
        exit=1,
        kind="encoding-error",
        line=1,
    ),
    *(
        Row(140, f"a child process that {title}", net(text), status=OK)
        for title, text in [
            ("exits", "if os.fork() == 0: sys.exit(0)\nos.wait()"),
            ("raises", "if os.fork() == 0: raise ValueError\nos.wait()"),
            ("goes on", "os.fork() and os.wait()"),
            ("goes on while its parent does", "os.fork()"),
        ]
    ),
    Row(
        140,
        "a child process of a forward that goes on",
        net(forward="os.fork()\nreturn self.conv(x)"),
        status=OK,
    ),
    Row(
        140,
        "a child process of a statement that goes on",
        net(before="WIDTH = 3 if os.fork() else 5", init="self.width = WIDTH"),
        status=OK,
    ),
]
