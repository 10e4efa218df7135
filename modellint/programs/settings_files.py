"""What configuration files say that a project's code reads: JSON, TOML, and YAML in plain form."""

from __future__ import annotations

import copy
import json
import os
import re
import tomllib
from typing import Any

from modellint.source.paths import regular_bytes

#: Larger ones are data, in bytes.
_LARGEST = 200_000
_NUMBER = re.compile(r"[-+]?[0-9][0-9_]*")
#: A float as YAML has it: a point is needed, and a sign in the exponent.
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*\.[0-9_]*)([eE][-+][0-9]+)?")
_WORDS = {
    **dict.fromkeys("true True TRUE yes Yes YES on On ON".split(), True),
    **dict.fromkeys("false False FALSE no No NO off Off OFF".split(), False),
    **dict.fromkeys(["null", "Null", "NULL", "~", ""], None),
}


class NotRead(Exception):
    """A file is not there, too large, or in a form that is not read."""


def read_text(path: str) -> str:
    """The text of a file; raise `NotRead` where there is none that can be read."""
    try:
        if os.stat(path).st_size > _LARGEST:  # noqa: PTH116
            raise NotRead(path)
        return regular_bytes(path).decode("utf-8")
    except (OSError, ValueError) as error:
        raise NotRead(path) from error


def parsed(text: str, form: str) -> Any:
    """What a text says in a form, `json`, `toml` or `yaml`; raise `NotRead` where that is not told.

    Its texts, numbers, lists and dictionaries are new ones.
    """
    try:
        if form == "json":
            return json.loads(text)
        if form == "toml":
            return tomllib.loads(text)
        return _Yaml(text).document()
    except (ValueError, RecursionError, IndexError) as error:
        raise NotRead(form) from error


class _Yaml:
    """Reads mappings and lists, in blocks or between brackets, of plain and quoted scalars.

    Tags, blocks of text and several documents are not read.
    """

    def __init__(self, text: str) -> None:
        self._lines: list[tuple[int, str]] = []
        for line in text.splitlines():
            bare = _uncommented(line).rstrip()
            if bare.lstrip().startswith("\t"):
                raise NotRead("a tab")
            if bare.strip() and bare.strip() != "---":
                self._lines.append((len(bare) - len(bare.lstrip()), bare.lstrip()))
        self._at = 0
        self._anchors: dict[str, Any] = {}

    def document(self) -> Any:
        """The whole."""
        if not self._lines:
            return None
        value = self._block(self._lines[0][0])
        if self._at < len(self._lines):
            raise NotRead("something behind the document")
        return value

    def _block(self, indent: int) -> Any:
        _, text = self._lines[self._at]
        if text == "-" or text.startswith("- "):
            return self._list(indent)
        if _key(text) is not None:
            return self._mapping(indent)
        self._at += 1
        return self._flow(text)

    def _list(self, indent: int) -> list[Any]:
        values: list[Any] = []
        while self._at < len(self._lines):
            at, text = self._lines[self._at]
            if at != indent or not (text == "-" or text.startswith("- ")):
                break
            rest = text[1:].lstrip()
            if not rest:
                self._at += 1
                values.append(self._nested(indent))
            elif _key(rest) is not None or rest.startswith("- "):
                inner = indent + len(text) - len(rest)
                self._lines[self._at] = (inner, rest)
                values.append(self._block(inner))
            else:
                self._at += 1
                values.append(self._flow(rest))
        return values

    def _mapping(self, indent: int) -> dict[Any, Any]:
        values: dict[Any, Any] = {}
        while self._at < len(self._lines):
            at, text = self._lines[self._at]
            found = _key(text)
            if at != indent or found is None:
                break
            key, rest = found
            self._at += 1
            anchor = re.match(r"&(\w+)\s*", rest)
            rest = rest[anchor.end() :] if anchor else rest
            value = self._flow(rest) if rest else self._nested(indent)
            if anchor:
                self._anchors[anchor[1]] = value
            if key == "<<" and isinstance(value, dict):
                values = {**value, **values}
            else:
                values[key] = value
        return values

    def _nested(self, indent: int) -> Any:
        """What stands below a key or a dash: nothing, or a block that is further in."""
        if self._at >= len(self._lines):
            return None
        at, text = self._lines[self._at]
        same_column = at == indent and (text == "-" or text.startswith("- "))
        return self._block(at) if at > indent or same_column else None

    def _flow(self, text: str) -> Any:
        """A scalar, or what stands between brackets, which may go on in further lines."""
        if text[0] in "[{":
            while text.count("[") + text.count("{") > text.count("]") + text.count("}"):
                text += " " + self._lines[self._at][1]
                self._at += 1
            value, rest = _between(text)
            if rest.strip():
                raise NotRead(rest)
            return value
        if text[0] == "*":
            if text[1:] not in self._anchors:
                raise NotRead(text)
            return copy.deepcopy(self._anchors[text[1:]])
        return _scalar(text)


def _uncommented(line: str) -> str:
    quote = ""
    for at, sign in enumerate(line):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"" and (at == 0 or line[at - 1] in " [{,:"):
            quote = sign
        elif sign == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def _key(text: str) -> tuple[Any, str] | None:
    """The key of a mapping's line, and what follows it."""
    match = re.match(
        r"""("[^"]*"|'[^']*'|[^\s\[\]{},"'&*!|>%@`#-][^:#]*?|-[^\s:][^:#]*?)\s*:(\s|$)""", text
    )
    if match is None:
        return None
    return _scalar(match[1]), text[match.end() :].strip()


def _scalar(text: str) -> Any:
    text = text.strip()
    if text[:1] in ("'", '"'):
        if len(text) < 2 or text[-1] != text[0] or "\\" in text:
            raise NotRead(text)
        return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
    if text[:1] in ("&", "*", "!", "|", ">", "%", "@", "`"):
        raise NotRead(text)
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        return int(text.replace("_", ""))
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text


def _between(text: str) -> tuple[Any, str]:
    """The list or the mapping that a text begins with, and what follows it."""
    opening, rest = text[0], text[1:].lstrip()
    closing = {"[": "]", "{": "}"}[opening]
    items: list[Any] = []
    pairs: dict[Any, Any] = {}
    while not rest.startswith(closing):
        if opening == "{":
            match = re.match(r"""("[^"]*"|'[^']*'|[^:,{}\[\]]+?)\s*:\s*""", rest)
            if match is None:
                raise NotRead(rest)
            key, rest = _scalar(match[1]), rest[match.end() :]
            pairs[key], rest = _item(rest)
        else:
            item, rest = _item(rest)
            items.append(item)
        rest = rest.lstrip()
        if rest.startswith(","):
            rest = rest[1:].lstrip()
        elif not rest.startswith(closing):
            raise NotRead(rest)
    return (pairs if opening == "{" else items), rest[1:]


def _item(text: str) -> tuple[Any, str]:
    if text[:1] in ("[", "{"):
        return _between(text)
    match = re.match(r"""\s*("[^"]*"|'[^']*'|[^,\]}]*)""", text)
    assert match is not None
    return _scalar(match[1]), text[match.end() :]
