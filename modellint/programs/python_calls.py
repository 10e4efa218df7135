"""What functions of Python's own and of its library give."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modellint.discovery.plain_functions import FUNCTIONS, NotConstant
from modellint.programs import tensors
from modellint.programs.known_calls import Given, Known, Named
from modellint.programs.option_parsers import OptionParser
from modellint.programs.reading import is_key, mapping_of
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    Data,
    Either,
    FilePath,
    FunctionValue,
    Instance,
    Lazy,
    Library,
    Made,
    ModuleValue,
    Partial,
    Record,
    Scope,
    Stream,
    Tensor,
    Value,
    copied,
    either,
    is_plain,
)

if TYPE_CHECKING:
    from modellint.programs.calls import Calls


def _plain(name: str) -> Known:
    function = FUNCTIONS[name]

    def call(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
        if not all(_is_known(one) for one in [*given, *named.values()]):
            return UNKNOWN
        try:
            return function(*given, **named)
        except (NotConstant, ArithmeticError, TypeError, ValueError, LookupError):
            return UNKNOWN

    return call


def _is_known(value: Value) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_known, value))
    return is_plain(value)


def _len(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    value = given[0] if given else UNKNOWN
    if isinstance(value, Instance):
        found = value.cls.find("__len__")
        if found is not None and isinstance(found.value, FunctionValue):
            return reader.invoke(found.value, value, [], {})
    if isinstance(value, Tensor):
        return tensors.sizes_read(value, (0,))
    known = reader.listed(value)
    return UNKNOWN if known is None or isinstance(value, set) else len(known)


def _list(kind: type) -> Known:
    def call(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
        if not given:
            return kind()
        known = reader.listed(given[0])
        if known is not None:
            return kind(known)
        return given[0] if isinstance(given[0], Stream | Data) else UNKNOWN

    return call


def _dict(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    made: dict[Any, Value] = {}
    if given:
        known = mapping_of(given[0])
        if known is None:
            pairs = reader.listed(given[0])
            if pairs is None or not all(isinstance(o, tuple | list) and len(o) == 2 for o in pairs):
                return UNKNOWN
            known = {one[0]: one[1] for one in pairs if is_key(one[0])}
        made |= known
    return UNKNOWN if "**" in named else {**made, **named}


def _each(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if len(given) != 2:
        return UNKNOWN
    items, whole = reader.looped(given[1])
    values = [reader.called(given[0], [one], {}, scope) for one in items]
    return values if whole else Stream(tuple(values[:1]))


def _zip(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    columns = [reader.looped(one) for one in given]
    rows = [tuple(row) for row in zip(*(items for items, _ in columns), strict=False)]
    return rows if all(whole for _, whole in columns) else Stream(tuple(rows[:1]))


def _enumerate(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    items, whole = reader.looped(given[0]) if given else ((), True)
    start = given[1] if len(given) > 1 and isinstance(given[1], int) else 0
    if whole:
        return [*enumerate(items, start)]
    return Stream(tuple((UNKNOWN, one) for one in items[:1]))


def _next(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    items, _ = reader.looped(given[0]) if given else ((), True)
    return items[0] if items else UNKNOWN


def _same(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return given[0] if given else UNKNOWN


def _getattr(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if len(given) < 2:
        return UNKNOWN
    names = given[1].options if isinstance(given[1], Either) else (given[1],)
    found: list[Value] = []
    if isinstance(given[0], ModuleValue) and (reader.exploring or not isinstance(names[0], str)):
        return either([*reader.defined(given[0].module)])
    for name in names:
        if not isinstance(name, str):
            return UNKNOWN
        if len(given) == 3 and _lacks(given[0], name):
            found.append(given[2])
        else:
            found.append(reader.attribute(given[0], name))
    return either(found)


def _lacks(owner: Value, name: str) -> bool:
    """Whether an object is known to have no attribute of a name."""
    if isinstance(owner, Record):
        return name not in owner.values
    if isinstance(owner, Instance):
        return not owner.open and name not in owner.attributes and owner.cls.find(name) is None
    return isinstance(owner, ModuleValue) and name not in owner.module.names


def _hasattr(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if len(given) != 2 or not isinstance(given[0], Record | Instance | ModuleValue):
        return UNKNOWN
    return not _lacks(given[0], str(given[1]))


def _setattr(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if len(given) == 3 and isinstance(given[1], str):
        reader.set_attribute(given[0], given[1], given[2])
    elif given and isinstance(given[0], Instance):
        given[0].open = True
    return None


def _vars(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return reader.attribute(given[0], "__dict__") if given else UNKNOWN


def _globals(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return scope.module.names


def _isinstance(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if len(given) != 2:
        return UNKNOWN
    kinds = given[1] if isinstance(given[1], tuple) else (given[1],)
    answers = [_is(given[0], kind) for kind in kinds]
    return True if True in answers else UNKNOWN if None in answers else False


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "tuple": tuple,
    "dict": dict,
}


def _is(value: Value, kind: Value) -> bool | None:
    plain = is_plain(value) or isinstance(value, list | tuple | dict)
    if isinstance(kind, Library) and plain:
        known = _KINDS.get(kind.dotted.rpartition(".")[2])
        return isinstance(value, known) if known is not None else None
    if isinstance(kind, ClassValue):
        if isinstance(value, Instance):
            return any(one is kind for one in value.cls.lineage())
        return False if plain else None
    return None


def _import_module(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    names = given[0].options if given and isinstance(given[0], Either) else given[:1]
    asked = reader.modules.at(reader.asking) if reader.exploring and reader.asking else None
    if reader.exploring:
        names = [one for name in names for one in reader.siblings(name, scope.module)]
    found = [
        reader.imported(Lazy(name, None, scope.module)) for name in names if isinstance(name, str)
    ]
    if asked is not None and names and _may_be_below(asked.path, names):
        # An option may choose the file that is asked about.
        reader.ready(asked)
        if not any(isinstance(one, ModuleValue) and one.module is asked for one in found):
            found.append(ModuleValue(asked))
    return either(found)


def _may_be_below(path: str, names: Sequence[Value]) -> bool:
    """Whether a file may be one of the modules, of which a name is not known or in its package."""
    folders = path.replace(os.sep, "/").split("/")
    return any(not isinstance(one, str) or one.partition(".")[0] in folders for one in names)


def _eval(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """What a text of code gives, which may be that of a class: `eval(args.model)`."""
    if not given or not isinstance(given[0], str):
        return UNKNOWN
    try:
        return reader.value(ast.parse(given[0], mode="eval").body, scope)
    except (SyntaxError, ValueError):
        return UNKNOWN


def _joined(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    parts = [one.path if isinstance(one, FilePath) else one for one in given]
    if not all(isinstance(one, str) for one in parts):
        return UNKNOWN
    return os.path.join(*parts) if parts else UNKNOWN  # noqa: PTH118


def _listdir(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """The names in a folder of the project's; of others nothing is known."""
    found = reader.modules.beside(_written(given), scope.module)
    return UNKNOWN if found is None else reader.modules.held(found) or UNKNOWN


def _exists(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """Whether there is a file: one that is not here may be where the program runs."""
    return reader.modules.beside(_written(given), scope.module) is not None or UNKNOWN


def _written(given: Given) -> str | None:
    path = given[0] if given else "."
    path = path.path if isinstance(path, FilePath) else path
    return path if isinstance(path, str) else None


def _of_path(change: Callable[[str], str]) -> Known:
    def call(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
        path = given[0] if given else UNKNOWN
        text = path.path if isinstance(path, FilePath) else path
        return change(text) if isinstance(text, str) else UNKNOWN

    return call


def _opened(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return _path(reader, given[:1], {}, scope) if given else UNKNOWN


def _path(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    joined = _joined(reader, given, named, scope) if given else "."
    return FilePath(joined) if isinstance(joined, str) else UNKNOWN


def _partial(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    if not given:
        return UNKNOWN
    if isinstance(given[0], Library):
        return Made("functools.partial", tuple(given), dict(named))
    return Partial(given[0], tuple(given[1:]), dict(named))


def _type(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return given[0].cls if len(given) == 1 and isinstance(given[0], Instance) else UNKNOWN


def _nothing(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return None


def _no(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return False


def _environment(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return given[1] if len(given) > 1 else None


def _gpus(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return 0


def _sorted(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    known = reader.listed(given[0]) if given and not named else None
    try:
        return UNKNOWN if known is None else sorted(known)
    except TypeError:
        return UNKNOWN


def _reversed(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    known = reader.listed(given[0]) if given else None
    return UNKNOWN if known is None else known[::-1]


def _parser(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    parser = OptionParser()
    above = named.get("parents")
    for one in above if isinstance(above, list) else []:
        if isinstance(one, OptionParser):
            parser.options |= one.options
            parser.flags |= one.flags
    return parser


def _range(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    try:
        numbers = range(*given)
    except (TypeError, ValueError):
        return Stream((UNKNOWN,))
    return list(numbers) if len(numbers) <= 64 else Stream((numbers[0],))


def _copy(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    return copied(given[0]) if given else UNKNOWN


#: The calls, as `library_calls` has them.
OF_PYTHON: Mapping[str, Known] = {
    **{
        name: _plain(name)
        for name in FUNCTIONS
        if "." not in name or name.startswith(("math.", "np.", "numpy."))
    },
    "len": _len,
    "list": _list(list),
    "tuple": _list(tuple),
    "dict": _dict,
    "collections.OrderedDict": _dict,
    "map": _each,
    "zip": _zip,
    "enumerate": _enumerate,
    "range": _range,
    "sorted": _sorted,
    "reversed": _reversed,
    "next": _next,
    "iter": _same,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "setattr": _setattr,
    "vars": _vars,
    "globals": _globals,
    "isinstance": _isinstance,
    "type": _type,
    "eval": _eval,
    "print": _nothing,
    "open": _opened,
    "io.open": _opened,
    "__import__": _import_module,
    "importlib.import_module": _import_module,
    "functools.partial": _partial,
    "copy.deepcopy": _copy,
    "copy.copy": _copy,
    "os.path.join": _joined,
    "os.listdir": _listdir,
    **{f"os.path.{name}": _exists for name in ("exists", "isfile", "isdir")},
    "os.path.dirname": _of_path(os.path.dirname),
    "os.path.basename": _of_path(os.path.basename),
    **dict.fromkeys(
        "os.path.abspath os.path.realpath os.path.expanduser os.path.normpath os.fspath".split(),
        _same,
    ),
    "pathlib.Path": _path,
    "os.getenv": _environment,
    "os.environ.get": _environment,
    "omegaconf.OmegaConf.to_container": _same,
    "argparse.ArgumentParser": _parser,
    "configargparse.ArgumentParser": _parser,
    "configargparse.ArgParser": _parser,
    "torch.cuda.is_available": _no,
    "torch.backends.mps.is_available": _no,
    "torch.distributed.is_initialized": _no,
    "torch.cuda.device_count": _gpus,
}
