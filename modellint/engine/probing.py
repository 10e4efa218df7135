"""Asks another Python what it is before it is trusted with models: its version, and its torch.

That takes a twentieth of a second, as torch is looked for and not imported, and turns what would be
the odd death of a worker into a sentence about the interpreter.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from modellint.config.interpreters import Interpreter
from modellint.engine.installation import Installation, own_installation, packages_in
from modellint.engine.launching import PATIENCE, end_process, start_piped, without_torch, wrong
from modellint.errors import UsageError
from modellint.results.report import Note

#: The oldest Python that modellint's worker runs in, and the oldest torch that it knows.
_PYTHON = (3, 11)
_TORCH = (2, 4)
#: What the other Python runs; every Python since 2.6 can. `-c` puts the current folder first on
#: the path, where a json.py may lie that is none of Python's.
_QUESTION = """
import sys
sys.path[:] = [one for one in sys.path if one]
import json, os
answer = {"version": sys.version, "path": sys.path, "torch": None, "found": False}
if sys.version_info >= (3, 11):
    from importlib.util import find_spec
    spec = find_spec("torch")
    answer["found"] = spec is not None
    for folder in (spec and spec.submodule_search_locations or ()):
        path = os.path.join(folder, "version.py")
        if os.path.isfile(path):
            answer["torch"] = open(path, encoding="utf-8").read()
sys.stdout.write("\\n" + json.dumps(answer))
"""
_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"+]+)", re.MULTILINE)


class Probes:
    """The interpreters of a run, each asked once what it is, and whether it runs models."""

    def __init__(self) -> None:
        self._answers: dict[Interpreter, Installation | UsageError] = {}
        self._used: dict[Interpreter, Installation] = {}
        self._passed: dict[Interpreter, str] = {}

    def ask(self, interpreter: Interpreter) -> Installation:
        """What an interpreter is, or the first behind it that runs models, where it does not.

        Raises `UsageError` where none does, for the interpreter itself.
        """
        return self._found(interpreter)[1]

    def use(self, interpreter: Interpreter) -> Interpreter:
        """The interpreter that models run in, which is remembered; raise `UsageError` for none."""
        found, installation = self._found(interpreter)
        self._used[found] = installation
        return found

    def _found(self, interpreter: Interpreter) -> tuple[Interpreter, Installation]:
        answer = self._answer(interpreter)
        if isinstance(answer, Installation):
            return interpreter, answer
        for other in interpreter.further:
            instead = self._answer(other)
            if isinstance(instead, Installation) and instead.torch is not None:
                what = str(answer).partition(". What to do:")[0]
                told = f"{what}. Models run in {other.shown} instead: {other.why}"
                self._passed.setdefault(interpreter, told)
                return other, instead
        raise answer

    def _answer(self, interpreter: Interpreter) -> Installation | UsageError:
        if interpreter not in self._answers:
            try:
                self._answers[interpreter] = installation_of(interpreter)
            except UsageError as error:
                self._answers[interpreter] = error
        return self._answers[interpreter]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is told in any case: which interpreters were passed over, and for which."""
        return tuple(self._passed.values())

    @property
    def torch(self) -> str | None:
        """The version of torch that models have run with; of several, all."""
        versions = {one.torch for one in self._used.values() if one.torch is not None}
        return ", ".join(sorted(versions)) or None

    def remarks(self) -> Iterator[Note]:
        """What `-v` tells of the interpreters."""
        for interpreter, found in self._used.items():
            version = found.version.partition(" ")[0]
            what = f"Python {version} with torch {found.torch or 'of an unknown version'}"
            yield Note(interpreter.shown, 1, f"{what} runs models: {interpreter.why}")


def installation_of(interpreter: Interpreter) -> Installation:
    """What an interpreter is.

    Raises `UsageError`, naming the interpreter and what chose it, for one that cannot run models:
    it does not exist or start, is no Python, is too old, or has no torch or too old a one. Our own
    is not started for that, and whether it has torch is seen when it is needed.
    """
    found = own_installation() if interpreter.own else _asked(interpreter)
    if found.torch is not None and _numbers(found.torch) < _TORCH:
        least = _dotted(_TORCH)
        raise wrong(interpreter, f"has PyTorch {found.torch}, and modellint needs {least} or newer")
    return found


def _asked(interpreter: Interpreter) -> Installation:
    answer = _answer(interpreter)
    version = answer["version"]
    if _numbers(version) < _PYTHON:
        least = _dotted(_PYTHON)
        what = f"is Python {version.partition(' ')[0]}, and modellint needs {least} or newer"
        raise wrong(interpreter, what)
    if not answer["found"]:
        raise without_torch(interpreter, "No module named 'torch'")
    match = _VERSION.search(answer["torch"] or "")
    packages = packages_in(answer["path"])
    return Installation(interpreter.path, version, match[1] if match else None, packages)


def _answer(interpreter: Interpreter) -> Mapping[str, Any]:
    process = start_piped(interpreter, [interpreter.path, "-c", _QUESTION])
    try:
        out, complaints = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise wrong(interpreter, f"does not answer within {PATIENCE:.0f} seconds") from error
    finally:
        end_process(process)
    answer = _read(out) if process.returncode == 0 else None
    if answer is None:
        lines = complaints.decode("utf-8", "replace").strip().splitlines()
        said = f" (it says: {lines[-1][:100]})" if lines else ""
        raise wrong(interpreter, f"does not run as a Python does{said}")
    return answer


def _read(out: bytes) -> Mapping[str, Any] | None:
    """The answer in what was printed; what an interpreter prints when it starts comes before."""
    try:
        answer = json.loads(out.strip().rpartition(b"\n")[2])
    except ValueError:
        return None
    whole = isinstance(answer, dict) and {"version", "path", "torch", "found"} <= set(answer)
    return answer if whole else None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
