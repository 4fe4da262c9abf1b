"""Address translation of a core: two levels of buffers, and walks: the specification of ext/soc_walks.pxd.

A walk reads one entry of each level of the page tables after the other through the second cache, beginning
below what the walker's caches know. The instruction that asked tries again when it ends; who finds no walk
free waits for the end of walk number page modulo walks. The page enters the buffers at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.soc.config import TranslationConfig
from simulators.soc.twin.caches import Access, PrivateCaches, Refused
from simulators.soc.twin.program import Page
from simulators.soc.twin.tlb import Tlb, Walker


@dataclass(slots=True, eq=False)
class Walk:
    """A walk under way. at: when it goes on; None while a line is owed to it, or no register is free.

    level: read next; below the leaf: it ends. for_fetch: it began so: its page goes to the buffer of code.
    fetch_waits, retries: who tries again then, loads and stores the latest first.
    """

    page: Page
    at: int | None
    level: int
    blocked: bool = False
    for_fetch: bool = False
    fetch_waits: bool = False
    retries: list[Callable[[int], None]] = field(default_factory=list)


class Translation:
    """number_of: the number of a page among those of all programs."""

    def __init__(
        self,
        config: TranslationConfig,
        walks: int,
        caches: PrivateCaches,
        number_of: Callable[[Page], int],
    ) -> None:
        self.config = config
        self.caches = caches
        self.number_of = number_of
        self.code, self.data = Tlb(*config.code), Tlb(*config.data)
        self.second = Tlb(*config.second)
        levels = {2: config.level2, 3: config.level3, 4: config.level4, 5: config.level5}
        known = {level: size for level, size in levels.items() if size[0]}
        self.walker = Walker(config.levels, config.leaf, known)
        self.walks: list[Walk | None] = [None] * walks
        self.counts = dict.fromkeys(("walks", "first_tlb_misses", "second_tlb_misses"), 0)

    def look_up(self, first: Tlb, page: Page, t: int, retry: Callable[[int], None] | None) -> int | None:
        """When the frame of the page is known to who asks in cycle t; None: `retry` is called after a walk.

        retry None: of fetching.
        """
        if first.find(page.key, page.number):
            return t
        self.counts["first_tlb_misses"] += 1
        walk = next((w for w in self.walks if w is not None and w.page.key == page.key), None)
        if walk is None:
            if self.second.find(page.key, page.number):
                first.insert(page.key, page.number)
                return t + self.config.second_latency
            self.counts["second_tlb_misses"] += 1
            walk = self._begin(page, t + self.config.second_latency, retry is None)
        if retry is None:
            walk.fetch_waits = True
        else:
            walk.retries.insert(0, retry)
        return None

    def _begin(self, page: Page, t: int, for_fetch: bool) -> Walk:
        """A walk for the page; where none is free, the one whose end is waited for."""
        if None not in self.walks:
            busy = self.walks[self.number_of(page) % len(self.walks)]
            assert busy is not None
            return busy
        walk = Walk(page, t, self.walker.first_level(*page.key), for_fetch=for_fetch)
        self.walks[self.walks.index(None)] = walk
        self.counts["walks"] += 1
        return walk

    def unblock(self, t: int) -> None:
        """After an answer from below the second level."""
        for walk in self.walks:
            if walk is not None and walk.blocked:
                walk.blocked, walk.at = False, t

    def tick(self, t: int, fetch_again: Callable[[int], None]) -> None:
        """Walks whose time has come read the next entry, or end."""
        for number, walk in enumerate(self.walks):
            while walk is not None and walk.at is not None and walk.at <= t:
                if walk.level >= self.config.leaf:
                    self._read(walk, t)
                    continue
                self.walks[number] = None
                self._end(walk, t, fetch_again)
                break

    def _end(self, walk: Walk, t: int, fetch_again: Callable[[int], None]) -> None:
        self.second.insert(walk.page.key, walk.page.number)
        (self.code if walk.for_fetch else self.data).insert(walk.page.key, walk.page.number)
        if walk.fetch_waits:
            fetch_again(t)
        for retry in walk.retries:
            retry(t)

    def _read(self, walk: Walk, t: int) -> None:
        """The entry of the walk's level, through the second cache."""
        cache = self.caches.second
        number = walk.page.entries[walk.level - 1]
        line = cache.find(number)
        if line is not None:
            cache.hits[Access.WALK] += 1
            cache.merged[Access.WALK] += line.ready is None or line.ready > t
            cache.use(number, 0)
            if line.ready is not None:
                walk.at = max(t + cache.config.latency, line.ready)
                self._go_down(walk)
                return
            owing = cache.owing(number)
        else:
            try:
                owing = self.caches.miss(number, 0, t, Access.WALK)
            except Refused as refusal:
                walk.at, walk.blocked = refusal.chance, refusal.chance is None
                return
        walk.at = None
        owing.waiters.insert(0, lambda now, _level: self._come(walk, now))

    def _come(self, walk: Walk, t: int) -> None:
        walk.at = t
        self._go_down(walk)

    def _go_down(self, walk: Walk) -> None:
        self.walker.learn(*walk.page.key, walk.level)
        walk.level -= 1
