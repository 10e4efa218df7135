"""Values that were read, written as expressions that the file of a model can build it with.

What the file has by name is named. The rest is made by functions that whoever builds models knows
(`modellint.building.project_values`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modellint.discovery.arguments import MAKERS
from modellint.programs.reading import is_key
from modellint.programs.values import (
    ClassValue,
    Either,
    FilePath,
    FunctionValue,
    Instance,
    Library,
    Made,
    Partial,
    Record,
    Spread,
    Tensor,
    Unknown,
    Value,
    is_plain,
)

#: Libraries whose calls may be repeated; what they read or start would happen once more.
_REPEATED = ("torch.nn.", "functools.partial", "torch.Size", "torch.device", "torch.dtype")
_NAMED = ("torch.", "functools.", "math.", "builtins.", "numpy.", "collections.", "torchvision.")
#: How many values are written out.
_MOST = 500


class NotTold(Exception):
    """A value is not known, or is of a kind that cannot be written."""


@dataclass
class Writer:
    """Writes values for a file; `assume` gives a text for what is not known, by its place.

    A place is a parameter, and what is read of it: `args.width`. `assumed` are those that were.
    """

    path: str
    assume: Callable[[str], str | None]
    assumed: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    count: int = 0
    _seen: list[object] = field(default_factory=list)

    def text(self, value: Value, place: str) -> str:
        """The expression of a value at a place; raises `NotTold` where it has none."""
        self.count += 1
        if self.count > _MOST:
            raise NotTold(place)
        if any(one is value for one in self._seen):
            raise NotTold(place)  # It holds itself.
        if isinstance(value, Unknown | Spread | Tensor):
            return self._assumed(place)
        if isinstance(value, Either):
            for option in value.options:
                try:
                    self.assumed[place] = self.text(option, place)
                except NotTold:
                    continue  # Another may be told, as the `None` of what is loaded or not.
                return self.assumed[place]
            raise NotTold(place)
        if is_plain(value):
            return repr(value)
        self._seen.append(value)
        try:
            return self._object(value, place)
        finally:
            self._seen.pop()

    def _assumed(self, place: str) -> str:
        found = self.assume(place)
        if found is None:
            raise NotTold(place)
        self.assumed[place] = found
        return found

    def _object(self, value: Value, place: str) -> str:
        match value:
            case list() | tuple():
                items = [self.text(one, place) for one in value]
                inside = ", ".join(items)
                if isinstance(value, list):
                    return f"[{inside}]"
                return f"({inside},)" if len(items) == 1 else f"({inside})"
            case dict():
                return self._entries(value, place, table=False)
            case Record():
                return self._entries(value.values, place, table=value.table, record=True)
            case Instance():
                return self._model(value) if value.cls.is_model else self._instance(value, place)
            case ClassValue(name=name, module=module) if module.names.get(name) is value:
                return self._name(name, module.path)
            case FunctionValue(name=name, scope=scope) if scope.module.names.get(name) is value:
                return self._name(name, scope.module.path)
            case Library() if value.dotted.startswith(_NAMED):
                return f"{MAKERS['library']}({value.dotted!r})"
            case Made() if value.dotted.startswith(_REPEATED):
                inside = self._arguments(value.given, value.named, place)
                return f"{MAKERS['library']}({value.dotted!r})({inside})"
            case Partial():
                inside = self._arguments((value.function, *value.given), value.named, place)
                return f"{MAKERS['library']}('functools.partial')({inside})"
            case FilePath():
                return f"{MAKERS['library']}('pathlib.Path')({value.path!r})"
            case slice() | bytes():
                return repr(value)
        raise NotTold(place)

    def _name(self, name: str, path: str) -> str:
        return name if path == self.path else f"{MAKERS['name']}({path!r}, {name!r})"

    def _model(self, value: Instance) -> str:
        callee = self._name(value.cls.name, value.cls.module.path)
        init = value.cls.find("__init__")
        names = [one.arg for one in init.value.node.args.args[1:]] if init is not None else []
        inside = self._arguments(value.given, value.named, f"{value.cls.name}()", names)
        return f"{callee}({inside})"

    def _arguments(
        self,
        given: tuple[Value, ...],
        named: Mapping[str, Value],
        place: str,
        names: Sequence[str] = (),
    ) -> str:
        if "**" in named:
            raise NotTold(place)
        called = [*names, *map(str, range(len(names), len(given)))]
        texts = [
            self.text(one, f"{place}.{name}") for one, name in zip(given, called, strict=False)
        ]
        texts += [f"{key}={self.text(one, f'{place}.{key}')}" for key, one in named.items()]
        return ", ".join(texts)

    def _entries(
        self, values: Mapping[Any, Value], place: str, *, table: bool, record: bool = False
    ) -> str:
        """A dictionary or settings; what is not known of it is left out, and named."""
        texts: list[str] = []
        missing: list[str] = []
        for key, one in values.items():
            if isinstance(key, Spread):
                missing.append("")
                continue
            if not (is_plain(key) or (isinstance(key, tuple) and is_key(key))):
                continue
            try:
                texts.append(f"{key!r}: {self.text(one, f'{place}.{key}')}")
            except NotTold:
                missing.append(str(key))
        inside = f"{{{', '.join(texts)}}}"
        self.unknown += [f"{place}.{name}".rstrip(".") for name in missing]
        if record:
            return f"{MAKERS['settings']}({inside}, {table}, {missing})"
        return f"{MAKERS['entries']}({inside}, {missing})" if missing else inside

    def _instance(self, value: Instance, place: str) -> str:
        attributes = self._entries(value.attributes, place, table=False, record=True)
        cls = "None"
        if value.cls.module.names.get(value.cls.name) is value.cls:
            cls = self._name(value.cls.name, value.cls.module.path)
        held = "None" if value.held is None else self._entries(value.held, place, table=False)
        return f"{MAKERS['object']}({cls}, {attributes}, {held})"
