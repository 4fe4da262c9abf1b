"""Random controllers and traces on which the DRAM engine is compared with its twin, and the comparison.

A case is a pure function of its number. Timings are those of DDR3-1600 or DDR4-2400, with a shorter refresh
interval so that a short trace meets many refreshes, or random ones that keep only what JEDEC guarantees
(_l >= _s).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.dram_engine import COMMANDS, TIMING_FIELDS, DramEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.devices import device
from simulators.dram.record import TwinResult
from simulators.dram.reference import simulate

DEVICES = ("ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8")
_SHORT_FIRST = ("t_rrd", "t_ccd", "t_wtr")


@dataclass(frozen=True, slots=True)
class RequestArrays:
    """A merged trace as the engine and the twin take it, arrays (n,) sorted by arrival."""

    arrival: NDArray[np.int64]
    bank: NDArray[np.uint8]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    is_write: NDArray[np.uint8]
    source: NDArray[np.uint8]

    @classmethod
    def of(cls, *requests: tuple[int, int, int, int, int], source: list[int] | None = None) -> RequestArrays:
        """From rows (arrival, bank, row, column, is_write)."""
        table = np.array(requests, dtype=np.int64).reshape(-1, 5)
        sources = np.zeros(len(table)) if source is None else np.array(source)
        return cls.from_columns(*table.T, sources)

    @classmethod
    def from_columns(cls, *columns: NDArray[Any]) -> RequestArrays:
        types = (np.int64, np.uint8, np.int32, np.int32, np.uint8, np.uint8)
        return cls(*(np.ascontiguousarray(c, dtype=t) for c, t in zip(columns, types, strict=True)))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        return (self.arrival, self.bank, self.row, self.column, self.is_write, self.source)

    def __len__(self) -> int:
        return len(self.arrival)


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison."""

    config: ControllerConfig
    requests: RequestArrays
    warmup: int


def random_case(number: int, n_requests: int = 80) -> Case:
    """Case `number`; the trace has 1 to `n_requests` requests."""
    rng = np.random.default_rng([20261122, number])
    config = ControllerConfig(**random_timings(rng), **random_policies(rng))
    n = int(rng.integers(1, n_requests + 1))
    requests = random_requests(rng, n, config.n_banks, config.t_refi)
    return Case(config, requests, int(rng.integers(0, 4)) * n // 5)


def device_timings(name: str) -> dict[str, int]:
    """The fields of a configuration that a device decides."""
    config = ControllerConfig.build(device(name), {})
    return {field: getattr(config, field) for field in TIMING_FIELDS}


def random_timings(rng: np.random.Generator) -> dict[str, int]:
    timings = device_timings(DEVICES[int(rng.random() < 0.6)])
    if rng.random() < 0.35:
        timings = {
            name: int(rng.integers(max(1, value // 3), 2 * value + 1)) for name, value in timings.items()
        }
        timings |= {"n_bank_groups": int(rng.choice([1, 2, 4])), "t_rfc": int(rng.integers(20, 200))}
        timings["n_banks"] = timings["n_bank_groups"] * int(rng.integers(1, 6))
        for name in _SHORT_FIRST:
            short, long = sorted((timings[f"{name}_s"], timings[f"{name}_l"]))
            timings |= {f"{name}_s": short, f"{name}_l": long}
    # An interval that leaves no room for ACT, data and PREA between two refreshes would never end.
    timings["t_refi"] = timings["t_rfc"] + int(rng.choice([350, 600, 2000]))
    return timings


def random_policies(rng: np.random.Generator) -> dict[str, int]:
    sizes = [1, 2, 3, 4, 5, 7, 8, 13, 16, 32, 64, 77, 128]
    return {
        "page_policy": int(rng.integers(4)),
        "scheduler": int(rng.integers(3)),
        "scheduler_buffer": int(rng.integers(3)),
        "request_buffer_size": int(rng.choice(sizes)),
        "resp_queue": int(rng.integers(2)),
        "refresh_policy": int(rng.random() < 0.85),
        "refresh_max_postponed": int(rng.integers(0, 9)),
        "refresh_max_pulledin": int(rng.integers(0, 9)),
        "arbiter": int(rng.integers(3)),
        "max_active_transactions": int(rng.choice(sizes)),
        "power_down_policy": int(rng.integers(3)),
        "power_down_timeout": int(rng.choice([0, 1, 5, 16, 64, 300])),
        "batching_window": int(rng.choice([0, 0, 1, 7, 40, 200, 1000])),
    }


def random_requests(rng: np.random.Generator, n: int, n_banks: int, t_refi: int) -> RequestArrays:
    used_banks = int(rng.choice([1, 2, n_banks]))
    rows, columns = int(rng.choice([1, 2, 4, 50])), int(rng.choice([1, 2, 16, 128]))
    n_sources = int(rng.choice([1, 1, 2, 3, 6]))
    return RequestArrays.from_columns(
        np.cumsum(random_gaps(rng, n, t_refi)),
        rng.integers(0, n_banks, n) % used_banks,
        np.where(rng.random(n) < rng.random(), 0, rng.integers(0, rows, n)),
        rng.integers(0, columns, n),
        rng.random(n) < rng.choice([0.0, 0.1, 0.5, 0.9, 1.0]),
        rng.integers(0, n_sources, n),
    )


def random_gaps(rng: np.random.Generator, n: int, t_refi: int) -> NDArray[np.int64]:
    """Bursts, steady streams, and now and then a pause longer than a refresh interval."""
    mean = int(rng.choice([0, 1, 4, 12, 40]))
    gaps = rng.integers(0, 2 * mean + 1, n)
    pauses = rng.random(n) < rng.choice([0.0, 0.03, 0.1])
    return np.where(pauses, rng.integers(0, int(t_refi * rng.choice([0.1, 1.5, 3.0])) + 1, n), gaps)


# ---------------------------------------------------------------------------------- running, comparing


def open_engine(case: Case) -> DramEngine:
    return DramEngine(
        case.config.vector(), *case.requests.arrays(), warmup=case.warmup, log=True, record=True
    )


def run_twin(case: Case) -> TwinResult:
    return simulate(case.config, *case.requests.arrays())


def log_rows(engine: DramEngine) -> list[tuple[int, str, int, int, int, int]]:
    log = engine.command_log()
    names = [COMMANDS[k] for k in log["command"].tolist()]
    others = (log[name].tolist() for name in ("bank", "row", "column", "request"))
    return list(zip(log["cycle"].tolist(), names, *others, strict=True))


def twin_rows(result: TwinResult) -> list[tuple[int, str, int, int, int, int]]:
    return [(c.cycle, c.command, c.bank, c.row, c.column, c.request) for c in result.log]


def outcome(engine: DramEngine) -> dict[str, object]:
    """All that an engine can be asked for, comparable with ==."""
    return {
        "log": log_rows(engine),
        "counters": engine.counters(),
        "accept": engine.accept_cycles.tolist(),
        "finish": engine.finish_cycles.tolist(),
        "histograms": [np.flatnonzero(h).tolist() for h in engine.histograms()],
        "histogram_counts": [h[h > 0].tolist() for h in engine.histograms()],
        "sums": engine.latency_sums().tolist(),
        "maxima": engine.latency_maxima().tolist(),
        "batches": (engine.batch_sums().tolist(), engine.batch_counts().tolist()),
        "cycle": engine.cycle,
        "delivered": engine.delivered,
    }


def first_difference(case: Case) -> str | None:
    """What the engine does otherwise than the twin, or None."""
    engine, twin = open_engine(case), run_twin(case)
    engine.advance()
    ours, theirs = log_rows(engine), twin_rows(twin)
    for k, (mine, reference) in enumerate(zip(ours, theirs, strict=False)):
        if mine != reference:
            return f"command {k}: engine {mine}, twin {reference}, {case.config}"
    if len(ours) != len(theirs):
        return (
            f"{len(ours)} commands, twin {len(theirs)}: {(ours + theirs)[min(len(ours), len(theirs)) :][:2]}"
        )
    if engine.counters() != asdict(twin.counters):
        counted = engine.counters()
        return f"counters {[(k, counted[k], v) for k, v in asdict(twin.counters).items() if counted[k] != v]}"
    if not np.array_equal(engine.accept_cycles, twin.accept):
        return f"accept cycles {engine.accept_cycles.tolist()}, twin {twin.accept.tolist()}"
    if not np.array_equal(engine.finish_cycles, twin.finish):
        return f"finish cycles {engine.finish_cycles.tolist()}, twin {twin.finish.tolist()}"
    return None
