"""What an editor shows of a text as it is typed, saved, fixed and configured."""

import json
import time
from pathlib import Path

import pytest
from language_client import CAPABILITIES, Editor, by_command, path_of, placed
from lsprotocol import types

from modellint.server.actions import EXPLAIN

pytestmark = pytest.mark.slow

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        s = "🙂🙂"; self.conv = nn.Conv2d(3, 8, 4, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x):
        x = self.conv(x)
        return self.norm(x)


Net()(torch.rand(1, 3, 32, 32))
"""
CONV = types.Range(types.Position(7, 40), types.Position(7, 40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("project")
    (made / "pyproject.toml").write_text("[project]\nname = 'nets'\n", "utf-8")
    return made


@pytest.fixture(scope="module")
def editor(folder):
    editor = Editor(folder)
    yield editor
    editor.stop()


@pytest.fixture
def net(editor, folder, request):
    path = folder / f"{request.node.name.split('[')[0]}.py"
    path.write_text(NET, "utf-8")
    uri = editor.open(path)
    yield uri
    editor.close_text(uri)
    path.unlink()


def test_what_stands_in_the_editor_is_linted_and_nothing_is_written(editor, net):
    path = path_of(net)
    before = sorted(path.parent.iterdir())
    assert placed(editor.diagnostics(net)) == by_command(path, cwd=path.parent)[net]
    editor.change(net, NET.replace("8, 4, padding=1", "8, 3, padding=1"))
    assert editor.rules(net) == ["bias-before-norm"]
    editor.change(net, NET)
    assert editor.rules(net) == ["bias-before-norm", "even-kernel"]
    assert path.read_text("utf-8") == NET
    assert sorted(path.parent.iterdir()) == before


def test_columns_count_as_utf_16_does(editor, net):
    editor.diagnostics(net)
    found = editor.wait(lambda: editor.published[net].diagnostics)
    line = NET.split("\n")[7]
    column = len(line[: line.index("nn.Conv2d")].encode("utf-16-le")) // 2
    assert {one.range.start.character for one in found} == {column} == {32}
    assert editor.hover(net, 8, column + 3).startswith("**`conv`** Conv2d")


def test_hover_tells_of_layers_lines_and_models(editor, net):
    editor.diagnostics(net)
    built, called = editor.hover(net, 9, 26), editor.hover(net, 13, 22)
    assert built == called
    assert "(N, 8, H - 1, W - 1) → (N, 8, H - 1, W - 1)" in built
    assert "parameters 16 (3.9% of the model)" in built
    assert "sees 4×4 of the input, which is 32×32" in built
    assert editor.hover(net, 12, 9) == "`(N, 8, H - 1, W - 1) 31×31`"
    model = editor.hover(net, 5, 8)
    assert "parameters 408" in model and "H and W at least 2" in model
    assert editor.hover(net, 1, 2) == ""


def test_each_line_of_forward_has_its_shape_and_the_class_its_costs(editor, net):
    editor.diagnostics(net)
    assert editor.hints(net) == {
        12: "(N, 8, H - 1, W - 1) 31×31",
        13: "(N, 8, H - 1, W - 1) 31×31",
    }
    (above,) = editor.lenses(net).items()
    assert above[0] == 5
    assert above[1].startswith("Net: 408 parameters · 369,024 MACs · accepts N any; C = 3;")
    assert above[1].endswith("· 1 warning, 1 info")


def test_while_a_text_is_no_python_the_last_shapes_stay_and_are_marked(editor, net):
    editor.diagnostics(net)
    editor.change(
        net, NET.replace("    def forward", "    # new\n    # lines\n    def forward") + "("
    )
    assert editor.rules(net) == ["syntax-error"]
    assert editor.hints(net) == {
        14: "(N, 8, H - 1, W - 1) 31×31 (old)",
        15: "(N, 8, H - 1, W - 1) 31×31 (old)",
    }
    assert editor.hover(net, 15, 22).endswith("*of the text before it stopped to run*")
    assert editor.lenses(net)[5].endswith("(old)")
    editor.change(net, NET)
    editor.diagnostics(net)
    assert editor.hints(net)[12] == "(N, 8, H - 1, W - 1) 31×31"


def test_shapes_follow_their_lines_while_a_lint_is_due(editor, net):
    editor.diagnostics(net)
    editor.change(net, "# one\n# two\n" + NET)
    assert [*editor.hints(net)] == [14, 15]


def offered(editor, uri, where=CONV):
    """The actions of a place, once fixes were tried."""
    return editor.wait(lambda: with_fixes(editor.actions(uri, where)))


def with_fixes(actions):
    return actions if "bias=False" in actions else None


def test_a_fix_is_an_edit_that_leaves_nothing_of_its_finding(editor, net):
    editor.diagnostics(net)
    actions = offered(editor, net)
    safe, unsafe = (
        actions["bias=False"],
        actions["kernel_size=5, padding=2 (changes what the model computes)"],
    )
    assert safe.is_preferred and not unsafe.is_preferred
    assert [str(one.code) for one in safe.diagnostics] == ["bias-before-norm"]
    editor.change(net, editor.with_edit(net, unsafe.edit))
    assert editor.rules(net) == ["bias-before-norm"]
    editor.change(net, editor.with_edit(net, offered(editor, net)["bias=False"].edit))
    assert editor.rules(net) == []


def test_all_fixes_of_a_file_are_made_in_one_edit(editor, net):
    editor.diagnostics(net)
    offered(editor, net)
    (every,) = editor.actions(net, CONV, ["source.unsafeFixAll.modellint"]).values()
    (safe,) = editor.actions(net, CONV, ["source.fixAll"]).values()
    assert every.edit is None and safe.edit is None
    text = editor.with_edit(net, editor.resolve(every).edit)
    assert "self.conv = nn.Conv2d(3, 8, 5, padding=2, bias=False)" in text
    text = editor.with_edit(net, editor.resolve(safe).edit)
    assert "self.conv = nn.Conv2d(3, 8, 4, padding=1, bias=False)" in text


def test_a_comment_ignores_a_finding(editor, net):
    editor.diagnostics(net)
    action = editor.actions(net, CONV)["Ignore even-kernel here"]
    editor.change(net, editor.with_edit(net, action.edit))
    assert editor.rules(net) == ["bias-before-norm"]


def test_nothing_is_offered_for_a_text_that_has_changed_since(editor, net):
    editor.diagnostics(net)
    editor.change(net, NET + "\n")
    assert editor.actions(net, CONV) == {}


def test_another_version_of_the_same_text_has_the_same_findings_and_fixes(editor, net):
    editor.diagnostics(net)
    offered(editor, net)
    editor.change(net, NET)
    assert editor.rules(net) == ["bias-before-norm", "even-kernel"]
    text = editor.with_edit(net, offered(editor, net)["bias=False"].edit)
    assert "padding=1, bias=False)" in text


def test_a_change_that_is_undone_while_it_is_linted_leaves_nothing_behind(editor, net):
    editor.diagnostics(net)
    for _ in range(5):
        editor.change(net, NET.replace("8, 4, padding=1", "8, 3, padding=1"))
        time.sleep(0.25)
        editor.change(net, NET)
        assert editor.rules(net) == ["bias-before-norm", "even-kernel"]
    time.sleep(1)
    assert editor.rules(net) == ["bias-before-norm", "even-kernel"]


def test_a_rule_explains_itself(editor, net):
    editor.diagnostics(net)
    assert "Explain even-kernel" in editor.actions(net, CONV)
    command = types.ExecuteCommandParams(EXPLAIN, ["even-kernel"])
    text = editor.ask("workspace_execute_command", command)
    assert text.startswith("even-kernel\n")
    assert any(one.startswith("even-kernel\n") for one in editor.shown)


def test_a_configuration_counts_as_soon_as_it_is_saved(editor, net):
    editor.diagnostics(net)
    toml = path_of(net).parent / "modellint.toml"
    toml.write_text('ignore = ["even-kernel"]\n', "utf-8")
    change = types.FileEvent(toml.as_uri(), types.FileChangeType.Created)
    editor.notify("workspace_did_change_watched_files", types.DidChangeWatchedFilesParams([change]))
    editor.wait(
        lambda: [one.code for one in editor.published[net].diagnostics] == ["bias-before-norm"]
    )
    toml.write_text('ignore = ["even-kernels"]\n', "utf-8")
    editor.notify("workspace_did_change_watched_files", types.DidChangeWatchedFilesParams([change]))
    editor.wait(lambda: any("even-kernels" in one for one in editor.shown))
    toml.unlink()
    editor.notify("workspace_did_change_watched_files", types.DidChangeWatchedFilesParams([change]))
    editor.wait(lambda: len(editor.published[net].diagnostics) == 2)


def test_a_helper_that_is_saved_lints_who_imports_it(editor, folder):
    helper, user, other = folder / "blocks.py", folder / "user.py", folder / "other.py"
    block = NET.partition("\n\n\nNet()")[0].replace("class Net", "class Block") + "\n"
    helper.write_text(block, "utf-8")
    user.write_text(
        "import torch\nfrom blocks import Block\n\n\nclass Net(Block):\n    pass\n\n\n"
        "Net()(torch.rand(1, 3, 32, 32))\n",
        "utf-8",
    )
    other.write_text(NET, "utf-8")
    uris = [editor.open(one) for one in (helper, user, other)]
    editor.diagnostics(uris[1])
    editor.wait(
        lambda: "even-kernel" in [one.code for one in editor.published[uris[0]].diagnostics]
    )
    editor.diagnostics(uris[2])
    offered(editor, uris[2])
    counted = editor.counts[uris[2]]
    editor.change(uris[0], block.replace("8, 4, padding=1", "8, 3, padding=1, bias=False"))
    editor.save(uris[0])
    editor.wait(lambda: not editor.published[uris[0]].diagnostics)
    editor.wait(lambda: editor.hints(uris[0]).get(12) == "(N, 8, H, W)")
    assert editor.counts[uris[2]] == counted
    for uri in uris:
        editor.close_text(uri)
        path_of(uri).unlink()


def test_settings_are_asked_for_and_asked_for_again(folder):
    (folder / "asked.py").write_text(NET, "utf-8")
    can = types.ClientCapabilities(
        text_document=CAPABILITIES.text_document,
        workspace=types.WorkspaceClientCapabilities(configuration=True),
    )
    editor = Editor(folder, can=can, settings={"ignore": ["even-kernel"], "hints": "concrete"})
    try:
        uri = editor.open(folder / "asked.py")
        editor.wait(lambda: editor.published and editor.rules(uri) == ["bias-before-norm"])
        assert editor.hints(uri)[12] == "(1, 8, 31, 31)"
        editor.settings = {"ignore": ["bias-before-norm"], "hints": "off"}
        editor.notify(
            "workspace_did_change_configuration", types.DidChangeConfigurationParams(None)
        )
        editor.wait(lambda: editor.rules(uri) == ["even-kernel"])
        assert editor.hints(uri) == {}
    finally:
        assert editor.leave() == 0
        (folder / "asked.py").unlink()


def test_files_that_no_search_would_lint_are_left_alone(editor, folder):
    (folder / ".gitignore").write_text("build/\n", "utf-8")
    (folder / "build").mkdir()
    (folder / "build" / "net.py").write_text(NET, "utf-8")
    (folder / "plain.py").write_text("def broken(:\n", "utf-8")
    for path in (folder / "build" / "net.py", folder / "plain.py"):
        assert editor.rules(editor.open(path)) == []
        editor.close_text(path.as_uri())


def notebook(folder, *cells):
    path = folder / "net.ipynb"
    code = [{"cell_type": "code", "source": text, "metadata": {}} for text in cells]
    whole = {"cells": code, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole), "utf-8")
    uris = [f"vscode-notebook-cell:{path}#{at}" for at in range(len(cells))]
    cell = types.NotebookCellKind.Code
    return path, [*zip(uris, cells, strict=True)], [types.NotebookCell(cell, uri) for uri in uris]


def test_cells_of_a_notebook_are_linted_together(editor, folder):
    top, rest = NET.split("\n\n\n", 1)
    path, texts, cells = notebook(
        folder,
        top,
        rest.replace("    def forward", "    %time\n    def forward").replace("    %time\n", ""),
        "Net()",
    )
    items = [types.TextDocumentItem(uri, "python", 1, text) for uri, text in texts]
    document = types.NotebookDocument(path.as_uri(), "jupyter-notebook", 1, cells)
    editor.notify(
        "notebook_document_did_open", types.DidOpenNotebookDocumentParams(document, items)
    )
    second = texts[1][0]
    editor.texts.update(texts)
    editor.versions.update({uri: 1 for uri, _ in texts})
    assert editor.rules(second) == ["bias-before-norm", "even-kernel"]
    assert editor.published[second].diagnostics[0].range.start.line == 3
    assert editor.hints(second) == {
        8: "(N, 8, H - 1, W - 1) 31×31",
        9: "(N, 8, H - 1, W - 1) 31×31",
    }
    where = editor.published[second].diagnostics[0].range
    fix = offered(editor, second, where)["bias=False"]
    assert "padding=1, bias=False)" in editor.with_edit(second, fix.edit)
    change = types.NotebookDocumentCellContentChanges(
        types.VersionedTextDocumentIdentifier(2, second),
        [types.TextDocumentContentChangeWholeDocument(texts[1][1].replace("8, 4,", "8, 3,"))],
    )
    editor.notify(
        "notebook_document_did_change",
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(2, path.as_uri()),
            types.NotebookDocumentChangeEvent(
                cells=types.NotebookDocumentCellChanges(text_content=[change])
            ),
        ),
    )
    editor.versions[second] = 2
    assert editor.rules(second) == ["bias-before-norm"]
    # A cell between the two shifts those behind it.
    between = types.TextDocumentItem(f"{path.as_uri()}#new", "python", 1, "WIDTH = 1")
    cell = types.NotebookCell(types.NotebookCellKind.Code, between.uri)
    structure = types.NotebookDocumentCellChangeStructure(
        types.NotebookCellArrayChange(1, 0, [cell]), did_open=[between]
    )
    editor.notify(
        "notebook_document_did_change",
        types.DidChangeNotebookDocumentParams(
            types.VersionedNotebookDocumentIdentifier(3, path.as_uri()),
            types.NotebookDocumentChangeEvent(
                cells=types.NotebookDocumentCellChanges(structure=structure)
            ),
        ),
    )
    editor.wait(lambda: between.uri in editor.published)
    assert not editor.published[between.uri].diagnostics
    assert editor.rules(second) == ["bias-before-norm"]
    assert editor.hints(second)[8] == "(N, 8, H, W)"
    editor.notify(
        "notebook_document_did_close",
        types.DidCloseNotebookDocumentParams(
            types.NotebookDocumentIdentifier(path.as_uri()),
            [types.TextDocumentIdentifier(uri) for uri, _ in texts],
        ),
    )
    editor.wait(lambda: not editor.published[second].diagnostics)


def test_models_of_several_names_share_a_line(editor, folder):
    path = Path(folder, "pair.py")
    more = NET.replace("Net()(torch.rand(1, 3, 32, 32))", "")
    path.write_text(
        more + "class Wide(Net):\n    pass\n\n\nNet()(torch.rand(1, 3, 32, 32))\n"
        "Wide()(torch.rand(1, 3, 16, 16))\n",
        "utf-8",
    )
    uri = editor.open(path)
    editor.diagnostics(uri)
    assert editor.hints(uri)[12] == "(N, 8, H - 1, W - 1) 31×31 …"
    assert editor.hover(uri, 12, 9).count("31×31") == 1
    assert editor.hover(uri, 12, 9).count("15×15") == 1
    editor.close_text(uri)
    path.unlink()


def test_what_is_typed_and_saved_at_once_is_fixed_in_saving(editor, net):
    editor.diagnostics(net)
    editor.change(net, NET + "\n# typed\n")
    (action,) = editor.actions(net, CONV, ["source.fixAll"]).values()
    assert "padding=1, bias=False)" in editor.with_edit(net, editor.resolve(action).edit)


def test_the_log_of_the_editor_tells_what_was_linted(editor, net):
    editor.diagnostics(net)
    name = path_of(net).name
    editor.wait(lambda: any(one.startswith(f"{name}: 1 model checked") for one in editor.logged))


RULE = '''
from modellint import Finding, rule


@rule("advice")
def {name}(graph):
    """It is a convolution."""
    for call in graph.calls("conv2d"):
        yield Finding(call, "{text}")
'''


def test_a_rule_of_the_project_counts_as_it_is_saved(editor, net):
    folder = path_of(net).parent
    rules, toml = folder / "rules", folder / "modellint.toml"
    rules.mkdir()
    (rules / "convolutions.py").write_text(RULE.format(name="first", text="one"), "utf-8")
    toml.write_text('plugins = ["rules"]\nselect = ["advice"]\nignore = ["bias-before-norm"]\n')

    def tell(*paths):
        changes = [types.FileEvent(one.as_uri(), types.FileChangeType.Changed) for one in paths]
        params = types.DidChangeWatchedFilesParams(changes)
        editor.notify("workspace_did_change_watched_files", params)

    def told():
        return [(one.code, one.message) for one in editor.published[net].diagnostics]

    editor.diagnostics(net)
    tell(toml)
    editor.wait(lambda: told() == [("first", "one")])
    # Of the same length, and in the same second.
    (rules / "convolutions.py").write_text(RULE.format(name="first", text="two"), "utf-8")
    tell(rules / "convolutions.py")
    editor.wait(lambda: told() == [("first", "two")])
    (rules / "more.py").write_text(RULE.format(name="second", text="three"), "utf-8")
    tell(rules / "more.py")
    editor.wait(lambda: sorted(told()) == [("first", "two"), ("second", "three")])
    for path in (rules / "more.py", rules / "convolutions.py", toml):
        path.unlink()
    tell(toml)
    editor.wait(lambda: [code for code, _ in told()] == ["bias-before-norm", "even-kernel"])
