"""The memory of ChampSim as a twin, cycle by cycle of its clock: the specification of ext/soc_champsim.pxd.

Written after the behaviour of ChampSim 2ff2501 (2025-05), the version that the numbers in
tests/oracles/champsim were measured with (Gober et al., "The Championship Simulator", arXiv:2210.14324). It
is here to compare our cores and caches with that simulator, not as a model of DRAM: it knows no tFAW, tRRD,
tWR, tWTR, tRTP and no commands. In a cycle, for each channel:

1. requests that have arrived take places in the queues of reads and of writes, reads first, each queue in
   order of arrival; the first that finds no place holds up those behind it;
2. a new write of a line that another write waits for goes; a new read of such a line is answered;
3. the burst on the bus ends: its bank is free, its request answered;
4. the direction changes (see `Channel.change_direction`): what was handed to banks goes back to its queue;
5. banks that are not busy are refreshed, all of them once in `refresh_interval`;
6. of the banks whose rows are ready the one that has been for longest puts its burst on the bus;
7. of the requests whose bank is not busy the oldest is handed to its bank, hit or not; nothing is if that
   bank is being refreshed.

A bank is busy from 7 to 3 of its request, so hits of a row follow each other at t_cas + burst at best.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulators.soc.champsim import ChampsimMemoryConfig


@dataclass(slots=True, eq=False)
class Request:
    """since: when it took its place, or was sent back to it."""

    line: int
    row: int
    bank: int
    since: int
    answer: Callable[[], None] | None
    is_new: bool = True
    is_scheduled: bool = False


@dataclass(slots=True, eq=False)
class Bank:
    """serves: the request that makes it busy. ready: when its burst may begin, or ends."""

    group: int
    row: int | None = None
    serves: Request | None = None
    is_hit: bool = False
    ready: int = 0
    refreshed_at: int | None = None
    needs_refresh: bool = False


class Channel:
    """One channel: its banks, its bus, its two queues of numbered places."""

    def __init__(self, config: ChampsimMemoryConfig) -> None:
        self.c = config
        self.banks = [Bank(group) for group in range(config.groups) for _ in range(config.banks)]
        self.reads: list[Request | None] = [None] * config.reads
        self.writes: list[Request | None] = [None] * config.writes
        self.is_writing = False
        self.on_bus: Bank | None = None
        self.bus_free = 0
        self.group_ready = [0] * config.groups
        self.next_refresh = config.refresh_interval
        self.counts = dict.fromkeys(
            ("read_hits", "read_misses", "write_hits", "write_misses", "refreshes", "forwarded"), 0
        )

    def tick(self, t: int) -> None:
        self.look_at_new()
        self.end_burst(t)
        self.change_direction(t)
        self.refresh(t)
        self.begin_burst(t)
        self.schedule(t)

    def is_written(self, line: int, but: Request | None) -> bool:
        """Does a write of the line wait, other than `but`?"""
        return any(w is not None and w.line == line and w is not but for w in self.writes)

    def look_at_new(self) -> None:
        for k, write in enumerate(self.writes):
            if write is not None and write.is_new:
                write.is_new = False
                if self.is_written(write.line, write):
                    self.writes[k] = None
        for k, read in enumerate(self.reads):
            if read is not None and read.is_new:
                read.is_new = False
                if self.is_written(read.line, None):
                    self.counts["forwarded"] += 1
                    self.reads[k] = None
                    _answer(read)

    def end_burst(self, t: int) -> None:
        bank = self.on_bus
        if bank is None or bank.ready > t:
            return
        done = bank.serves
        assert done is not None
        for queue in (self.reads, self.writes):
            if done in queue:
                queue[queue.index(done)] = None
        bank.serves = self.on_bus = None
        _answer(done)

    def change_direction(self, t: int) -> None:
        """Write when seven eighths of the writes' places are taken, or nothing is to be read; read when no
        write is left, or less than six eighths are taken and something is to be read.

        A row that would not have been ready within t_cas stays open. The bus is lost for `turn_around`.
        """
        n_reads, n_writes = (sum(r is not None for r in queue) for queue in (self.reads, self.writes))
        if self.is_writing:
            changes = n_writes == 0 or (n_reads > 0 and n_writes < self.c.writes * 6 // 8)
        else:
            changes = n_writes >= self.c.writes * 7 // 8 or (n_reads == 0 and n_writes > 0)
        if not changes:
            return
        for bank in self.banks:
            if bank.serves is None or bank is self.on_bus:
                continue
            if bank.ready < t + self.c.t_cas:
                bank.row = None
            bank.serves.is_scheduled, bank.serves.since = False, t
            bank.serves = None
        self.bus_free = self.c.turn_around + (t if self.on_bus is None else self.on_bus.ready)
        self.is_writing = not self.is_writing

    def refresh(self, t: int) -> None:
        if t >= self.next_refresh:
            self.next_refresh = t + self.c.refresh_interval
            self.counts["refreshes"] += 1
            for bank in self.banks:
                bank.needs_refresh = True
        for bank in self.banks:
            if bank.needs_refresh and bank.serves is None:
                bank.refreshed_at, bank.needs_refresh = t + self.c.refresh_time, False
            elif bank.refreshed_at is not None and bank.refreshed_at <= t:
                bank.refreshed_at = bank.row = None

    def begin_burst(self, t: int) -> None:
        """A burst begins `group_gap` after the end of one of the same bank group at the earliest."""
        busy = [bank for bank in self.banks if bank.serves is not None]
        if self.on_bus is not None or self.bus_free > t or not busy:
            return
        bank = min(busy, key=lambda one: one.ready)
        if bank.ready > t:
            return
        self.on_bus = bank
        bank.ready = max(t, self.group_ready[bank.group]) + self.c.burst
        self.group_ready[bank.group] = t + self.c.burst + self.c.group_gap
        direction, outcome = "write" if self.is_writing else "read", "hits" if bank.is_hit else "misses"
        self.counts[f"{direction}_{outcome}"] += 1

    def schedule(self, t: int) -> None:
        waiting = [
            request
            for request in (self.writes if self.is_writing else self.reads)
            if request is not None and not request.is_scheduled and self.banks[request.bank].serves is None
        ]
        if not waiting:
            return
        oldest = min(request.since for request in waiting)
        request = [one for one in waiting if one.since == oldest][-1]
        bank = self.banks[request.bank]
        if bank.refreshed_at is not None:
            return
        bank.is_hit = bank.row == request.row
        bank.ready = t + self.c.t_cas
        if not bank.is_hit:
            bank.ready += self.c.t_rcd if bank.row is None else self.c.t_rp + self.c.t_rcd
        bank.row, bank.serves, request.is_scheduled = request.row, request, True


class ChampsimMemory:
    """All channels. `take` in order of arrival, before the tick of that cycle."""

    def __init__(self, config: ChampsimMemoryConfig) -> None:
        self.config = config
        self.channels = [Channel(config) for _ in range(config.channels)]
        self.arrivals: tuple[deque[tuple[int, int, Callable[[], None] | None]], ...] = (deque(), deque())
        self.now = 0

    def take(self, line: int, cycle: int, answer: Callable[[], None] | None) -> None:
        """A line is to be read; answer None: written. It arrives in a cycle that has not been ticked."""
        self.arrivals[answer is None].append((cycle, line, answer))

    def tick(self) -> None:
        """One cycle; `answer` of what is done is called."""
        for waiting in self.arrivals:
            while waiting and waiting[0][0] <= self.now:
                _, line, answer = waiting[0]
                channel = self.channels[self.config.channel_of(line)]
                queue = channel.reads if answer is not None else channel.writes
                if None not in queue:
                    break
                row, bank = self.config.place_of(line)
                queue[queue.index(None)] = Request(line, row, bank, self.now, answer)
                waiting.popleft()
        for channel in self.channels:
            channel.tick(self.now)
        self.now += 1


def _answer(request: Request) -> None:
    if request.answer is not None:
        request.answer()
