"""Latency against bandwidth: one design under the same requests at rising load.

The load is what the arrivals ask of the data bus, as a share of its peak. It is set by stretching the arrival
times, so that order, addresses and burstiness stay those of the workload.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from dse.errors import ConfigError
from dse.point import DesignPoint
from dse.simulator import Simulator
from traces.workload import Workload

_MOST_POINTS = 200
_HIGHEST_LOAD = 10.0


class LoadPoint(NamedTuple):
    """One load: offered and served bandwidth in GB/s, read latency in ns, share of the load served."""

    load: float
    arrival_scale: float
    offered_gbps: float
    bandwidth_gbps: float
    read_latency_mean_ns: float
    read_latency_p95_ns: float
    served_load: float


class LoadCurve(NamedTuple):
    """A curve and what it is of; `peak_gbps` is the bandwidth of a bus that never rests."""

    title: str
    points: tuple[LoadPoint, ...]
    peak_gbps: float


def parse_loads(text: str) -> tuple[float, ...]:
    """`0.1:1.0:0.1` (first, last, step) or `0.2,0.5,0.9`, as shares of the peak. Raises ConfigError."""
    try:
        if ":" in text:
            first, last, step = (float(part) for part in text.split(":"))
            count = round((last - first) / step) + 1 if step > 0 else 0
            loads = tuple(round(first + i * step, 9) for i in range(min(count, _MOST_POINTS + 1)))
        else:
            loads = tuple(float(part) for part in text.split(","))
    except (ValueError, OverflowError):
        loads = ()
    if not 0 < len(loads) <= _MOST_POINTS or not all(0 < load <= _HIGHEST_LOAD for load in loads):
        raise ConfigError(
            f"{text!r} is not a range of loads: expected FIRST:LAST:STEP or a list, for example 0.1:1.0:0.1, "
            f"with loads from above 0 to {_HIGHEST_LOAD:g} and at most {_MOST_POINTS} of them",
            key="--load",
        )
    return loads


def load_curve(
    simulator: Simulator, point: DesignPoint, workload: Workload, loads: Sequence[float], threads: int = 1
) -> LoadCurve:
    """Run `point` once a load. The simulator must measure offered_load, bandwidth and read latency."""
    if all(trace.duration_ns == 0 for trace in workload.traces):
        raise ConfigError(
            f"the requests of {workload.name!r} all arrive at once: no load can be set", key="--load"
        )
    own = simulator.run(point, workload)
    scales = [workload.arrival_scale * own["offered_load"] / load for load in loads]
    stretched = [replace(workload, arrival_scale=scale) for scale in scales]
    batch = simulator.run_batch([point], stretched, threads=threads)
    peak_gbps = own["transferred_bytes"] / own["bus_busy_ns"]
    names = ("offered_load", "bandwidth_gbps", "read_latency_mean_ns", "read_latency_p95_ns", "served_load")
    columns = np.array([[batch[0][w][name] for name in names] for w in range(len(scales))])
    points = [
        LoadPoint(float(row[0]), scale, float(row[0]) * peak_gbps, *(float(value) for value in row[1:]))
        for scale, row in zip(scales, columns, strict=True)
    ]
    return LoadCurve(f"{workload.name}: latency against bandwidth", tuple(points), peak_gbps)
