"""What of a checkpoint of one model another would not load: by keys and sizes, as PyTorch does.

`load_state_dict` with its default, `strict=True`, wants the same keys and the same sizes.
"""

from __future__ import annotations

from collections.abc import Mapping

from modellint.graph import Saved
from modellint.results.compared import StateChange

Shapes = Mapping[str, tuple[int, ...] | None]


def checkpoint_change(
    before: Saved | None, after: Saved | None, moved: Mapping[str, str] | None = None
) -> StateChange | None:
    """What keeps a checkpoint of `before` from `after`; `None` where one of them is not known.

    `moved` are the paths of modules that are known to have become others.
    """
    if before is None or after is None:
        return None
    missing = {key: shape for key, shape in before.shapes.items() if key not in after.shapes}
    unexpected = {key: shape for key, shape in after.shapes.items() if key not in before.shapes}
    reshaped = {
        key: (shape, other)
        for key, shape in before.shapes.items()
        for other in (after.shapes.get(key),)
        if shape is not None and other is not None and shape != other
    }
    renamed = _renamed(missing, unexpected, moved or {})
    return StateChange(
        missing={key: shape for key, shape in missing.items() if key not in renamed},
        unexpected={
            key: shape for key, shape in unexpected.items() if key not in {*renamed.values()}
        },
        reshaped=reshaped,
        renamed=renamed,
        custom=tuple(dict.fromkeys([*before.custom, *after.custom])),
    )


def _renamed(missing: Shapes, unexpected: Shapes, moved: Mapping[str, str]) -> dict[str, str]:
    """Which new key stands for which old one: of a module that moved, else of one just like it.

    The last is said only where it is sure: as many modules with tensors of these names and sizes
    as there were.
    """
    paths = dict(moved)
    old, new = _modules(missing), _modules(unexpected)
    left = {path: held for path, held in old.items() if path not in paths}
    open_ = {path: held for path, held in new.items() if path not in {*paths.values()}}
    others = _alike(open_)
    for held, ways in _alike(left).items():
        if len(ways) == len(others.get(held, ())):
            paths.update(zip(ways, others[held], strict=True))
    return {
        _joined(path, name): _joined(paths[path], name)
        for path, held in old.items()
        for name, shape in held
        if path in paths and (name, shape) in new.get(paths[path], ())
    }


_Held = tuple[tuple[str, tuple[int, ...] | None], ...]


def _modules(shapes: Shapes) -> dict[str, _Held]:
    """What each module holds, by its path."""
    found: dict[str, _Held] = {}
    for key, shape in shapes.items():
        path, _, name = key.rpartition(".")
        found[path] = (*found.get(path, ()), (name, shape))
    return found


def _alike(modules: Mapping[str, _Held]) -> dict[_Held, list[str]]:
    """The paths of modules by what they hold, in the order of the model."""
    groups: dict[_Held, list[str]] = {}
    for path, held in modules.items():
        groups.setdefault(held, []).append(path)
    return groups


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
