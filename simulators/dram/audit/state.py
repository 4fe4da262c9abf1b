"""What the audit asks of each command by itself: the state of its bank and rank, and a bus that is free.

Truth: the command truth tables and state diagrams of the standards; the buses of `audit.log.Limits`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulators.dram.audit.log import (
    ALL_BANKS_CLOSED,
    BANK_COMMANDS,
    COLUMNS,
    COMMANDS,
    READS,
    SET_COMMANDS,
    CommandLog,
    History,
    Index,
    Indices,
    Limits,
    Mask,
    Violation,
    clash,
)

_NEED_CLOSED = ("ACT", "VRR", "REFPB")
_NEED_OPEN = ("PRE", *COLUMNS)
_CHANGES = ("ACT", "PRE", "RDA", "WRA")


def range_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Banks and ranks exist, and a bank lies in the rank that is named with it."""
    for k in np.flatnonzero((log.rank < 0) | (log.rank >= limits.ranks)):
        yield clash(log, "rank-range", k, -1, f"rank {log.rank[k]} of {limits.ranks}")
    is_banked = log.mask((*BANK_COMMANDS, *SET_COMMANDS))
    first = log.rank * limits.banks
    outside = is_banked & ((log.bank < first) | (log.bank >= first + limits.banks))
    for k in np.flatnonzero(outside):
        text = f"bank {log.bank[k]}, rank {log.rank[k]} has {first[k]} to {first[k] + limits.banks - 1}"
        yield clash(log, "bank-range", k, -1, text)


def command_bus_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Time does not run backwards, and a bus carries one command at a time, for all its clocks."""
    del history
    for k in np.flatnonzero(np.diff(log.cycle) < 0):
        yield clash(log, "command-bus", k + 1, k, "not after the command before it")
    clocks = np.array([limits.clocks(name) for name in COMMANDS])[log.code]
    on_columns = log.mask(COLUMNS)
    buses = (on_columns, ~on_columns) if limits.has_pseudo_channels else (np.ones(len(log), dtype=bool),)
    for bus in buses:
        at = np.flatnonzero(bus)
        for k in np.flatnonzero(np.diff(log.cycle[at]) < clocks[at[:-1]]):
            yield clash(log, "command-bus", at[k + 1], at[k], f"which takes {clocks[at[k]]} clocks")


def data_bus_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Bursts on one data bus do not overlap, and those of two ranks leave it a gap of tRTRS."""
    del history
    columns = log.where(*COLUMNS)
    is_read = log.mask(READS)[columns]
    start = log.cycle[columns] + np.where(is_read, limits.read_data, limits.write_data)
    bus = log.rank[columns] if limits.has_pseudo_channels else np.zeros_like(columns)
    order = np.lexsort((start, bus))
    columns, start, bus = columns[order], start[order], bus[order]
    is_switch = np.diff(log.rank[columns]) != 0
    needed = limits["burst"] + np.where(is_switch, limits["rtrs"], 0)
    clashes = (np.diff(start) < needed) & (np.diff(bus) == 0)
    for k in np.flatnonzero(clashes):
        rule = "tRTRS" if is_switch[k] and start[k + 1] - start[k] >= limits["burst"] else "data-bus"
        pair = max(columns[k], columns[k + 1]), min(columns[k], columns[k + 1])
        yield clash(log, rule, *pair, f"data {start[k + 1] - start[k]} clocks apart, {needed[k]} needed")


def row_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Columns go to the open row; activates and refreshes to closed banks; a precharge closes something."""
    last, closed = history.last(_CHANGES, "bank"), history.last(("PREA",), "rank")
    is_open = (last > closed) & log.mask(("ACT",))[last]
    for k in np.flatnonzero(log.mask(_NEED_CLOSED) & is_open):
        yield clash(log, "bank-open", k, last[k], "the bank is open")
    for k in np.flatnonzero(log.mask(_NEED_OPEN) & ~is_open):
        yield clash(log, "bank-closed", k, -1, "the bank is closed")
    for k in np.flatnonzero(log.mask(COLUMNS) & is_open & (log.row != log.row[last])):
        yield clash(log, "row", k, last[k], f"row {log.row[k]}, open is {log.row[last[k]]}")
    yield from _many_bank_violations(log, limits)


def _many_bank_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """Commands to a rank or to a set of banks: refreshes find them closed, PREA finds one open."""
    asked = log.where("PREA", *ALL_BANKS_CLOSED, *SET_COMMANDS)
    if not len(asked):
        return
    holder = np.full(len(asked), -1, dtype=np.int64)
    of_set = log.mask(SET_COMMANDS)[asked]
    its_set = limits.bank_in_rank(log.bank[asked]) % limits.banks_per_group
    for bank in range(limits.ranks * limits.banks):
        reached = (log.rank[asked] == bank // limits.banks) & (
            ~of_set | (its_set == bank % limits.banks_per_group)
        )
        holder = np.where(reached, np.maximum(holder, _holders(log, limits, bank, asked)), holder)
    is_prea = log.mask(("PREA",))[asked]
    for k in np.flatnonzero(~is_prea & (holder >= 0)):
        yield clash(log, "refresh-open", asked[k], holder[k], "a bank is open")
    for k in np.flatnonzero(is_prea & (holder < 0)):
        yield clash(log, "bank-closed", asked[k], -1, "every bank is closed")


def _holders(log: CommandLog, limits: Limits, bank: int, at: Indices) -> Indices:
    """The activate that holds `bank` open just before each command of `at`; -1 when it is closed."""
    closes_all = log.mask(("PREA",)) & (log.rank == bank // limits.banks)
    changes = np.flatnonzero((log.mask(_CHANGES) & (log.bank == bank)) | closes_all)
    if not len(changes):
        return np.full(len(at), -1, dtype=np.int64)
    position = np.searchsorted(changes, at) - 1
    last = changes[np.maximum(position, 0)]
    return np.where((position >= 0) & log.mask(("ACT",))[last], last, -1)


def sleep_violations(log: CommandLog, limits: Limits, history: History) -> Iterator[Violation]:
    """Powered down, only PDX is heard; in self-refresh, only SRX; each exit needs its entry."""
    del limits
    last = history.last(("PDE", "PDX", "SRE", "SRX"), "rank")
    for entry, leave, asleep, awake in (
        ("PDE", "PDX", "powered-down", "power-up"),
        ("SRE", "SRX", "in-self-refresh", "self-refresh-exit"),
    ):
        is_down = (last >= 0) & log.mask((entry,))[last]
        is_exit = log.mask((leave,))
        yield from _each(log, asleep, is_down & ~is_exit, last, f"the rank hears only {leave}")
        yield from _each(log, awake, ~is_down & is_exit, last, f"there was no {entry}")


def _each(log: CommandLog, rule: str, at: Mask, earlier: Indices, text: str) -> Iterator[Violation]:
    k: Index
    for k in np.flatnonzero(at):
        yield clash(log, rule, k, earlier[k], text)
