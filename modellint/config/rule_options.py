"""Options of rules as a configuration or a call gives them, checked against the rules' own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modellint.config.selection import all_known, find_rule, unknown
from modellint.errors import UsageError
from modellint.rules import Rule

Wrong = Callable[[str, str], UsageError]
"""Makes the error for a key, and what is wrong with it."""


def checked_options(
    options: Mapping[str, Mapping[str, Any]],
    rules: Mapping[str, Rule],
    wrong: Wrong = lambda key, what: UsageError(f"options: {key} {what}"),
) -> Mapping[str, Mapping[str, Any]]:
    """The options of rules by the rules' own names, each of the type of its default.

    Raises what `wrong` makes for a rule or an option that there is not, and for a wrong type.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, given in options.items():
        try:
            rule = find_rule(rules, name)
        except UsageError as error:
            if not all_known(rules):
                continue
            raise wrong(name, f"is wrong: {error}") from error
        for written, value in given.items():
            option = written.replace("-", "_")
            if option not in rule.options:
                raise wrong(name, unknown("option", written, rule.options))
            default = rule.options[option]
            read = _like(default, value)
            if default is not None and type(read) is not type(default):
                noun = _NOUNS.get(type(default), type(default).__name__)
                raise wrong(f"{name}.{written}", f"must be {noun}, not {value!r}")
            found.setdefault(rule.name, {})[option] = read
    return found


def _like(default: Any, value: Any) -> Any:
    """The value in the type of a default that it stands for as well."""
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    return value


_NOUNS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list",
}
