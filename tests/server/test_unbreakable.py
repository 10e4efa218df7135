"""What models, editors and environments do to the server costs nobody else anything."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import environments
import pytest
from language_client import PATIENCE, START, Editor, by_command, placed, processes_of
from lsprotocol import types

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

NET = """\
import os
import time
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {body}
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 32, 32))
"""
FINE = NET.format(body="pass")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    return tmp_path


@pytest.fixture
def editor(folder):
    mark = f"MODELLINT_EDITED_BY={os.getpid()}-{folder.name}"
    name, _, value = mark.partition("=")
    editor = Editor(folder, environment={name: value}, options={"timeout": 20, "memory": "1G"})
    editor.mark = mark
    yield editor
    editor.stop()


def write(folder, name, body):
    path = folder / f"{name}.py"
    path.write_text(NET.format(body=body), "utf-8")
    return path


def gone(mark):
    """Wait until no process is left; those that are in vain waited for."""
    until = time.monotonic() + 20
    while (left := processes_of(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return left


BODIES = {
    "hangs": ("while True: pass", "timeout"),
    "crashes": ("os.kill(os.getpid(), 11)", "crash"),
    "grows": ("x = [bytes(1 << 20) for _ in range(1 << 14)]", "memory-limit"),
    "leaves": ("os._exit(3)", "crash"),
    "raises": ("raise SystemExit(1)", "build-error"),
}


def test_a_model_that_hangs_crashes_or_grows_costs_its_own_findings_only(editor, folder):
    hostile = {name: write(folder, name, body) for name, (body, _) in BODIES.items()}
    fine = write(folder, "fine", "pass")
    uris = {name: editor.open(path) for name, path in hostile.items()}
    uri = editor.open(fine)
    assert editor.rules(uri) == ["even-kernel"]
    # While one still hangs, the others are answered as ever.
    assert uris["hangs"] not in editor.published
    started = time.monotonic()
    editor.change(uri, FINE + "\n")
    assert editor.rules(uri) == ["even-kernel"]
    assert time.monotonic() - started < 10
    for name, (_, kind) in BODIES.items():
        assert kind in editor.rules(uris[name]), name
    # A fault that is mended is forgotten.
    for name in BODIES:
        editor.change(uris[name], FINE)
        assert editor.rules(uris[name]) == ["even-kernel"]


def test_an_edit_ends_the_lint_that_is_under_way(editor, folder):
    path = write(folder, "net", "while True: pass")
    uri = editor.open(path)
    editor.diagnostics(editor.open(write(folder, "other", "pass")))
    started = time.monotonic()
    editor.change(uri, FINE)
    assert editor.rules(uri) == ["even-kernel"]
    assert time.monotonic() - started < 10


def test_more_models_hang_than_there_are_processors_and_an_edit_is_still_answered(editor, folder):
    hanging = [editor.open(write(folder, f"hang{at}", "while True: pass")) for at in range(6)]
    uri = editor.open(write(folder, "net", "pass"))
    assert editor.rules(uri) == ["even-kernel"]
    for one in hanging:
        editor.close_text(one)


def test_quick_edits_end_with_the_last_text(editor, folder):
    uri = editor.open(write(folder, "net", "pass"))
    for at in range(200):
        text = FINE.replace("8, 4,", f"8, {3 + at % 2},") + f"# {at}\n"
        editor.change(uri, text if at % 7 else text.replace("def forward", "def forward("))
    assert editor.rules(uri) == ["even-kernel"]
    # Of 200 texts a few are linted, those before a pause.
    assert editor.counts[uri] < 50


def test_nothing_is_left_when_the_editor_is(editor, folder):
    editor.diagnostics(editor.open(write(folder, "net", "pass")))
    editor.open(write(folder, "hangs", "while True: pass"))
    assert editor.leave() == 0
    assert gone(editor.mark) == []


def test_nothing_is_left_when_the_server_is_killed(editor, folder):
    editor.diagnostics(editor.open(write(folder, "net", "pass")))
    editor.open(write(folder, "hangs", "while True: pass"))
    time.sleep(1)
    os.kill(editor.server, signal.SIGKILL)
    assert gone(editor.mark) == []


#: An editor that opens a text, says so, and waits to be killed.
OPENS = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from language_client import Editor
editor = Editor(Path(sys.argv[1]), environment={mark!r})
editor.diagnostics(editor.open(Path(sys.argv[1], "net.py")))
print("open", flush=True)
editor.wait(lambda: False, 600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_editor_dies(folder, number):
    write(folder, "net", "pass")
    value = f"{os.getpid()}-{number}"
    code = OPENS.format(paths=[str(Path(__file__).parent.parent)], mark={"MODELLINT_DYING": value})
    client = subprocess.Popen(
        [sys.executable, "-c", code, folder], stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert client.stdout.readline() == "open\n"
    assert processes_of(f"MODELLINT_DYING={value}")
    client.send_signal(number)
    client.wait()
    assert gone(f"MODELLINT_DYING={value}") == []


def test_two_folders_have_models_in_their_own_environments(tmp_path):
    folders = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "pyproject.toml").write_text("", "utf-8")
        environments.environment(folder / ".venv", torch=True)
        packages = environments.site_packages(folder / ".venv")
        (packages / "widths.py").write_text(f"WIDTH = {len(name) + len(folders)}\n", "utf-8")
        text = FINE.replace("3, 8, 4", "3, WIDTH, 4")
        (folder / "net.py").write_text(f"from widths import WIDTH\n{text}", "utf-8")
        folders.append(folder)
    editor = Editor(*folders)
    try:
        uris = [editor.open(folder / "net.py") for folder in folders]
        for uri, width in zip(uris, (3, 4), strict=True):
            assert editor.rules(uri) == ["even-kernel"]
            assert editor.hints(uri)[15] == f"(N, {width}, H - 1, W - 1) 31×31"
    finally:
        assert editor.leave() == 0


def test_an_environment_without_torch_is_told_and_the_other_folder_is_linted(tmp_path):
    lacking, whole = tmp_path / "lacking", tmp_path / "whole"
    for folder in (lacking, whole):
        folder.mkdir()
        (folder / "pyproject.toml").write_text("", "utf-8")
        write(folder, "net", "pass")
    python = environments.environment(lacking / "other")
    (lacking / "modellint.toml").write_text(f'python = "{python}"\n', "utf-8")
    editor = Editor(lacking, whole)
    try:
        assert editor.rules(editor.open(lacking / "net.py")) == []
        assert editor.rules(editor.open(whole / "net.py")) == ["even-kernel"]
        assert len([one for one in editor.shown if "torch" in one]) == 1
    finally:
        assert editor.leave() == 0


def test_what_a_plugin_or_a_model_prints_is_no_message(tmp_path):
    (tmp_path / "modellint.toml").write_text('plugins = ["loud.py"]\n', "utf-8")
    (tmp_path / "loud.py").write_text(
        "import os\nfrom modellint import rule\nprint('Content-Length: 3')\n"
        "os.write(1, b'loud')\nos.system('echo loud')\n\n\n"
        '@rule(\'advice\')\ndef loud(graph):\n    """It prints."""\n'
        "    print('loud')\n    yield from ()\n",
        "utf-8",
    )
    path = write(tmp_path, "net", "print('loud'); os.system('echo loud')")
    run = subprocess.Popen(
        [sys.executable, "-c", START],
        cwd=tmp_path,
        env=environments.bare(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )

    def send(method, params, **more):
        data = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        run.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        run.stdin.flush()

    def receive():
        head = run.stdout.readline()
        assert head.startswith(b"Content-Length: "), head
        while run.stdout.readline() != b"\r\n":
            pass
        return json.loads(run.stdout.read(int(head.split()[1])))

    send("initialize", {"processId": None, "capabilities": {}, "rootUri": None}, id=1)
    send("initialized", {})
    item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": path.read_text()}
    send("textDocument/didOpen", {"textDocument": item})
    found = []
    while "textDocument/publishDiagnostics" not in found:
        found.append(receive().get("method"))
    # An editor that is gone has closed the pipe.
    run.stdin.close()
    run.wait(PATIENCE)
    rest = run.stdout.read()
    assert b"loud" not in rest
    assert rest.count(b"Content-Length") == rest.count(b'"jsonrpc"')


#: Edits that change what is found, by what they replace.
EDITS = [
    ("8, 4, padding=1", "8, 3, padding=1"),
    ("padding=1)", "padding=1)  # modellint: ignore[even-kernel]"),
    ("return self.conv(x)", "return torch.softmax(self.conv(x).flatten(1), 1)"),
    ("return self.conv(x)", "return self.conv(x).view(x.shape[0], 999)"),
    ("return self.conv(x)", "return self.conv(x"),
    ("import time", "import time, no_such_module"),
    ("1, 3, 32, 32", "1, 3, 20, 20"),
    ("3, 8, 4", "4, 8, 4"),
    ("        pass\n", "        self.unused = nn.Linear(3, 3)\n"),
    ("padding=1", "padding=0, stride=3"),
]


def test_two_hundred_edits_over_ten_files_end_as_a_fresh_command_line(editor, folder):
    """Edits of texts and of a helper that half of them import, saved now and then."""
    helper = folder / "blocks.py"
    helper.write_text(FINE.partition("\n\n\nNet()")[0].replace("Net", "Block") + "\n", "utf-8")
    user = (
        "import torch\nfrom blocks import Block\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        pass\n        self.block = Block()\n"
        "        self.conv = nn.Conv2d(8, 8, 4, padding=1)\n\n    def forward(self, x):\n"
        "        x = self.block(x)\n        return self.conv(x)\n\n\n"
        "Net()(torch.rand(1, 3, 32, 32))\n"
    )
    paths = [helper]
    for at in range(9):
        paths.append(folder / f"net{at}.py")
        paths[-1].write_text(user if at % 2 else FINE, "utf-8")
    originals = {path.as_uri(): path.read_text("utf-8") for path in paths}
    uris = [editor.open(path) for path in paths]
    for number in range(200):
        uri = uris[(7 * number) % len(uris)]
        old, new = EDITS[(3 * number + number // 10) % len(EDITS)]
        editor.change(uri, originals[uri].replace(old, new))
        if number % 5 == 4:
            editor.save(uri)
        # Some edits come while a lint runs, others after it.
        time.sleep(0.25 if number % 10 == 9 else 0.03)
    for uri in uris:
        editor.save(uri)
    expected = by_command(*paths, cwd=folder)
    assert any(expected.values())

    def settled():
        return {uri: placed(editor.published[uri].diagnostics) for uri in uris} == expected

    try:
        editor.wait(settled)
    except AssertionError:
        assert {uri: placed(editor.published[uri].diagnostics) for uri in uris} == expected
    # And it stays so.
    time.sleep(2)
    assert settled()


def test_a_crash_of_the_process_that_has_torch_is_no_end(editor, folder):
    uri = editor.open(write(folder, "net", "pass"))
    assert editor.rules(uri) == ["even-kernel"]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_text()
            marked = editor.mark.encode() in (process / "environ").read_bytes()
        except OSError:
            continue
        if marked and "modellint.worker" in command:
            os.kill(int(process.name), signal.SIGKILL)
    editor.change(uri, FINE + "\n")
    assert editor.rules(uri) == ["even-kernel"]


def test_a_client_that_knows_nothing_of_versions_is_served(folder):
    write(folder, "net", "pass")
    editor = Editor(folder, can=types.ClientCapabilities())
    try:
        uri = editor.open(folder / "net.py")
        where = editor.diagnostics(uri)[0].range
        action = editor.wait(
            lambda: next(
                (
                    one
                    for title, one in editor.actions(uri, where).items()
                    if "changes what" in title
                ),
                None,
            )
        )
        assert [*action.edit.changes] == [uri]
        (every,) = editor.actions(uri, where, ["source.unsafeFixAll.modellint"]).values()
        assert "nn.Conv2d(3, 8, 5, padding=2)" in editor.with_edit(uri, every.edit)
    finally:
        assert editor.leave() == 0
