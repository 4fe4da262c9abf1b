"""Rules of order, widths and room: when instructions enter the core, issue and leave it.

Widths and room are judged by counting what happens in a cycle and what is there at a time, not by the
recurrences with which the simulators find the next possible cycle.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulators.soc.audit.log import BEFORE_ALL, NOT_THERE, CoreLog, Indices, Violation

FETCHED_AHEAD = 64  # instructions between fetch and dispatch; docs/soc.md


def missing_violations(log: CoreLog) -> Iterator[Violation]:
    """Every instruction has four times."""
    for name in ("dispatched", "issued", "complete", "retired"):
        for k in np.flatnonzero(getattr(log, name) == NOT_THERE):
            yield log.found("recorded", k, f"it was never {name}")


def order_violations(log: CoreLog) -> Iterator[Violation]:
    """Dispatch and retirement are in program order; issue is, on a core that is in order."""
    rules = [("dispatch-order", log.dispatched), ("retire-order", log.retired)]
    if log.config.in_order:
        rules.append(("issue-order", log.issued))
    for rule, cycle in rules:
        for k in np.flatnonzero(cycle[1:] < cycle[:-1]) + 1:
            yield log.found(rule, k, f"in cycle {cycle[k]}, the one before it in {cycle[k - 1]}")


def width_violations(log: CoreLog) -> Iterator[Violation]:
    """No cycle has more of anything than there is room for."""
    config, loads = log.config, log.has_loads
    everything = np.ones(len(log), np.bool_)
    for rule, cycle, chosen, most in (
        ("dispatch-width", log.dispatched, everything, config.width),
        ("issue-width", log.issued, everything, config.issue_width),
        ("load-ports", log.issued, loads, config.load_ports),
        ("retire-width", log.retired, everything, config.width),
    ):
        number = np.flatnonzero(chosen)
        cycles, first, times = np.unique(cycle[number], return_index=True, return_counts=True)
        for k in np.flatnonzero(times > most):
            yield log.found(rule, number[first[k]], f"one of {times[k]} in cycle {cycles[k]}: at most {most}")


def room_violations(log: CoreLog) -> Iterator[Violation]:
    """Reorder buffer, load queue and registers for results never hold more than their size.

    A place is taken at dispatch, and free again in the cycle of retirement. A load queue has one for each
    instruction that loads.
    """
    everything = np.arange(len(log))
    results = np.repeat(everything, (log.program.destinations > 0).sum(axis=1))
    for rule, number, size in (
        ("rob", everything, log.config.rob),
        ("load-queue", np.flatnonzero(log.has_loads), log.config.load_queue),
        ("registers", results, log.config.registers or len(results)),
    ):
        entered = np.arange(1, len(number) + 1)
        left = np.searchsorted(np.sort(log.retired[number]), log.dispatched[number], side="right")
        held = entered - left
        for k in np.flatnonzero(held > size):
            yield log.found(rule, number[k], f"it is number {held[k]} there, with room for {size}")


def store_queue_violations(log: CoreLog) -> Iterator[Violation]:
    """No store enters before one that was as many stores earlier as there are places can have left.

    Stores go to the cache one a cycle, in order, from their retirement on, and are there after its latency;
    what they wait for longer the log does not say.
    """
    owner, size = log.store_owner, log.config.store_queue
    order = np.arange(len(owner))
    gone = np.maximum.accumulate(log.retired[owner] - order) + order + log.config.data.latency
    late = np.flatnonzero(log.dispatched[owner[size:]] < gone[: max(0, len(owner) - size)])
    for k in late:
        text = f"with {size} places, the store of instruction {owner[k]} leaves in {gone[k]} at the earliest"
        yield log.found("store-queue", owner[size + k], text)


def fetch_violations(log: CoreLog) -> Iterator[Violation]:
    """No dispatch before the front end can have brought the instruction.

    It brings `width` instructions a cycle, none behind a taken branch, and instruction n only after the
    dispatch of n - 64; dispatch comes `depth` cycles later.
    """
    n, width = len(log), log.config.width
    number = np.arange(n)
    not_before = np.zeros(n, np.int64)
    not_before[FETCHED_AHEAD:] = log.dispatched[: max(0, n - FETCHED_AHEAD)] + 1
    groups = np.concatenate([[0], np.cumsum(log.program.taken)[:-1]])
    by_branches = np.maximum.accumulate(not_before - groups) + groups
    by_width = (np.maximum.accumulate(not_before * width - number) + number) // width
    fetched = np.maximum(by_branches, by_width)
    for k in np.flatnonzero(log.dispatched < fetched + log.config.depth):
        yield log.found("fetch", k, f"fetched in {fetched[k]} at the earliest, {log.config.depth} before")


def retirement_violations(log: CoreLog) -> Iterator[Violation]:
    """An instruction retires when it is complete, and not later than order and width make it."""
    for k in np.flatnonzero(log.retired < log.complete):
        yield log.found("retire-complete", k, "retired before it was complete")
    before = _shifted(log.retired, 1)
    no_room = _shifted(log.retired, log.config.width) + 1
    due = np.maximum(np.maximum(log.complete, before), no_room)
    for k in np.flatnonzero(log.retired > due):
        yield log.found("retire-late", k, f"nothing held it after {due[k]}")


def _shifted(cycle: NDArray[np.int64], by: int) -> Indices:
    """The time of the instruction so many earlier."""
    found = np.full(len(cycle), BEFORE_ALL, np.int64)
    found[by:] = cycle[: max(0, len(cycle) - by)]
    return found
