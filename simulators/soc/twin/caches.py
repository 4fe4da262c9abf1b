"""The private caches of a core, and how misses wait: the specification of ext/soc_cache.pxd.

A miss takes a miss register of its level until the line is there. The line is put in at once; from cycle
`ready` on it can be used, None while it is owed from below the second level. Who needs an owed line waits at
its register. An access that finds no register, or a set all of whose lines are owed, is refused and changes
nothing. The second level is looked up at the moment of the miss, with the time that the first has taken.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Protocol

from simulators.soc.config import CacheConfig
from simulators.soc.twin.prefetch import prefetcher
from simulators.soc.twin.replacement import replacement


class Access(IntEnum):
    """Who asks a cache; the order of ext.soc_fields.ACCESSES."""

    LOAD = 0
    STORE = 1
    FETCH = 2
    WALK = 3
    PREFETCH = 4


class Level(IntEnum):
    """Where a line was found."""

    L1 = 0
    L2 = 1
    LLC = 2
    MEMORY = 3
    OTHER_CORE = 4


class Refused(Exception):
    """Try again in cycle `chance`; None: after the next answer."""

    def __init__(self, chance: int | None) -> None:
        super().__init__()
        self.chance = chance


@dataclass(slots=True)
class Line:
    """A line in a cache. ready: None while it is owed. prefetched: and not used yet; came_unasked: on its way
    as a prefetch, even if it has been asked for since."""

    number: int
    ready: int | None
    dirty: bool = False
    writable: bool = False
    prefetched: bool = False
    came_unasked: bool = False


@dataclass(slots=True, eq=False)
class Register:
    """A miss register. busy_until: None while its line is owed. waiters: whom to tell, the latest first."""

    line: int = -1
    busy_until: int | None = 0
    waiters: list[Callable[[int, Level], None]] = field(default_factory=list)
    recalled: bool = False


class Cache:
    """One level. `sets[k][w]` is the line in way w of set k, None: empty."""

    def __init__(self, config: CacheConfig, skipped_bits: int = 0) -> None:
        self.config = config
        self.skipped_bits = skipped_bits
        self.sets: list[list[Line | None]] = [[None] * config.ways for _ in range(config.sets)]
        self.policy = replacement(
            config.replacement, config.sets, config.ways, config.seed, config.sampled_sets
        )
        self.prefetcher = prefetcher(config.prefetcher, config.degree, config.distance)
        self.prefetches = config.prefetcher != "none"
        self.registers = [Register() for _ in range(config.registers)]
        self.hits = [0] * len(Access)
        self.merged = [0] * len(Access)
        self.misses = [0] * len(Access)
        self.counts = dict.fromkeys(("refused", "written_back", "useful", "late", "useless", "dropped"), 0)

    def place(self, number: int) -> tuple[int, int | None]:
        """Set and way of a line; the way is None if it is not there."""
        which = (number >> self.skipped_bits) % self.config.sets
        for way, line in enumerate(self.sets[which]):
            if line is not None and line.number == number:
                return which, way
        return which, None

    def find(self, number: int) -> Line | None:
        which, way = self.place(number)
        return None if way is None else self.sets[which][way]

    def room(self, number: int, is_kept: Callable[[int], bool] = lambda _: False) -> int | None:
        """The way to be filled next: the first empty one, else the victim's; None if all are owed or kept."""
        row = self.sets[self.place(number)[0]]
        if None in row:
            return row.index(None)
        may_leave = [
            way
            for way, line in enumerate(row)
            if line is not None and line.ready is not None and not is_kept(line.number)
        ]
        if not may_leave:
            return None
        return self.policy.victim_way(self.place(number)[0], may_leave)

    def use(self, number: int, ip: int) -> None:
        which, way = self.place(number)
        assert way is not None
        self.policy.on_hit(which, way, ip)

    def take_out(self, number: int, way: int) -> Line | None:
        """The line that `number` replaces in that way."""
        which = self.place(number)[0]
        line = self.sets[which][way]
        if line is None:
            return None
        self.policy.on_evict(which, way)
        if line.prefetched:
            self.counts["useless"] += 1
            self.prefetcher.on_useless(line.number)
        self.sets[which][way] = None
        return line

    def put(self, line: Line, way: int, ip: int) -> None:
        which = self.place(line.number)[0]
        self.sets[which][way] = line
        self.policy.on_fill(which, way, ip, line.prefetched)

    def put_back(self, line: Line, way: int) -> None:
        """A line that the level above gave back."""
        which = self.place(line.number)[0]
        self.sets[which][way] = line
        self.policy.on_write_back_fill(which, way)

    def drop(self, number: int, *, recall: bool) -> Line | None:
        """Give a line up. recall: one that is owed is dropped when it comes."""
        which, way = self.place(number)
        line = self.find(number)
        if line is None or way is None:
            return None
        if line.ready is None:
            self.owing(number).recalled = recall
            return None
        self.sets[which][way] = None
        return line

    def free_register(self, t: int) -> Register | None:
        for register in self.registers:
            if register.busy_until is not None and register.busy_until <= t:
                return register
        return None

    def chance(self) -> int | None:
        """When the next register is free, as far as that is known."""
        known = [register.busy_until for register in self.registers if register.busy_until is not None]
        return min(known, default=None)

    def owing(self, number: int) -> Register:
        """The register of an owed line."""
        return next(r for r in self.registers if r.line == number and r.busy_until is None)

    def first_use(self, line: Line, t: int) -> None:
        line.prefetched = False
        self.counts["useful"] += 1
        self.counts["late"] += line.ready is None or line.ready > t

    def came_in(self, line: Line) -> None:
        """Tell the prefetcher."""
        if line.came_unasked:
            line.came_unasked = False
            self.prefetcher.on_prefetch_fill(line.number)
        else:
            self.prefetcher.on_demand_fill(line.number)


class Below(Protocol):
    """What the private caches ask of the rest of the chip."""

    def get(self, register: Register | None, line: int, ip: int, kind: Access, t: int) -> None:
        """Ask for a line in cycle t; no register: a prefetch into the last level."""

    def give_back(self, line: int, dirty: bool, t: int) -> None:
        """A line leaves the core."""


class PrivateCaches:
    """L1I, L1D and L2 of a core.

    owns: every line may be written, for no other core shares it; else there is a directory, and what the
    second level gives up the first does, too. sends_clean: lines that were not modified go
    down, too. has_last: there is a last level.
    """

    def __init__(
        self,
        code: Cache,
        data: Cache,
        second: Cache,
        below: Below,
        *,
        owns: bool = True,
        sends_clean: bool = False,
        has_last: bool = True,
    ) -> None:
        self.code, self.data, self.second = code, data, second
        self.below = below
        self.owns, self.sends_clean, self.has_last = owns, sends_clean, has_last

    # ---------------------------------------------------------------------------------------- the first level

    def access(
        self, cache: Cache, number: int, ip: int, t: int, kind: Access, told: Callable[[int, Level], None]
    ) -> tuple[int | None, Level]:
        """When the line is there for who asks in cycle t, and where it was found.

        None: it is owed, and `told` is called when it comes. Raises Refused.
        """
        line = cache.find(number)
        if line is None or (kind is Access.STORE and not line.writable):
            if line is not None and line.ready is None:
                raise Refused(None)  # until it comes, and shows whether it may be written
            ready = self._bring(cache, number, ip, t, kind, told)
            self._advise_first(cache, number, ip, t, kind, hit=False, first_use=False)
            return ready, Level.L2
        cache.hits[kind] += 1
        line.dirty |= kind is Access.STORE
        cache.use(number, ip)
        first_use = line.prefetched
        if first_use:
            cache.first_use(line, t)
        level = Level.L1
        if line.ready is None or line.ready > t:
            cache.merged[kind] += 1
            level = Level.L2
        if line.ready is None:
            cache.owing(number).waiters.insert(0, told)
        ready = line.ready
        self._advise_first(cache, number, ip, t, kind, hit=True, first_use=first_use)
        return None if ready is None else max(t + cache.config.latency, ready), level

    def _bring(
        self,
        cache: Cache,
        number: int,
        ip: int,
        t: int,
        kind: Access,
        told: Callable[[int, Level], None] | None,
    ) -> int | None:
        """The first level lacks the line, or may not write it."""
        is_prefetch = kind is Access.PREFETCH
        register, upgraded = cache.free_register(t), cache.find(number)
        way = cache.room(number) if upgraded is None else 0
        try:
            if register is None or way is None:
                raise Refused(cache.chance() if register is None else None)
            ready, owing, writable, first_use = self._second_level(number, ip, t + cache.config.latency, kind)
        except Refused:
            cache.counts["dropped" if is_prefetch else "refused"] += 1
            raise
        cache.misses[kind] += 1
        if upgraded is None:
            victim = cache.take_out(number, way)
            if victim is not None and victim.dirty:
                cache.counts["written_back"] += 1
                self._write_back(victim.number, t)
        line = upgraded or Line(number, ready)
        line.ready = ready
        line.dirty |= kind is Access.STORE
        line.writable |= writable or self.owns
        line.prefetched |= is_prefetch
        line.came_unasked |= is_prefetch
        if upgraded is None:
            cache.put(line, way, ip)
        register.line, register.busy_until, register.waiters = number, ready, []
        if owing is None:
            cache.came_in(line)
        else:
            if told is not None:
                register.waiters.append(told)
            owing.waiters.insert(0, partial(self._fill, cache, register, owing))
        if self.second.prefetches and kind <= Access.STORE:
            self._advise_second(number, ip, t + cache.config.latency, owing is None, first_use)
        return ready

    def _fill(self, cache: Cache, register: Register, below: Register, t: int, level: Level) -> None:
        """A line of the first level has come with that of register `below`."""
        line, source = cache.find(register.line), self.second.find(below.line)
        assert line is not None
        line.ready = register.busy_until = t
        line.writable |= source is not None and source.writable
        cache.came_in(line)
        for told in register.waiters:
            told(t, level)

    def _advise_first(
        self, cache: Cache, number: int, ip: int, t: int, kind: Access, *, hit: bool, first_use: bool
    ) -> None:
        """Prefetch into the first level after a demand access."""
        if not cache.prefetches or kind > Access.STORE:
            return
        for advice in cache.prefetcher.advise(ip, number, hit, first_use):
            if cache.find(advice.line) is None:
                with suppress(Refused):
                    self._bring(cache, advice.line, ip, t, Access.PREFETCH, None)

    # --------------------------------------------------------------------------------------- the second level

    def _second_level(
        self, number: int, ip: int, t: int, kind: Access
    ) -> tuple[int | None, Register | None, bool, bool]:
        """When the second level has the line, the register that owes it, whether it may be written; and
        whether it was prefetched and is asked for the first time.
        """
        cache = self.second
        line = cache.find(number)
        first_use, owing, writable = False, None, False
        ready: int | None = None
        if line is None:
            owing = self.miss(number, ip, t, kind)
        elif kind is Access.STORE and not line.writable:
            owing = self._upgrade(line, ip, t)
        else:
            cache.hits[kind] += 1
            cache.merged[kind] += line.ready is None or line.ready > t
            writable = line.writable
            first_use = line.prefetched and kind <= Access.STORE
            if first_use:
                cache.first_use(line, t)
            if kind is not Access.PREFETCH:
                cache.use(number, ip)
            if line.ready is None:
                owing = cache.owing(number)
            else:
                ready = max(t + cache.config.latency, line.ready)
        return ready, owing, writable, first_use

    def miss(self, number: int, ip: int, t: int, kind: Access) -> Register:
        """The second level asks below for a line that it lacks. Raises Refused."""
        cache = self.second
        register, way = cache.free_register(t), cache.room(number)
        if register is None or way is None:
            raise Refused(cache.chance() if register is None else None)
        cache.misses[kind] += 1
        self._evict_second(number, way, t)
        unasked = kind is Access.PREFETCH
        line = Line(number, None, writable=self.owns, prefetched=unasked, came_unasked=unasked)
        cache.put(line, way, ip)
        self._owe(register, number, ip, t, kind)
        return register

    def _upgrade(self, line: Line, ip: int, t: int) -> Register:
        """Ask for the right to write a line; it is owed meanwhile."""
        register = self.second.free_register(t)
        if line.ready is None or register is None:
            raise Refused(self.second.chance() if line.ready is not None else None)
        self.second.misses[Access.STORE] += 1
        line.ready = None
        self._owe(register, line.number, ip, t, Access.STORE)
        return register

    def _owe(self, register: Register, number: int, ip: int, t: int, kind: Access) -> None:
        register.line, register.busy_until, register.waiters = number, None, []
        self.below.get(register, number, ip, kind, t + self.second.config.latency)

    def _advise_second(self, number: int, ip: int, t: int, hit: bool, first_use: bool) -> None:
        """Prefetch into the second level, or the last, after a demand access of the second."""
        for advice in self.second.prefetcher.advise(ip, number, hit, first_use):
            if self.has_last and advice.below:
                self.below.get(None, advice.line, ip, Access.PREFETCH, t + self.second.config.latency)
            elif self.second.find(advice.line) is None:
                try:
                    self.miss(advice.line, ip, t, Access.PREFETCH)
                except Refused:
                    self.second.counts["dropped"] += 1

    def _evict_second(self, number: int, way: int, t: int) -> None:
        victim = self.second.take_out(number, way)
        if victim is not None and not self.owns:  # the directory knows what the second level has
            dropped = [cache.drop(victim.number, recall=False) for cache in (self.code, self.data)]
            victim.dirty |= any(line is not None and line.dirty for line in dropped)
        if victim is not None and (victim.dirty or self.sends_clean):
            self.second.counts["written_back"] += victim.dirty
            self.below.give_back(victim.number, victim.dirty, t)

    def _write_back(self, number: int, t: int) -> None:
        """A modified line leaves the first level: into the second, without being fetched."""
        line = self.second.find(number)
        if line is not None:
            line.dirty = True
            return
        way = self.second.room(number)
        if way is None:
            self.below.give_back(number, True, t)
            return
        self._evict_second(number, way, t)
        self.second.put_back(Line(number, t, dirty=True, writable=True), way)

    # ------------------------------------------------------------------------------------------------ answers

    def receive(self, register: Register, t: int, level: Level, *, dirty: bool, writable: bool) -> None:
        """The line of a register of the second level has come."""
        line = self.second.find(register.line)
        assert line is not None
        line.ready = register.busy_until = t
        line.dirty |= dirty
        line.writable |= writable
        self.second.came_in(line)
        for told in register.waiters:
            told(t, level)
        if register.recalled:
            register.recalled = False
            if self.drop(register.line):
                self.below.give_back(register.line, True, t)

    def drop(self, number: int) -> bool:
        """All caches give a line up; whether it had been modified."""
        caches = (self.code, self.data, self.second)
        dropped = [cache.drop(number, recall=self.owns) for cache in caches]
        return any(line is not None and line.dirty for line in dropped)

    def has(self, number: int) -> bool:
        """Could the core send the line to another?"""
        line = self.second.find(number)
        return line is not None and line.ready is not None

    def keep_copy(self, number: int) -> bool:
        """The core may no longer write a line; whether it had been modified."""
        was_dirty = False
        for cache in (self.data, self.second):
            line = cache.find(number)
            if line is not None and line.ready is not None:
                was_dirty |= line.dirty
                line.dirty = line.writable = False
        return was_dirty
