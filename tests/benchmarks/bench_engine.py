"""Speed of the DRAM engine: requests a second of CPU time, statistics on, opening included.

    python -m tests.benchmarks.bench_engine [REQUESTS]

DDR4-2400, one rank unless named otherwise, mapping row-bank-column, open page and FR-FCFS unless named
otherwise, one thread. The first four traces are those on which other DRAM simulators were timed (sequential
and uniform random reads over 1 GiB, a triad of three arrays, and random reads one per 200 cycles), made by
the same recipe: splitmix64 of the request's number. Best of five, beside a fixed loop in the same process:
on a busy machine compare the ratio.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.dram_engine import DramEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import Device, device
from simulators.dram.memory.mapping import AddressMapping

_DEVICE = "ddr4-2400-8gb-x8"
_ROUNDS = 5
_CALIBRATION_STEPS = 200_000
_LINE_BYTES = 64
_MEMORY_BYTES = 1 << 30

Addresses = NDArray[np.uint64]

BASE: Mapping[str, Any] = {
    "page_policy": "Open", "scheduler": "FrFcfs", "scheduler_buffer": "Shared", "request_buffer_size": 64,
    "resp_queue": "Fifo", "refresh_policy": "AllBank", "refresh_max_postponed": 8, "refresh_max_pulledin": 8,
    "arbiter": "Fifo", "max_active_transactions": 128, "power_down_policy": "NoPowerDown",
}  # fmt: skip
POLICIES: Mapping[str, Mapping[str, Any]] = {
    "open page, FR-FCFS": {},
    "request buffer 8": {"request_buffer_size": 8},
    "refresh at once": {"refresh_max_postponed": 0, "refresh_max_pulledin": 0},
    "closed page": {"page_policy": "Closed"},
    "open adaptive, grouped": {"page_policy": "OpenAdaptive", "scheduler": "FrFcfsGrp"},
    "first come, first served": {"scheduler": "Fifo"},
    "bankwise 8, reordering": {
        "scheduler_buffer": "Bankwise",
        "request_buffer_size": 8,
        "resp_queue": "Reorder",
        "arbiter": "Reorder",
    },
    "columns first, by watermark": {"scheduler": "GrpFrFcfsWm", "command_mux": "ColumnsFirst"},
    "power-down after 16 cycles": {
        "power_down_policy": "PrechargePowerDown",
        "power_down_timeout_cycles": 16,
    },
}

MEMORIES: Mapping[str, tuple[str, int, int]] = {
    "two ranks": (_DEVICE, 1, 2),
    "four channels": (_DEVICE, 4, 1),
    "four channels of two ranks": (_DEVICE, 4, 2),
}  # device, channels, ranks


@dataclass(frozen=True, slots=True)
class Recipe:
    """Addresses, arrival cycles and directions of a trace; arrays (n,)."""

    address: Addresses
    arrival: NDArray[np.int64]
    is_write: NDArray[np.uint8]


def splitmix64(seed: int, n: int) -> Addresses:
    """The first n outputs of splitmix64 (Steele, Lea, Flood 2014), uint64 (n,)."""
    with np.errstate(over="ignore"):
        z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def random_lines(n: int) -> Addresses:
    lines = splitmix64(1, n) % np.uint64(_MEMORY_BYTES // _LINE_BYTES)
    return lines * np.uint64(_LINE_BYTES)


def stream(n: int) -> Recipe:
    lines = np.arange(n, dtype=np.uint64)
    return Recipe(lines * np.uint64(_LINE_BYTES), np.zeros(n, np.int64), np.zeros(n, np.uint8))


def triad(n: int) -> Recipe:
    """Read B, read C, write A; the arrays lie 256 MiB and 24 KiB apart."""
    offset = 24 << 10
    bases = np.array([_MEMORY_BYTES // 4 + offset, _MEMORY_BYTES // 2 + 2 * offset, 0], dtype=np.uint64)
    array, element = np.arange(n) % 3, np.arange(n, dtype=np.uint64) // np.uint64(3)
    address = bases[array] + element * np.uint64(_LINE_BYTES)
    return Recipe(address, np.zeros(n, np.int64), (array == 2).astype(np.uint8))


def uniform_random(n: int) -> Recipe:
    return Recipe(random_lines(n), np.zeros(n, np.int64), np.zeros(n, np.uint8))


def sparse(n: int) -> Recipe:
    """Random reads with gaps of 100 to 300 cycles."""
    gaps = 100 + splitmix64(3, n) % np.uint64(201)
    return Recipe(random_lines(n), np.cumsum(gaps).astype(np.int64), np.zeros(n, np.uint8))


def random_mix(n: int) -> Recipe:
    """Random lines, every third access a write, as many as the controller takes."""
    writes = splitmix64(2, n) % np.uint64(3) == 0
    return Recipe(random_lines(n), np.zeros(n, np.int64), writes.astype(np.uint8))


def regular_random(n: int) -> Recipe:
    """Random lines, every third access a write, one each twelve cycles."""
    recipe = random_mix(n)
    return Recipe(recipe.address, 12 * np.arange(n, dtype=np.int64), recipe.is_write)


TRACES: Mapping[str, Callable[[int], Recipe]] = {
    "stream": stream,
    "triad": triad,
    "uniform random": uniform_random,
    "sparse": sparse,
    "random, 1/3 writes": random_mix,
    "random, one per 12": regular_random,
}


def engine_arguments(recipe: Recipe, memory: Device) -> tuple[NDArray[Any], ...]:
    """The request arrays that the engine takes."""
    decoded = AddressMapping.preset("row-bank-column", memory).decode(recipe.address)
    source = np.zeros(len(recipe.address), np.uint8)
    return (
        recipe.arrival,
        decoded.channel,
        decoded.bank,
        decoded.row,
        decoded.column,
        recipe.is_write,
        source,
    )


def engine_seconds(policies: Mapping[str, Any], requests: tuple[NDArray[Any], ...], memory: Device) -> float:
    """CPU time of one simulation, from opening to the last response."""
    config = ControllerConfig.build(memory, {**BASE, **policies})
    inputs = (config.vector(), config.row_array(), config.length_array())
    started = time.thread_time()
    DramEngine(*inputs, *requests).advance()
    return time.thread_time() - started


def calibration_seconds() -> float:
    """CPU time of a fixed loop of integer arithmetic in Python."""
    started = time.thread_time()
    state = 1
    for _ in range(_CALIBRATION_STEPS):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
    return time.thread_time() - started


def row(trace: str, label: str, requests: tuple[NDArray[Any], ...], memory: Device) -> str:
    """One line of the report: rate, time, and time in steps of the calibration loop."""
    policies = POLICIES.get(label, {})
    rounds = [(engine_seconds(policies, requests, memory), calibration_seconds()) for _ in range(_ROUNDS)]
    n = len(requests[0])
    best = min(seconds for seconds, _ in rounds) / n
    steps = best / (min(loop for _, loop in rounds) / _CALIBRATION_STEPS)
    return f"{trace:20s}{label:28s}{1e-6 / best:8.2f} M/s {1e9 * best:8.1f} ns {steps:8.2f} steps\n"


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    sys.stdout.write(f"DRAM engine, {n} requests a trace, CPU time, best of {_ROUNDS}\n")
    for trace, make in TRACES.items():
        recipe = make(n)
        requests = engine_arguments(recipe, device(_DEVICE))
        for label in POLICIES:
            sys.stdout.write(row(trace, label, requests, device(_DEVICE)))
            sys.stdout.flush()
        for label, (name, channels, ranks) in MEMORIES.items():
            memory = device(name).arranged(channels=channels, ranks=ranks)
            sys.stdout.write(row(trace, label, engine_arguments(recipe, memory), memory))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
