"""A text of an editor is what its file would hold, whatever encoding it names."""

import json

import pytest

from modellint.server.buffers import Buffer, Part, path_of
from modellint.source.file import parse_source


@pytest.mark.parametrize("head", ["", "# -*- coding: latin-1 -*-\n", "# coding: nonsense\n"])
def test_a_text_is_read_as_it_stands(head):
    text = f'{head}x = "é"\n'
    data = Buffer("/net.py", (Part("file:///net.py", 1, text),)).data
    if "nonsense" in head:
        assert data == text.encode()
    else:
        assert parse_source("/net.py", data).text == text


def test_cells_are_a_notebook_whose_lines_are_theirs():
    parts = (Part("cell:a", 1, "import torch", 1), Part("cell:b", 4, "x = 1\r\ny = 2", 2))
    buffer = Buffer("/net.ipynb", parts)
    assert [one["source"] for one in json.loads(buffer.data)["cells"]] == [p.text for p in parts]
    assert parse_source("/net.ipynb", buffer.data).place(3) == (2, 2)
    assert buffer.part(2) is parts[1]
    assert buffer.part_at("cell:a") is parts[0]


def test_what_is_on_no_disk_has_no_path():
    assert path_of("untitled:Untitled-1") is None
    assert path_of("file:///home/net%20one.py") == "/home/net one.py"
