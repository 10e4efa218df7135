"""The file of an example is the one that a person would write around its body."""

import pytest
import torch

from modellint.source.example_file import example_file


def run(model: str, arguments: str) -> torch.nn.Module:
    """The model of the file, which is run as a program first."""
    text = example_file(model, arguments)
    exec(compile(text, "example.py", "exec"), {"__name__": "__main__"})
    names: dict = {}
    exec(compile(text, "example.py", "exec"), names)
    return names["Net"]()


def test_what_stands_before_the_first_method_is_what_the_constructor_does():
    net = run("width = 3\nself.fc = nn.Linear(4, width)", "torch.rand(2, 4)")
    assert [name for name, _ in net.named_children()] == ["fc"]
    assert net(torch.rand(2, 4)).shape == (2, 3)


def test_a_body_with_its_own_constructor_stays_as_it_is():
    net = run(
        """
        scale = 2

        def __init__(self, width=3):
            super().__init__()
            self.fc = nn.Linear(4, width)

        def forward(self, x):
            return self.fc(x) * self.scale
        """,
        "torch.rand(2, 4)",
    )
    assert type(net).scale == 2
    assert net(torch.rand(2, 4)).shape == (2, 3)


def test_without_a_forward_the_layers_run_one_after_the_other():
    body = "self.b = nn.Linear(4, 3)\nself.a = nn.Linear(3, 2)"
    assert "return self.a(self.b(x))" in example_file(body, "")
    assert run(body, "torch.rand(2, 4)")(torch.rand(2, 4)).shape == (2, 2)


def test_other_methods_keep_the_forward_of_the_layers():
    net = run(
        """
        self.fc = nn.Linear(4, 3)

        @property
        def width(self):
            return self.fc.out_features
        """,
        "torch.rand(2, 4)",
    )
    assert net.width == net(torch.rand(2, 4)).shape[1] == 3


def test_a_model_without_layers_needs_no_constructor():
    body = "def forward(self, x):\n    return x.relu()"
    assert "__init__" not in example_file(body, "")
    assert run(body, "torch.rand(2)")(torch.tensor(-1.0)) == 0


@pytest.mark.parametrize(("call", "imported"), [("F.relu(x)", True), ("self.REF.relu(x)", False)])
def test_functional_is_imported_where_it_is_used(call, imported):
    text = example_file(f"def forward(self, x):\n    return {call}", "")
    assert ("import torch.nn.functional as F" in text) is imported


@pytest.mark.parametrize("margin", ["", "    ", "\t"])
def test_a_body_may_be_indented_as_its_rule_file_is(margin):
    lines = ["self.fc = nn.Linear(4, 3)", "", "def forward(self, x):", "    return self.fc(x)"]
    body = "\n" + "".join(f"{margin}{line}\n" for line in lines) + "    "
    assert example_file(body, "") == example_file("\n".join(lines), "")
