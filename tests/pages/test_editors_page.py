"""docs/editors.md: editors find the places in real output, shells complete by what is shown."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCS, block, marks
from reports import ADVICE, FINDING, REPORT

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


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}")


def test_every_block_is_tried_here():
    assert marks("editors.md") == ["vscode", "vim", "bash", "zsh", "fish"]


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
