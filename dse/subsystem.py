"""`Subsystem`: a named part of a design space, the unit that one agent owns and tunes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subsystem:
    """A part of the design (scheduler, page policy, refresh, ...) and the columns that belong to it.

    parameters: names, in the order of the space. indices: their column numbers in an index matrix.
    """

    name: str
    parameters: tuple[str, ...]
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.parameters)
