"""Model files with some of their tokens changed at random, and what torch makes of them.

Run as a program, it runs the files of a folder one after another, each in a fork and for a few
seconds, and prints which of their models had a forward that came to its end.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import random
import select
import signal
import sys
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path

NETS = sorted((Path(__file__).parent.parent / "mutations" / "nets").glob("*.py"))
#: What a number, or a name, becomes.
_NUMBERS = (
    "0 1 2 -1 3 7 64 1000000007 1.5 0.0 1e400 None True '3' (2,) (1,2) [] 1j -0.5 2**40".split()
)
_NAMES = "x self None True torch nn print len int list object".split()
_SIGNS = "+ - * / // % ** @ & | ^ << >> < > == != . , ( ) [ ] : =".split()
#: How long torch may take for a file, in seconds.
_LIMIT = 10.0


def mutant(rng: random.Random, text: str) -> str:
    """The text with one to three tokens changed, left out, doubled or exchanged."""
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP, tokenize.STRING)
    ]
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    places = rng.sample(range(len(tokens)), rng.choice((1, 1, 2, 3)))
    names = [token.string for token in tokens if token.type == tokenize.NAME]
    for at in sorted(places, reverse=True):
        token = tokens[at]
        start = starts[token.start[0] - 1] + token.start[1]
        end = starts[token.end[0] - 1] + token.end[1]
        text = text[:start] + _instead(rng, token, names) + text[end:]
    return text


def _instead(rng: random.Random, token: tokenize.TokenInfo, names: list[str]) -> str:
    way = rng.random()
    if way < 0.1:
        return ""
    if way < 0.2:
        return f"{token.string} {token.string}"
    if token.type == tokenize.NUMBER:
        return rng.choice(_NUMBERS)
    if token.type == tokenize.OP:
        return rng.choice(_SIGNS)
    return rng.choice([*names, *_NAMES, *_NUMBERS[:6]])


def mutants(seed: int, count: int) -> Iterator[str]:
    """So many texts, most of them valid Python."""
    rng = random.Random(seed)
    while count:
        text = mutant(rng, rng.choice(NETS).read_text("utf-8"))
        try:
            compile(text, "net.py", "exec")
        except (SyntaxError, ValueError, OverflowError):
            if rng.random() < 0.9:
                continue
        count -= 1
        yield text


def main(folder: str) -> None:
    """Print a JSON object: for each file the classes that ran, with no warning of torch's."""
    import torch  # noqa: F401 - so that no file pays for it

    found = {path.name: _ran(path) for path in sorted(Path(folder).glob("*.py"))}
    print(json.dumps(found))


def _ran(path: Path) -> list[str]:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            os.write(write, json.dumps(_run(path)).encode())
        finally:
            os._exit(0)
    os.close(write)
    deadline = time.monotonic() + _LIMIT
    data = b""
    while select.select([read], [], [], max(deadline - time.monotonic(), 0))[0]:
        part = os.read(read, 1 << 16)
        data += part
        if not part:
            break
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)
    return json.loads(data) if data else []


def _run(path: Path) -> list[str]:
    """The classes of a file whose forwards, all of them, came to their end when it ran."""
    import resource
    import warnings

    import torch
    from torch import nn

    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    torch.set_num_threads(1)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    plain = nn.Module.__call__
    ran: dict[str, bool] = {}

    def call(self: nn.Module, *args: object, **given: object) -> object:
        name = type(self).__name__
        mine = type(self).__module__ == "net"
        if mine:
            ran[name] = False
        made = plain(self, *args, **given)
        if mine:
            ran[name] = True
        return made

    nn.Module.__call__ = call  # type: ignore[method-assign, assignment]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        # What ran before something is raised has run.
        with contextlib.suppress(BaseException):
            tree = ast.parse(path.read_text("utf-8"))
            space = {"__name__": "net"}
            exec(compile(tree, str(path), "exec"), space)
            # What a script defines for itself alone no forward may count on.
            script: list[ast.stmt] = [one for one in tree.body if _is_guard(one)]
            space = {**space, "__name__": "__main__"}
            exec(compile(ast.Module(script, []), str(path), "exec"), space)
    # What torch warns of, a layer without any weight, is a fault to us.
    if any("zero" in str(one.message) for one in warned):
        return []
    return [name for name, whole in ran.items() if whole]


def _is_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


if __name__ == "__main__":
    main(sys.argv[1])
