"""What imports lead to: modules of the project, read when somebody asks, and names of libraries."""

from __future__ import annotations

import os

from modellint.programs.expressions import Expressions
from modellint.programs.modules import Module, Modules
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Lazy,
    Library,
    ModuleValue,
    Value,
)

#: How many bytes of other modules a reading reads.
_MOST_BYTES = 400_000


class Imports(Expressions):
    """Follows imports."""

    def __init__(self, modules: Modules) -> None:
        super().__init__()
        self.modules = modules
        self._bytes = 0
        #: Imports that nobody has asked for yet.
        self.pending: list[Lazy] = []

    def imported(self, lazy: Lazy) -> Value:
        """What an import gives: the project's own module or a name of it, else a library's."""
        if not lazy.known:
            lazy.known = True
            lazy.value = UNKNOWN
            lazy.value = self._found(lazy)
        return lazy.value

    def _found(self, lazy: Lazy) -> Value:
        module = self.modules.named(lazy.dotted, lazy.importer)
        if module is None:
            if lazy.dotted.startswith("."):
                return UNKNOWN
            dotted = lazy.dotted.removeprefix("torch.nn.modules.")
            dotted = f"torch.nn.{dotted}" if dotted != lazy.dotted else dotted
            dotted = "torch.nn" if dotted == "torch.nn.modules" else dotted
            if lazy.name is None:
                return Library(dotted)
            if (
                dotted.startswith("torch.nn.")
                and "functional" not in dotted
                and lazy.name[:1].isupper()
            ):
                dotted = "torch.nn"
            return Library(f"{dotted}.{lazy.name}")
        if lazy.name is None:
            self.run_module(module)
            return ModuleValue(module)
        return self.of_module(module, lazy.name)

    def of_module(self, module: Module, name: str) -> Value:
        """What a module has by a name: its own, a module in it, or what it imports with a star."""
        if self.ready(module) and name in module.names:
            return self.resolved(module.names[name])
        inner = self.modules.within(module, name)
        if inner is not None:
            self.ready(inner)
            return ModuleValue(inner)
        return self.from_stars(name, module)

    def ready(self, module: Module) -> bool:
        """Run a module, unless too much was read already."""
        if module.state == "unread":
            if self._bytes > _MOST_BYTES:
                return False
            if os.path.isfile(module.path):  # noqa: PTH113
                self._bytes += os.stat(module.path).st_size  # noqa: PTH116
            self.run_module(module)
        return True

    def siblings(self, dotted: Value, importer: Module) -> list[Value]:
        """The modules beside one, by their dotted names: the others that a name may choose."""
        package, dot, _ = dotted.rpartition(".") if isinstance(dotted, str) else ("", "", "")
        found = self.modules.named(package, importer) if package else None
        names = [] if found is None else self.modules.names_in(found)
        return [f"{package}{dot}{name}" for name in names] or [dotted]

    def defined(self, module: Module) -> list[Value]:
        """The classes and functions that a module defines."""
        self.ready(module)
        return [
            one
            for one in module.names.values()
            if (isinstance(one, ClassValue) and one.module is module)
            or (isinstance(one, FunctionValue) and one.scope.module is module)
        ]

    def import_rest(self) -> bool:
        """Run the modules that are imported and that nobody asked for: they may register."""
        some = False
        while self.pending:
            lazy = self.pending.pop(0)
            if not lazy.known and self._bytes <= _MOST_BYTES:
                self.imported(lazy)
                some = True
        return some

    def from_stars(self, name: str, module: Module) -> Value:
        """A name that is imported with a star: of the project, or a layer of torch's."""
        for dotted, other in module.imported.items():
            if other is None:
                if dotted == "torch.nn" and name[:1].isupper():
                    return Library(f"torch.nn.{name}")
                if dotted == "torch" and name in ("nn", "Tensor", "optim"):
                    return Library(f"torch.{name}")
            elif self.ready(other) and name in other.names:
                return self.resolved(other.names[name])
            elif other is not module and other.imported and other.state == "read":
                found = self.from_stars(name, other)
                if found is not UNKNOWN:
                    return found
        return UNKNOWN

    # What whoever derives from this knows -------------------------------------------------------

    def run_module(self, module: Module) -> None:
        """Read the statements of a module."""
        raise NotImplementedError
