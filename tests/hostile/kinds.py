"""Rows from 136 on: kinds of files that an attack found, which knew the rows before them."""

from __future__ import annotations

import pytest

from hostile.files import FAILED, NOT_ANALYSED, OK
from hostile.row import HERE, Row, net

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


FLEX = """
import torch
from torch import nn
from torch.nn.attention.flex_attention import flex_attention

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(32, 96)

    def forward(self, x):
        parts = self.qkv(x).view(*x.shape[:2], 3, 4, 8)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        return flex_attention(q, k, v).transpose(1, 2).flatten(2)

Net()(torch.rand(2, 16, 32))
"""


def _is_followed(models: list[dict[str, str]]) -> None:
    told = {model["name"]: model["status"] for model in models}
    assert told["Net"] in ("analysed", "partial")


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
    Row(
        141,
        "an operation that torch hands to its compiler",
        FLEX,
        check=lambda report, _: _is_followed(report["models"]),
        marks=(pytest.mark.slow,),  # It imports the compiler.
    ),
    Row(
        142,
        "files with the names of libraries that others import",
        net(forward="return self.conv(x) + torch.zeros(3).sin().sum()"),
        files={
            f"{name}.py": "raise RuntimeError('not the library')\n"
            for name in "mpmath types sympy numpy typing_extensions resource tempfile json".split()
        },
        status=OK,
    ),
    Row(
        143,
        "processes that fork faster than they are counted",
        net("""
            if os.fork() == 0:
                end = time.monotonic() + 30
                while time.monotonic() < end:
                    if os.fork():
                        os._exit(0)
                    os.setsid()
                os._exit(0)
        """),
        status=OK,
    ),
    Row(
        145,
        "a class that answers nothing that it is asked",
        net(
            before=f"""
            class Meta(type):
                def __getattribute__(cls, name):
                    raise RuntimeError(name)  {HERE}
            """
        ).replace("(nn.Module)", "(nn.Module, metaclass=Meta)"),
        status=NOT_ANALYSED,
    ),
    Row(144, "a class that is of no module", net(after="Net.__module__ = None"), status=OK),
]
