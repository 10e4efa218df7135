"""What a forward says of its inputs, in annotations, comments and docstrings, is fed to it."""

from __future__ import annotations

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from tests.discovery.test_candidates import only


def candidate(head: str, body: str = "return x"):
    return only(f"class Net(nn.Module):\n    {head}\n        {body}\n")


@pytest.mark.parametrize(
    ("head", "shape", "dtype"),
    [
        ('def forward(self, x: Float[Tensor, "batch 3 height width"]):',
         ("batch", 3, "height", "width"), "float32"),
        ('def forward(self, x: "Float[Tensor, \'b t d\']") -> "Float[Tensor, \'b d\']":',
         ("b", "t", "d"), "float32"),
        ('def forward(self, x: Int[Tensor, "b t"]):', ("b", "t"), "int64"),
        ('def forward(self, x: Bool[torch.Tensor, "b h=8 w-1"]):', ("b", 8, None), "bool"),
        ('def forward(self, x: jt.Float[Tensor, "b 3 h w"], scale=1.0):',
         ("b", 3, "h", "w"), "float32"),
        ('def forward(self, x: Annotated[Tensor, "B 3 H W"]):', ("B", 3, "H", "W"), ""),
        ('def forward(self, x: Annotated[Tensor, (2, 3, 32, 32)]):', (2, 3, 32, 32), ""),
        ('def forward(self, x: TensorType["batch", 3, "h", "w"]):', ("batch", 3, "h", "w"), ""),
        ('def forward(self, x: TensorType["batch": 2, "n": 7]):', ("batch", "n"), ""),
    ],
)  # fmt: skip
def test_the_shape_of_an_annotation_is_read(head, shape, dtype):
    (hint,) = candidate(head).inputs
    assert (hint.tensors[0].shape, hint.tensors[0].dtype) == (shape, dtype)
    assert (hint.source, hint.loose) == ("annotation at line 4", False)


@pytest.mark.parametrize(
    "head",
    [
        'def forward(self, x: Float[Tensor, "... d"]):',
        'def forward(self, x: Float[Tensor, "*batch d"]):',
        "def forward(self, x: Tensor):",
        "def forward(self, x: Optional[Tensor]):",
        'def forward(self, x: Float[Tensor, "b d"], y: Tensor):',
        'def forward(self, x: Literal["a b"]):',
    ],
)
def test_an_annotation_that_leaves_the_number_of_axes_open_says_nothing(head):
    assert candidate(head).inputs == ()


@pytest.mark.parametrize(
    ("head", "body", "shape"),
    [
        ("def forward(self, x):  # (B, C, H, W)", "return x", (None,) * 4),
        ("def forward(self, x):  # x: [B, T, 512]", "return x", (None, None, 512)),
        ("def forward(self, x):", "# x: (batch, 3, 32, 32)\n        return x", (None, 3, 32, 32)),
        ("def forward(self, x):", "# x has shape (N, T, C)\n        return x", (None,) * 3),
        ("def forward(\n        self,\n        x,  # (B, 2 * C, H // 2, W)\n    ):", "return x",
         (None,) * 4),
        ("def forward(self, x):", '"""Classify.\n\n        x: a batch of shape (N, 1, 28, 28)\n'
         '        """\n        return x', (None, 1, 28, 28)),
        ("def forward(self, x):", '"""Classify.\n\n        Args:\n            x (Tensor): images, '
         '(B, 3, H, W)\n        """\n        return x', (None, 3, None, None)),
    ],
)  # fmt: skip
def test_the_shape_of_a_comment_is_read(head, body, shape):
    (hint,) = candidate(head, body).inputs
    assert hint.tensors[0].shape == shape
    assert hint.loose


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("def forward(self, x):", "y = torch.relu(x)  # (B, C, H, W)\n        return y"),
        ("def forward(self, x):", "# y: (B, C)\n        return x"),
        ("def forward(self, x):  # call it (twice, or more)", "return x"),
        ("def forward(self, x, y):", "# x: (B, C)\n        return x"),
        ("def forward(self, x):  # TODO(me): see (a b), c", "return x"),
    ],
)
def test_a_comment_of_something_else_is_left_alone(head, body):
    assert candidate(head, body).inputs == ()


CLIP = """import torch
from torch import nn


class Clip(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x{said}
        {comment}
        b, t, c, h, w = x.shape
        y = self.stem(x.reshape(b * t, c, h, w)).relu().mean((2, 3))
        return self.head(y.reshape(b, t, -1).mean(1))
"""


@pytest.mark.parametrize(
    ("said", "comment"),
    [
        (": 'Float[Tensor, \"batch time 3 height width\"]'):", "pass"),
        ("):  # (B, T, 3, H, W)", "pass"),
        ("):", "# x: (B, T, C, H, W)"),
    ],
)
def test_a_clip_is_fed_with_its_five_axes(tmp_path, said, comment):
    (tmp_path / "net.py").write_text(CLIP.format(said=said, comment=comment))
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    (one,) = report.models
    assert report.errors == ()
    assert one.status == "analysed"
    assert len(one.inputs[0].example) == 5
    assert one.inputs[0].origins.rank == "shown"
    assert one.inputs[0].origins.sizes[3:] == ("assumed", "assumed")


@pytest.mark.parametrize("said", ["):  # (B, C)", "):  # (B, 5, H, W)", "):  # (7, 7, 7)"])
def test_a_comment_that_is_wrong_accuses_nobody(tmp_path, said):
    text = CLIP.format(said=said, comment="pass").replace("b, t, c, h, w = x.shape", "")
    text = text.replace("x.reshape(b * t, c, h, w)", "x").replace(
        "y.reshape(b, t, -1).mean(1)", "y"
    )
    (tmp_path / "net.py").write_text(text)
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    assert report.findings == report.errors == ()
    assert report.models[0].status == "analysed"
