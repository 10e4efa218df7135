"""Which rules are on: names and categories, the more precise word winning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from modellint.errors import UsageError
from modellint.linting.plugins import Rules
from modellint.results.error_kinds import KINDS
from modellint.rules import Category, Rule

#: A rule's own name outweighs its category, which outweighs `default` and `all`.
_BROAD, _CATEGORY, _NAME = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Layer:
    """What one place, a configuration or the command line, says of which rules are on.

    `select` starts anew, `None` goes on from what was said before.
    """

    select: Sequence[str] | None = None
    ignore: Sequence[str] = ()
    extend_select: Sequence[str] = ()

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """All words of the layer, by what they are said for."""
        return {
            "select": self.select or (),
            "ignore": self.ignore,
            "extend_select": self.extend_select,
        }

    def says(self, rule: Rule) -> bool | None:
        """Whether a rule is on; `None` where the layer does not speak of it."""
        wanted = _weight(rule, [*(self.select or ()), *self.extend_select])
        unwanted = _weight(rule, self.ignore)
        if self.select is None and not wanted and not unwanted:
            return None
        return wanted > unwanted


DEFAULT = Layer(("default",))


def select_rules(rules: Mapping[str, Rule], layers: Iterable[Layer]) -> tuple[Rule, ...]:
    """The rules that are on, by name, after one layer over the other.

    Each word is a rule's name or alias, a category, `default` or `all`. Where a layer both selects
    and ignores a rule the more precise word wins, `ignore` among equals. Raises `UsageError` for
    an unknown word, naming the nearest known one.
    """
    on = dict.fromkeys(sorted(rules), False)
    for layer in layers:
        for said_for, words in layer.words.items():
            check_words(rules, words, f"{said_for}: ")
        for name in on:
            said = layer.says(rules[name])
            on[name] = on[name] if said is None else said
    return tuple(rules[name] for name, chosen in on.items() if chosen)


def find_rule(rules: Mapping[str, Rule], name: str) -> Rule:
    """The rule of a name or an alias; raise `UsageError` with the nearest name if none has it.

    Whoever looks for a rule may as well mean a kind of error, so that those are near names too.
    """
    for rule in rules.values():
        if name == rule.name or name in rule.aliases:
            return rule
    near = get_close_matches(name, [*rules, *KINDS], n=1)
    hint = f"did you mean {near[0]}?" if near else f"--rules lists them; errors: {', '.join(KINDS)}"
    raise UsageError(f"there is no rule or kind of error {name!r}; {hint}")


def check_words(rules: Mapping[str, Rule], words: Iterable[str], where: str = "") -> None:
    """Raise `UsageError` for the first word that names neither a rule nor a category.

    The message begins with `where`, which says what the words are for.
    Where a plugin was only read, it may be the name of a rule that reading does not show.
    """
    if not all_known(rules):
        return
    aliases = [alias for rule in rules.values() for alias in rule.aliases]
    known = [*rules, *aliases, *map(str, Category), "default", "all"]
    for word in words:
        if word not in known:
            near = _nearest(word, known)
            raise UsageError(f"{where}there is no rule or category {word!r}{near}")


def all_known(rules: Mapping[str, Rule]) -> bool:
    """Whether there are no other rules, as there may be in plugins that were not loaded."""
    return not isinstance(rules, Rules) or rules.whole


def unknown(kind: str, name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """What to say of a name that there is not: the nearest that there is, or all of them."""
    near = get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"has no {kind} {name!r}; {hint}"


def speaks_of(word: str, rule: Rule) -> bool:
    """Whether a word means a rule: by its name or an alias, by its category, or as one of all."""
    return _weight(rule, [word]) > 0


def _weight(rule: Rule, words: Iterable[str]) -> int:
    """How precisely words speak of a rule, 0 where none does."""
    return max((_precision(rule, word) for word in words), default=0)


def _precision(rule: Rule, word: str) -> int:
    if word == rule.name or word in rule.aliases:
        return _NAME
    if word == rule.category.value:
        return _CATEGORY
    return _BROAD if word == "all" or (word == "default" and rule.default) else 0


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "; --rules lists them all"
