"""docs/editors.md: editors find the places in real output, shells complete by what is shown."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from documents import DOCS, block, marks
from environments import bare
from reports import ADVICE, FINDING, REPORT

from modellint.errors import UsageError
from modellint.report import render
from modellint.results.report import Problem, Report

OUTPUT = render(
    Report(
        findings=(FINDING, ADVICE),
        errors=(Problem("bad.py", 3, "import-error", "No module named 'wandb'"),),
    ),
    "concise",
)
PLACES = [
    ("net.py", 3, 22, "warning", "conv1 trims 1 px from every side; help: padding=1 keeps 28×28"),
    ("both.py", 7, 22, "info", "norm comes late; help: padding=1 keeps 28×28"),
    ("bad.py", 3, 0, "error", "No module named 'wandb'"),
]


SOURCE = Path(__file__).read_text("utf-8")
NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 32, 32))
"""


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def test_every_block_is_tried_here():
    servers = ["install server", "settings", "build", "neovim", "older neovim", "helix"]
    others = ["vscode", "vim", "bash", "zsh", "fish"]
    assert marks("editors.md") == [*servers, "eglot", "zed", *others]
    assert {*marks("editors.md")} <= {*re.findall(r'block\("editors.md", "([\w ]+)"\)', SOURCE)}


def test_vs_code_finds_every_place():
    (task,) = json.loads(block("editors.md", "vscode"))["tasks"]
    pattern = task["problemMatcher"]["pattern"]
    found = [
        match for match in (re.search(pattern["regexp"], s) for s in OUTPUT.splitlines()) if match
    ]
    keys = ("file", "line", "column", "severity", "message")
    places = [tuple(match[pattern[key]] for key in keys) for match in found]
    assert places == [
        (file, str(line), str(column) if column else None, severity, message)
        for file, line, column, severity, message in PLACES
    ]
    assert task["command"].startswith("modellint --format concise ")


@needs("vim")
def test_vim_finds_every_place(tmp_path):
    (tmp_path / "compiler").mkdir()
    (tmp_path / "compiler" / "modellint.vim").write_text(block("editors.md", "vim"), "utf-8")
    (tmp_path / "output").write_text(OUTPUT, "utf-8")
    script = (
        "compiler modellint | cgetfile output | "
        "call writefile([json_encode(map(getqflist(), "
        "{_, e -> [bufname(e.bufnr), e.lnum, e.col, e.type, e.text]})), &makeprg], 'found')"
    )
    command = [
        "vim",
        "-Nu",
        "NONE",
        "-es",
        "--cmd",
        f"set rtp^={tmp_path}",
        "-c",
        script,
        "-c",
        "qa!",
    ]
    subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, check=True, timeout=60)
    found, program = (tmp_path / "found").read_text("utf-8").splitlines()
    assert [tuple(one) for one in json.loads(found)] == [
        (file, line, column, severity[0], message)
        for file, line, column, severity, message in PLACES
    ]
    assert program == "modellint --format concise --quiet %:S"


@needs("emacs")
def test_emacs_finds_every_place(tmp_path):
    (tmp_path / "output").write_text(OUTPUT, "utf-8")
    script = """
    (with-temp-buffer
      (require 'compile)
      (insert-file-contents "output")
      (compilation-mode)
      (compilation--ensure-parse (point-max))
      (dotimes (_ (count-lines (point-min) (point-max)))
        (let ((message (get-text-property (point) 'compilation-message)))
          (when message
            (let ((place (compilation--message->loc message)))
              (princ (format "%s:%s:%s\n"
                             (caar (compilation--loc->file-struct place))
                             (compilation--loc->line place)
                             (compilation--message->type message))))))
        (forward-line)))
    """
    run = subprocess.run(
        ["emacs", "--batch", "--eval", script],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    grave = {"info": 0, "warning": 1, "error": 2}
    assert run.stdout.split() == [
        f"{file}:{line}:{grave[severity]}" for file, line, _, severity, _ in PLACES
    ]


def test_the_server_is_installed_as_the_page_says():
    (line,) = block("editors.md", "install server").splitlines()
    extra = re.fullmatch(r"\$ pip install 'modellint\[(\w+)\]'", line)[1]
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]
    assert extra in project["optional-dependencies"]
    assert "modellint-server" in project["scripts"]


def test_the_settings_of_the_page_are_read():
    from modellint.server.options import Options, read_options

    options = read_options(json.loads(block("editors.md", "settings")))
    assert options.settings.select == ("default", "pedantic")
    assert (options.settings.min_severity, options.hints, options.pause) == (
        "warning",
        "symbolic",
        0.3,
    )
    text = (DOCS / "editors.md").read_text("utf-8").partition("<!-- settings -->")[0]
    for name in re.findall(r"`([a-z-]+)`", text.partition("Settings are those")[2]):
        if name not in ("modellint", "extend", "both", "symbolic", "concrete", "off"):
            with pytest.raises(UsageError, match=name):
                read_options({name: object()})
    assert read_options({}) == Options()


def test_the_extension_is_built_as_the_page_says():
    words = block("editors.md", "build").split()
    folder = DOCS.parent / words[1]
    package = json.loads((folder / "package.json").read_text("utf-8"))
    assert f"--out {words[-1]}" in package["scripts"]["package"]


def test_what_was_not_tried_is_at_least_well_formed():
    helix = tomllib.loads(block("editors.md", "helix"))
    assert helix["language"][0]["language-servers"][-1] in helix["language-server"]
    zed = json.loads(block("editors.md", "zed"))
    assert zed["languages"]["Python"]["language_servers"][-1] in zed["lsp"]


@pytest.fixture
def beside_a_server(tmp_path):
    """The environment of an editor that finds the server on its path, in a folder with a model."""
    server = tmp_path / "bin" / "modellint-server"
    server.parent.mkdir()
    start = "from modellint.server.start import main; main()"
    server.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{start}'\n", "utf-8")
    server.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    (tmp_path / "net.py").write_text(NET, "utf-8")
    path = f"{server.parent}{os.pathsep}{os.environ['PATH']}"
    return bare(PATH=path, HOME=str(tmp_path), XDG_CONFIG_HOME=str(tmp_path / "config"))


#: Waits for findings, and writes them down with what hovering tells.
LOOK = """
vim.wait(90000, function() return #vim.diagnostic.get(0) > 0 end, 100)
local found = {}
for _, one in ipairs(vim.diagnostic.get(0)) do
  table.insert(found, string.format("%d:%d %s", one.lnum + 1, one.col + 1, one.source))
end
vim.api.nvim_win_set_cursor(0, {8, 30})
local params = vim.lsp.util.make_position_params(0, "utf-16")
for _, one in pairs(vim.lsp.buf_request_sync(0, "textDocument/hover", params, 30000)) do
  table.insert(found, one.result.contents.value)
end
vim.fn.writefile(vim.split(table.concat(found, "\\n"), "\\n"), "found")
vim.cmd("qa!")
"""


@pytest.mark.slow
@needs("nvim")
def test_neovim_shows_what_the_server_says(tmp_path, beside_a_server):
    version = subprocess.run(["nvim", "--version"], capture_output=True, encoding="utf-8").stdout
    is_new = tuple(map(int, re.search(r"v(\d+)\.(\d+)", version).groups())) >= (0, 11)
    new, older = block("editors.md", "neovim"), block("editors.md", "older neovim")
    (tmp_path / "init.lua").write_text(new if is_new else f"assert(loadstring({json.dumps(new)}))")
    if not is_new:
        (tmp_path / "after" / "ftplugin").mkdir(parents=True)
        (tmp_path / "after" / "ftplugin" / "python.lua").write_text(older)
    (tmp_path / "look.lua").write_text(LOOK)
    paths = f"set rtp^={tmp_path} rtp+={tmp_path / 'after'} | filetype plugin on"
    command = ["nvim", "--headless", "-u", "init.lua", "--cmd", paths, "net.py"]
    subprocess.run(
        [*command, "-c", "luafile look.lua"],
        cwd=tmp_path,
        env=beside_a_server,
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=150,
    )
    place, *hover = (tmp_path / "found").read_text("utf-8").splitlines()
    assert place == "8:21 modellint"
    assert hover[0].startswith("**`conv`** Conv2d")


@pytest.mark.slow
@needs("emacs")
def test_emacs_shows_what_the_server_says(tmp_path, beside_a_server):
    (tmp_path / "set-up.el").write_text(block("editors.md", "eglot"), "utf-8")
    (tmp_path / "look.el").write_text(
        """
        (find-file "net.py")
        (apply #'eglot (eglot--guess-contact))
        (let ((until (+ (float-time) 90)))
          (while (and (< (float-time) until) (null (flymake-diagnostics)))
            (accept-process-output nil 0.2)
            (flymake-start)))
        (dolist (one (flymake-diagnostics))
          (princ (format "%s %s\n" (line-number-at-pos (flymake-diagnostic-beg one))
                         (flymake-diagnostic-text one))))
        (eglot-shutdown (eglot--current-server-or-lose))
        """,
        "utf-8",
    )
    command = ["emacs", "--batch", "--eval", "(package-initialize)", "-l", "set-up.el"]
    run = subprocess.run(
        [*command, "-l", "look.el"],
        cwd=tmp_path,
        env=beside_a_server,
        capture_output=True,
        encoding="utf-8",
        timeout=150,
    )
    if "Cannot open load file" in run.stderr and "eglot" in run.stderr:
        pytest.skip("this Emacs has no eglot")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("8 modellint [even-kernel]: conv (Conv2d 3→8"), run.stdout


def completed(shell, script, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        [shell, "-c", script],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PATH": path, "HOME": str(folder)},
        check=True,
        timeout=60,
    )
    return run.stdout.split()


@needs("bash")
def test_bash_completes(tmp_path):
    script = block("editors.md", "bash") + (
        "COMP_WORDS=(modellint --format sa); COMP_CWORD=2\n"
        "_modellint_completion modellint\n"
        'echo "${COMPREPLY[@]}"\n'
        "complete -p modellint\n"
    )
    found = completed("bash", script, tmp_path)
    assert found[0] == "sarif"
    assert found[-1] == "modellint"


@needs("zsh")
def test_zsh_completes(tmp_path):
    script = (
        "autoload -U compinit; compinit -u\n"
        + block("editors.md", "zsh")
        + "print -- ${_comps[modellint]}\n"
    )
    assert completed("zsh", script, tmp_path) == ["_modellint_completion"]


@needs("fish")
def test_fish_completes(tmp_path):
    script = block("editors.md", "fish") + 'complete -C "modellint --format sa"\n'
    assert completed("fish", script, tmp_path) == ["sarif"]


def test_the_page_names_no_option_that_there_is_not(tmp_path):
    from modellint.cli.command import command

    known = {name for option in command.params for name in option.opts}
    for page in ("editors.md", "ci.md", "reports.md"):
        text = (DOCS / page).read_text("utf-8")
        for line in re.findall(r"modellint (-[^`\n\"]*)", text):
            assert set(re.findall(r"(?<!\S)--?[a-z][\w-]*", line)) <= known, line


def test_concise_findings_are_of_one_line_whatever_they_hold():
    for line in render(REPORT, "concise").splitlines():
        assert "\r" not in line
    assert len(render(REPORT, "concise").splitlines()) == render(REPORT, "concise").count("\n")
