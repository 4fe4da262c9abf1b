"""What cores and the banks of the last level send each other, and what the directory knows of a line."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from simulators.soc.twin.caches import Access, Level, Register


@dataclass(slots=True, eq=False)
class Get:
    """A core asks for a line; register None: a prefetch into the last level, which is not answered."""

    core: int
    line: int
    ip: int
    kind: Access
    register: Register | None
    asked_at: int
    level: Level = Level.LLC
    dirty: bool = False
    writable: bool = True
    is_directed: bool = False

    @property
    def is_write(self) -> bool:
        return self.kind is Access.STORE


@dataclass(slots=True, eq=False)
class WriteBack:
    """A line that left a core."""

    core: int
    line: int
    dirty: bool


@dataclass(slots=True, eq=False)
class Recall:
    """A core must give a line up: an inclusive last level dropped it, or somebody is to write it."""

    core: int
    line: int


@dataclass(slots=True, eq=False)
class Forward:
    """A core must send a line to who asked for it, and keep no copy if that wants to write it."""

    core: int
    line: int
    asker: Get


@dataclass(slots=True, eq=False)
class Acknowledgement:
    """A core has done what it was told. was_gone: it had nothing to forward any more."""

    core: int
    line: int
    dirty: bool
    was_forward: bool = False
    was_gone: bool = False


@dataclass(slots=True, eq=False)
class Unblock:
    """The line has come to who asked."""

    core: int
    line: int


ToCore = Get | Recall | Forward
FromCore = Get | WriteBack | Acknowledgement | Unblock


@dataclass(slots=True, eq=False)
class Shared:
    """What the directory knows of a line.

    asker: whose transaction it is, None: the last level drops it. missing: acknowledgements still to come.
    is_unblocked: the line has come to who asked, before the acknowledgement of who sent it came here.
    """

    line: int
    sharers: set[int] = field(default_factory=set)
    owner: int | None = None
    busy: bool = False
    asker: Get | None = None
    missing: int = 0
    dirty: bool = False
    is_unblocked: bool = False
    waiting: deque[Get] = field(default_factory=deque)
