"""Which lines of a file are printed, which did not run, and where a forward stopped."""

import importlib.util
import sys
from textwrap import dedent

import pytest

import modellint

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\n\n"


@pytest.fixture
def annotated(tmp_path, monkeypatch):
    """The text of the model `Net` of a source, and its file's part of the report."""

    def made(source, *inputs, name="Net"):
        path = tmp_path / "annotated_net.py"
        path.write_text(HEAD + dedent(source), "utf-8")
        spec = importlib.util.spec_from_file_location("annotated_net", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "annotated_net", module)
        spec.loader.exec_module(module)
        model = getattr(module, name)
        model = model() if isinstance(model, type) else model
        report = modellint.lint(model, inputs, annotated=True)
        return report.annotated(), report.models[0].annotated[0], report

    return made


def line_with(text, part):
    (line,) = (line for line in text.split("\n") if part in line)
    return line


def test_what_did_not_run_is_marked_and_has_no_shape(annotated):
    text, source, _ = annotated(
        """
        class Net(nn.Module):
            def forward(self, x):
                "A text has no code."
                if x.dim() != 4:
                    raise ValueError("four axes")
                if self.training:
                    x = x.flatten(1)
                    x = x + 1
                elif x.dim() == 4:
                    x = x * 2
                elif x.dim() == 5:
                    x = x - 1
                else:
                    x = x - 2
                for _ in ():
                    x = x / 2
                try:
                    x = x.relu()
                except KeyError:
                    x = x.tanh()
                if x.dim() == 4:
                    return x
                x = x.sigmoid()
                return x
        """,
        "N,3,8,8",
    )
    for code in ("x = x.flatten(1)", "elif x.dim() == 5", "x / 2", "x.tanh()", "x.sigmoid()"):
        assert line_with(text, code).endswith("  # not run")
    for code in ("x = x + 1", "raise ValueError", "A text", "x - 1", "x - 2", "except KeyError"):
        assert "#" not in line_with(text, code)
    for code in ("x = x * 2", "x = x.relu()"):
        assert line_with(text, code).endswith("  # (N, C, H, W)")
    assert len(source.skipped) == 5


def test_methods_that_a_class_gets_later_are_printed(tmp_path):
    source = """
        class Net(nn.Module):
            pass


        def build(self):
            nn.Module.__init__(self)
            self.conv = nn.Conv2d(1, 4, 3)


        def other(self):
            a = 1
            b = 2
            return a * b


        def forward(self, x):
            return self.conv(x)


        Net.__init__ = build
        Net.forward = forward
        """
    (tmp_path / "net.py").write_text(HEAD + dedent(source), "utf-8")
    text = modellint.lint_paths(tmp_path / "net.py", annotated=True).annotated()
    assert "self.conv = nn.Conv2d(1, 4, 3)\n" in text and "def other" not in text
    assert "return self.conv(x)  # (N, 4, H - 2, W - 2)" in text


def test_functions_that_have_no_part_in_it_are_left_out(annotated):
    text, _, _ = annotated(
        """
        def twice(x):
            return x * 2


        def unused(x):
            a = 1
            b = 2
            c = 3
            return x * 3


        class Part(nn.Module):
            def forward(self, x):
                return twice(x)


        class Unused(nn.Module):
            def forward(self, x):
                a = 1
                b = 2
                c = 3
                return unused(x)


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.part = Part()
                self.body = nn.Sequential(
                    nn.Conv2d(3, 4, 3),
                    # a comment
                    nn.ReLU(),
                )

            def extra(self, x):
                a = 1
                b = 2
                c = 3
                return x - 1

            def forward(self, x):
                return self.body(self.part(x))
        """,
        "N,3,8,8",
    )
    assert "unused" not in text.lower()
    assert "extra" not in text
    assert "return x * 2  # (N, 3, H, W)" in text
    assert line_with(text, "nn.Conv2d").endswith("# (N, 4, H - 2, W - 2) 6×6")
    assert line_with(text, "nn.ReLU").endswith("# (N, 4, H - 2, W - 2) 6×6")
    assert text.count("# ...") == 3


def test_it_stops_where_sizes_do_not_fit_and_says_so(annotated):
    text, source, report = annotated(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)
                self.fc = nn.Linear(10, 2)

            def head(self, x):
                x = x.flatten(1)
                x = self.fc(x)
                return x

            def forward(self, x):
                x = self.conv(x)
                if self.training:
                    x = x + 1
                x = self.head(x)
                if x.shape[0]:
                    x = x - 1
                return x
        """,
        "1,3,8,8",
    )
    finding = next(one for one in report.findings if one.rule == "shape-mismatch")
    lines = text.split("\n")
    at = next(at for at, line in enumerate(lines) if "self.fc(x)" in line)
    assert lines[at] == "        x = self.fc(x)"
    assert lines[at + 1].startswith("        # stops here: ")
    told = " ".join(line.strip(" #") for line in lines[at + 1 :])
    assert told.startswith(f"stops here: {finding.message}")
    assert line_with(text, "x.flatten(1)").endswith("# (N, 4*(H - 2)*(W - 2)) 144")
    assert line_with(text, "x = x + 1").endswith("# not run")
    for code in ("x = self.head(x)", "x = x - 1"):
        assert "#" not in line_with(text, code)
    assert source.reason == finding.message


@pytest.mark.parametrize("call", ["torch.cat([x, x[:, :, 1:]])", "self.conv(x[:, :2])"])
def test_it_stops_at_the_line_whatever_refuses(annotated, call):
    text, source, _ = annotated(
        f"""
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)

            def forward(self, x):
                x = x + 1
                x = {call}
                return x
        """,
        "2,3,8,8",
    )
    assert source.stopped is not None
    lines = text.split("\n")
    at = next(at for at, line in enumerate(lines) if call in line)
    assert lines[at + 1].startswith("        # stops here: ")


def test_layers_that_are_put_together_at_the_top_of_a_file_are_noted(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(
        HEAD + "model = nn.Sequential(\n    nn.Conv2d(1, 6, 5),\n    nn.ReLU(),  # max(0, x)\n"
        "    nn.Flatten(), nn.Linear(3456, 2),\n)\nmodel(torch.rand(4, 1, 28, 28))\n"
    )
    monkeypatch.chdir(tmp_path)
    text = modellint.lint_paths(["net.py"]).annotated("concrete")
    assert line_with(text, "Conv2d").endswith("# (4, 6, 24, 24)")
    assert line_with(text, "ReLU").endswith("# (4, 6, 24, 24)")
    assert "nn.ReLU(),  # max(0, x) " in text
    assert line_with(text, "Flatten").endswith("# (4, 3456), (4, 2)")


def test_a_layer_that_is_called_by_name_is_not_noted_where_it_is_built(annotated):
    text, _, _ = annotated(
        """
        def conv(i, o):
            return nn.Conv2d(i, o, 3, padding=1)


        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = conv(3, 4)
                self.rest = nn.Sequential(conv(4, 4), conv(4, 5))

            def forward(self, x):
                return self.rest(self.first(x))
        """,
        "N,3,8,8",
    )
    assert "nn.Conv2d" not in text
    assert "# (N, 5, H, W)" in text


def test_a_model_that_is_used_at_several_sizes_says_the_first_and_the_last(annotated):
    text, _, _ = annotated(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 3, 3)

            def embed(self, x):
                x = self.conv(x)
                return x.mean((2, 3))

            def forward(self, a, b):
                return self.embed(a) + self.embed(b)
        """,
        "N,3,8,8",
        "N,3,K,L",
    )
    assert "×2: (" in line_with(text, "x = self.conv(x)")
    assert line_with(text, "x.mean").endswith("# ×2: (N, 3)")


def test_a_stop_at_a_line_that_is_not_printed_is_told_behind(annotated):
    text, source, _ = annotated(
        """
        class Part(nn.Module):
            def forward(self, x):
                return x + 1


        Net = nn.Sequential(Part(), nn.Conv2d(7, 1, 1))
        """,
        "N,3,8,8",
    )
    assert source.reason is not None
    *_, last = text.partition("return x + 1")
    assert "# the forward stops: " in last


def test_a_forward_that_is_inherited_is_printed_with_its_file(annotated, tmp_path, monkeypatch):
    (tmp_path / "base_of_net.py").write_text(
        HEAD + "class Base(nn.Module):\n    def forward(self, x):\n        return self.body(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    text, _, report = annotated(
        """
        from base_of_net import Base

        class Net(Base):
            def __init__(self):
                super().__init__()
                self.body = nn.Conv2d(3, 4, 1)
        """,
        "N,3,8,8",
    )
    (base,) = [one for one in report.models[0].annotated if one.lines]
    assert base.path.endswith("base_of_net.py")
    assert f"# {base.path}\n" in text
    assert line_with(text, "return self.body(x)").endswith("# (N, 4, H, W)")


def test_watching_leaves_pythons_trace_function_as_it_was(annotated):
    source = """
        class Net(nn.Module):
            def forward(self, x):
                return x + 1
        """

    def debugger(frame, event, arg):
        return None

    sys.settrace(debugger)
    try:
        with pytest.raises(IndexError):
            annotated(source, "N,3")  # Nothing was watched, and the text says so.
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)
    annotated(source, "N,3")
    assert sys.gettrace() is None


def test_a_report_that_was_not_asked_for_lines_lints_its_model_once_more_for_them(annotated):
    text, _, asked = annotated(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3)

            def forward(self, x):
                return self.conv(x).relu()
        """,
        "N,3,8,8",
    )
    assert "# (N, 4, H - 2, W - 2) 6×6" in text
    plain = modellint.lint(sys.modules["annotated_net"].Net(), "N,3,8,8")
    assert plain.models[0].annotated == ()
    assert plain.annotated() == text
    assert plain.findings == asked.findings


def test_layers_have_the_places_where_they_are_built_and_called(annotated):
    _, source, report = annotated(
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
                self.body = nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU())

            def forward(self, x):
                s = "🙂"; x = self.conv(x)
                return F.max_pool2d(self.body(x), 2)
        """,
        "N,3,16,16",
    )
    lines = report.annotated().split("\n")
    places = {(one.key, one.built): one for one in source.places}
    assert {key for key, _ in places} == {*report.models[0].layers}
    call = places["conv", False]
    line = next(line for line in lines if "self.conv(x)" in line)
    assert line[call.column - 1 : call.end_column - 1] == "self.conv(x)"
    # A layer of a block is called where the block is.
    block = places["body.0", False]
    line = next(line for line in lines if "self.body(x)" in line)
    assert line[block.column - 1 : block.end_column - 1] == "self.body(x)"
    assert type(source).from_dict(source.to_dict()) == source
