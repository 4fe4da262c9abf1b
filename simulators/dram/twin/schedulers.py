"""Which request of a bank is served next: the schedulers of the twin, each a function of a channel and a
bank.

Fifo, FrFcfs and FrFcfsGrp are those of DRAMSys 4.0. FrFcfsCap bounds how often younger row hits may overtake
(Mutlu and Moscibroda, MICRO 2007); GrpFrFcfs and GrpFrFcfsWm group reads and writes, by the last direction
and by watermarks of the write queue; Bliss sets back sources that were served many times in a row
(Subramanian et al., ICCD 2014). From Fcfs on, no request overtakes an older one to the same line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.policies import BLISS, GRP_FR_FCFS_WM
from simulators.dram.twin.rank import Bank, Request


class ChannelView(Protocol):
    """What a scheduler may look at (see `simulators.dram.twin.channel`).

    now: the cycle; last_is_write: direction of the last column command; write_mode: watermarks say that
    writes are drained; blacklist: sources set back; oldest: the listed request that entered first.
    """

    c: ControllerConfig
    now: int
    banks: list[Bank]
    last_is_write: bool

    @property
    def write_mode(self) -> bool: ...
    @property
    def blacklist(self) -> set[int]: ...
    @property
    def oldest(self) -> Request | None: ...


def next_request(channel: ChannelView, bank: Bank) -> Request | None:
    """The request of the non-empty list of `bank` that the configured scheduler serves next; None to wait."""
    return _SCHEDULERS[channel.c.scheduler](channel, bank)


def eligible(requests: Iterable[Request]) -> list[Request]:
    """Those without an older one to the same line among them."""
    first_of_line: dict[tuple[int, int, int], Request] = {}
    for request in requests:
        first_of_line.setdefault(request.line, request)
    return list(first_of_line.values())


def oldest_miss(channel: ChannelView, bank: Bank) -> Request | None:
    """The oldest request (eligible, where the scheduler cares) that needs another row than the open one."""
    has_hazard_rule = _SCHEDULERS[channel.c.scheduler] not in (_fifo, _fr_fcfs, _fr_fcfs_grp)
    requests = eligible(bank.queue) if has_hazard_rule else bank.queue
    return next((request for request in requests if request.row != bank.open_row), None)


def _hits(bank: Bank, requests: list[Request]) -> list[Request]:
    return [request for request in requests if request.row == bank.open_row]


def _fifo(channel: ChannelView, bank: Bank) -> Request:
    return bank.queue[0]


def _fr_fcfs(channel: ChannelView, bank: Bank) -> Request:
    """The oldest row hit, else the oldest."""
    return (_hits(bank, bank.queue) or bank.queue)[0]


def _fr_fcfs_grp(channel: ChannelView, bank: Bank) -> Request:
    """Hits of the last direction first, but none before an older hit to the same line."""
    hits = _hits(bank, bank.queue)
    same = [request for request in eligible(hits) if request.is_write == channel.last_is_write]
    return (same or hits or bank.queue)[0]


def _fcfs(channel: ChannelView, bank: Bank) -> Request | None:
    """Only the oldest request of the whole channel."""
    return bank.queue[0] if bank.queue[0] is channel.oldest else None


def _fr_fcfs_cap(channel: ChannelView, bank: Bank) -> Request:
    """As FrFcfs, but after so many column commands the oldest request closes the row of the others."""
    capped = not bank.is_fresh and bank.columns >= channel.c.row_hit_cap
    return bank.queue[0] if capped else _fr_fcfs(channel, bank)


def _grp_fr_fcfs(channel: ChannelView, bank: Bank) -> Request:
    """First ready among the requests of the last direction."""
    return _preferring(bank, lambda request: request.is_write == channel.last_is_write)


def _grp_fr_fcfs_wm(channel: ChannelView, bank: Bank) -> Request:
    """First ready among reads, or among writes while they are drained."""
    return _preferring(bank, lambda request: request.is_write == channel.write_mode)


def _bliss(channel: ChannelView, bank: Bank) -> Request:
    """First ready among the requests of sources that are not blacklisted."""
    return _preferring(bank, lambda request: request.source not in channel.blacklist)


def _preferring(bank: Bank, is_preferred: Callable[[Request], bool]) -> Request:
    """First ready among the preferred ones if there are any. A row just opened serves one hit at least."""
    candidates = eligible(bank.queue)
    preferred = [request for request in candidates if is_preferred(request)] or candidates
    hits = _hits(bank, preferred)
    if not hits and bank.is_fresh:
        hits = _hits(bank, bank.queue)
    return (hits or preferred)[0]


_SCHEDULERS: tuple[Callable[[ChannelView, Bank], Request | None], ...] = (
    _fifo, _fr_fcfs_grp, _fr_fcfs, _fcfs, _fr_fcfs_cap, _grp_fr_fcfs, _grp_fr_fcfs_wm, _bliss,
)  # fmt: skip


class WriteDrain:
    """Watermarks of the write queue: writes are drained above the high one, or while there is nothing to
    read, until few are left and a read waits.
    """

    def __init__(self) -> None:
        self.on = False

    def update(self, config: ControllerConfig, queued: list[int]) -> bool:
        """`queued`: buffer entries of reads and of writes. True if the mode has changed."""
        reads, writes = queued
        low = min(config.write_low_watermark, config.write_high_watermark)
        was_on = self.on
        if config.scheduler != GRP_FR_FCFS_WM:
            self.on = False
        elif not self.on:
            self.on = writes > config.write_high_watermark or (reads == 0 and writes > 0)
        else:
            self.on = not (writes == 0 or (writes <= low and reads > 0))
        return self.on != was_on


class Blacklist:
    """Bliss: sources with `bliss_streak` column commands in a row, forgotten every `bliss_clear` cycles."""

    def __init__(self) -> None:
        self.sources: set[int] = set()
        self.last_source = -1
        self.streak = 0
        self.epoch = 0

    def start_cycle(self, config: ControllerConfig, now: int) -> bool:
        """True if the list is forgotten in this cycle."""
        epoch = now // config.bliss_clear if config.bliss_clear > 0 else self.epoch
        forgotten = epoch != self.epoch and bool(self.sources)
        if epoch != self.epoch:
            self.sources.clear()
        self.epoch = epoch
        return forgotten

    def count_column(self, config: ControllerConfig, source: int) -> None:
        if config.scheduler != BLISS:
            return
        self.streak = self.streak + 1 if source == self.last_source else 1
        self.last_source = source
        if self.streak >= config.bliss_streak:
            self.sources.add(source)
            self.streak = 0
