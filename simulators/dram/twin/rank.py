"""Requests, banks and ranks as the twin sees them: what is queued, which rows are open, who sleeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.dram.config import ControllerConfig
from simulators.dram.twin.record import Counters


@dataclass(slots=True)
class Request:
    """One burst: where it goes (bank: flat in the channel), and the cycles in which things happened to it
    (-1: not yet). holds_entry: it takes a place in the request buffer.
    """

    index: int
    arrival: int
    channel: int
    bank: int
    row: int
    column: int
    is_write: bool
    source: int
    id: int = -1
    accept: int = -1
    ready: int = -1
    finish: int = -1
    handed_over: bool = False
    holds_entry: bool = False
    activated: bool = False
    conflicted: bool = False

    @property
    def line(self) -> tuple[int, int, int]:
        return (self.bank, self.row, self.column)


@dataclass(slots=True)
class Bank:
    """State of one bank. number: flat in the channel; queue: its listed requests in order of admission;
    entries: places that its requests take in the buffer; columns: column commands since the last ACT;
    used_at: cycle of the last ACT or column command; victim: an aggressor's row whose neighbours are to be
    refreshed.
    """

    number: int
    rank: int
    queue: list[Request] = field(default_factory=list)
    entries: int = 0
    open_row: int | None = None
    activated_at: int = 0
    used_at: int = 0
    columns: int = 0
    victim: int | None = None

    @property
    def is_fresh(self) -> bool:
        """Opened, and no column command since."""
        return self.open_row is not None and self.columns == 0


class Rank:
    """Banks that share refresh and power states.

    open_banks: logically open ones. active_end: when the last row that was closed is physically closed (an
    auto-precharge takes a while); active_since: start of the present interval with a row physically open.
    hold_delay: cycles from the decision to force a refresh until its banks are held.
    idle_since, quiet_since: from when the timeouts of power-down and self-refresh count.
    """

    def __init__(self, config: ControllerConfig, number: int, counters: Counters, hold_delay: int) -> None:
        self.number = number
        self.hold_delay = hold_delay
        self.counters = counters
        self.n_groups = config.n_bank_groups
        self.banks_per_group = config.banks_per_group
        first = number * config.n_banks
        self.banks = [Bank(first + b, number) for b in range(config.n_banks)]
        self.listed = 0
        self.open_banks = 0
        self.active_end = 0
        self.active_since = 0
        self.powered_down = False
        self.down_is_active = False
        self.in_self_refresh = False
        self.asleep_since = 0
        self.idle_since = 0
        self.quiet_since = 0

    @property
    def is_asleep(self) -> bool:
        return self.powered_down or self.in_self_refresh

    def bank_set(self, index: int) -> list[Bank]:
        """The banks number `index` of all groups: what a same-bank command goes to."""
        return [self.banks[group * self.banks_per_group + index] for group in range(self.n_groups)]

    def open_row(self, bank: Bank, row: int, now: int) -> None:
        bank.open_row = row
        bank.columns = 0
        bank.activated_at = bank.used_at = now
        if self.open_banks == 0 and now >= self.active_end:
            self.counters.active_cycles += self.active_end - self.active_since
            self.active_since = now
        self.open_banks += 1

    def close_row(self, bank: Bank, physical_close: int) -> None:
        bank.open_row = None
        self.open_banks -= 1
        self.active_end = max(self.active_end, physical_close)

    def close_all(self, now: int) -> int:
        """How many rows were open."""
        open_ones = [bank for bank in self.banks if bank.open_row is not None]
        for bank in open_ones:
            self.close_row(bank, now)
        return len(open_ones)

    def fall_asleep(self, now: int, *, self_refresh: bool) -> None:
        self.powered_down, self.in_self_refresh = not self_refresh, self_refresh
        self.down_is_active = self.open_banks > 0
        self.asleep_since = now

    def wake_up(self, now: int) -> None:
        self.counters.count(self._sleeping_counter, now - self.asleep_since)
        if self.in_self_refresh:
            self.quiet_since = now
        self.idle_since = now
        self.powered_down = self.in_self_refresh = False

    def close_intervals(self, counters: Counters, end: int) -> None:
        """Adds to `counters` the intervals that are still open, cut off at cycle `end`."""
        last = end if self.open_banks else min(self.active_end, end)
        counters.active_cycles += max(0, last - self.active_since)
        if self.is_asleep:
            counters.count(self._sleeping_counter, end - self.asleep_since)

    @property
    def _sleeping_counter(self) -> str:
        if self.in_self_refresh:
            return "sr_cycles"
        return "active_pd_cycles" if self.down_is_active else "precharge_pd_cycles"
