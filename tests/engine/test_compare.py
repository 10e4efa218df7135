"""`--compare`: ten real kinds of change, each in a repository, and what must not be touched."""

import json
import shutil
import textwrap
from contextlib import chdir, closing

import pytest
from documents import ROOT
from environments import environment, site_packages
from notebook_files import written
from repositories import Repository, needs_git

from modellint.config.settings import Settings
from modellint.engine.compare import lint_compared
from modellint.engine.running import Pools

pytestmark = [pytest.mark.slow, needs_git]

PROJECTS = ROOT / "tests" / "projects"

NET = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.conv1 = nn.Conv2d(3, width, 3, padding=1)
            self.conv2 = nn.Conv2d(width, 16, 3, padding=1)
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            x = torch.relu(self.conv1(x))
            x = torch.relu(self.conv2(x))
            return self.fc(x.mean((2, 3)))


    if __name__ == "__main__":
        Net()(torch.rand(4, 3, 32, 32))
"""
#: What setuptools installs for a package that is installed as it lies, in short.
FINDER = """
    import sys
    from importlib.util import spec_from_file_location


    class Finder:
        @classmethod
        def find_spec(cls, name, path=None, target=None):
            if name == "own":
                return spec_from_file_location(name, {own!r} + "/__init__.py")


    def install():
        sys.meta_path.append(Finder)
"""
#: A layer that rules find fault with, in the place of another.
FAULT = ("nn.Conv2d(3, width, 3, padding=1)", "nn.Conv2d(3, width, 4, padding=1)")


@pytest.fixture(scope="module")
def pools():
    with closing(Pools()) as opened:
        yield opened


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repository", net=NET)


@pytest.fixture
def compare(repository, pools):
    """Compare targets of the repository with a revision of it."""

    def run(*targets, since="HEAD", **settings):
        with chdir(repository.folder):
            asked = Settings(compare=since, cache=True, **settings)
            return lint_compared(targets or ["."], asked, pools=pools)

    return run


def edited(text, *changes):
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def only(report):
    """The one model of a comparison."""
    (model,) = report.compared.models
    return model


def layers(model):
    """What became of layers, by the key that they have, or had."""
    return {(one.after or one.before).key: one.state for one in model.layers}


def test_a_layer_added(repository, compare):
    extra = "self.extra = nn.BatchNorm2d(width)\n            self.conv2 ="
    call = ("torch.relu(self.conv1(x))", "torch.relu(self.extra(self.conv1(x)))")
    repository.write(net=edited(NET, ("self.conv2 =", extra), call))
    model = only(compare())
    assert model.state == "changed"
    assert layers(model) == {"extra": "added"}
    assert model.figures["parameters"] == (1562, 1578)
    assert {*model.checkpoint.unexpected} == {
        f"extra.{name}"
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    }
    assert not (model.checkpoint.missing or model.checkpoint.reshaped or model.checkpoint.renamed)


def test_a_layer_added_in_a_sequential_that_renumbers_the_rest(repository, compare):
    stack = """
        from torch import nn

        net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 4, 3))
    """
    repository.commit(net=stack)
    repository.write(net=edited(stack, ("nn.ReLU()", "nn.BatchNorm2d(8), nn.ReLU()")))
    model = only(compare())
    assert layers(model) == {"1": "added", "3": "renamed", "4": "renamed"}
    assert not model.checkpoint.loads


def test_a_width(repository, compare):
    repository.write(net=edited(NET, ("(width, 16, 3", "(width, 24, 3"), ("(16, 10)", "(24, 10)")))
    model = only(compare())
    assert layers(model) == {"conv2": "changed", "fc": "changed"}
    conv2 = model.layers[0]
    assert (conv2.before.outputs, conv2.after.outputs) == (
        (("N", 16, "H", "W"),),
        (("N", 24, "H", "W"),),
    )
    assert model.checkpoint.reshaped["fc.weight"] == ((10, 16), (10, 24))
    assert not model.checkpoint.loads
    assert model.figures["macs"][0] < model.figures["macs"][1]
    assert model.figures["activation_memory"][0] < model.figures["activation_memory"][1]


def test_a_kernel(repository, compare):
    repository.write(net=edited(NET, ("nn.Conv2d(width, 16, 3, p", "nn.Conv2d(width, 16, 5, p")))
    model = only(compare())
    assert layers(model) == {"conv2": "changed"}
    assert {"kernel", "parameters", "outputs"} <= {*model.layers[0].fields}
    assert model.before.receptive_field == (5, 5)
    assert model.after.receptive_field == (7, 7)
    assert model.before.contract != model.after.contract


def test_a_moved_class(repository, compare):
    repository.write(models__nets=NET, **{"models/__init__.py": ""})
    repository.path("net").unlink()
    report = compare()
    model = only(report)
    assert (model.state, model.renamed) == ("changed", True)
    assert (model.before.path, model.after.path) == ("net.py", "models/nets.py")
    assert not model.layers
    assert model.checkpoint.loads
    assert only(compare("models/nets.py")).before.path == "net.py"
    assert only(compare("models/nets.py::Net")).before.path == "net.py"


def test_a_class_that_moved_out_of_a_file_that_stays(repository, compare):
    other = "\nclass Other(Net):\n    pass\n"
    both = edited(NET, ("class Net", "class Tail(nn.Linear):\n        pass\n\n\n    class Net"))
    repository.commit(net=both)
    repository.write(net=both.replace(both[both.index("    class Net") :], ""), own=NET)
    model = only(compare("own.py"))
    assert (model.state, model.before.path) == ("changed", "net.py")
    assert other


def test_a_renamed_class(repository, compare):
    repository.write(net=edited(NET, ("Net", "Classifier")))
    for targets in (["."], ["net.py::Classifier"]):
        model = only(compare(*targets))
        assert (model.before.name, model.after.name, model.renamed) == ("Net", "Classifier", True)
        assert not model.layers
        assert model.checkpoint.loads


def test_a_renamed_attribute(repository, compare):
    repository.write(net=edited(NET, ("self.conv1", "self.stem")))
    model = only(compare())
    assert layers(model) == {"stem": "renamed"}
    assert model.checkpoint.renamed == {
        "conv1.weight": "stem.weight",
        "conv1.bias": "stem.bias",
    }
    assert not model.checkpoint.loads
    assert model.figures["parameters"] == (1562, 1562)


def test_a_helper_in_another_file(repository, compare):
    helper = """
        from torch import nn


        def block(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, padding=1)
    """
    uses = edited(
        NET,
        ("from torch import nn\n", "from torch import nn\n    from layers.blocks import block\n"),
        ("nn.Conv2d(width, 16, 3, padding=1)", "block(width, 16)"),
    )
    repository.commit(net=uses, layers__blocks=helper, **{"layers/__init__.py": ""})
    repository.write(layers__blocks=edited(helper, ("3, padding=1", "1")))
    model = only(compare("net.py"))
    assert layers(model) == {"conv2": "changed"}
    assert (model.layers[0].before.kernel, model.layers[0].after.kernel) == ((3, 3), (1, 1))


@pytest.mark.parametrize("how", ["pth", "finder"])
def test_a_helper_of_a_package_that_is_installed_as_it_lies(repository, tmp_path, how):
    """As `pip install -e` does, by a path or by a finder of its own."""
    helper = """
        from torch import nn


        def block(inputs, outputs):
            return nn.Conv2d(inputs, outputs, 3, padding=1)
    """
    uses = edited(
        NET,
        ("from torch import nn\n", "from torch import nn\n    from own.blocks import block\n"),
        ("nn.Conv2d(width, 16, 3, padding=1)", "block(width, 16)"),
    )
    own = repository.folder / "packages" / "own"
    repository.commit(net=uses, packages__own__blocks=helper, **{"packages/own/__init__.py": ""})
    repository.write(packages__own__blocks=edited(helper, ("3, padding=1", "1")))
    python = environment(tmp_path / "environment", torch=True)
    packages = site_packages(tmp_path / "environment")
    if how == "pth":
        (packages / "own.pth").write_text(f"{own.parent}\n")
    else:
        (packages / "own_finder.py").write_text(textwrap.dedent(FINDER).format(own=str(own)))
        (packages / "own.pth").write_text("import own_finder; own_finder.install()\n")
    with chdir(repository.folder):
        settings = Settings(compare="HEAD", cache=True, python=str(python))
        first = lint_compared(["net.py"], settings)
        again = lint_compared(["net.py"], settings)
    model = only(first)
    assert layers(model) == {"conv2": "changed"}
    assert (model.layers[0].before.kernel, model.layers[0].after.kernel) == ((3, 3), (1, 1))
    assert again.to_dict() == first.to_dict()


def test_a_default_argument(repository, compare):
    repository.write(net=edited(NET, ("width=8", "width=12")))
    model = only(compare())
    assert layers(model) == {"conv1": "changed", "conv2": "changed"}
    (before,), (after,) = model.before.arguments, model.after.arguments
    assert (before.value, after.value) == ("8", "12")
    assert model.checkpoint.reshaped["conv1.weight"] == ((8, 3, 3, 3), (12, 3, 3, 3))


def test_an_input_size(repository, compare):
    repository.write(net=edited(NET, ("3, 32, 32", "3, 64, 64")))
    model = only(compare())
    assert model.state == "changed"
    assert not model.layers
    assert model.checkpoint.loads
    assert (model.before.inputs[0].example[2:], model.after.inputs[0].example[2:]) == (
        (32, 32),
        (64, 64),
    )
    before, after = model.figures["macs"]
    assert after > 3.9 * before


def test_an_input_size_that_the_configuration_states(repository, compare):
    stated = """
        [[tool.modellint.models]]
        path = "net.py"
        model = "Net"
        args = { width = 4 }
        inputs = ["N,3,16,16"]
    """
    repository.commit(**{"pyproject.toml": stated})
    repository.write(**{"pyproject.toml": edited(stated, ("16,16", "24,24"), ("= 4", "= 6"))})
    model = only(compare())
    assert model.before.inputs[0].example[2:] == (16, 16)
    assert model.after.inputs[0].example[2:] == (24, 24)
    assert (model.before.arguments[0].value, model.after.arguments[0].value) == ("4", "6")


def test_a_dependencys_version(repository, compare):
    repository.commit(**{"requirements.txt": "timm==0.9.2  # pinned\ntorch>=2.4\n"})
    repository.write(**{"requirements.txt": "timm==1.0.3\ntorch>=2.4\n"})
    report = compare()
    assert only(report).state == "same"
    (note,) = report.compared.notes
    assert note.path == "requirements.txt"
    assert "timm ==0.9.2 → ==1.0.3" in note.message
    assert "torch" not in note.message


def test_nothing_at_all(repository, compare):
    before = repository.state()
    report = compare()
    model = only(report)
    assert model.state == "same"
    assert not (model.layers or report.findings or report.compared.gone or report.compared.notes)
    assert report.exit_status == 0
    assert repository.state() == before


def test_lines_that_move_are_nothing_at_all(repository, compare):
    stated = edited(NET, FAULT)
    repository.commit(net=stated)
    functional = edited(stated, ("    import torch\n", "    # A net.\n\n\n    import torch\n"))
    repository.write(net=functional)
    report = compare()
    assert only(report).state == "same"
    assert not report.findings
    assert report.compared.known


def test_only_new_findings_count(repository, compare):
    repository.commit(net=edited(NET, FAULT))
    assert compare(since="HEAD").exit_status == 0
    again = edited(NET, FAULT, ("(width, 16, 3, padding=1)", "(width, 16, 4, padding=1)"))
    repository.write(net=again)
    report = compare()
    assert {finding.layer for finding in report.findings} == {"conv2"}
    assert {finding.layer for finding in report.compared.known} == {"conv1"}
    assert report.exit_status == 1
    repository.write(net=NET)
    report = compare()
    assert {finding.layer for finding in report.compared.gone} == {"conv1"}
    assert report.exit_status == 0


def test_a_finding_whose_attribute_or_file_is_renamed_is_none_that_is_new(repository, compare):
    faulty = edited(NET, FAULT)
    repository.commit(net=faulty)
    repository.write(net=edited(faulty, ("self.conv1", "self.stem")))
    report = compare()
    assert (report.findings, report.compared.gone) == ((), ())
    repository.git("mv", "net.py", "other.py")
    report = compare()
    assert (report.findings, report.compared.gone) == ((), ())
    assert report.compared.known


def test_the_old_side_comes_from_the_cache_where_nothing_changed(repository, compare, monkeypatch):
    repository.write(other=edited(NET, ("Net", "Other"), ("width, 16, 3", "width, 16, 1")))
    repository.commit()
    repository.write(net=edited(NET, ("width, 16, 3", "width, 16, 5")))
    first = compare()
    ran = []
    run_all = "modellint.engine.{}.run_all"
    for module in ("engine", "past"):
        name = run_all.format(module)
        monkeypatch.setattr(name, lambda works, *args, **kwargs: ran.extend(works) or [])
    assert compare().to_dict() == first.to_dict()
    assert ran == []
    # What is kept of a run without a comparison is the old side of the next.
    repository.commit()
    compare()
    assert [one.job.path for one in ran] == []


def test_neither_is_the_repository_touched_nor_the_folder_told_of(
    repository, compare, tmp_path, monkeypatch
):
    broken = edited(NET, ("Net", "Broken"), ("nn.Linear(16, 10)", "open(__file__ + '.none')"))
    repository.commit(broken=broken)
    repository.write(net=edited(NET, FAULT), broken=edited(broken, ("none", "other")))
    before = repository.state()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "elsewhere").mkdir()
    report = compare(str(repository.folder / "net.py"), "broken.py", verbose=True)
    assert repository.state() == before
    told = str(report.to_dict()) + str(report.remarks) + report.render("full")
    assert "broken.py.none" in told
    assert "elsewhere" not in told
    assert not [*(tmp_path / "elsewhere").glob("modellint-*/*")]


def test_the_order_of_options_and_folders_changes_nothing(repository, compare, pools):
    repository.write(net=edited(NET, FAULT))
    whole = compare()
    with chdir(repository.folder.parent):
        asked = Settings(compare="HEAD", cache=True)
        outside = lint_compared([str(repository.folder / "net.py")], asked, pools=pools)
    assert only(outside).path == "repository/net.py"
    assert layers(only(outside)) == layers(only(whole))


def test_two_files(repository, compare):
    repository.write(other=edited(NET, ("Net", "Other"), ("width=8", "width=4"), FAULT))
    report = compare("net.py::Net", since="other.py::Other")
    model = only(report)
    assert (model.before.name, model.after.name) == ("Other", "Net")
    assert layers(model) == {"conv1": "changed", "conv2": "changed"}
    assert report.compared.commit is None
    assert report.compared.gone


def test_a_notebook(repository, compare):
    cells = textwrap.dedent(NET).partition("\n\n\n")[::2]
    notebook = repository.folder / "net.ipynb"
    (repository.folder / "net.py").unlink()
    notebook.write_bytes(written(cells))
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "a notebook")
    assert only(compare()).state == "same"
    # A cell above, and another line in it, move what stays.
    fault = [edited(one, *([FAULT] if "class Net" in one else [])) for one in cells]
    notebook.write_bytes(written(["%matplotlib inline", *fault]))
    report = compare()
    assert layers(only(report)) == {"conv1": "changed", "conv2": "resized"}
    assert {one.cell for one in report.findings} == {3}
    assert "even-kernel" in {one.rule for one in report.findings}


def test_the_report_of_an_earlier_run(repository, compare):
    with chdir(repository.folder):
        from modellint.engine.engine import lint_targets

        before = lint_targets(["net.py"], Settings())
    path = repository.folder / "before.json"
    path.write_text(json.dumps(before.to_dict()), "utf-8")
    assert only(compare("net.py", since="before.json")).state == "same"
    repository.write(net=edited(NET, ("width=8", "width=4")))
    assert layers(only(compare("net.py", since="before.json"))) == {
        "conv1": "changed",
        "conv2": "changed",
    }


def test_a_model_that_is_new_and_one_that_is_gone(repository, compare):
    repository.commit(gone=edited(NET, ("Net", "Gone"), ("16", "32")))
    repository.path("gone").unlink()
    fresh = """
        import torch
        from torch import nn


        class Fresh(nn.Module):
            def __init__(self):
                super().__init__()
                self.rnn = nn.GRU(4, 4)

            def forward(self, x):
                return self.rnn(x)[0]


        Fresh()(torch.rand(2, 3, 4))
    """
    repository.write(fresh=fresh)
    states = {one.name: one.state for one in compare().compared.models}
    assert states == {"Fresh": "added", "Net": "same", "Gone": "removed"}


def test_a_syntax_error_then_or_now(repository, compare):
    repository.commit(net="import torch\nclass Net(\n")
    repository.write(net=NET)
    report = compare()
    assert only(report).state == "unknown"
    assert report.compared.notes[0].path == "net.py"
    repository.commit()
    repository.write(net="import torch\nclass Net(\n")
    report = compare()
    assert only(report).state == "unknown"
    assert report.exit_status == 1
    repository.commit()
    report = compare()
    assert (report.errors, report.exit_status) == ((), 0)
    assert report.compared.known_errors


def test_a_file_that_did_not_exist_then(repository, compare):
    repository.write(later=edited(NET, ("Net", "Later"), ("16", "64"), ("3, 32", "1, 32")))
    assert only(compare("later.py")).state in ("added", "changed")


def test_submodules_are_those_of_the_revision(tmp_path, pools):
    helper = "from torch import nn\ndef block(n):\n    return nn.Conv2d(n, n, 3, padding=1)\n"
    inner = Repository(tmp_path / "inner", blocks=helper, **{"__init__.py": ""})
    uses = edited(
        NET,
        ("from torch import nn\n", "from torch import nn\n    from inner.blocks import block\n"),
        ("nn.Conv2d(width, 16, 3, padding=1)", "block(width)"),
        ("nn.Linear(16", "nn.Linear(8"),
    )
    outer = Repository(tmp_path / "outer", net=uses)
    outer.git("submodule", "add", "-q", str(inner.folder), "inner")
    outer.commit()
    clone = outer.folder / "inner"
    (clone / "blocks.py").write_text(helper.replace("3, padding=1", "1"), "utf-8")
    with chdir(outer.folder):
        report = lint_compared(["net.py"], Settings(compare="HEAD"), pools=pools)
        model = only(report)
        assert layers(model) == {"conv2": "changed"}
        # Without its clone what it held is not known.
        outer.git("submodule", "deinit", "-q", "-f", "inner")
        report = lint_compared(["net.py"], Settings(compare="HEAD"), pools=pools)
    assert any("submodule inner" in note.message for note in report.compared.notes)


@pytest.mark.parametrize(
    "name", ["distill_digits", "pose_keypoints", "keyword_spotting", "tinygpt"]
)
def test_a_project_that_is_as_it_was_is_the_same_wherever_it_lies(tmp_path, pools, name):
    """What scripts and settings say of models is read at the revision as it is today."""
    shutil.copytree(PROJECTS / name, tmp_path / "project")
    Repository(tmp_path / "project")
    with chdir(tmp_path / "project"):
        report = lint_compared(["."], Settings(compare="HEAD"), pools=pools)
    assert {one.state for one in report.compared.models} == {"same"}
    assert (report.findings, report.compared.gone, report.compared.notes) == ((), (), ())
