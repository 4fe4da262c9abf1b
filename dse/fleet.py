"""What the members of a fleet run: the bookkeeping of rows that every `Fleet` needs, and its checks.

A simulator's fleet keeps one `Members`. What a row comes to (a vector of numbers, a design) is made once a
row and kept, so that to go on as a row seen before takes a look-up.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, LookupFailed, SpaceError, listed
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix

_ROWS_KEPT = 20_000
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, eq=False)
class Tuning(Generic[Made]):
    """A row of a space: the design, its positions in the fixed parameters, and what is made of it."""

    point: DesignPoint
    fixed: tuple[int, ...]
    made: Made


_CHECK_BYTES = 4


def packed(magic: bytes, own: NDArray[np.void], simulation: bytes) -> bytes:
    """A member as bytes: `magic`, its record (1,) with a check sum, and the state of its simulation."""
    record: bytes = own.tobytes()
    return magic + zlib.crc32(record).to_bytes(_CHECK_BYTES, "little") + record + simulation


def unpacked(magic: bytes, layout: np.dtype[np.void], state: bytes, simulator: str) -> tuple[np.void, bytes]:
    """The record and the simulation that were packed; ValueError, naming the simulator, for other bytes."""
    start = len(magic) + _CHECK_BYTES
    record, simulation = state[start : start + layout.itemsize], state[start + layout.itemsize :]
    check = zlib.crc32(record).to_bytes(_CHECK_BYTES, "little")
    if not state.startswith(magic) or check != state[len(magic) : start]:
        raise ValueError(f"not a snapshot of a member of a fleet of the {simulator} simulator")
    found: np.void = np.frombuffer(record, dtype=layout)[0]
    return found, simulation


Change = tuple[int, bytes, Tuning[Made]]
"""A member, the row that it goes on as (the bytes of D int16), and what that comes to."""


class Members(Generic[Made]):
    """Rows and states of the members of a fleet.

    done: (N,), who has nothing left to do. tunings: what each runs as, None: it was never begun. make: what a
    simulator makes of a design, kept a row. ConfigError for a size below 1 or fewer than one thread.
    """

    def __init__(
        self,
        space: DesignSpace,
        live_parameters: Sequence[str],
        n: int,
        threads: int,
        make: Callable[[DesignPoint], Made],
    ) -> None:
        for key, value in (("n", n), ("threads", threads)):
            if value < 1:
                raise ConfigError(f"a fleet with {key}={value}: expected 1 or more", key=key)
        self._space = space
        self._live = tuple(live_parameters)
        self._fixed = [k for k, name in enumerate(space.names) if name not in live_parameters]
        self._make = make
        self._known: dict[bytes, Tuning[Made]] = {}
        self.done = np.ones(n, dtype=np.bool_)
        self.tunings: list[Tuning[Made] | None] = [None] * n
        self._shape = n, len(space)
        self._keys = [bytes(2 * len(space))] * n
        self._all_keys = b"".join(self._keys)
        self._any_begun = False

    def __len__(self) -> int:
        return len(self.tunings)

    def checked(self, member: int, *, begun: bool = True) -> int:
        """`member`; LookupFailed if there is none of that number, or it was never begun."""
        if not 0 <= member < len(self) or member != int(member):
            raise LookupFailed(
                f"member={member!r}: expected a number from 0 to {len(self) - 1}, as the fleet has "
                f"{len(self)} members",
                key="member",
            )
        if begun and self.tunings[member] is None:
            raise LookupFailed(
                f"member={member}: nothing runs there: call begin({member}, ...) first", key="member"
            )
        return int(member)

    def tuning(self, row: IndexMatrix) -> Tuning[Made]:
        """What a row (D,) comes to; SpaceError if it is none of the space."""
        return self._tuned(self._matrix(np.asarray(row)[None], 1).tobytes())

    def row(self, member: int) -> IndexMatrix:
        """(D,), what that member was begun with or goes on as."""
        row: IndexMatrix = np.frombuffer(self._keys[member], dtype=np.int16)
        return row

    def begin(self, member: int, row: IndexMatrix, *, done: bool) -> None:
        """That member runs that row from now on."""
        key = self._matrix(np.asarray(row)[None], 1).tobytes()
        self.adopt([(member, key, self._tuned(key))])
        self.done[member], self._any_begun = done, True

    def changes(self, rows: IndexMatrix) -> list[Change[Made]]:
        """Which running members go on as another row of `rows` (N, D), and what that comes to.

        SpaceError if one of them cannot; nothing is taken over before `adopt`.
        """
        data = self._matrix(rows, len(self)).tobytes()
        if data == self._all_keys:
            return []
        width, done = 2 * self._shape[1], self.done.tolist()
        keys = [data[at : at + width] for at in range(0, len(data), width)]
        return [
            (member, key, self._live_tuning(member, key))
            for member, (key, before) in enumerate(zip(keys, self._keys, strict=True))
            if key != before and not done[member]
        ]

    def adopt(self, changes: Sequence[Change[Made]]) -> None:
        """These members run these rows from now on."""
        for member, key, tuning in changes:
            self._keys[member], self.tunings[member] = key, tuning
        self._all_keys = b"".join(self._keys)

    def check_time(self, time_ns: float) -> None:
        """ConfigError for an epoch of no time, or if no member was begun."""
        if not 0 < time_ns < math.inf:
            raise ConfigError(f"time_ns={time_ns!r}: expected a time greater than 0", key="time_ns")
        if not self._any_begun:
            raise ConfigError("no member of the fleet was begun: call begin(member, row, workload) first")

    def _tuned(self, key: bytes) -> Tuning[Made]:
        found = self._known.get(key)
        return self._learned(key) if found is None else found

    def _live_tuning(self, member: int, key: bytes) -> Tuning[Made]:
        wanted, present = self._tuned(key), self.tunings[member]
        assert present is not None
        if wanted.fixed == present.fixed:
            return wanted
        name = next(
            self._space.names[k]
            for k, was, is_now in zip(self._fixed, present.fixed, wanted.fixed, strict=True)
            if was != is_now
        )
        raise SpaceError(
            f"{name}={wanted.point[name]!r} of member {member} cannot be changed while it runs, which was "
            f"begun with {present.point[name]!r}: begin it anew; {listed(self._live, 40)} can be changed",
            key=name,
        )

    def _learned(self, key: bytes) -> Tuning[Made]:
        point = self._space.from_indices(np.frombuffer(key, dtype=np.int16))
        canonical = self._space.encode(point)
        made = Tuning(point, tuple(int(canonical[k]) for k in self._fixed), self._make(point))
        if len(self._known) >= _ROWS_KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = made
        return made

    def _matrix(self, rows: IndexMatrix, n: int) -> IndexMatrix:
        """Rows as (n, D) int16; SpaceError for another shape. Values are looked at when a row is learned."""
        given = np.asarray(rows)
        if given.dtype == np.int16 and given.shape == (n, self._shape[1]):
            return given
        if given.ndim != 2 or len(given) != n:
            raise SpaceError(
                f"rows of shape {given.shape}: expected ({n}, {self._shape[1]}), a design row for each member"
            )
        return self._space.rows(given)
