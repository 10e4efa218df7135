"""Places in what a kernel ran, by whatever its IPython tells of its cells."""

import linecache
import sys
from types import SimpleNamespace

import pytest

from modellint.source import executed

CELLS = ["", "x = 1", "\n\n%%capture\ny = 2\nz = 3", "net?\ny = 2\nz = 4", "y = 2\nz = 3"]


@pytest.fixture
def shell(monkeypatch):
    """A shell that has run some cells, and knows as much of them as `named` says."""
    named = {}
    compiler = SimpleNamespace(format_code_name=named.get)
    found = SimpleNamespace(
        compile=compiler, history_manager=SimpleNamespace(input_hist_raw=CELLS), named=named
    )
    module = SimpleNamespace(get_ipython=lambda: found)
    monkeypatch.setitem(sys.modules, "IPython.core.getipython", module)
    monkeypatch.setattr(linecache, "cache", {})
    return found


def ran(path, text, date=None):
    lines = [f"{line}\n" for line in text.split("\n")]
    linecache.cache[path] = (len(text), date, lines, path)


def test_the_number_is_that_of_ipython(shell):
    ran("/tmp/k/1.py", "y = 2\nz = 3")
    shell.named["/tmp/k/1.py"] = ("Cell", "In[4]")
    assert executed.kernel_place("/tmp/k/1.py", 2) == (4, 2)
    assert executed.words("/tmp/k/1.py", 2) == "cell 4, line 2"
    assert executed.mark("/tmp/k/1.py", 2) == "4:2"
    assert executed.short_place("/tmp/k/1.py", 2) == "cell 4:2"


def test_what_a_magic_ran_stands_below_it_in_the_cell_before(shell):
    ran("/tmp/k/1.py", "y = 2\nz = 3")
    shell.named["/tmp/k/1.py"] = ("Cell", "In[3]")
    assert executed.kernel_place("/tmp/k/1.py", 1) == (2, 4)


def test_what_only_ipython_reads_ran_as_a_call(shell):
    ran("/tmp/k/1.py", "get_ipython().run_line_magic('pinfo', 'net')\ny = 2\nz = 4")
    shell.named["/tmp/k/1.py"] = ("Cell", "In[3]")
    assert executed.kernel_place("/tmp/k/1.py", 3) == (3, 3)


@pytest.mark.parametrize("date", [None, 1.0])
def test_where_ipython_tells_no_number_the_last_cell_of_that_text_is_meant(shell, date):
    del shell.compile.format_code_name
    ran("/tmp/k/1.py", "y = 2\nz = 3", date)
    assert executed.kernel_place("/tmp/k/1.py", 2) == (4, 2)
    ran("/tmp/k/2.py", "y = 2\nz = 5", date)
    assert executed.kernel_place("/tmp/k/2.py", 2) is None


def test_files_are_no_cells(shell, tmp_path):
    path = str(tmp_path / "net.py")
    (tmp_path / "net.py").write_text("y = 2\nz = 3")
    assert linecache.getline(path, 1) == "y = 2\n"
    assert executed.kernel_place(path, 1) is None
    assert executed.words(path, 1) == "line 1"
    assert executed.short_place(path, 1) == "net.py:1"


def test_without_a_kernel_there_are_no_cells(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython.core.getipython", raising=False)
    monkeypatch.setattr(linecache, "cache", {})
    ran("<input>", "y = 2")
    assert executed.kernel_place("<input>", 1) is None
    assert executed.typed(1) is None
    assert executed.text_of("<input>") == "y = 2\n"
