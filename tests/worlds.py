"""Random projects whose model depends on the world in random ways, and what may change of it."""

from __future__ import annotations

import os
import py_compile
import random
import shutil
import sqlite3
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import torch
from notebook_files import written
from torch.package import PackageExporter

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1 + {width}, 5)

    def forward(self, x):
        {forward}
        return self.conv(x)
"""
#: A program that trains the model, and says nothing else of it.
TRAIN = """
import torch
from torch.utils.data import DataLoader
from net import Net
from sizes{at} import BATCH
net = Net()
optimizer = torch.optim.{optimizer}(net.parameters())
loader = DataLoader(data, batch_size=BATCH, shuffle=True)
"""
Step = Callable[[], object]


@dataclass(frozen=True)
class Dependence:
    """One thing that a model's width depends on.

    `first` makes it, `code` leaves a number in the name that it is given, `changes` are what may
    happen to it. What is not `kept` is of a kind that nobody can take note of; what is `wary`
    counts all names in a folder, and what is not `watched` is seen by the next run only. `forward`
    is a statement of the model's forward.
    """

    kind: str
    first: Step
    code: str
    changes: tuple[Step, ...]
    kept: bool = True
    wary: bool = False
    watched: bool = True
    forward: str = ""


def put(path: str, text: str = "") -> None:
    """Write a file in place of whatever has its name, with the folders above it."""
    target = Path(path)
    if target.parent.is_file():
        target.parent.unlink()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.write_text(text, "utf-8")


def remove(path: str) -> None:
    """Delete a file or a folder, if there is one."""
    if Path(path).is_dir() and not Path(path).is_symlink():
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)


def archive(path: str, files: dict[str, str]) -> None:
    """Write an archive of files in place of whatever has its name."""
    remove(path)
    with zipfile.ZipFile(path, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)


def compiled(path: str, text: str, mode: str = "TIMESTAMP") -> None:
    """Write what a source file compiles to, and no source."""
    put("source.tmp", text)
    kind = py_compile.PycInvalidationMode[mode]
    py_compile.compile("source.tmp", path, doraise=True, invalidation_mode=kind)
    remove("source.tmp")


def database(path: str, value: int) -> None:
    """Write a database that holds one number."""
    remove(path)
    with sqlite3.connect(path) as connection:
        connection.execute("create table sizes (w int)")
        connection.execute("insert into sizes values (?)", (value,))
    connection.close()


def journal(path: str, value: int) -> None:
    """Write a number into a database that is open elsewhere, so that it stays in the journal."""
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode=wal")
    with connection:
        connection.execute("create table if not exists sizes (w int)")
        connection.execute("delete from sizes")
        connection.execute("insert into sizes values (?)", (value,))
    _OPEN.append(connection)


def script(path: str, value: int) -> None:
    """Save a script module that holds a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.trace(torch.nn.Linear(value, 1), torch.rand(value))
        torch.jit.save(module, path)


def package(path: str, value: int) -> None:
    """Write a package of torch's that holds a number."""
    with PackageExporter(path) as exporter:
        exporter.save_text("sizes", "w.txt", str(value))


def outdated(path: str, before: str, now: str) -> None:
    """Write a module and compile it, then put another in its place, of the same size and date."""
    put(path, before)
    os.utime(path, (9, 9))
    py_compile.compile(path, doraise=True)
    put(path, now)
    os.utime(path, (9, 9))


#: Databases whose journal is not yet written into them.
_OPEN: list[sqlite3.Connection] = []

#: Ways to read the number that a file holds, whose path is `PATH`.
READING = [
    "NAME = int(open(PATH).read())",
    "import pathlib; NAME = int(pathlib.Path(PATH).read_text())",
    "import os; d = os.open(PATH, os.O_RDONLY); NAME = int(os.read(d, 9)); os.close(d)",
    "import io; NAME = int(io.open(PATH, 'rb').read())",
    "import json; NAME = json.load(open(PATH))",
    "import linecache; NAME = int(linecache.getline(PATH, 1))",
    "import numpy; NAME = int(numpy.loadtxt(PATH))",
    "import fileinput; NAME = int(next(fileinput.FileInput([PATH])))",
    "import mmap, os; d = os.open(PATH, os.O_RDONLY); NAME = int(mmap.mmap(d, 0, prot=1)[:1])",
    "import runpy; runpy.run_path(PATH); NAME = int(open(PATH).read())",
    "import shutil, tempfile; NAME = int(open(shutil.copy(PATH, tempfile.mkdtemp())).read())",
    "import io, pathlib; NAME = int(io.FileIO(pathlib.Path(PATH)).read())",
    "import torch; NAME = int(torch.from_file(PATH, size=1, dtype=torch.uint8)) - ord('0')",
    "import torch; NAME = torch.UntypedStorage.from_file(PATH, False, 1)[0] - ord('0')",
]
#: Ways to ask whether there is a file.
ASKING = [
    "import os; NAME = 2 if os.path.exists(PATH) else 1",
    "import os; NAME = 2 if os.path.isfile(PATH) else 1",
    "import os; NAME = 2 if os.access(PATH, os.R_OK) else 1",
    "import pathlib; NAME = 2 if pathlib.Path(PATH).is_file() else 1",
    "import pathlib; NAME = 2 if pathlib.Path(PATH).exists() else 1",
    "import os\ntry: NAME = 2 if os.stat(PATH) else 0\nexcept OSError: NAME = 1",
    "try: NAME = 2 if open(PATH) else 0\nexcept OSError: NAME = 1",
    "import glob; NAME = 1 + len(glob.glob(PATH))",
]
#: Ways to ask how large a file is.
WEIGHING = [
    "import os; NAME = os.path.getsize(PATH)",
    "import os; NAME = os.stat(PATH).st_size",
    "import pathlib; NAME = pathlib.Path(PATH).stat().st_size",
    "import os; NAME = sum(e.stat().st_size for e in os.scandir(os.path.dirname(PATH)))",
    "import os; NAME = int(os.path.getmtime(PATH)) % 7",
    "import posix; NAME = posix.stat(PATH).st_size",
]
#: Ways to count what a folder holds.
LISTING = [
    "import os; NAME = len(os.listdir(PATH))",
    "import pathlib; NAME = len(list(pathlib.Path(PATH).iterdir()))",
    "import glob; NAME = len(glob.glob(PATH + '/*'))",
    "import os; NAME = sum(len(files) for _, _, files in os.walk(PATH))",
    "import os; NAME = sum(e.is_dir() for e in os.scandir(PATH))",
    "import pathlib; NAME = sum(p.is_file() for p in pathlib.Path(PATH).rglob('*'))",
    "import pkgutil; NAME = len(list(pkgutil.iter_modules([PATH])))",
]
#: Ways to read a file that nobody sees.
HIDING = [
    "import subprocess; NAME = int(subprocess.run(['cat', PATH], stdout=-1).stdout)",
    "import os; NAME = int(os.popen('cat ' + PATH).read())",
    "import os; d = os.open('.', 0); NAME = int(os.read(os.open(PATH, 0, dir_fd=d), 9))",
    "import ctypes; libc = ctypes.CDLL(None); d = libc.open(PATH.encode(), 0)\n"
    "import os; NAME = int(os.read(d, 9))",
    "import os; r, w = os.pipe()\n"
    "if os.fork() == 0: os.write(w, open(PATH, 'rb').read()); os._exit(0)\n"
    "NAME = int(os.read(r, 9)); os.wait()",
    "import multiprocessing.pool as p\n"
    "def read(path): return int(open(path).read())\n"
    "NAME = int(open(PATH).read())\n"
    "import os; os.posix_spawn('/bin/true', ['true'], {}); os.wait()",
]


def _files(at: int, rng: random.Random) -> Iterator[Dependence]:
    for number, code in enumerate(READING):
        outside = rng.random() < 0.3
        path = f"{'../' if outside else ''}data{at}.txt"
        yield Dependence(
            f"read {number}",
            lambda path=path: put(path, "3"),
            code.replace("PATH", repr(path)),
            (lambda path=path: put(path, "4"), lambda path=path: remove(path)),
        )
    for number, code in enumerate(ASKING):
        path = f"asked{at}.txt"
        there = rng.random() < 0.5
        yield Dependence(
            f"ask {number}",
            (lambda path=path: put(path)) if there else (lambda: None),
            code.replace("PATH", repr(path)),
            ((lambda path=path: remove(path)) if there else (lambda path=path: put(path)),),
        )
    for number, code in enumerate(WEIGHING):
        path = f"weights{at}/a.txt"
        yield Dependence(
            f"weigh {number}",
            lambda path=path: (put(path, "abc"), os.utime(path, (10, 10))),
            code.replace("PATH", repr(path)),
            (
                lambda path=path: put(path, "abcd"),
                # Another day of the week.
                lambda path=path: os.utime(path, (10, 10 + rng.randint(1, 6))),
            ),
        )
    for number, code in enumerate(LISTING):
        path = f"folder{at}"
        yield Dependence(
            f"list {number}",
            lambda path=path: put(f"{path}/a.py"),
            code.replace("PATH", repr(path)),
            (
                lambda path=path: put(f"{path}/b.py"),
                lambda path=path: (remove(f"{path}/a.py"), put(f"{path}/a.py/c.py")),
                lambda path=path: remove(path),
            ),
        )
    for number, code in enumerate(HIDING):
        path = f"hidden{at}.txt"
        yield Dependence(
            f"hide {number}",
            lambda path=path: put(path, "3"),
            code.replace("PATH", repr(path)),
            (lambda path=path: put(path, "4"),),
            kept=False,
        )
    yield Dependence(
        "a link",
        lambda: (put(f"one{at}", "1"), put(f"two{at}", "2"), _link(f"one{at}", f"link{at}")),
        f"NAME = int(open('link{at}').read())",
        (lambda: _link(f"two{at}", f"link{at}"), lambda: put(f"one{at}", "5")),
    )
    yield Dependence(
        "where a link leads",
        lambda: (put(f"one{at}"), put(f"three{at}"), _link(f"one{at}", f"way{at}")),
        f"import os; NAME = len(os.path.realpath('way{at}')) % 9",
        (lambda: _link(f"three{at}", f"way{at}"),),
    )
    yield Dependence(
        "a database",
        lambda: database(f"sizes{at}.db", 3),
        f"import sqlite3; NAME = sqlite3.connect('sizes{at}.db').execute("
        "'select w from sizes').fetchone()[0]",
        (lambda: database(f"sizes{at}.db", 4),),
    )
    select = "'select w from sizes').fetchone()[0]"
    yield Dependence(
        "a database by an object that stands for its path",
        lambda: database(f"sizes{at}.db", 3),
        "import pathlib, sqlite3\n"
        f"NAME = sqlite3.connect(pathlib.Path('sizes{at}.db')).execute({select}",
        (lambda: database(f"sizes{at}.db", 4),),
    )
    yield Dependence(
        "a database by its address",
        lambda: database(f"sizes{at}.db", 3),
        "import sqlite3\n"
        f"NAME = sqlite3.connect('file:sizes{at}.db?mode=ro', uri=True).execute({select}",
        (lambda: database(f"sizes{at}.db", 4),),
        kept=False,
    )
    yield Dependence(
        "the journal of a database",
        lambda: journal(f"open{at}.db", 3),
        f"import sqlite3; NAME = sqlite3.connect('open{at}.db').execute({select}",
        (lambda: journal(f"open{at}.db", 4),),
    )
    yield Dependence(
        "a script module",
        lambda: script(f"script{at}.pt", 3),
        f"import torch; NAME = torch.jit.load('script{at}.pt').weight.shape[1]",
        (lambda: script(f"script{at}.pt", 4), lambda: remove(f"script{at}.pt")),
    )
    yield Dependence(
        "a package of torch's",
        lambda: package(f"package{at}.pt", 3),
        "from torch.package import PackageImporter\n"
        f"NAME = int(PackageImporter('package{at}.pt').load_text('sizes', 'w.txt'))",
        (lambda: package(f"package{at}.pt", 4),),
    )


def _link(target: str, path: str) -> None:
    remove(path)
    Path(path).symlink_to(target)


def _modules(at: int, rng: random.Random) -> Iterator[Dependence]:
    instead = (
        "import sys, types; m = types.ModuleType('m'); m.W = 9; sys.modules[__name__ + '.s'] = m"
    )
    yield Dependence(
        "a module",
        lambda: put(f"helper{at}.py", "W = 3"),
        f"from helper{at} import W as NAME",
        (
            lambda: put(f"helper{at}.py", "W = 4"),
            lambda: put(f"helper{at}/__init__.py", "W = 5"),
            lambda: put(f"src/helper{at}.py", "W = 6"),
            lambda: remove(f"helper{at}.py"),
        ),
    )
    yield Dependence(
        "a module beside a folder",
        lambda: (put(f"mixed{at}.py", "W = 3"), put(f"mixed{at}/notes.txt")),
        f"from mixed{at} import W as NAME",
        (
            lambda: put(f"mixed{at}/__init__.py", "W = 4"),
            lambda: remove(f"mixed{at}"),
            lambda: put(f"mixed{at}/W.py"),
        ),
    )
    yield Dependence(
        "a package",
        lambda: (put(f"package{at}/__init__.py"), put(f"package{at}/s.py", "W = 3")),
        f"from package{at}.s import W as NAME",
        (
            lambda: put(f"package{at}/s.py", "W = 4"),
            lambda: put(f"package{at}/s/__init__.py", "W = 5"),
            lambda: put(f"package{at}/__init__.py", instead),
        ),
    )
    yield Dependence(
        "a namespace package",
        lambda: put(f"space{at}/s.py", "W = 3"),
        f"from space{at} import s; NAME = s.W",
        (
            lambda: put(f"space{at}/s.py", "W = 4"),
            lambda: put(f"space{at}/__init__.py", instead),
            lambda: put(f"space{at}.py", "class s: W = 7"),
            lambda: put(f"src/space{at}/__init__.py", instead),
        ),
    )
    yield Dependence(
        "a namespace of two folders",
        lambda: (put(f"wide{at}/a.py", "W = 1"), put(f"src/wide{at}/b.py", "W = 2")),
        f"from wide{at} import a, b; NAME = a.W + b.W",
        (
            lambda: put(f"src/wide{at}/a.py", "W = 5"),
            lambda: put(f"wide{at}/b.py", "W = 5"),
            lambda: put(f"src/wide{at}/__init__.py"),
        ),
    )
    yield Dependence(
        "a module that may be missing",
        lambda: None,
        f"try: from extra{at} import W as NAME\nexcept ImportError: NAME = 1",
        (
            lambda: put(f"extra{at}.py", "W = 4"),
            lambda: put(f"extra{at}/__init__.py", "W = 5"),
            lambda: put(f"extra{at}/W.py"),
        ),
    )
    yield Dependence(
        "whether there is a module",
        lambda: None,
        f"import importlib.util; NAME = 2 if importlib.util.find_spec('maybe{at}') else 1",
        (lambda: put(f"maybe{at}.py"), lambda: put(f"src/maybe{at}/x")),
    )
    where = "../" if rng.random() < 0.5 else ""
    yield Dependence(
        "an archive",
        lambda: archive(f"{where}lib{at}.zip", {f"packed{at}.py": "W = 3"}),
        f"import sys; sys.path.insert(0, '{where}lib{at}.zip')\nfrom packed{at} import W as NAME",
        (
            lambda: archive(f"{where}lib{at}.zip", {f"packed{at}.py": "W = 4"}),
            lambda: remove(f"{where}lib{at}.zip"),
        ),
    )
    yield Dependence(
        "an archive before a module",
        lambda: put(f"late{at}.py", "W = 3"),
        f"import sys; sys.path.insert(0, '{where}late{at}.zip')\nfrom late{at} import W as NAME",
        (
            lambda: archive(f"{where}late{at}.zip", {f"late{at}.py": "W = 4"}),
            lambda: put(f"{where}late{at}.zip/late{at}.py", "W = 5"),
        ),
    )
    yield Dependence(
        "a compiled module without source",
        lambda: compiled(f"{where}bare{at}.pyc", "W = 3"),
        f"import sys; sys.path.append('{where or '.'}')\nfrom bare{at} import W as NAME",
        (
            lambda: compiled(f"{where}bare{at}.pyc", "W = 4"),
            lambda: put(f"bare{at}.py", "W = 5"),
        ),
    )
    cache = f"__pycache__/held{at}.cpython-{__import__('sys').version_info[0]}"
    cache += f"{__import__('sys').version_info[1]}.pyc"
    yield Dependence(
        "a compiled module that is not compared with its source",
        lambda: (
            put(f"held{at}.py", "W = 1"),
            compiled(cache, "W = 3", "UNCHECKED_HASH"),
        ),
        f"from held{at} import W as NAME",
        (lambda: compiled(cache, "W = 4", "UNCHECKED_HASH"), lambda: remove(cache)),
    )
    older = cache.replace("held", "older")
    yield Dependence(
        "a compiled module that is older than its source",
        lambda: outdated(f"older{at}.py", "W = 3", "W = 4"),
        f"from older{at} import W as NAME",
        (lambda: remove(older), lambda: os.utime(f"older{at}.py", (8, 8))),
    )
    yield Dependence(
        "a hook of its own on the path",
        lambda: put(f"hooked{at}/notes.txt"),
        "import sys, importlib.machinery as m\n"
        "class Loader(m.SourceFileLoader):\n"
        "    def source_to_code(self, data, path, **_):\n"
        "        return compile(f'W = {int(data)}', path, 'exec')\n"
        "def hook(path):\n"
        "    if 'hooked' not in path: raise ImportError\n"
        "    return m.FileFinder(path, (Loader, ['.txt']))\n"
        "sys.path_hooks.insert(0, hook)\n"
        f"sys.path_importer_cache.clear()\nsys.path.insert(0, 'hooked{at}')\n"
        f"try: from size{at} import W as NAME\nexcept ImportError: NAME = 1",
        (lambda: put(f"hooked{at}/size{at}.txt", "4"),),
        wary=True,
    )
    yield Dependence(
        "what a package brings",
        lambda: (put(f"brings{at}/__init__.py"), put(f"brings{at}/w.txt", "3")),
        f"import importlib.resources as r; NAME = int(r.files('brings{at}').joinpath('w.txt')"
        ".read_text())",
        (lambda: put(f"brings{at}/w.txt", "4"),),
    )
    yield Dependence(
        "an installed distribution",
        lambda: None,
        "import importlib.metadata as m\n"
        f"try: NAME = len(m.version('dist{at}'))\nexcept ImportError: NAME = 1",
        (lambda: put(f"dist{at}-1.0.dist-info/METADATA", f"Name: dist{at}\nVersion: 1.0\n"),),
    )
    yield Dependence(
        "a finder of its own",
        lambda: put(f"found{at}.txt", "3"),
        "import sys, importlib.machinery\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == 'found{at}':\n"
        "            return importlib.machinery.ModuleSpec(name, self)\n"
        "    def create_module(self, spec): pass\n"
        f"    def exec_module(self, module): module.W = int(open('found{at}.txt').read())\n"
        f"sys.meta_path.append(Finder())\nfrom found{at} import W as NAME",
        (lambda: put(f"found{at}.txt", "4"),),
    )


def _others(at: int) -> Iterator[Dependence]:
    """What is asked of a file beside its model: what trains it, and what its mended text reads."""

    def train(optimizer: str) -> None:
        put(f"train{at}.py", TRAIN.format(at=at, optimizer=optimizer))

    yield Dependence(
        "a program that trains the model",
        lambda: (train("SGD"), put(f"sizes{at}.py", "BATCH = 4")),
        "NAME = 1",
        (
            lambda: train("Adam"),
            lambda: put(f"sizes{at}.py", "BATCH = 8"),
            lambda: remove(f"train{at}.py"),
            lambda: put(f"sizes{at}/__init__.py", "BATCH = 16"),
        ),
    )
    yield Dependence(
        "a program that may train the model one day",
        lambda: None,
        "NAME = 1",
        (lambda: (train("Adam"), put(f"sizes{at}.py", "BATCH = 8")),),
        watched=False,
    )
    yield Dependence(
        "what only a mended model reads",
        lambda: put(f"mended{at}.txt", "0"),
        "NAME = 1",
        (lambda: put(f"mended{at}.txt", "1"), lambda: remove(f"mended{at}.txt")),
        forward=f"if self.conv.padding != (0, 0): assert not int(open('mended{at}.txt').read())",
    )


def noise() -> Iterator[Step]:
    """What happens in a project all day and concerns no model of it."""
    yield lambda: put("unrelated.py", "x = 1")
    yield lambda: put("notes/report.json", "{}")
    yield lambda: [os.utime(path, (1, 1)) for path in Path().glob("net.*")]
    yield lambda: put("../beside.txt")
    # A test that imports the model may show how it is built; this one does not.
    yield lambda: put("tests/test_other.py", "import other")


@dataclass(frozen=True)
class World:
    """A project, written to the current folder by `write`, and what may change of it."""

    dependences: tuple[Dependence, ...]
    target: str = "net.py"

    def write(self) -> None:
        """Make the project; its model is what `target` stands for."""
        put("pyproject.toml")
        lines = []
        for at, one in enumerate(self.dependences):
            one.first()
            # In a function, of which a lint runs every line.
            lines.append(f"def find{at}():\n{indent(one.code, '    ')}\n    return NAME\n")
            lines.append(f"w{at} = find{at}()")
        width = " + ".join(f"w{at}" for at in range(len(self.dependences)))
        said = "\n        ".join(one.forward for one in self.dependences if one.forward)
        net = NET.format(width=width, forward=said or "pass")
        if self.target == "net.ipynb":
            Path(self.target).write_bytes(written([*lines, net]))
        else:
            put("net.py", "\n".join(lines) + net)
        put("handed_on.py", "from net import *")

    @property
    def kept(self) -> bool:
        """Whether a result of its model may be kept."""
        return all(one.kept for one in self.dependences)

    @property
    def wary(self) -> bool:
        """Whether what concerns no model of it may count as a change."""
        return any(one.wary for one in self.dependences)

    @property
    def watched(self) -> bool:
        """Whether each change is one of what its model has read or looked for."""
        return all(one.watched for one in self.dependences)


#: What a model is asked for by: mostly its file, else a notebook, or a module that has its name.
TARGETS = ("net.py", "net.py", "net.py", "net.ipynb", "net:Net", "handed_on:Net")


def all_dependences(rng: random.Random, at: int = 0) -> list[Dependence]:
    """One of each kind, with names that end on a number."""
    return [*_files(at, rng), *_modules(at, rng), *_others(at)]


def world(rng: random.Random) -> World:
    """A random project that depends on one to four things."""
    chosen = [rng.choice(all_dependences(rng, at)) for at in range(rng.randint(1, 4))]
    return World(tuple(chosen), rng.choice(TARGETS))
