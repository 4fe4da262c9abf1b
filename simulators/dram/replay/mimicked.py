"""A design's memory under the controller of a peer (`simulators.dram.mimic`), recorded as our own runs are.

A peer keeps no account of its own: what our metrics are computed from is counted from its command log.
Nobody knows what its cycles were lost to, nor how full its queues were.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from dse.metrics import Metrics
from dse.point import DesignPoint
from dse.simulator import Work
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COLUMNS, COMMANDS
from simulators.dram.mimic import PEERS, MimicLog, replay
from simulators.dram.replay.recording import STALL, Recording, measured_from
from simulators.dram.schema import STALLS
from simulators.dram.simulator import DramSimulator
from simulators.dram.twin.record import Counters

_OPTION = "--mimic"
_UNKNOWN = ("queue_occupancy_mean", "queue_occupancy_max", "blocked_fraction")


def parse_peer(text: str) -> tuple[str, dict[str, Any]]:
    """`ramulator2`, or `ramulator2:column_cap=1,first_ready=Columns`: a peer and choices of its
    dataclass."""
    peer, _, rest = text.partition(":")
    if peer not in PEERS:
        raise LookupFailed(
            f"no peer is called {peer!r}: expected one of {listed(PEERS)}.{did_you_mean(peer, PEERS)}",
            key=_OPTION,
        )
    kinds = get_type_hints(PEERS[peer])
    known = [field.name for field in fields(PEERS[peer])]
    choices: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        name, _, value = part.partition("=")
        if name not in known:
            raise InputError(
                f"{peer} has no choice {name!r}: expected one of {listed(known)}.{did_you_mean(name, known)}",
                key=_OPTION,
            )
        choices[name] = _parsed(name, value, kinds[name])
    return peer, choices


def record_peer(
    simulator: DramSimulator, point: DesignPoint, workload: Work, peer: str, choices: Mapping[str, Any]
) -> Recording:
    """The memory and the address mapping of `point`, scheduled by `peer`; the log is kept.

    Of the point's policies none has a meaning for a peer. InputError for a memory of several channels.
    """
    stream, device = simulator.stream(workload, point=point), simulator.device_of(point)
    decoded, requests = stream.decoded, stream.requests
    log = replay(
        peer,
        device,
        requests.arrival_cycle,
        decoded.bank,
        decoded.row,
        decoded.column,
        requests.is_write,
        **choices,
    )
    config = simulator.config_of(point)
    counters = _counters(log, config) | _without_command(log, requests.is_write != 0)
    known = {name: value for name, value in counters.items() if not name.startswith(STALL)}
    measured = measured_from(counters, stream, log.accept, log.finish)
    arrays = {
        name: getattr(log, name) for name in ("cycle", "command", "rank", "bank", "row", "column", "request")
    }
    return Recording(
        device=device,
        config=config,
        metrics=_without_unknown(simulator.measure(measured, point)),
        counters=known,
        stream=stream,
        accept=log.accept,
        finish=log.finish,
        log={**arrays, "channel": np.zeros(len(log.cycle), dtype=np.int64)},
    )


def _parsed(name: str, value: str, kind: type) -> Any:
    try:
        if kind is bool:
            return {"on": True, "true": True, "off": False, "false": False}[value.lower()]
        return kind(value)
    except (KeyError, ValueError):
        expected = "on or off" if kind is bool else f"a value of type {kind.__name__}"
        raise InputError(f"{name}={value!r}: expected {expected}", key=_OPTION) from None


def _counters(log: MimicLog, config: ControllerConfig) -> dict[str, int]:
    """What a command log tells of the counters; the rest is 0."""
    names = np.array(COMMANDS)[log.command]
    counted = Counters(elapsed_cycles=log.elapsed)
    for name, count in zip(*np.unique(names, return_counts=True), strict=True):
        setattr(counted, f"n_{str(name).lower()}", int(count))
    served = log.request[np.isin(names, COLUMNS)]
    closed_for = np.isin(served, log.request[(names == "PRE") & (log.request >= 0)])
    opened_for = np.isin(served, log.request[names == "ACT"])
    counted.row_conflicts = int(closed_for.sum())
    counted.row_misses = int((opened_for & ~closed_for).sum())
    counted.row_hits = len(served) - counted.row_conflicts - counted.row_misses
    counted.n_prea_banks, counted.active_cycles = _open_rows(log, names.tolist(), config)
    return {field.name: getattr(counted, field.name) for field in fields(counted)}


def _without_command(log: MimicLog, is_write: NDArray[np.bool_]) -> dict[str, int]:
    """Requests that were answered with no command for them: from a buffered write, or merged into one."""
    answered = log.finish >= 0
    answered[log.request[log.request >= 0]] = False
    return {
        "forwarded_reads": int((answered & ~is_write).sum()),
        "coalesced_writes": int((answered & is_write).sum()),
    }


def _open_rows(log: MimicLog, names: list[str], config: ControllerConfig) -> tuple[int, int]:
    """Banks closed by PREA, and cycles with a row open, summed over the ranks."""
    opened: dict[int, int] = {}
    spans: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    closed_by_all = 0
    for cycle, name, rank, bank in zip(
        log.cycle.tolist(), names, log.rank.tolist(), log.bank.tolist(), strict=True
    ):
        if name == "ACT":
            opened[bank] = cycle
        elif name == "PREA":
            own = [one for one in opened if one // config.n_banks == rank]
            closed_by_all += len(own)
            spans[rank] += [(opened.pop(one), cycle) for one in own]
        elif name in ("PRE", "RDA", "WRA") and bank in opened:
            start = opened.pop(bank)
            delay = {"RDA": config.t_read_close, "WRA": config.t_write_close}.get(name)
            end = cycle if delay is None else max(cycle + delay, start + config.t_ras)
            spans[rank].append((start, end))
    for bank, start in opened.items():
        spans[bank // config.n_banks].append((start, log.elapsed))
    return closed_by_all, sum(_covered(own, log.elapsed) for own in spans.values())


def _covered(spans: Iterable[tuple[int, int]], end: int) -> int:
    """Cycles before `end` in one of the spans or more."""
    covered, until = 0, 0
    for start, stop in sorted(spans):
        covered += max(0, min(stop, end) - max(start, until))
        until = max(until, min(stop, end))
    return covered


def _without_unknown(metrics: Metrics) -> Metrics:
    """NaN where the log of a peer does not say."""
    values = metrics.values_array.copy()
    for name in (*_UNKNOWN, *(f"stall_{cause}_fraction" for cause in STALLS)):
        values[metrics.schema.index(name)] = math.nan
    return Metrics(metrics.schema, values, metrics.notes)
