"""Rules of execution: what an instruction waits for, how long it takes, that it waits for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulators.soc.audit.log import BEFORE_ALL, WORD_BITS, CoreLog, Indices, Violation


def dependence_violations(log: CoreLog) -> Iterator[Violation]:
    """Issue comes after dispatch, after the last writers of all sources, and after the last store to what is
    loaded first."""
    for k in np.flatnonzero(log.issued <= log.dispatched):
        yield log.found("issue-after-dispatch", k, "issued in the cycle of its dispatch or before")
    for rule, producer in (*(("source", who) for who in _last_writers(log)), ("store", _last_store(log))):
        for k in np.flatnonzero((producer >= 0) & (log.issued < log.complete[producer])):
            text = f"needs instruction {producer[k]}, which is complete in {log.complete[producer[k]]}"
            yield log.found(rule, k, text)


def latency_violations(log: CoreLog) -> Iterator[Violation]:
    """Nothing is complete before its latency has passed; what does not touch memory is complete exactly then.

    A load takes the first level's latency at least, in parallel with its operation.
    """
    latency = np.array(log.config.latency_of)[log.program.operation]
    took = log.complete - log.issued
    least = np.where(log.has_loads, np.maximum(latency, log.config.data.latency), latency)
    for k in np.flatnonzero(took < least):
        yield log.found("latency", k, f"complete after {took[k]} cycles: {least[k]} at least")
    is_exact = ~log.has_loads
    if log.config.translation.enabled:
        is_exact &= log.program.n_stores == 0
    for k in np.flatnonzero(is_exact & (took > least)):
        yield log.found("latency", k, f"complete after {took[k]} cycles: expected {least[k]}")


def idle_violations(log: CoreLog) -> Iterator[Violation]:
    """No instruction waits while it is ready and there is a slot, and a port for a load: the oldest go first.

    Only of cores that are out of order; where translation takes time the log does not show every issue.
    """
    if log.config.in_order or log.config.translation.enabled:
        return
    ready = _ready(log)
    for is_load in (False, True):
        of = log.has_loads == is_load
        rivals = np.flatnonzero(log.has_loads) if is_load else np.arange(len(log))
        waiting = np.flatnonzero(of & (log.issued > ready))
        taken = np.searchsorted(full := _full_cycles(log, is_load), log.issued[waiting])
        taken -= np.searchsorted(full, ready[waiting])
        for k in waiting[taken < (log.issued - ready)[waiting]]:
            yield log.found("idle", k, f"ready in {ready[k]}, and there was a slot for it before its issue")
        cycles, youngest = _youngest(log.issued[rivals], rivals)
        first, last = np.searchsorted(cycles, ready[waiting]), np.searchsorted(cycles, log.issued[waiting])
        rival = _range_maximum(youngest, first, last)
        for k, other in zip(waiting[rival > waiting], rival[rival > waiting], strict=True):
            yield log.found("oldest-first", k, f"ready in {ready[k]}, but instruction {other} went first")


def _ready(log: CoreLog) -> Indices:
    """The first cycle in which each instruction could issue."""
    ready: Indices = log.dispatched + 1
    for producer in (*_last_writers(log), _last_store(log)):
        ready = np.maximum(ready, np.where(producer >= 0, log.complete[producer], BEFORE_ALL))
    return ready


def _last_writers(log: CoreLog) -> Iterator[Indices]:
    """For each place among the sources: the last instruction before that wrote the register, -1 for none."""
    registers, number = log.program, np.arange(len(log))
    writers = {
        int(r): np.flatnonzero((registers.destinations == r).any(axis=1))
        for r in np.unique(registers.sources)
        if r
    }
    for place in range(registers.sources.shape[1]):
        found = np.full(len(log), -1, np.int64)
        for register, wrote in writers.items():
            reads = number[registers.sources[:, place] == register]
            at = np.searchsorted(wrote, reads, side="left") - 1
            found[reads] = np.where(at >= 0, wrote.take(at, mode="clip") if len(wrote) else -1, -1)
        yield found


def _last_store(log: CoreLog) -> Indices:
    """The last instruction before that stored to the first word that each loads, -1 for none."""
    found = np.full(len(log), -1, np.int64)
    loads = np.flatnonzero(log.has_loads)
    if not len(loads) or not len(log.store_owner):
        return found
    loaded = log.program.address[log.program.first_access[loads]] >> np.uint64(WORD_BITS)
    _, word = np.unique(np.concatenate([loaded, log.store_word]), return_inverse=True)
    key = word.reshape(-1) * np.int64(len(log)) + np.concatenate([loads, log.store_owner])
    wanted, stored = key[: len(loads)], np.sort(key[len(loads) :])
    at = np.searchsorted(stored, wanted, side="left") - 1
    nearest = stored.take(at, mode="clip")
    same = (at >= 0) & (nearest // len(log) == wanted // len(log))
    found[loads[same]] = nearest[same] % len(log)
    return found


def _full_cycles(log: CoreLog, is_load: bool) -> Indices:
    """Cycles, ascending, that have no slot left; for loads also those that have no port left."""
    cycles, times = np.unique(log.issued, return_counts=True)
    full = cycles[times >= log.config.issue_width]
    if is_load:
        cycles, times = np.unique(log.issued[log.has_loads], return_counts=True)
        full = np.union1d(full, cycles[times >= log.config.load_ports])
    return full


def _youngest(cycle: NDArray[np.int64], number: Indices) -> tuple[Indices, Indices]:
    """Cycles in which something issues, ascending, and the youngest of what does."""
    cycles, of = np.unique(cycle, return_inverse=True)
    youngest = np.full(len(cycles), -1, np.int64)
    np.maximum.at(youngest, of.reshape(-1), number)
    return cycles, youngest


def _range_maximum(values: Indices, first: Indices, last: Indices) -> Indices:
    """The largest of values[first:last] for each pair, -1 where there is none."""
    found = np.full(len(first), -1, np.int64)
    level, size = values, 1
    while size <= len(values):
        fits = (last - first >= size) & (last - first < 2 * size)
        found[fits] = np.maximum(level[first[fits]], level[last[fits] - size])
        level = np.maximum(level[:-size], level[size:])  # of twice the size
        size *= 2
    return found
