"""The rule unused-ignore."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modellint import rule
from modellint.suppression.comment_rules import Comment, Remark


@rule("suspicious", reads="comments")
def unused_ignore(comments: Iterable[Comment]) -> Iterator[Remark]:
    """A comment ignores a rule that has nothing to say there.

    Looked at are `# modellint: ignore[...]` on a layer's line or on a model's `class` line, and
    `# modellint: ignore-file[...]`. A name in the brackets is unused if that rule ran, and none of
    its findings was silenced by the comment, in any model of the run; or if there is no such rule.
    A comment that names no rule silences nothing, and is told so.

    **Why it matters.** The layer was mended and the comment stayed, or the comment stands on the
    wrong line, or its rule is misspelt. In each case it would silence the next fault unseen, and
    its reason misleads whoever reads it.

    **When it is fine.** Where the layer is flagged in a model of another file: lint the files
    together. Silent: rules that are off, files of which some model was not checked in full, and
    rules that could not judge some layer of the file. There are no options.
    """
    for comment in comments:
        yield from _remarks(comment)


def _remarks(comment: Comment) -> Iterator[Remark]:
    help_ = f"leave ignore[{', '.join(comment.kept)}]" if comment.kept else "remove the comment"
    where = {"line": "on this line", "class": "in this model", "file": "in this file"}
    if not (comment.idle or comment.unknown or comment.kept):
        yield Remark(comment, "no rule is named, so nothing is silenced", "ignore[name-of-a-rule]")
    if comment.idle:
        names = ", ".join(comment.idle)
        have = "has" if len(comment.idle) == 1 else "have"
        message = f"{names} {have} nothing to say {where[comment.scope]}"
        yield Remark(comment, message, help_, comment.idle)
    for name, nearest in comment.unknown.items():
        change = f"did you mean {nearest}?" if nearest else help_
        drop = () if nearest else (name,)
        yield Remark(comment, f"there is no rule {name!r} to ignore", change, drop)


_EXACT = "self.conv = nn.Conv2d(3, 8, 3, padding=1)"
_EVEN = "self.conv = nn.Conv2d(3, 8, 4, padding=1)"
_FILE = """
    import torch
    from torch import nn


    class Net(nn.Module):{on_class}
        def __init__(self):
            super().__init__()
            {layer}

        def forward(self, x):
            return self.conv(x)


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 32, 32))
    {at_end}
"""
_ON_CLASS = {"on_class": "  # modellint: ignore[even-kernel]", "at_end": ""}
_AT_END = {"on_class": "", "at_end": "\n    # modellint: ignore-file[even-kernel]"}

unused_ignore.flags(
    model=f"{_EXACT}  # modellint: ignore[even-kernel] -- exact",
    input="1,3,32,32",
    severity="warning",
)
unused_ignore.flags(
    model=f"{_EVEN}  # modellint: ignore[even-kernel, over-padding]",
    input="1,3,32,32",
)
unused_ignore.flags(
    model=f"{_EVEN}  # modellint: ignore[even-kernel, even-kernl]",
    input="1,3,32,32",
)
unused_ignore.flags(
    model=f"{_EXACT}  # modellint: ignore -- exact",
    input="1,3,32,32",
)
unused_ignore.flags(_FILE.format(layer=_EXACT, **_ON_CLASS))
unused_ignore.flags(_FILE.format(layer=_EXACT, **_AT_END))
unused_ignore.allows(
    model=f"{_EVEN}  # modellint: ignore[even-kernel] -- a patch",
    input="1,3,32,32",
)
unused_ignore.allows(_FILE.format(layer=_EVEN, **_ON_CLASS))
unused_ignore.allows(_FILE.format(layer=_EVEN, **_AT_END))
# A rule that is off by default, and a comment about comments.
unused_ignore.allows(
    model=f"{_EXACT}  # modellint: ignore[even-kernel, unused-ignore] -- generated",
    input="1,3,32,32",
)
