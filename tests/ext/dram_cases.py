"""Random memories, controllers and traces on which the DRAM engine is compared with its twin; the comparison.

A case is a pure function of its number. Memories: every standard that ships, in any arrangement of channels
and ranks, with a shorter refresh interval so that a short trace meets many refreshes; in a third of the cases
each constraint is longer or shorter than the standard's, and the organisation is made up. Policies: any; in a
quarter of the cases they change while it runs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext.dram_engine import COMMANDS, POLICY_FIELDS, TIMING_FIELDS, DramEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COMMANDS as NAMES
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.reference import ReferenceController, requests_of
from simulators.dram.twin.record import TwinResult

ENDLESS = 2_000_000  # cycles: no case takes as many
_REFRESHES = tuple(NAMES.index(name) for name in ("REF", "REFPB", "REFSB", "RFM", "RFMSB"))


@dataclass(frozen=True, slots=True)
class RequestArrays:
    """A merged trace as the engine and the twin take it, arrays (n,) sorted by arrival."""

    arrival: NDArray[np.int64]
    channel: NDArray[np.uint8]
    bank: NDArray[np.uint8]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    is_write: NDArray[np.uint8]
    source: NDArray[np.uint8]

    @classmethod
    def of(cls, *requests: tuple[int, int, int, int, int], source: list[int] | None = None) -> RequestArrays:
        """From rows (arrival, bank, row, column, is_write), in channel 0."""
        arrival, *others = np.array(requests, dtype=np.int64).reshape(-1, 5).T
        sources = np.zeros(len(arrival)) if source is None else np.array(source)
        return cls.from_columns(arrival, 0 * arrival, *others, sources)

    @classmethod
    def from_columns(cls, *columns: NDArray[Any]) -> RequestArrays:
        """arrival, channel, bank, row, column, is_write, source."""
        types = (np.int64, np.uint8, np.uint8, np.int32, np.int32, np.uint8, np.uint8)
        return cls(*(np.ascontiguousarray(c, dtype=t) for c, t in zip(columns, types, strict=True)))

    def arrays(self) -> tuple[NDArray[Any], ...]:
        return (self.arrival, self.channel, self.bank, self.row, self.column, self.is_write, self.source)

    def __len__(self) -> int:
        return len(self.arrival)


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison. retunings: cycles in order, and the configuration from each of them on."""

    config: ControllerConfig
    requests: RequestArrays
    warmup: int
    retunings: tuple[tuple[int, ControllerConfig], ...] = ()


def random_case(number: int, n_requests: int = 80) -> Case:
    """Case `number`; the trace has 1 to `n_requests` requests."""
    rng = np.random.default_rng([20261122, number])
    config = random_policies(rng, random_memory(rng))
    n = int(rng.integers(1, n_requests + 1))
    requests = random_requests(rng, n, config)
    warmup = int(rng.integers(0, 4)) * n // 5
    retunings = random_retunings(rng, config, requests) if rng.random() < 0.25 else ()
    return Case(config, requests, warmup, retunings)


PLAIN = {
    "command_mux": 0, "command_buses": 1, "first_ready": 0, "mitigation": 0, "slot_release": 0,
    "write_forwarding": 0, "write_coalescing": 0, "port_width": 1,
}  # fmt: skip


def plain_case(number: int, n_requests: int = 80) -> Case:
    """The same with policies that the engine's faster loops are compiled for, most often on one channel."""
    case = random_case(number, n_requests)
    rng = np.random.default_rng([20261123, number])
    changes = dict(PLAIN)
    requests = case.requests
    if rng.random() < 0.8:
        changes["n_channels"] = 1
        requests = replace(requests, channel=0 * requests.channel, source=0 * requests.source)

    def plain(config: ControllerConfig) -> ControllerConfig:
        found = replace(
            config,
            **changes,
            page_policy=config.page_policy % 4,
            scheduler=config.scheduler % 3,
            scheduler_buffer=config.scheduler_buffer % 3,
            arbiter=1 if config.arbiter == 0 or rng.random() < 0.5 else config.arbiter,
            batching_window=config.batching_window * int(rng.integers(0, 2)),
            power_down_policy=config.power_down_policy * int(rng.integers(0, 2)),
            self_refresh_timeout=config.self_refresh_timeout * int(rng.integers(0, 2)),
        )
        return found if rng.random() < 0.8 else replace(config, n_channels=found.n_channels, command_buses=1)

    retunings = tuple((cycle, plain(config)) for cycle, config in case.retunings)
    return Case(plain(case.config), requests, case.warmup, retunings)


@cache
def device_config(name: str) -> ControllerConfig:
    """A device with the default policies."""
    return ControllerConfig.build(device(name), {})


def random_memory(rng: np.random.Generator) -> ControllerConfig:
    """Organisation and timing."""
    names = device_ids()
    config = device_config(names[int(rng.integers(len(names)))])
    channels, ranks = int(rng.choice([1, 1, 1, 2, 3])), int(rng.choice([1, 1, 2, 3, 4]))
    groups, banks = config.n_bank_groups, config.n_banks
    if rng.random() < 0.35:
        config = _with_other_timing(rng, config)
        groups = int(rng.choice([1, 2, 4]))
        banks = groups * int(rng.integers(1, 5))
    ranks = max(1, min(ranks, 64 // banks, 32 // groups))
    return replace(config, n_channels=channels, n_ranks=ranks, n_bank_groups=groups, n_banks=banks)


def _with_other_timing(rng: np.random.Generator, config: ControllerConfig) -> ControllerConfig:
    """Every constraint between a third and twice its length, some left out; other lengths of commands."""
    kept = [row for row in config.rows if rng.random() < 0.97]
    window = int(rng.integers(1, 80))
    lengths_of = [
        window if row.window > 1 else int(rng.integers(row.cycles // 3, 2 * row.cycles + 1)) for row in kept
    ]
    rows = tuple(row._replace(cycles=cycles) for row, cycles in zip(kept, lengths_of, strict=True))
    times = {name: int(rng.integers(1, 40)) for name in TIMING_FIELDS if name.startswith("t_")}
    lengths = tuple(int(rng.choice([1, 1, 2, 4])) for _ in NAMES)
    buses = int(rng.integers(1, 3))
    return replace(config, rows=rows, lengths=lengths, command_buses=buses, **times)


def random_policies(rng: np.random.Generator, memory: ControllerConfig) -> ControllerConfig:
    """Any policies, over a refresh interval that leaves time for requests."""
    sizes = [1, 2, 3, 4, 5, 7, 8, 13, 16, 32, 64, 77, 128]
    short = [0, 1, 5, 16, 64, 300]

    def seldom(likelihood: float, *values: int) -> int:
        return int(rng.choice(values)) if rng.random() < likelihood else 0

    policies = {
        "page_policy": int(rng.integers(6)),
        "scheduler": int(rng.choice([0, 1, 2, int(rng.integers(8))])),
        "scheduler_buffer": int(rng.integers(4)),
        "request_buffer_size": int(rng.choice(sizes)),
        "resp_queue": int(rng.integers(2)),
        "refresh_policy": int(rng.integers(4)),
        "refresh_max_postponed": int(rng.integers(0, 9)),
        "refresh_max_pulledin": int(rng.integers(0, 9)),
        "arbiter": int(rng.integers(3)),
        "max_active_transactions": int(rng.choice(sizes)),
        "power_down_policy": int(rng.integers(3)),
        "power_down_timeout": int(rng.choice(short)),
        "batching_window": int(rng.choice([0, 0, 1, 7, 40, 200, 1000])),
        "row_hit_cap": int(rng.choice([1, 2, 4, 16])),
        "page_timeout": int(rng.choice(short)),
        "write_high_watermark": int(rng.choice([0, 1, 4, 8, 24])),
        "write_low_watermark": int(rng.choice([0, 1, 3, 8])),
        "command_mux": seldom(0.25, 1),
        "slot_release": seldom(0.25, 1),
        "first_ready": seldom(0.2, 1),
        "write_forwarding": seldom(0.25, 1),
        "write_coalescing": seldom(0.25, 1),
        "self_refresh_timeout": seldom(0.25, 1, 20, 300, 1000),
        "port_width": int(rng.choice([1, 1, 2, 4])),
        "bliss_streak": int(rng.choice([1, 2, 4])),
        "bliss_clear": int(rng.choice([0, 37, 400, 10_000])),
        "mitigation": seldom(0.4, 1, 2, 3, 4),
        "para_threshold": int(rng.choice([0, 1 << 16, 1 << 19, 1 << 20])),
        "graphene_threshold": int(rng.choice([0, 1, 2, 5])),
        "graphene_entries": int(rng.choice([0, 1, 2, 8])),
        "raa_initial": int(rng.choice([0, 3, 5])),
        "raa_maximum": int(rng.choice([0, 4, 8])),
        "prac_threshold": int(rng.choice([0, 4, 8])),
        "mitigation_seed": int(rng.integers(1 << 40)),
        "refresh_window": int(rng.choice([0, 300, 3000])),
    }
    config = replace(memory, **policies)
    return replace(config, t_refi=random_interval(rng, config))


def random_retunings(
    rng: np.random.Generator, config: ControllerConfig, requests: RequestArrays
) -> tuple[tuple[int, ControllerConfig], ...]:
    """Up to six changes of policy while requests arrive: of two policies, or of all."""
    cycles = np.unique(rng.integers(1, int(requests.arrival[-1]) + 500, int(rng.integers(1, 7))))
    found = []
    for cycle in cycles.tolist():
        other = random_policies(rng, config)
        names = POLICY_FIELDS if rng.random() < 0.5 else rng.choice(POLICY_FIELDS, 2, replace=False).tolist()
        changes = {name: getattr(other, name) for name in names}
        if _units(other) > _units(config):
            changes.pop("refresh_policy", None)
        config = replace(config, **changes)
        found.append((int(cycle), config))
    return tuple(found)


def _units(config: ControllerConfig) -> int:
    """Refresh commands that refresh a rank once: as the interval stays, more of them could leave no time."""
    return (1, 1, config.n_banks, config.banks_per_group)[config.refresh_policy]


def random_interval(rng: np.random.Generator, config: ControllerConfig) -> int:
    """An interval that leaves no room for ACT, data and PREA between two refreshes would never end."""
    longest = max((row.cycles for row in config.rows if row.before in _REFRESHES), default=0)
    return _units(config) * (longest + int(rng.choice([350, 600, 2000])))


def random_requests(rng: np.random.Generator, n: int, config: ControllerConfig) -> RequestArrays:
    n_banks = config.n_ranks * config.n_banks
    used_banks = int(rng.choice([1, 2, n_banks]))
    rows, columns = int(rng.choice([1, 2, 4, 50])), int(rng.choice([1, 2, 16, 128]))
    n_sources = int(rng.choice([1, 1, 2, 3, 6]))
    step = config.t_refi if config.refresh_policy < 2 else config.t_refi // 4
    return RequestArrays.from_columns(
        np.cumsum(random_gaps(rng, n, step)),
        rng.integers(0, config.n_channels, n),
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


def open_engine(case: Case, quiet: bool = False) -> DramEngine:
    """With everything written down, or nothing, for which a loop of its own may run."""
    config = case.config
    arrays = (config.vector(), config.row_array(), config.length_array(), *case.requests.arrays())
    return DramEngine(*arrays, warmup=case.warmup, log=not quiet, record=not quiet)


def run_engine(case: Case, quiet: bool = False) -> DramEngine:
    """To the end, or to cycle ENDLESS."""
    engine = open_engine(case, quiet)
    for cycle, config in case.retunings:
        engine.advance(until_cycle=cycle)
        engine.retune(config.vector())
    engine.advance(until_cycle=ENDLESS)
    return engine


def run_twin(case: Case) -> TwinResult:
    twin = ReferenceController(case.config, requests_of(*case.requests.arrays()))
    for cycle, config in case.retunings:
        twin.advance(until_cycle=cycle)
        twin.retune(config)
    return twin.run()


_LOGGED = ("channel", "rank", "bank", "row", "column", "request")


def log_rows(engine: DramEngine) -> list[tuple[Any, ...]]:
    """Cycle, name of the command, channel, rank, bank, row, column, request."""
    log = engine.command_log()
    names = [COMMANDS[k] for k in log["command"].tolist()]
    others = (log[name].tolist() for name in _LOGGED)
    return list(zip(log["cycle"].tolist(), names, *others, strict=True))


def twin_rows(result: TwinResult) -> list[tuple[Any, ...]]:
    return [(c.cycle, c.command, *(getattr(c, name) for name in _LOGGED)) for c in result.log]


def outcome(engine: DramEngine) -> dict[str, object]:
    """All that an engine can be asked for, comparable with ==."""
    return {
        "log": log_rows(engine),
        "accept": engine.accept_cycles.tolist(),
        "finish": engine.finish_cycles.tolist(),
        **totals(engine),
    }


def totals(engine: DramEngine) -> dict[str, object]:
    """The same for an engine that writes nothing down."""
    return {
        "counters": engine.counters(),
        "histograms": [np.flatnonzero(h).tolist() for h in engine.histograms()],
        "histogram_counts": [h[h > 0].tolist() for h in engine.histograms()],
        "sums": engine.latency_sums().tolist(),
        "maxima": engine.latency_maxima().tolist(),
        "sources": np.flatnonzero(engine.source_histograms()).tolist(),
        "timeline": {name: np.asarray(value).tolist() for name, value in engine.timeline().items()},
        "bank_counts": engine.bank_counts().tolist(),
        "batches": (engine.batch_sums().tolist(), engine.batch_counts().tolist()),
        "cycle": engine.cycle,
        "delivered": engine.delivered,
    }


def first_difference(case: Case) -> str | None:
    """What the engine does otherwise than the twin, or None."""
    engine = run_engine(case)
    if engine.delivered < len(case.requests):
        return f"the engine does not end: {case.config}"
    twin = run_twin(case)
    ours, theirs = log_rows(engine), twin_rows(twin)
    for k, (mine, reference) in enumerate(zip(ours, theirs, strict=False)):
        if mine != reference:
            return f"command {k}: engine {mine}, twin {reference}"
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
    quiet, loud = totals(run_engine(case, quiet=True)), totals(engine)
    if quiet != loud:
        return f"with nothing written down {[(k, quiet[k], v) for k, v in loud.items() if quiet[k] != v]}"
    return relayed_difference(case, loud)


def relayed_difference(case: Case, expected: dict[str, object]) -> str | None:
    """Two engines that take turns, one of which writes everything down: what they do otherwise, or None."""
    quiet, loud = open_engine(case, quiet=True), open_engine(case)
    if case.retunings:
        return None
    for k in range(0, len(case.requests), 7):
        loud.advance(until_requests=k)
        quiet.restore(loud.snapshot())
        quiet.advance(until_requests=k + 4)
        loud.restore(quiet.snapshot())
    loud.advance(until_cycle=ENDLESS)
    ours = totals(loud)
    if ours != expected:
        return f"taking turns {[(k, ours[k], v) for k, v in expected.items() if ours[k] != v]}"
    return None
