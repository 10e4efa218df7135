"""What an exception of user code means: an error of the file, or something missing here."""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path

from modellint.building.command_lines import unsaid_option
from modellint.building.steady_texts import steady

_LONGEST = 300
#: Exceptions of network libraries, by name: their packages need not be installed here.
_NETWORK = frozenset(
    """URLError HTTPError gaierror ConnectionError ConnectTimeout ReadTimeout SSLError
    MaxRetryError LocalEntryNotFoundError OfflineModeIsEnabled HfHubHTTPError
    RepositoryNotFoundError ConnectError TimeoutException NetworkAccess NetworkBlocked""".split()
)
#: What a configuration's object raises for what it does not say: ours, and OmegaConf's.
_SETTINGS = frozenset(
    "MissingSetting MissingKey ConfigAttributeError ConfigKeyError MissingMandatoryValue".split()
)
_GPU = (
    "not compiled with CUDA",
    "No CUDA GPUs are available",
    "Found no NVIDIA driver",
    "CUDA driver",
    "Cannot initialize CUDA",
    "No HIP GPUs",
    "not linked with support for mps",
    "MPS backend",
    "Default process group has not been initialized",
)


#: What a model lacks that asks for more of its weights than to be given them.
UNREAD = "needs weights which are not there, and looks into them"
_OUT_OF_MEMORY = ("DefaultCPUAllocator: ", "not enough memory: ", "std::bad_alloc")


class NetworkAccess(BaseException):
    """User code opened a connection; raised by the audit hook of a worker.

    Not an `Exception`, so that a library's `except Exception: retry` does not swallow it.
    """


def describe(error: BaseException) -> str:
    """An exception as one line of limited length, even if it cannot print itself."""
    if isinstance(error, SystemExit):
        return "called sys.exit"
    name = type(error).__name__
    try:
        text = steady(" ".join(str(error).split()))
    except BaseException:  # user code raises what it likes in __str__, also KeyboardInterrupt
        text = "<unprintable>"
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    return f"{name}: {text}" if text else name


def line_in(error: BaseException, path: str) -> int | None:
    """The line of the innermost frame of an exception that lies in a file.

    Of an endless recursion, the line that is met most often: where it ends is chance.
    """
    wanted = Path(path).absolute()
    lines = [
        line
        for frame, line in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).absolute() == wanted
    ]
    if isinstance(error, SyntaxError) and Path(error.filename or "").absolute() == wanted:
        return error.lineno
    if not lines:
        return None
    return Counter(lines).most_common(1)[0][0] if isinstance(error, RecursionError) else lines[-1]


def innermost_name(error: BaseException) -> str | None:
    """The name of the function in which an exception was raised."""
    last: str | None = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        last = frame.f_code.co_name
    return last


def without_forward(error: BaseException) -> str | None:
    """The name of the class that was called and has no forward, if that is what was raised."""
    if not isinstance(error, NotImplementedError):
        return None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == "_forward_unimplemented":
            return type(frame.f_locals["self"]).__name__
    return None


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or what it came of, is that memory was refused."""
    return any(
        isinstance(one, MemoryError)
        or (isinstance(one, RuntimeError) and any(sign in describe(one) for sign in _OUT_OF_MEMORY))
        for one in chained(error)
    )


def chained(error: BaseException) -> list[BaseException]:
    """An exception and those that it came of, the last first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and len(chain) < 10 and all(current is not one for one in chain):
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def what_is_missing(error: BaseException) -> str | None:
    """What to provide so that the code can run here; None if the code itself is at fault."""
    for one in chained(error):
        reason = _missing(one)
        if reason is not None:
            return reason
    return None


def _missing(error: BaseException) -> str | None:
    option = unsaid_option(error)
    if option is not None:
        return option
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        return (
            f"needs the package {package!r}, which this Python does not have: "
            "install it beside modellint"
        )
    if any(kind.__name__ in _NETWORK for kind in type(error).__mro__):
        return "needs the network, which a lint run does not use: download the file beforehand"
    if type(error).__name__ in _SETTINGS:
        said = str(error).splitlines()[0] if error.args else ""
        return f"needs {said.strip(chr(39))} in the args that the configuration states"
    if isinstance(error, FileNotFoundError):
        if error.filename is None:  # numpy says the name in its message only.
            return f"needs a file which is not there: {describe(error)}"
        return f"needs the file {error.filename!r}, which is not there"
    text = describe(error)
    if type(error) is ImportError and "install" in text.lower():
        # What a file says itself where an optional package is not there.
        return f"needs a package which this Python does not have ({text})"
    if "UnreadWeights" in text:
        return f"{UNREAD}: put their file in its place"
    if any(sign in text for sign in _GPU):
        return f"needs a device that is not here ({text}): build the model without it"
    return None
