"""Command lines as a program declares them: each option's default, where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modellint.programs.values import (
    UNKNOWN,
    FunctionValue,
    Library,
    Native,
    Record,
    Value,
    either,
)

if TYPE_CHECKING:
    from modellint.programs.objects import Objects

_GROUPS = ("add_argument_group", "add_mutually_exclusive_group")


@dataclass(eq=False, slots=True)
class OptionParser:
    """An argument parser, with what its options are by default, in the order of their names.

    `flags` are the names of each on the command line; `inner` its subcommands' parsers.
    """

    options: dict[str, Value] = field(default_factory=dict)
    flags: dict[str, tuple[str, Mapping[str, Value]]] = field(default_factory=dict)
    inner: list[OptionParser] = field(default_factory=list)

    def method(self, name: str, reader: Objects) -> Value:
        """What a method gives."""

        def call(given: Sequence[Value], named: Mapping[str, Value]) -> Value:
            if name == "add_argument":
                self._add(given, named, reader)
                return UNKNOWN
            if name in _GROUPS or name == "add_subparsers":
                if isinstance(named.get("dest"), str):
                    self.options.setdefault(named["dest"], UNKNOWN)
                return self
            if name == "add_parser":
                self.inner.append(OptionParser())
                return self.inner[-1]
            if name == "set_defaults":
                self.options |= named
                return None
            if name in ("parse_args", "parse_known_args", "parse_intermixed_args"):
                return self._parsed(name, given, reader)
            return UNKNOWN

        return Native(call)

    def _add(self, given: Sequence[Value], named: Mapping[str, Value], reader: Objects) -> None:
        flags = [one for one in given if isinstance(one, str)]
        if not flags:
            return
        long = next((flag for flag in flags if flag.startswith("--")), flags[0])
        dest = named.get("dest")
        name = dest if isinstance(dest, str) else long.lstrip("-").replace("-", "_")
        self.options[name] = self._default(long, named, reader)
        for flag in flags:
            self.flags[flag] = (name, named)

    def _default(self, flag: str, named: Mapping[str, Value], reader: Objects) -> Value:
        action = named.get("action")
        if "default" not in named and action in ("store_true", "store_false"):
            return action == "store_false"
        if "default" in named:
            value = named["default"]
            return _converted(value, named.get("type"), reader) if isinstance(value, str) else value
        needed = not flag.startswith("-") or named.get("required") is True
        choices = named.get("choices")
        listed = reader.listed(choices) if choices is not None else None
        if listed and needed:
            return either([*listed, UNKNOWN])
        return UNKNOWN if needed else None

    def _parsed(self, name: str, given: Sequence[Value], reader: Objects) -> Value:
        values: dict[str, Value] = {}
        for parser in (*self.inner, self):
            values |= parser.options
        words = given[0] if given else None
        if isinstance(words, list):
            values |= self._said(words, reader)
        found = Record(values)
        return (found, []) if name == "parse_known_args" else found

    def _said(self, words: Sequence[Value], reader: Objects) -> dict[str, Value]:
        """What a command line that the code writes out says."""
        said: dict[str, Value] = {}
        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if not isinstance(word, str) or word.partition("=")[0] not in self.flags:
                continue
            flag, equals, text = word.partition("=")
            name, named = self.flags[flag]
            if named.get("action") in ("store_true", "store_false"):
                said[name] = named["action"] == "store_true"
                continue
            if not equals and at < len(words):
                text = words[at]
                at += 1
            said[name] = _converted(text, named.get("type"), reader)
        return said


def _converted(value: Value, kind: Value, reader: Objects) -> Value:
    """A text as an option's type makes it."""
    if kind is None or (isinstance(kind, Library) and kind.dotted == "builtins.str"):
        return value
    if isinstance(kind, Library) and kind.dotted in ("builtins.int", "builtins.float"):
        try:
            return int(value) if kind.dotted == "builtins.int" else float(value)
        except (TypeError, ValueError):
            return UNKNOWN
    return reader.invoke(kind, None, [value], {}) if isinstance(kind, FunctionValue) else UNKNOWN
