"""An independent judge of command logs: every timing rule, row state, refresh, power-down and bus.

Shares no code and no table with the twin or the engine; the only input besides the log is the device's timing
values, its organisation and the name of its standard. Written from the JEDEC standards (`audit.rules`).
It looks backwards: for each command, the last earlier command that a rule names, wherever it is in the log;
the simulators look forwards, keeping the first legal cycle. Vectorised with numpy, so that logs of millions
of commands can be judged; it reads the logs of other simulators too. Channels are judged one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from simulators.dram.audit.log import (
    COLUMNS,
    WRITES,
    CommandLog,
    History,
    Indices,
    Limits,
    Mask,
    Served,
    Violation,
    clash,
)
from simulators.dram.audit.refresh import activation_count_violations, refresh_violations
from simulators.dram.audit.rules import Spacing, four_activate_violations, spacing_violations, spacings
from simulators.dram.audit.state import (
    command_bus_violations,
    data_bus_violations,
    range_violations,
    row_violations,
    sleep_violations,
)

__all__ = ["CommandLog", "Limits", "Served", "Spacing", "Violation", "audit", "spacings"]


def audit(
    log: CommandLog,
    limits: Limits,
    requests: Served | None = None,
    *,
    end_cycle: int | None = None,
    most_per_rule: int = 100,
) -> list[Violation]:
    """Every violation, by cycle; empty for a log that keeps all rules.

    requests: checks that each was served once, at its own place and in its direction.
    end_cycle: refresh is due until then; the last command when None.
    most_per_rule: how many violations of one rule are listed, in each channel.
    """
    unknown = np.flatnonzero(log.code < 0)
    if len(unknown):
        return [
            Violation("command", int(log.cycle[i]), int(i), -1, f"{log.command[i]!r} is unknown")
            for i in unknown
        ]
    end = end_cycle if end_cycle is not None else int(log.cycle.max()) if len(log) else 0
    found: list[Violation] = []
    for channel in np.unique(log.channel):
        at = np.flatnonzero(log.channel == channel)
        for violation in _cut(_channel_violations(log.take(at), limits, end), most_per_rule):
            earlier = int(at[violation.earlier]) if violation.earlier >= 0 else -1
            found.append(violation._replace(command=int(at[violation.command]), earlier=earlier))
    if requests is not None:
        found += _cut(_service_violations(log, requests), most_per_rule)
    return sorted(found, key=lambda violation: (violation.cycle, violation.command))


def _channel_violations(log: CommandLog, limits: Limits, end: int) -> Iterator[Violation]:
    outside = list(range_violations(log, limits))
    yield from outside
    if outside:  # the other rules are about banks that exist
        return
    history = History(log, limits)
    for check in _CHECKS:
        yield from check(log, limits, history)
    yield from refresh_violations(log, limits, end)
    yield from activation_count_violations(log, limits)


def _service_violations(log: CommandLog, requests: Served) -> Iterator[Violation]:
    """Each request is served by one column command; with indices in the log, row commands are checked too."""
    if np.any(log.request >= 0):
        yield from _indexed_service(log, requests)
        return
    columns = log.where(*COLUMNS)
    is_write = log.mask(WRITES)[columns]
    wanted = np.stack([*_places(requests), requests.is_write], axis=1).astype(np.int64)
    done = (log.channel, log.bank, log.row, log.column)
    served = np.stack([*(values[columns] for values in done), is_write], axis=1)
    places, number = np.unique(np.concatenate([wanted, served]), axis=0, return_inverse=True)
    of_wanted, of_done = np.split(number.reshape(-1), [len(wanted)])
    surplus = np.bincount(of_done, minlength=len(places)) - np.bincount(of_wanted, minlength=len(places))
    if requests.forwards:
        surplus = np.maximum(surplus, 0)
    for k in np.flatnonzero(surplus):
        channel, bank, row, column, write = (int(value) for value in places[k])
        what = f"{'write' if write else 'read'} of channel {channel} bank {bank} row {row} column {column}"
        yield _at_the_end(log, f"{what}: served {surplus[k]:+d} times too often")


def _places(requests: Served) -> tuple[Indices, ...]:
    """Channel, bank, row and column of each request."""
    channel = np.zeros(len(requests.bank)) if requests.channel is None else requests.channel
    columns = (channel, requests.bank, requests.row, requests.column)
    return tuple(np.asarray(values, dtype=np.int64) for values in columns)


def _indexed_service(log: CommandLog, requests: Served) -> Iterator[Violation]:
    n = len(requests.bank)
    for k in np.flatnonzero(log.request >= n):
        yield clash(log, "served", k, -1, f"request {log.request[k]} of {n} does not exist")
    owned = np.flatnonzero((log.request >= 0) & (log.request < n))
    of = log.request[owned]
    channel, bank, row, column = (values[of] for values in _places(requests))
    wrong = (log.channel[owned] != channel) | (log.bank[owned] != bank) | (log.row[owned] != row)
    is_column = log.mask(COLUMNS)[owned]
    wrong |= is_column & (log.column[owned] != column)
    wrong |= is_column & (log.mask(WRITES)[owned] != requests.is_write[of].astype(bool))
    if requests.arrival is not None:
        wrong |= is_column & (log.cycle[owned] < requests.arrival[of])
    for k in owned[wrong]:
        yield clash(log, "served", k, -1, f"not what request {log.request[k]} asked for")
    times = np.bincount(of[is_column], minlength=n)
    allowed = times == 1
    if requests.forwards:
        allowed |= (times == 0) & _written_by_others(requests)
    for request in np.flatnonzero(~allowed):
        yield _at_the_end(log, f"request {request} was served {times[request]} times")


def _written_by_others(requests: Served) -> Mask:
    """Requests to a place that another one writes: its data, or its entry, can stand for them."""
    _, place = np.unique(np.stack(_places(requests), axis=1), axis=0, return_inverse=True)
    place = place.reshape(-1)
    is_write = np.asarray(requests.is_write, dtype=bool)
    others: Mask = np.bincount(place[is_write], minlength=len(place))[place] > is_write
    return others


def _at_the_end(log: CommandLog, text: str) -> Violation:
    return Violation("served", int(log.cycle[-1]) if len(log) else 0, len(log) - 1, -1, text)


def _cut(violations: Iterator[Violation], most: int) -> list[Violation]:
    """The first `most` violations of each rule."""
    seen: Counter[str] = Counter()
    kept = []
    for violation in violations:
        seen[violation.rule] += 1
        if seen[violation.rule] <= most:
            kept.append(violation)
    return kept


_CHECKS: tuple[Callable[[CommandLog, Limits, History], Iterator[Violation]], ...] = (
    command_bus_violations,
    spacing_violations,
    four_activate_violations,
    data_bus_violations,
    row_violations,
    sleep_violations,
)
