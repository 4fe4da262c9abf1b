"""`DesignPoint`: one complete design, as a value that needs no space to be read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dse.errors import SpaceError, did_you_mean
from dse.parameter import Value


@dataclass(frozen=True, slots=True)
class DesignPoint:
    """Parameter names and their values, in the order of the space. Hashable; equal by content.

    `point["page_policy"]` and `point.page_policy` read one value.
    """

    names: tuple[str, ...]
    values: tuple[Value, ...]

    def __getitem__(self, name: str) -> Value:
        try:
            return self.values[self.names.index(name)]
        except ValueError:
            raise SpaceError(
                f"the design has no parameter {name!r}.{did_you_mean(name, self.names)}"
            ) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.names:
            raise AttributeError(f"DesignPoint has no parameter {name!r}")
        return self.values[self.names.index(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def to_dict(self) -> dict[str, Value]:
        """Name to value, in the order of the space."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def id(self) -> str:
        """16 hexadecimal digits that identify the assignment (blake2b of its JSON, names sorted)."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def replace(self, **changes: Value) -> DesignPoint:
        """The same design with some values changed (`DesignSpace.encode` checks them)."""
        for name in changes:
            self[name]
        return DesignPoint(self.names, tuple(changes.get(n, v) for n, v in self.to_dict().items()))
