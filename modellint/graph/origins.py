"""Where what a run starts from came from: stated, shown, forced, or only assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Origin = Literal["stated", "shown", "forced", "assumed"]
"""`stated` by the user, `shown` by the file, `forced` by the model's own demands, or `assumed`."""

#: From what is surest to what is least sure.
ORIGINS: tuple[Origin, ...] = ("stated", "shown", "forced", "assumed")


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins of one input: of its number of axes, of its dtype, and of the size of each axis.

    `batch` is the axis that counts samples, whose size nothing but the costs depends on.
    """

    rank: Origin
    dtype: Origin
    sizes: tuple[Origin, ...]
    batch: int | None = None

    @property
    def weakest(self) -> Origin:
        """The least sure origin of a size; that of the axes' number where there is no other."""
        sizes = [origin for at, origin in enumerate(self.sizes) if at != self.batch]
        return max(sizes or [self.rank], key=ORIGINS.index)

    def to_dict(self) -> dict[str, object]:
        """The entry `origins` in JSON."""
        return {
            "rank": self.rank,
            "dtype": self.dtype,
            "sizes": list(self.sizes),
            "batch": self.batch,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Origins:
        """Read the entry `origins`."""
        return cls(**{**data, "sizes": tuple(data["sizes"])})


@dataclass(frozen=True, slots=True)
class ConstructorArgument:
    """An argument that a model was built with: its name, its value as code, and its origin.

    `source` says where it stands: `call at line 17`, `default`, or what it was assumed by.
    """

    name: str
    value: str
    origin: Origin
    source: str

    def to_dict(self) -> dict[str, str]:
        """The entry of `arguments` in JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "origin": self.origin,
            "source": self.source,
        }


#: What a user gives in full, or nobody has to give.
STATED = Origins("stated", "stated", ())
