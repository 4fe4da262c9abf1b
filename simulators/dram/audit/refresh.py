"""What the audit asks of refresh: often enough for each rank and bank, not too early; counts of activates.

Truth: the refresh sections of the standards. A refresh command is due every tREFI / units (units: commands
that refresh the rank once); `postponed` and `pulledin` intervals of a rank may be owed or ahead. Per-bank and
same-bank refresh come in rounds: no bank twice before all of them once (JESD79-5, JESD209-4, JESD235). In
self-refresh the memory refreshes itself, and the count of refreshes owed or ahead stands still (JESD79-4);
after it one more refresh of all banks is due at once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulators.dram.audit.log import CommandLog, Indices, Limits, Mask, Violation, clash

_UNIT_COMMAND = {"AllBank": "REF", "PerBank": "REFPB", "SameBank": "REFSB"}


def refresh_violations(log: CommandLog, limits: Limits, end: int) -> Iterator[Violation]:
    """Refreshes that are late, early, missing, out of turn, or too far apart for a bank, until `end`."""
    if limits.refresh == "NoRefresh":
        return
    for rank in range(limits.ranks):
        of_rank = log.rank == rank
        owed = 0
        for start, until, exit_at in _stretches(log, of_rank, end):
            first = start if exit_at < 0 else _extra_refresh(log, of_rank, exit_at, until)
            if exit_at >= 0:
                yield from _exit_violations(log, limits, of_rank, (exit_at, first, until))
            refreshes = _counted(log, limits, of_rank, (first, until, exit_at))
            yield from _schedule_violations(log, limits, refreshes, (first, until), owed)
            owed += (until - first) // (limits["refi"] // limits.units) - len(refreshes)
        if limits.units > 1:
            yield from _turn_violations(log, limits, of_rank)
        yield from _retention_violations(log, limits, rank, end)


def activation_count_violations(log: CommandLog, limits: Limits) -> Iterator[Violation]:
    """The rolling count of activates of a bank (JESD79-5): each refresh management and each refresh takes
    `raa_initial` off, and it never exceeds `raa_maximum` (or `raa_initial`, where that is more)."""
    if not limits.raa_initial:
        return
    most = max(limits.raa_initial, limits.raa_maximum)
    for bank in range(limits.ranks * limits.banks):
        mine = (log.bank == bank) & log.mask(("ACT", "REFPB"))
        mine |= log.mask(("REFSB", "RFMSB")) & _same_set(log, limits, bank)
        mine |= log.mask(("REF", "RFM")) & (log.rank == bank // limits.banks)
        at = np.flatnonzero(mine)
        steps = np.where(log.mask(("ACT",))[at], 1, -limits.raa_initial)
        total = np.cumsum(steps)
        count = total - np.minimum(np.minimum.accumulate(total), 0)
        for k in np.flatnonzero(count > most):
            text = f"activate {count[k]} of bank {bank} without refresh management, {most} allowed"
            yield clash(log, "raa-maximum", at[k], -1, text)


def _stretches(log: CommandLog, of_rank: Mask, end: int) -> Iterator[tuple[int, int, int]]:
    """Time between self-refreshes: first cycle, last cycle, index of the exit that began it (-1)."""
    entries, exits = (np.flatnonzero(of_rank & log.mask((name,))) for name in ("SRE", "SRX"))
    starts = [(0, -1), *((int(log.cycle[k]), int(k)) for k in exits)]
    stops = [*(int(log.cycle[k]) for k in entries), end]
    for (start, exit_at), until in zip(starts, stops, strict=False):
        yield start, until, exit_at


def _extra_refresh(log: CommandLog, of_rank: Mask, exit_at: int, until: int) -> int:
    """Cycle of the refresh of all banks that follows an exit; `until` if none does."""
    refreshes = np.flatnonzero(of_rank & log.mask(("REF",)))
    behind = refreshes[refreshes > exit_at]
    return min(int(log.cycle[behind[0]]), until) if len(behind) else until


def _exit_violations(
    log: CommandLog, limits: Limits, of_rank: Mask, exit: tuple[int, int, int]
) -> Iterator[Violation]:
    exit_at, first, until = exit
    deadline = int(log.cycle[exit_at]) + limits["xs"] + _closing_cycles(limits)
    if first > deadline or (first == until and _is_entry(log, of_rank, until)):
        yield clash(log, "self-refresh-extra", exit_at, -1, "no refresh of all banks follows at once")


def _counted(log: CommandLog, limits: Limits, of_rank: Mask, stretch: tuple[int, int, int]) -> Indices:
    """The refreshes of a stretch that the rank owes; the one after an exit comes on top."""
    first, until, exit_at = stretch
    inside = of_rank & (log.cycle >= first + (exit_at >= 0)) & (log.cycle <= until)
    return np.flatnonzero(inside & log.mask((_UNIT_COMMAND[limits.refresh],)))


def _is_entry(log: CommandLog, of_rank: Mask, cycle: int) -> bool:
    return bool(np.any(of_rank & log.mask(("SRE",)) & (log.cycle == cycle)))


def _schedule_violations(
    log: CommandLog, limits: Limits, refreshes: Indices, stretch: tuple[int, int], owed: int
) -> Iterator[Violation]:
    """Refresh k is due (k + 1) intervals after the start, give or take; ranks need not start together.

    owed: refreshes that were due before the stretch and not made; a self-refresh cuts the last interval.
    """
    start, until = stretch
    interval, grace = limits["refi"] // limits.units, _closing_cycles(limits)
    cut = 1 if start else 0
    late_by = limits.postponed * limits.units - owed + cut
    early_by = limits.pulledin * limits.units + owed + cut
    due = start + (np.arange(len(refreshes)) + 1) * interval
    late = log.cycle[refreshes] - (due + late_by * interval + grace)
    phase = interval if limits.ranks > 1 and start == 0 else 0
    early = due - early_by * interval - phase - log.cycle[refreshes]
    for k in np.flatnonzero(late > 0):
        yield clash(log, "refresh-late", refreshes[k], -1, f"refresh {k} is {late[k]} cycles too late")
    for k in np.flatnonzero(early > 0):
        yield clash(log, "refresh-early", refreshes[k], -1, f"refresh {k} is {early[k]} cycles too early")
    if until > start + (len(refreshes) + 1 + late_by) * interval + grace:
        text = f"{len(refreshes)} refreshes in {until - start} cycles"
        yield Violation("refresh-count", until, len(log) - 1, -1, text)


def _turn_violations(log: CommandLog, limits: Limits, of_rank: Mask) -> Iterator[Violation]:
    """Refresh i of a rank belongs to round i // units, and so must be that refresh of its bank or set."""
    refreshes = np.flatnonzero(of_rank & log.mask((_UNIT_COMMAND[limits.refresh],)))
    unit = limits.bank_in_rank(log.bank[refreshes]) % limits.units
    order = np.argsort(unit, kind="stable")
    first = np.searchsorted(unit[order], unit[order])
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - first
    for k in np.flatnonzero(turn != np.arange(len(turn)) // limits.units):
        yield clash(log, "refresh-turn", refreshes[k], -1, f"its refresh {turn[k]} comes out of turn")


def _retention_violations(log: CommandLog, limits: Limits, rank: int, end: int) -> Iterator[Violation]:
    """Between two refreshes of a bank: the intervals owed and ahead, one more, and in rounds another one."""
    intervals = limits.postponed + limits.pulledin + 1 + int(limits.units > 1)
    longest = intervals * limits["refi"] + _closing_cycles(limits)
    everywhere = log.mask(("REF", "SRE", "SRX")) & (log.rank == rank)
    is_asleep = log.mask(("SRE",))
    for bank in range(rank * limits.banks, (rank + 1) * limits.banks):
        mine = everywhere | (log.mask(("REFPB",)) & (log.bank == bank))
        at = np.flatnonzero(mine | (log.mask(("REFSB",)) & _same_set(log, limits, bank)))
        cycles = np.concatenate([[0], log.cycle[at], [end]])
        asleep = np.concatenate([[False], is_asleep[at]])
        for k in np.flatnonzero((np.diff(cycles) > longest) & ~asleep):
            text = f"bank {bank} was not refreshed for {cycles[k + 1] - cycles[k]} cycles, {longest} allowed"
            yield Violation("retention", int(cycles[k + 1]), int(at[k]) if k < len(at) else -1, -1, text)


def _same_set(log: CommandLog, limits: Limits, bank: int) -> Mask:
    in_set: Mask = limits.bank_in_rank(log.bank) % limits.banks_per_group == bank % limits.banks_per_group
    in_set &= log.rank == bank // limits.banks
    return in_set


def _closing_cycles(t: Limits) -> int:
    """From the moment a refresh is forced until it can be issued: wake up, finish the columns of the banks
    just activated, turn the bus round once, close the banks, wait for the refresh before it."""
    columns = t.ranks * t.banks * t["ccd_l"] + t.read_data + 2 * t["burst"] + t.write_data + t["wtr_l"]
    closing = t["rc"] + t["ras"] + t["cwl"] + t["burst"] + t["wr"] + t["rpab"]
    return t["cke"] + t["xp"] + columns + closing + t["rfc"]
