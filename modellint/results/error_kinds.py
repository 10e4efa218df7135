"""The kinds of errors that a report may hold, and what `--explain` says of each."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import NamedTuple


class Kind(NamedTuple):
    """What an error of a kind is, in one sentence, and what to know about it."""

    summary: str
    text: str


KINDS: Mapping[str, Kind] = {
    "syntax-error": Kind(
        "A file is not valid Python.",
        """It is read by the Python that runs modellint. The message has line and column as the
        compiler gives them, and the version. Nothing of the file was run.""",
    ),
    "encoding-error": Kind(
        "A file cannot be decoded.",
        """Its bytes are not in the encoding that it declares, or what it declares is no encoding of
        text, such as zlib. Save it as UTF-8, or declare its encoding in a coding line.""",
    ),
    "unreadable": Kind(
        "A file or a folder cannot be read.",
        """There is no permission to read it, it is a link that leads nowhere, or its path is longer
        than the system allows. Of a folder nothing is linted; `exclude` in the configuration leaves
        it out.""",
    ),
    "import-error": Kind(
        "Loading a file raises.",
        """The line is that of a statement which a model needs: imports, classes, functions and what
        models use are run, the training code is not. `sys.exit` counts too: a command line whose
        result models read is parsed without arguments, so required options need defaults.""",
    ),
    "build-error": Kind(
        "The constructor of a model raises.",
        """The line is the innermost one of the file. The model is built with its defaults, or with
        arguments that a call in the file shows; `--list` tells which.""",
    ),
    "trace-error": Kind(
        "The forward of a model raises.",
        """Sizes that do not fit are the finding shape-mismatch instead. The forward runs on tensors
        without values, of the shapes that `--list` tells; `--input` gives others. A class that has
        no forward, although it is used as a model, ends here as well.""",
    ),
    "timeout": Kind(
        "A file takes longer than the time limit.",
        """`--timeout` sets the limit of each file. The line is where the file was at that time. The
        models behind the one that hangs run once more, with the same limit.""",
    ),
    "crash": Kind(
        "A file ends the process that loads it.",
        """It ended by a signal, or without a result. The line is where it was, as far as the
        process could still tell. The other models of the file run in another process.""",
    ),
    "memory-limit": Kind(
        "A file needs more memory than the limit.",
        """`--memory` sets the limit. A constructor that computes with the values of its weights
        needs memory for all of them.""",
    ),
    "plugin-error": Kind(
        "A rule raises.",
        """The other rules go on, and the run ends with status 2. The message names the rule and the
        line of the rule's file: the fault is the rule's, not the model's.""",
    ),
    "internal-error": Kind(
        "modellint itself fails on a file.",
        """The run ends with status 2. It is worth a report, with the file if possible, or
        else with what `-v` or `MODELLINT_DEBUG=1` prints as `crash report`: versions, the operation
        with the kinds of its arguments and the functions that ran; no source code, no values.""",
    ),
}


def kind_page(name: str) -> str:
    """The page of one kind of error."""
    kind = KINDS[name]
    about = f"{name}\nan error of a file or a model, not a finding: no comment silences it"
    return "\n\n".join([about, kind.summary, fill(" ".join(kind.text.split()), 80)]) + "\n"
