"""What `--version` prints, and with `-v` all that a report of a fault needs to say of a machine."""

import os
import platform
import subprocess
import sys
from importlib import metadata

import torch
from command import modellint
from environments import environment

from modellint import __version__

PLAIN = f"modellint {__version__}\n"


def facts(*arguments, cwd):
    """The lines of `--version -v` after the first, by their names."""
    run = modellint("--version", "-v", *arguments, cwd=cwd)
    assert (run.returncode, run.stderr) == (0, "")
    first, *lines = run.stdout.splitlines()
    assert f"{first}\n" == PLAIN
    return dict(line.strip().split(": ", 1) for line in lines)


def test_alone_it_is_a_line(tmp_path):
    run = modellint("--version", cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (0, PLAIN, "")


def test_other_options_and_a_wrong_configuration_do_not_keep_it_from_that(tmp_path):
    (tmp_path / "modellint.toml").write_text("nothing = 1\n")
    for others in (
        ["--rules"],
        ["net.py"],
        ["--config", "gone.toml"],
        ["-q", "--list", "--strict"],
    ):
        assert modellint("--version", *others, cwd=tmp_path).stdout == PLAIN


def test_the_order_of_the_two_options_does_not_matter(tmp_path):
    texts = {
        modellint(*given, cwd=tmp_path).stdout
        for given in (["--version", "-v"], ["-v", "--version"], ["--verbose", "--version"])
    }
    assert len(texts) == 1


def test_it_tells_what_modellint_runs_in(tmp_path):
    told = facts(cwd=tmp_path)
    assert told["Python"] == f"{platform.python_version()} ({sys.executable})"
    assert told["system"] == platform.platform()


def test_it_tells_the_torch_that_models_would_run_with(tmp_path):
    told = facts(cwd=tmp_path)
    assert told["models run in"].startswith(f"{sys.executable}, ")
    assert told["torch"] == torch.__version__.partition("+")[0]


def test_another_python_is_asked_for_its_torch(tmp_path):
    folder = tmp_path / "env"
    python = environment(folder, torch=True)
    told = facts("--python", folder, cwd=tmp_path)
    where = python.relative_to(tmp_path).as_posix()
    assert (
        told["models run in"] == f"{where}, Python {platform.python_version()}, --python names it"
    )
    assert told["torch"] == torch.__version__.partition("+")[0]


def test_a_python_that_cannot_run_models_is_told_as_such(tmp_path):
    environment(tmp_path / "env")
    told = facts("--python", "env", cwd=tmp_path)
    assert "No module named 'torch'" in told["torch"]
    assert told["models run in"].endswith("--python names it")


def test_a_python_that_is_not_there_is_told_as_such(tmp_path):
    assert "there is no gone" in facts("--python", "gone", cwd=tmp_path)["models run in"]


def test_without_torch_it_says_that_none_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("modellint.engine.installation.torch_version", lambda: None)
    assert facts(cwd=tmp_path)["torch"] == "not installed"


def test_it_names_the_plugins_with_their_versions(tmp_path, monkeypatch):
    ours = f"modellint {metadata.version('modellint')}"
    assert facts(cwd=tmp_path)["plugins"] == ours
    info = tmp_path / "strict_nets-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strict-nets\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[modellint.rules]\nstrict = strict_nets_of_version\n")
    (tmp_path / "strict_nets_of_version.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert facts(cwd=tmp_path)["plugins"] == f"{ours}, strict-nets 1.5"


def test_a_plugin_that_does_not_load_is_told_as_such(tmp_path, monkeypatch):
    info = tmp_path / "broken_nets-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-nets\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text("[modellint.rules]\nbroken = broken_nets_of_version\n")
    (tmp_path / "broken_nets_of_version.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "broken-nets" in facts(cwd=tmp_path)["plugins"]


def test_it_names_the_configuration_of_the_folder_and_the_rules_that_it_brings(tmp_path):
    assert facts(cwd=tmp_path)["configuration"] == "no configuration"
    (tmp_path / "modellint.toml").write_text('plugins = ["rules/"]\n')
    below = tmp_path / "models"
    below.mkdir()
    assert facts(cwd=tmp_path)["configuration"] == "modellint.toml, with rules in rules"
    shown = os.path.relpath(tmp_path / "modellint.toml", below)
    assert facts(cwd=below)["configuration"].startswith((str(tmp_path), shown))
    assert facts("--isolated", cwd=tmp_path)["configuration"] == "no configuration"
    (tmp_path / "other.toml").touch()
    assert facts("--config", "other.toml", cwd=tmp_path)["configuration"] == "other.toml"


def test_a_configuration_that_is_not_valid_is_told_as_such(tmp_path):
    (tmp_path / "modellint.toml").write_text("nothing = 1\n")
    told = facts(cwd=tmp_path)
    assert told["configuration"].startswith("modellint.toml: has no key 'nothing'")
    # What can be told without it is told.
    assert told["torch"] == torch.__version__.partition("+")[0]


def test_it_imports_no_torch(tmp_path):
    code = (
        "import sys\n"
        "sys.argv = ['modellint', '--version', '-v']\n"
        "from modellint.cli import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as leave:\n"
        "    assert not leave.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
