"""Which file a module path and a name of it stand for, without an import."""

import json
import sys

import pytest

from modellint.discovery import module_files
from modellint.discovery.module_files import ModuleFile, as_imported, main, module_file, within

#: No module of them may be imported: each would end the test.
END = "raise SystemExit('imported')\n"
FILES = {
    "lib/__init__.py": END + "from .nets import Net as Model, build\nfrom .more import *\n",
    "lib/nets.py": END + "class Net: pass\ndef build(): pass\nready = Net()\na, b = 1, 2\n",
    "lib/more/__init__.py": f"{END}from .. import nets\nfrom ..nets import *\nfrom .deep import *",
    "lib/more/deep.py": END + "if True:\n    class Deep: pass\ntry:\n    from x import gone\n"
    "except ImportError:\n    def gone(): pass\n",
    "lib/circle.py": "from .other import Round\n",
    "lib/other.py": "from .circle import Round\n",
    "lib/broken.py": "class Net(\n",
    "space/part.py": "class Net: pass\n",
    "space/deep/part.py": "class Net: pass\n",
}


@pytest.fixture(autouse=True)
def on_the_path(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture(params=["by the import system", "in folders"])
def answer(tmp_path, capsys, request):
    def ask(module, member=""):
        if request.param == "in folders":
            found = module_files.answer(module, member, within([str(tmp_path), *sys.path]))
        else:
            main(json.dumps([str(tmp_path)]), module, member)
            found = json.loads(capsys.readouterr().out.rpartition("\n")[2])
        assert not any(name == "lib" or name.startswith("lib.") for name in sys.modules)
        path = found["path"]
        return path and path.removeprefix(f"{tmp_path}/"), found["name"], found["missing"]

    return ask


@pytest.mark.parametrize(
    "module, member, expected",
    [
        ("lib.nets", "Net", ("lib/nets.py", "Net", None)),
        ("lib.nets", "", ("lib/nets.py", "", None)),
        ("lib.nets", "ready", ("lib/nets.py", "ready", None)),
        ("lib.nets", "b", ("lib/nets.py", "b", None)),
        # By another name, through packages, by a star.
        ("lib", "Model", ("lib/nets.py", "Net", None)),
        ("lib", "build", ("lib/nets.py", "build", None)),
        ("lib", "Deep", ("lib/more/deep.py", "Deep", None)),
        ("lib.more", "Net", ("lib/nets.py", "Net", None)),
        ("lib", "gone", ("lib/more/deep.py", "gone", None)),
        # What nobody defines is of the module itself.
        ("lib", "Nothing", ("lib/__init__.py", "Nothing", None)),
        ("lib.circle", "Round", ("lib/circle.py", "Round", None)),
        ("lib.broken", "Net", ("lib/broken.py", "Net", None)),
        ("space.part", "Net", ("space/part.py", "Net", None)),
        ("space", "", (None, "", None)),
        ("space.deep.part", "Net", ("space/deep/part.py", "Net", None)),
        ("space.deep", "", (None, "", None)),
        ("space.nope", "", (None, "", "space.nope")),
        ("lib.nope.deeper", "Net", (None, "Net", "lib.nope")),
        ("lib.nets.deeper", "Net", (None, "Net", "lib.nets.deeper")),
        ("nope", "", (None, "", "nope")),
    ],
)
def test_the_file_is_that_of_the_definition(answer, module, member, expected):
    assert answer(module, member) == expected


@pytest.mark.parametrize("answer", ["by the import system"], indirect=True)
def test_what_is_built_in_has_no_file(answer):
    assert answer("sys", "path") == (None, "path", None)


@pytest.mark.parametrize("find", [as_imported, within(["."])])
def test_a_package_has_folders(tmp_path, monkeypatch, find):
    monkeypatch.chdir(tmp_path)
    found = module_file("lib.more", find)
    assert isinstance(found, ModuleFile)
    assert found.folders == (str(tmp_path / "lib" / "more"),)
    assert module_file("space", find) == ModuleFile("space", None, (str(tmp_path / "space"),))
