"""Builds models without the weights that they would download or read: values change no shape.

`models.resnet18(weights="IMAGENET1K_V1")` is a resnet18, and a `load_state_dict` of a file that is
not there leaves a model as it is. What is fetched while user code is loaded or builds models can be
handed on, and walked through, where it has nothing; it tells no size and no number: what an answer
would stand on is not there. Who walked through it (`walks`) may have built something else.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlparse

import torch
from torch import hub, nn
from torch.utils import model_zoo

from modellint.building.configured import configured_models
from modellint.building.failures import NetworkAccess
from modellint.modules.members import walk
from modellint.modules.replacing import replaced
from modellint.modules.user_files import is_torch_file
from modellint.source.paths import is_installed

#: How often weights that were not there were walked through, in this process.
_walks = 0


def walks() -> int:
    """How often weights that were not there were walked through, in this process."""
    return _walks


class UnreadWeights(dict[str, Any]):
    """Stands for weights: it can be loaded into a model, taken apart by names, and has no items.

    `lack` is raised for whatever else is asked of it.
    """

    def __init__(self, lack: BaseException) -> None:
        super().__init__()
        vars(self)["lack"] = lack

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise vars(self)["lack"]

    def _inside(self, name: Any, *_: Any) -> UnreadWeights:
        return UnreadWeights(vars(self)["lack"]) if isinstance(name, str) else self._refuse()

    def _ignore(self, *_: Any, **__: Any) -> None:
        """Change nothing of what is not there."""

    def _nothing(self) -> Any:
        global _walks
        _walks += 1
        return ()

    def __iter__(self) -> Iterator[str]:
        return iter(self._nothing())

    def __contains__(self, name: object) -> bool:
        return name in self._nothing()

    def copy(self) -> UnreadWeights:
        """Themselves: nothing can change them."""
        return self

    __getitem__ = pop = get = _inside
    __setitem__ = __delitem__ = update = _ignore
    items = keys = values = _nothing
    __len__ = __bool__ = __eq__ = __ne__ = __call__ = _refuse
    __int__ = __index__ = __float__ = __lt__ = __gt__ = __le__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = _refuse
    __floordiv__ = __neg__ = _refuse
    __hash__ = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()


class _Loaded(NamedTuple):
    """What `load_state_dict` answers."""

    missing_keys: list[str]
    unexpected_keys: list[str]


@contextmanager
def weights_unread() -> Iterator[None]:
    """No weights are fetched inside the block, and files that are there are read as ever.

    Of libraries only what is imported when the block is entered.
    """
    with ExitStack() as stack:
        for owner, name, value in (*_of_torch(), *_of_libraries(), *configured_models()):
            stack.enter_context(replaced(owner, name, value))
        yield


def holds_unread(model: nn.Module) -> str | None:
    """The attribute of a model's module that holds something of weights that were not there."""
    for path, module in walk(model):
        for name, value in vars(module).items():
            if type(value) is UnreadWeights:
                return f"{path}.{name}" if path else name
    return None


def _of_torch() -> Iterator[tuple[Any, str, Any]]:
    """What reads weights in torch, and what stands for it."""
    before = walks()
    load, read = nn.Module.load_state_dict, torch.load
    scripted: Callable[..., Any] = torch.jit.load
    fetched = hub.load_state_dict_from_url

    def loaded(self: nn.Module, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_unread(state_dict):
            return _Loaded([], [])
        if walks() > before and state_dict == {}:  # What was made of their items has none.
            return _Loaded([], [])
        return load(self, state_dict, *args, **kwargs)

    def read_if_there(f: Any = None, *args: Any, **kwargs: Any) -> Any:
        lacking = _missing_file(f)
        return read(f, *args, **kwargs) if lacking is None else UnreadWeights(lacking)

    def model_if_there(f: Any = None, *args: Any, **kwargs: Any) -> Any:
        lacking = _missing_file(f)
        if lacking is not None:
            raise lacking
        return scripted(f, *args, **kwargs)

    def fetched_if_there(url: str, model_dir: Any = None, *args: Any, **kwargs: Any) -> Any:
        folder = model_dir or os.path.join(hub.get_dir(), "checkpoints")  # noqa: PTH118
        name = kwargs.get("file_name") or os.path.basename(urlparse(url).path)  # noqa: PTH119
        if _missing_file(os.path.join(folder, name)) is None:  # noqa: PTH118
            return fetched(url, model_dir, *args, **kwargs)
        return _not_fetched()

    yield nn.Module, "load_state_dict", loaded
    yield torch, "load", read_if_there
    yield torch.jit, "load", model_if_there
    yield hub, "load_state_dict_from_url", fetched_if_there
    yield model_zoo, "load_url", fetched_if_there
    yield hub, "download_url_to_file", lambda url, dst, *args, **kwargs: None


def _of_libraries() -> Iterator[tuple[Any, str, Any]]:
    """What fetches weights in the libraries that are imported, and what stands for it."""
    torchvision = getattr(sys.modules.get("torchvision.models._api"), "WeightsEnum", None)
    if torchvision is not None:
        yield torchvision, "get_state_dict", lambda *args, **kwargs: _not_fetched()
    timm = sys.modules.get("timm.models._builder")
    if hasattr(timm, "load_pretrained"):
        yield timm, "load_pretrained", lambda *args, **kwargs: None
    users = _users_modules()
    for module, name, stand_in in (
        ("huggingface_hub", "hf_hub_download", _downloaded),
        ("huggingface_hub.file_download", "hf_hub_download", _downloaded),
        ("urllib.request", "urlretrieve", _retrieved),
        ("gdown", "download", _retrieved_only),
        ("safetensors.torch", "load_file", _read_tensors),
        ("safetensors.torch", "load_model", _load_tensors),
    ):
        found = sys.modules.get(module)
        if found is None or not hasattr(found, name):
            continue
        original = getattr(found, name)
        value = stand_in(original)
        yield found, name, value
        # And where it was imported by name.
        for holder in users:
            held = [called for called, one in [*vars(holder).items()] if one is original]
            yield from ((holder, called, value) for called in held)


def _users_modules() -> list[ModuleType]:
    """The modules that are of no installed package, and none of Python's own."""
    return [
        module
        for name, module in [*sys.modules.items()]
        # Asked of thousands for each file: of the name first.
        if name.partition(".")[0] not in _NOT_USERS
        and isinstance(file := getattr(module, "__file__", None), str)
        and _is_users(file)
    ]


_NOT_USERS = sys.stdlib_module_names | {"torch", "modellint"}


@lru_cache(maxsize=65536)
def _is_users(file: str) -> bool:
    return not is_installed(file) and not is_torch_file(file)


def _downloaded(original: Callable[..., Any]) -> Callable[..., Any]:
    """A download that gives the file that an earlier one left, or a path where none is."""

    def download(repo_id: str, filename: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(repo_id, filename, *args, **{**kwargs, "local_files_only": True})
        except (Exception, NetworkAccess):  # Each release says in its own way that it has none.
            return f"{repo_id}/{filename}"

    return download


def _retrieved(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda url, filename=None, *args, **kwargs: (filename or "download", None)


def _retrieved_only(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda url=None, output=None, *args, **kwargs: output or "download"


def _read_tensors(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(filename: Any, *args: Any, **kwargs: Any) -> Any:
        lacking = _missing_file(filename)
        return original(filename, *args, **kwargs) if lacking is None else UnreadWeights(lacking)

    return read


def _load_tensors(original: Callable[..., Any]) -> Callable[..., Any]:
    def load(model: nn.Module, filename: Any, *args: Any, **kwargs: Any) -> Any:
        if _missing_file(filename) is not None:
            return _Loaded([], [])
        return original(model, filename, *args, **kwargs)

    return load


def _is_unread(state: Any) -> bool:
    """Whether a state is weights that are not there, or was put together of their parts."""
    if isinstance(state, UnreadWeights):
        return True
    parts = state.values() if isinstance(state, dict) else ()
    return any(isinstance(part, UnreadWeights) for part in parts)


def _missing_file(file: Any) -> FileNotFoundError | None:
    """The error of a file that is not there; `None` for one that is, and for what is no path."""
    if not isinstance(file, str | os.PathLike) or os.path.exists(file):  # noqa: PTH110
        return None
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(file))


def _not_fetched() -> UnreadWeights:
    return UnreadWeights(NetworkAccess("reads weights that are not there"))
