"""Which rules are on: names and categories, the more precise word winning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from modellint.errors import UsageError
from modellint.rules import Category, Rule

#: A rule's own name outweighs its category, which outweighs `default` and `all`.
_BROAD, _CATEGORY, _NAME = 1, 2, 3


def select_rules(
    rules: Mapping[str, Rule],
    select: Sequence[str] = ("default",),
    ignore: Sequence[str] = (),
    extend_select: Sequence[str] = (),
) -> tuple[Rule, ...]:
    """The rules that are on, by name.

    Each word is a rule's name or alias, a category, `default` or `all`. Where a rule is both
    selected and ignored the more precise word wins, `ignore` among equals. Raises `UsageError`
    for an unknown word, naming the nearest known one.
    """
    check_words(rules, [*select, *ignore, *extend_select])
    chosen = []
    for name in sorted(rules):
        wanted = max(_weight(rules[name], word) for word in [*select, *extend_select, ""])
        unwanted = max(_weight(rules[name], word) for word in [*ignore, ""])
        if wanted > unwanted:
            chosen.append(rules[name])
    return tuple(chosen)


def find_rule(rules: Mapping[str, Rule], name: str) -> Rule:
    """The rule of a name or an alias; raise `UsageError` with the nearest name if none has it."""
    for rule in rules.values():
        if name == rule.name or name in rule.aliases:
            return rule
    raise UsageError(f"there is no rule {name!r}{_nearest(name, rules)}")


def check_words(rules: Mapping[str, Rule], words: Iterable[str]) -> None:
    """Raise `UsageError` for the first word that names neither a rule nor a category."""
    aliases = [alias for rule in rules.values() for alias in rule.aliases]
    known = [*rules, *aliases, *map(str, Category), "default", "all"]
    for word in words:
        if word not in known:
            raise UsageError(f"there is no rule or category {word!r}{_nearest(word, known)}")


def _weight(rule: Rule, word: str) -> int:
    """How precisely a word speaks of a rule, 0 where it does not."""
    if word == rule.name or word in rule.aliases:
        return _NAME
    if word == rule.category.value:
        return _CATEGORY
    return _BROAD if word == "all" or (word == "default" and rule.default) else 0


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "; --rules lists them all"
