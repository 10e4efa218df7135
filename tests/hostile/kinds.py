"""Rows from 136 on: kinds of files that an attack found, which knew the rows before them."""

from __future__ import annotations

from hostile.files import OK
from hostile.row import Row, net

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
]
