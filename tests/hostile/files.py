"""Rows 1 to 70: files and runs."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hostile.row import HERE, Row, layers, net

slow = pytest.mark.slow
posix = pytest.mark.skipif(os.name != "posix", reason="a file system of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and strays of Linux")

OK = {"Net": "analysed"}
FAILED = {"Net": "failed"}
NOT_ANALYSED = {"Net": "not-analysed"}
PLAIN = net()
#: A model with a finding, at the marked line.
SMALL = layers("nn.Conv2d(3, 3, 1, padding=1)")


def link(target: str) -> Callable[[Path], None]:
    """Make a file a link."""
    return lambda path: path.symlink_to(target)


def listen(path: Path) -> None:
    """Make a file a socket."""
    # The name of a socket may be short only.
    folder = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(folder)


def newer_syntax() -> str | None:
    """A line that only a newer Python than this one understands."""
    for line in ("type Size = int", 'text = t"{1}"'):
        try:
            compile(line, "", "exec")
        except SyntaxError:
            return line
    return None


def finds_at(column: int) -> Callable[[Any, Any], None]:
    """The check that the one finding stands at the marked line and at a column."""

    def check(report: Any, run: Any) -> None:
        assert [finding["column"] for finding in report["findings"]] == [column]

    return check


def shows(text: str, *, stderr: bool = False) -> Callable[[Any, Any], None]:
    """The check that a text, of the file's own, is in what is printed or reported."""

    def check(report: Any, run: Any) -> None:
        assert text in (run.stderr if stderr else run.stdout)

    return check


def speaks(report: Any, run: Any) -> None:
    """The check that something is said on stderr."""
    assert run.stderr.strip()


def named(*names: str) -> list[Row]:
    """Rows of files with odd names: each is linted, and found under its name."""
    return [
        Row(
            26 if any(c in name for c in " 'é\n%:,\"") else 27,
            f"name-{name!a}",
            files={name: PLAIN},
            arguments=(name,),
            status=OK,
            check=partial(_is_named, name),
            marks=(posix,),
        )
        for name in names
    ]


def _is_named(name: str, report: Any, run: Any) -> None:
    assert [model["path"] for model in report["models"] if model["name"] == "Net"] == [name]


BASE = [
    Row(1, "syntax error", "import torch\ndef f(:  # HERE\n", exit=1, kind="syntax-error"),
    Row(2, "NUL byte", b"import torch\nx = '\0'\n", exit=1, kind="syntax-error", line=1),
    Row(
        3,
        "byte order mark",
        b"\xef\xbb\xbffrom torch import nn; net = nn.Sequential(nn.Conv2d(3, 3, 1, padding=1))\n",
        exit=1,
        status={"net": "analysed"},
        rules=("pointwise-padding",),
        line=1,
        check=finds_at(43),
    ),
    Row(
        4,
        "latin-1 without a coding line",
        b"import torch\n# caf\xe9\n",
        exit=1,
        kind="encoding-error",
        line=2,
    ),
    Row(
        5,
        "latin-1 with a coding line",
        b"# coding: latin-1\n" + net(before="name = 'caf\u00e9'").encode("latin-1"),
        status=OK,
    ),
    Row(
        5,
        "a snippet in latin-1",
        b"# coding: latin-1\n" + SMALL.replace(HERE, "# caf\u00e9").encode("latin-1"),
        arguments=("net.py", "--format", "full"),
        exit=1,
        check=shows("# caf\u00e9"),
    ),
    Row(
        6,
        "unknown coding line",
        b"# coding: klingon\nimport torch\n",
        exit=1,
        kind="encoding-error",
        line=1,
    ),
    Row(7, "UTF-16", PLAIN.encode("utf-16"), exit=1, kind="encoding-error", line=1),
    *(
        Row(
            8,
            f"line ends {end!r}",
            SMALL.replace("\n", end).encode(),
            exit=1,
            status=OK,
            rules=("pointwise-padding",),
            line=SMALL[: SMALL.index(HERE)].count("\n") + 1,
            check=finds_at(22),
        )
        for end in ("\r\n", "\r")
    ),
    Row(
        8,
        "mixed line ends",
        SMALL.replace("\n", "\r\n", 4).replace("class Net", "\rclass Net", 1).encode(),
        exit=1,
        status=OK,
        rules=("pointwise-padding",),
        line=SMALL[: SMALL.index(HERE)].count("\n") + 2,
    ),
    Row(
        9,
        "tabs and spaces",
        "import torch\nif True:\n        a = 1\n\tb = 2  # HERE\n",
        exit=1,
        kind="syntax-error",
    ),
    Row(10, "Python 2", "import torch\nprint 'hello'  # HERE\n", exit=1, kind="syntax-error"),
    Row(
        11,
        "syntax of a newer Python",
        f"import torch\n{newer_syntax()}  {HERE}\n",
        exit=1,
        kind="syntax-error",
        check=shows(".".join(map(str, sys.version_info[:2]))),
        marks=(pytest.mark.skipif(newer_syntax() is None, reason="this Python knows them all"),),
    ),
    Row(
        12,
        "two million elements",
        b"import torch\nx = [" + b"1, " * 2_000_000 + b"]\n" + PLAIN.encode(),
        notes=1,
    ),
    Row(
        13,
        "200,000 unary minus",
        f"import torch\nx = {'-' * 200_000}1  {HERE}\n",
        exit=1,
        kind="syntax-error",
    ),
    Row(
        14,
        "100,000 terms",
        f"import torch\nx = {'1+' * 100_000}1  {HERE}\n",
        exit=1,
        kind="syntax-error",
    ),
    Row(
        15,
        "300 nested parentheses",
        f"import torch\nx = {'(' * 300}1{')' * 300}  {HERE}\n",
        exit=1,
        kind="syntax-error",
    ),
    Row(16, "empty file", "", alone=True, check=speaks),
    Row(16, "only comments", "# torch\n", alone=True, check=speaks),
    Row(17, "no torch", "import os\n", alone=True, check=speaks),
    Row(18, "missing path", arguments=("gone.py",), exit=2, check=shows("gone.py", stderr=True)),
    Row(
        19,
        "directory",
        files={
            "models/net.py": PLAIN,
            "models/old/net.py": "import torch\ndef f(:",
            "models/.gitignore": "old/\n",
            "legacy/net.py": "import torch\ndef f(:",
            "modellint.toml": 'exclude = ["legacy/"]\n',
            ".git/config": "",
        },
        arguments=("models", "legacy"),
        status=OK,
    ),
    Row(
        20,
        "empty directory",
        files={"empty/.keep": ""},
        arguments=("empty",),
        alone=True,
        check=speaks,
    ),
    Row(
        21,
        "unreadable",
        files={"net.py": lambda path: (path.write_text(PLAIN), path.chmod(0))},
        exit=1,
        kind="unreadable",
        line=1,
        marks=(
            posix,
            pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root reads every file"),
        ),
    ),
    Row(22, "broken link", files={"net.py": link("gone.py")}, exit=1, kind="unreadable", line=1),
    Row(22, "link to itself", files={"net.py": link("net.py")}, exit=1, kind="unreadable", line=1),
    Row(
        22,
        "broken links in a directory",
        files={"nets/a.py": link("gone.py"), "nets/b.py": link("b.py"), "nets/net.py": PLAIN},
        arguments=("nets",),
        status=OK,
        notes=2,
    ),
    Row(
        23,
        "one file by three paths",
        PLAIN,
        files={"other.py": link("net.py"), "folder": link(".")},
        arguments=("net.py", "other.py", "folder/net.py"),
        status=OK,
        check=partial(_is_named, "net.py"),
    ),
    *(
        Row(24, title, files={"net.py": make}, exit=2, marks=(posix,), alone=True, check=speaks)
        for title, make in (("fifo", os.mkfifo), ("socket", listen), ("device", link("/dev/zero")))
    ),
    Row(
        24,
        "links to devices in a directory",
        files={"nets/a.py": link("/dev/zero"), "nets/b.py": os.mkfifo, "nets/c.py": link("b.py")},
        arguments=("nets",),
        notes=2,
        marks=(posix,),
    ),
    Row(
        25,
        "standard input",
        stdin=PLAIN,
        arguments=("-", "--stdin-filename", "models/net.py"),
        status=OK,
        check=partial(_is_named, "models/net.py"),
    ),
    *named(
        "a net.py",
        "nét 网.py",
        "o'net\".py",
        "two\nlines.py",
        "100%s.py",
        "c:net::x.py",
        "a,b.py",
        "a-b.py",
        "123.py",
        "class.py",
    ),
    Row(28, "dash", files={"-net.py": PLAIN}, arguments=("--", "-net.py"), status=OK),
    Row(
        28,
        "dash without a warning",
        files={"-net.py": PLAIN},
        arguments=("-net.py",),
        exit=2,
        check=shows("--", stderr=True),
    ),
    Row(
        29,
        "modules named as others",
        net(before="import random, json"),
        files={
            f"{name}.py": "raise SystemExit(1)\n" for name in ("torch", "random", "json", "click")
        },
        status=OK,
    ),
    Row(29, "torch.py itself", files={"torch.py": PLAIN}, arguments=("torch.py",), status=OK),
    Row(
        30,
        "a name that is no text",
        files={os.fsdecode(b"n\xff.py"): PLAIN},
        arguments=(os.fsdecode(b"n\xff.py"),),
        status=OK,
        marks=(linux,),
        check=partial(_is_named, "n\udcff.py"),
    ),
    Row(
        31,
        "missing module of the project",
        net("self.size = SIZE", before=f"from helpers.nothing import SIZE  {HERE}"),
        files={"helpers/other.py": ""},
        exit=1,
        kind="import-error",
        status=FAILED,
    ),
    Row(
        32,
        "missing package that no model needs",
        net(before="import no_such_package"),
        status=OK,
        notes=1,
    ),
    Row(
        32,
        "missing package that a model needs",
        net("no_such_package.init()", before=f"import no_such_package  {HERE}"),
        status=NOT_ANALYSED,
    ),
    Row(
        33,
        "circular import",
        net("self.size = SIZE", before=f"from one import SIZE  {HERE}"),
        files={"one.py": "from two import SIZE\n", "two.py": "from one import SIZE\n"},
        exit=1,
        kind="import-error",
        status=FAILED,
    ),
    Row(
        34,
        "relative imports",
        files={
            "pkg/__init__.py": "",
            "pkg/models/__init__.py": "",
            "pkg/models/net.py": net("self.size = SIZE", before="from ..sizes import SIZE"),
            "pkg/sizes.py": "SIZE = 3\n",
        },
        arguments=("pkg/models/net.py",),
        status=OK,
    ),
    Row(
        35,
        "namespace package",
        files={
            "pkg/models/net.py": net("self.size = SIZE", before="from pkg.sizes import SIZE"),
            "pkg/sizes.py": "SIZE = 3\n",
            "pyproject.toml": "",
        },
        arguments=("pkg/models/net.py",),
        status=OK,
    ),
    Row(
        36,
        "one module name in two folders",
        files={
            f"{name}/{file}": text
            for name, size in (("a", 3), ("b", 4))
            for file, text in (
                ("helper.py", f"SIZE = {size}\n"),
                ("net.py", net(f"assert SIZE == {size}", before="from helper import SIZE")),
            )
        },
        arguments=("a/net.py", "b/net.py"),
        status=OK,
    ),
    Row(37, "main guard", net(after="if __name__ == '__main__':\n    os._exit(3)"), status=OK),
]

CODE = [
    Row(38, "exit at module level", net(before="sys.exit(0)"), status=OK),
    Row(
        38,
        "exit in a class body",
        PLAIN.replace("    def __init__", f"    sys.exit(0)  {HERE}\n    def __init__"),
        exit=1,
        kind="import-error",
        status=FAILED,
    ),
    Row(
        38,
        "exit in a constructor",
        net(f"sys.exit(0)  {HERE}"),
        exit=1,
        kind="build-error",
        status=FAILED,
    ),
    Row(
        38,
        "exit in a forward",
        net(forward=f"sys.exit(0)  {HERE}"),
        exit=1,
        kind="trace-error",
        status=FAILED,
    ),
    Row(
        39,
        "leaves in a class body",
        PLAIN.replace("    def __init__", f"    os._exit(0)  {HERE}\n    def __init__"),
        exit=1,
        kind="crash",
        status=FAILED,
    ),
    Row(
        39,
        "leaves in a constructor",
        net(f"os._exit(0)  {HERE}"),
        exit=1,
        kind="crash",
        status=FAILED,
    ),
    Row(
        39,
        "becomes another program",
        net(f"os.execv('/bin/true', ['true'])  {HERE}"),
        exit=1,
        kind="crash",
        status=FAILED,
        marks=(linux,),
    ),
    *(
        Row(40, title, net(f"{code}  {HERE}"), exit=1, kind="crash", status=FAILED, marks=(linux,))
        for title, code in (
            ("aborts", "os.abort()"),
            ("segmentation fault", "__import__('ctypes').string_at(0)"),
            ("kills itself", "os.kill(os.getpid(), 9)"),
            ("kills its group", "os.killpg(0, 9)"),
        )
    ),
    Row(
        40,
        "segmentation fault in a forward",
        net(forward=f"__import__('ctypes').string_at(0)  {HERE}"),
        exit=1,
        kind="crash",
        status=FAILED,
    ),
    Row(41, "endless loop at module level", net(before="while True:\n    pass"), status=OK),
    *(
        Row(
            41,
            f"endless loop in {where}",
            text,
            arguments=("net.py", "--timeout", "1", "--input", "1,3,32,32"),
            exit=1,
            kind="timeout",
            status=FAILED,
        )
        for where, text in (
            (
                "a class body",
                PLAIN.replace(
                    "    def __init__", f"    while True: pass  {HERE}\n    def __init__"
                ),
            ),
            ("a constructor", net(f"while True: pass  {HERE}")),
            ("a forward", net(forward=f"while True: pass  {HERE}")),
        )
    ),
    Row(
        41,
        "a forward that does not end at sizes that nobody gave",
        net(forward=f"while True: pass  {HERE}"),
        arguments=("net.py", "--timeout", "1"),
        status={"Net": "not-analysed"},
    ),
    Row(
        42,
        "ignores signals",
        net(
            f"""
            import signal
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)
            time.sleep(600)  {HERE}
            """
        ),
        arguments=("net.py", "--timeout", "1"),
        exit=1,
        kind="timeout",
        status=FAILED,
    ),
    Row(
        43,
        "command line with defaults",
        net(
            "self.size = args.size",
            before="""
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("--size", type=int, default=3)
            args = parser.parse_args()
            """,
        ),
        status=OK,
    ),
    Row(
        43,
        "command line that asks for more",
        net(
            "self.size = args.size",
            before=f"""
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("size", type=int)
            args = parser.parse_args()  {HERE}
            """,
        ),
        status=NOT_ANALYSED,
    ),
    Row(
        43,
        "command line that no model needs",
        net(
            before="""
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("size", type=int)
            args = parser.parse_args()
            """,
        ),
        status=OK,
    ),
    Row(44, "input at module level", net(before="name = input()"), status=OK),
    Row(
        44,
        "input that a model needs",
        net("self.size = SIZE", before=f"SIZE = int(input())  {HERE}"),
        exit=1,
        kind="import-error",
        status=FAILED,
    ),
    Row(
        45,
        "prints everywhere",
        net(
            """
            print("hello")
            print("hello", file=sys.stderr)
            os.write(1, b"raw")
            os.write(2, b"raw")
            os.system("echo shell")
            sys.stdout.buffer.write(b"\\xff")
            """
        ),
        status=OK,
    ),
    Row(
        45,
        "prints are shown when asked for",
        net("print('told'); os.write(2, b'told raw')"),
        arguments=("net.py", "-v"),
        status=OK,
        check=shows("told raw", stderr=True),
    ),
    Row(
        46,
        "commands to terminals and CI",
        net("print('::error::x \\x1b[2J \\x1b]0;title\\x07')"),
        arguments=("net.py", "-v"),
        status=OK,
        check=lambda report, run: _is_tame(run),
    ),
    Row(
        46,
        "commands in messages",
        net(f"raise ValueError('::error::x \\x1b[2J')  {HERE}"),
        arguments=("net.py", "--format", "full"),
        exit=1,
        check=lambda report, run: _is_tame(run),
    ),
    Row(
        47,
        "changes its surroundings",
        net(
            """
            import locale
            os.chdir("/")
            os.environ.clear()
            os.umask(0o777)
            locale.setlocale(locale.LC_ALL, "C")
            sys.path.clear()
            """
        ),
        status=OK,
    ),
    Row(
        48,
        "closes everything",
        net("os.closerange(0, 65536)").replace("(nn.Module):", f"(nn.Module):  {HERE}"),
        exit=1,
        kind="crash",
        status=FAILED,
    ),
    Row(
        49,
        "threads",
        net("import threading; threading.Thread(target=time.sleep, args=(600,)).start()"),
        status=OK,
    ),
    Row(
        50,
        "processes and daemons",
        net(
            """
            import subprocess
            subprocess.Popen(["sleep", "600"])
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    os.closerange(0, 65536)
                    time.sleep(600)
                os._exit(0)
            os.wait()
            """
        ),
        arguments=("net.py", "-v"),
        status=OK,
        marks=(linux,),
        check=speaks,
    ),
    Row(
        51,
        "multiprocessing",
        net(
            f"""
            import multiprocessing
            context = multiprocessing.get_context("fork")
            workers = [context.Process(target=time.sleep, args=(600,)) for _ in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()  {HERE}
            """
        ),
        arguments=("net.py", "--timeout", "1"),
        exit=1,
        kind="timeout",
        status=FAILED,
        marks=(linux,),
    ),
    Row(
        51,
        "multiprocessing by starting Python anew",
        net(
            """
            import multiprocessing
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                self.sizes = pool.map(abs, [3])
            """
        ),
        arguments=("net.py", "--timeout", "20"),
        status=OK,
        marks=(slow, linux),
    ),
    Row(
        52,
        "trains and downloads",
        net(
            before="""
            import urllib.request
            urllib.request.urlretrieve("http://192.0.2.1/data")
            """,
            after="""
            model = Net()
            for epoch in range(10**9):
                model(torch.rand(1, 3, 8, 8))
            """,
        ),
        status=OK,
    ),
    Row(
        53,
        "memory bomb",
        net(f"self.data = [bytearray(1 << 20) for _ in range(1 << 20)]  {HERE}"),
        arguments=("net.py", "--memory", "256M"),
        exit=1,
        kind="memory-limit",
        status=FAILED,
        marks=(linux,),
    ),
    Row(
        53,
        "memory bomb of small objects",
        net(
            f"""
            data = []
            while True:
                data.append([len(data)])  {HERE}
            """
        ),
        arguments=("net.py", "--memory", "128M"),
        exit=1,
        status=FAILED,
        # The line is lost where not even the traceback finds memory.
        check=lambda report, run: _is_one_of(report, "memory-limit"),
        marks=(linux,),
    ),
    Row(
        53,
        "memory bomb while loading",
        net("self.size = len(DATA)", before=f"DATA = bytearray(1 << 40)  {HERE}"),
        exit=1,
        kind="memory-limit",
        status=FAILED,
        marks=(linux,),
    ),
    Row(
        53,
        "memory bomb in a forward",
        net(forward=f"x.data_ = bytearray(1 << 40)  {HERE}"),
        exit=1,
        kind="memory-limit",
        status=FAILED,
        marks=(linux,),
    ),
    Row(54, "a tensor beyond memory", net("self.mask = torch.ones(60 << 30)"), status=OK),
    Row(
        54,
        "a tensor beyond memory with values",
        net(f"self.first = torch.ones(60 << 30).sum().item()  {HERE}"),
        exit=1,
        kind="memory-limit",
        status=FAILED,
    ),
    Row(
        55,
        "writes files",
        net("open('written.txt', 'w').close(); os.mkdir('made')"),
        arguments=("net.py", "-v"),
        status=OK,
        changes=True,
        check=shows("written.txt", stderr=True),
    ),
    *(
        Row(56, title, net(code if HERE in code else f"{code}  {HERE}"), status=NOT_ANALYSED)
        for title, code in (
            ("socket", "__import__('socket').create_connection(('192.0.2.1', 80))"),
            ("name", "__import__('socket').gethostbyname('example.com')"),
            ("url", "__import__('urllib.request').request.urlopen('http://192.0.2.1/w.pt')"),
            (
                "url with retries",
                """
                from urllib.request import urlopen
                for attempt in range(3):
                    try:
                        urlopen('http://192.0.2.1/w.pt')  # HERE
                        break
                    except Exception:
                        time.sleep(30)""",
            ),
            (
                "hub",
                "len(torch.hub.load_state_dict_from_url('https://example.com/w.pt'))",
            ),
        )
    ),
    Row(
        56,
        "weights that only are loaded",
        net("self.load_state_dict(torch.hub.load_state_dict_from_url('https://example.com/w.pt'))"),
        status=OK,
    ),
    Row(
        56,
        "download that a model needs",
        net(
            "self.size = len(DATA)",
            before=f"""
            import urllib.request as r
            DATA = r.urlopen('http://192.0.2.1').read()  {HERE}
            """,
        ),
        status=NOT_ANALYSED,
    ),
    Row(
        56,
        "network in a forward",
        net(forward=f"__import__('urllib.request').request.urlopen('http://192.0.2.1')  {HERE}"),
        status=NOT_ANALYSED,
    ),
    Row(
        57,
        "reads a file beside the project's root",
        files={
            "pyproject.toml": "",
            "size.txt": "3",
            "models/net.py": net("self.size = int(open('size.txt').read())"),
        },
        arguments=("models/net.py",),
        status=OK,
    ),
    Row(
        57, "reads a file that is not there", net(f"open('gone.txt')  {HERE}"), status=NOT_ANALYSED
    ),
    *(
        Row(
            number,
            title,
            net(f"raise {code}  {HERE}", before=before),
            exit=1,
            kind="build-error",
            status=FAILED,
        )
        for number, title, code, before in (
            (
                58,
                "error that cannot be printed",
                "Odd()",
                "class Odd(Exception):\n    def __str__(self):\n        raise ValueError",
            ),
            (58, "huge message", "ValueError('x' * 10**7)", ""),
            (58, "message of many lines", "ValueError('a\\nb\\r\\n\\x00c')", ""),
            (58, "surrogates in a message", "ValueError('\\udcff')", ""),
            (59, "BaseException", "Odd()", "class Odd(BaseException): pass"),
            (59, "KeyboardInterrupt", "KeyboardInterrupt", ""),
            (59, "GeneratorExit", "GeneratorExit", ""),
        )
    ),
    Row(
        59,
        "KeyboardInterrupt in a forward",
        net(forward=f"x = self.conv(x)\nraise KeyboardInterrupt  {HERE}"),
        exit=1,
        kind="trace-error",
        status=FAILED,
    ),
    Row(
        60,
        "recursion without a limit",
        net(
            "sys.setrecursionlimit(10**8)\ngrow(0)",
            before=f"def grow(n):\n    return grow(n + 1) + 1  {HERE}",
        ),
        arguments=("net.py", "--timeout", "1", "--memory", "64M"),
        exit=1,
        status=FAILED,
        check=lambda report, run: _is_one_of(report, "timeout", "memory-limit", "crash"),
    ),
    Row(
        61,
        "replaces what reports are made with",
        net(
            """
            import builtins, io, json
            sys.stdout = sys.stderr = None
            builtins.print = builtins.open = json.dumps = os.write = None
            sys.modules["json"] = None
            """
        ),
        status=OK,
    ),
    *(
        Row(
            62,
            f"replaces {name}",
            net(before=before),
            exit=status,
            check=lambda report, run: _is_honest(report),
        )
        for name, status, before in (
            ("__call__", 0, "nn.Module.__call__ = lambda self, *a, **k: self.forward(*a, **k)"),
            ("__setattr__", 1, "nn.Module.__setattr__ = object.__setattr__"),
            (
                "__getattr__",
                0,
                "old = nn.Module.__getattr__\nnn.Module.__getattr__ = lambda self, n: old(self, n)",
            ),
        )
    ),
    *(
        Row(63, title, net(before=before), status=OK)
        for title, before in (
            ("default device", "torch.set_default_device('cuda')"),
            ("default dtype", "torch.set_default_dtype(torch.half)"),
        )
    ),
    Row(
        64,
        "models of other modules",
        net(before="from parts import *\nfrom torch.nn import *"),
        files={"parts.py": net(name="Part")},
        status=OK,
    ),
    Row(
        65,
        "handlers and hooks",
        net(
            """
            import atexit, gc, signal
            atexit.register(lambda: open("atexit", "w"))
            signal.signal(signal.SIGTERM, lambda *_: open("sigterm", "w"))
            sys.excepthook = sys.unraisablehook = None
            gc.disable()
            """
        ),
        status=OK,
        # What a file asks to be done when its process ends is done, as when it is run.
        changes=True,
    ),
    Row(66, "deletes torch", net(after="del torch"), status=OK),
    Row(
        66,
        "deletes the class",
        net(after="net = Net()\ndel Net"),
        check=lambda r, run: _is_honest(r),
    ),
    Row(
        67,
        "module that answers nothing",
        net(before="def __getattr__(name):\n    raise RuntimeError(name)"),
        status=OK,
    ),
    Row(
        67,
        "property that raises",
        PLAIN.replace(
            "    def forward",
            "    @property\n    def loss(self):\n        raise RuntimeError\n\n    def forward",
        ),
        status=OK,
    ),
    Row(
        68,
        "class under a condition",
        "import torch\nif torch.nn:\n" + "\n".join("    " + line for line in PLAIN.splitlines()),
        status=OK,
    ),
    Row(
        68,
        "class made by a function",
        "import torch\nfrom torch import nn\ndef make(size):\n"
        + "\n".join("    " + line for line in PLAIN.splitlines()[5:])
        + "\n    return Net()\nnet = make(3)\n",
        check=lambda report, run: _is_honest(report),
    ),
    Row(
        70,
        "a notebook that is none",
        files={"net.ipynb": "{}"},
        arguments=("net.ipynb",),
        exit=1,
        kind="unreadable",
        line=1,
    ),
    *(
        Row(70, name, files={name: text}, arguments=(name,), notes=1)
        for name, text in (
            ("r.ipynb", '{"cells": [], "metadata": {"language_info": {"name": "R"}}}'),
            ("net.pyi", "import torch\nclass Net(torch.nn.Module): ..."),
            ("net.pyw", PLAIN),
        )
    ),
]


def _is_tame(run: Any) -> None:
    """Nothing that was printed acts on a terminal or on the log of a CI."""
    for text in (run.stdout, run.stderr):
        assert all(c.isprintable() or c in "\n\t" for c in text)
        assert not any(line.startswith("::") for line in text.splitlines())


def _is_one_of(report: Any, *kinds: str) -> None:
    (error,) = [error for error in report["errors"] if error["path"] == "net.py"]
    assert error["kind"] in kinds


def _is_honest(report: Any) -> None:
    """A model that is said to be analysed has its layer; else it is said not to be."""
    for model in report["models"]:
        if model["status"] == "analysed":
            assert model["layers"]
            assert model["parameters"] == 224 or report["findings"]


ROWS = [*BASE, *CODE]
