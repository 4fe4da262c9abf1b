"""What a chip is, as numbers: cores, caches, interconnect, memory and clocks of one design.

`ChipConfig` is the whole input of a simulation besides the programs. The twin reads its fields by name; the
engine reads `engine_arguments()`, whose order is that of ext/soc_fields.py. Choices are names of the tables
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ext import soc_fields
from ext.soc_fields import INCLUSIONS, MEMORIES, N_OPS, PREDICTORS, PREFETCHERS, REPLACEMENTS, TOPOLOGIES
from simulators.soc.champsim import ChampsimMemoryConfig

LINE_BYTES = 64
_CHOICES: dict[str, tuple[str, ...]] = {
    "replacement": REPLACEMENTS,
    "prefetcher": PREFETCHERS,
    "predictor": PREDICTORS,
    "topology": TOPOLOGIES,
    "inclusion": INCLUSIONS,
    "memory": MEMORIES,
}


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """A cache, or one bank of the last level.

    latency: cycles of its clock from the access to the line. registers: misses under way at a time (MSHRs).
    sampled_sets: of SHiP. seed: of random replacement. degree: most lines that the prefetcher asks for at
    once; distance: of the stream prefetcher, in lines.
    """

    sets: int
    ways: int
    latency: int
    registers: int
    replacement: str = "lru"
    sampled_sets: int = 64
    seed: int = 0
    prefetcher: str = "none"
    degree: int = 2
    distance: int = 16

    @property
    def size_bytes(self) -> int:
        return self.sets * self.ways * LINE_BYTES


@dataclass(frozen=True, slots=True)
class PredictorConfig:
    """Branch prediction: the direction by `predictor`, targets by a branch target buffer, a table of indirect
    targets and a stack of return addresses."""

    predictor: str = "bimodal"
    btb_sets: int = 1024
    btb_ways: int = 8
    indirect_targets: int = 4096
    return_addresses: int = 64


@dataclass(frozen=True, slots=True)
class TranslationConfig:
    """Translation buffers and page walks; `enabled=False`: translation takes no time.

    page_bits: 12 or 21. levels: of the page table. code, data, second: sets and ways. level2 to level5: of
    the walker's caches, 0 sets: none.
    """

    enabled: bool = True
    page_bits: int = 12
    levels: int = 4
    code: tuple[int, int] = (16, 4)
    data: tuple[int, int] = (16, 4)
    second: tuple[int, int] = (128, 12)
    second_latency: int = 8
    level2: tuple[int, int] = (4, 8)
    level3: tuple[int, int] = (2, 4)
    level4: tuple[int, int] = (1, 4)
    level5: tuple[int, int] = (1, 2)

    @property
    def leaf(self) -> int:
        """The level whose entries name frames."""
        return 1 if self.page_bits == 12 else 2


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """A core with its private caches. Times in cycles of its clock.

    width: instructions fetched, dispatched and retired in a cycle. depth: cycles from fetch to dispatch.
    penalty: from the end of a mispredicted branch to the next fetch; decode_penalty: from the fetch of a
    branch whose target was not known. walks: page walks at a time. registers: for results in flight, beyond
    the architectural ones; 0: no limit. latencies: of the classes of operations
    (`traces.instructions.Operation`), loads without the cache.
    """

    code: CacheConfig
    data: CacheConfig
    second: CacheConfig
    width: int = 6
    issue_width: int = 4
    rob: int = 352
    load_queue: int = 128
    store_queue: int = 72
    load_ports: int = 2
    depth: int = 5
    penalty: int = 1
    decode_penalty: int = 4
    in_order: bool = False
    walks: int = 4
    registers: int = 0
    latencies: tuple[int, ...] = (1, 3, 20, 3, 4, 12, 3)
    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    translation: TranslationConfig = field(default_factory=TranslationConfig)

    @property
    def latency_of(self) -> tuple[int, ...]:
        """Cycles of each of N_OPS classes; those without a latency of their own take 1."""
        return self.latencies + (1,) * (N_OPS - len(self.latencies))


@dataclass(frozen=True, slots=True)
class NocConfig:
    """The interconnect. width: bytes of a flit. columns: of a mesh. buffer_flits: of each buffer.

    enabled=False: every message takes one cycle, and none waits for another.
    """

    enabled: bool = True
    topology: str = "crossbar"
    nodes: int = 1
    columns: int = 1
    width: int = 16
    buffer_flits: int = 10
    router_latency: int = 1
    link_latency: int = 1


@dataclass(frozen=True, slots=True)
class MemoryConfig:
    """The memory. kind "fixed": latency and interval between lines in uncore cycles; "dram": the engine of
    ext/dram_engine, whose configuration comes beside this one; "champsim": the controller of that simulator,
    to compare with it."""

    kind: str = "fixed"
    latency: int = 150
    interval: int = 0
    bursts: int = 1
    burst_bits: int = 6
    champsim: ChampsimMemoryConfig = field(default_factory=ChampsimMemoryConfig)


@dataclass(frozen=True, slots=True)
class AcceleratorConfig:
    """The DMA of an accelerator. line_cycles: of its clock, from one line to the next, each way. reads: lines
    asked for and not there; writes: lines on their way to memory, at most."""

    line_cycles: int = 4
    reads: int = 16
    writes: int = 16


@dataclass(frozen=True, slots=True)
class ChipConfig:
    """One chip.

    bank: one bank of the last level; banks: how many, 0: there is none. core_nodes, bank_nodes, port_nodes:
    where they are in the interconnect; a port is a memory controller. Periods in femtoseconds.
    write_backs: while so many lines that leave a core, or a bank for memory, are on their way, its requests
    wait. coherent: the cores run one program and share lines. accelerators: each with a node and a clock.
    """

    cores: tuple[CoreConfig, ...]
    bank: CacheConfig
    banks: int
    inclusion: str = "nine"
    bank_cycles: int = 1
    write_backs: int = 32
    noc: NocConfig = field(default_factory=NocConfig)
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    core_nodes: tuple[int, ...] = (0,)
    bank_nodes: tuple[int, ...] = ()
    port_nodes: tuple[int, ...] = (0,)
    core_periods_fs: tuple[int, ...] = (250_000,)
    uncore_period_fs: int = 250_000
    memory_period_fs: int = 625_000
    coherent: bool = False
    accelerators: tuple[AcceleratorConfig, ...] = ()
    accelerator_nodes: tuple[int, ...] = ()
    accelerator_periods_fs: tuple[int, ...] = ()

    def engine_arguments(self) -> dict[str, Any]:
        """The configuration as `ext.soc_engine.SocEngine` takes it."""
        levels = [(core.code, core.data, core.second) for core in self.cores]
        return {
            "uncore": self._uncore(),
            "cores": _rows(_core(core) for core in self.cores),
            "predictors": _rows(_predictor(core.predictor) for core in self.cores),
            "caches": np.array([[_cache(cache) for cache in caches] for caches in levels], np.int64),
            "translation": _rows(_translation(core.translation) for core in self.cores),
            "last": np.array(_cache(self.bank), np.int64),
            "noc": np.array(_numbers(self.noc, soc_fields.NOC_FIELDS), np.int64),
            "memory": np.array([MEMORIES.index(self.memory.kind), *_tail(self.memory)], np.int64),
            "accelerators": _rows(_numbers(one, soc_fields.ACCELERATOR_FIELDS) for one in self.accelerators),
            "nodes": [list(nodes) for nodes in self._nodes],
            "clocks": list(self._clocks),
        }

    @property
    def sources(self) -> int:
        """Cores and accelerators: who asks the memory, by number."""
        return len(self.cores) + len(self.accelerators)

    @property
    def _clocks(self) -> tuple[int, ...]:
        others = (self.uncore_period_fs, self.memory_period_fs)
        return *self.core_periods_fs, *others, *self.accelerator_periods_fs

    @property
    def _nodes(self) -> tuple[tuple[int, ...], ...]:
        return self.core_nodes, self.bank_nodes, self.port_nodes, self.accelerator_nodes

    def _uncore(self) -> NDArray[np.int64]:
        numbers = (
            len(self.cores),
            self.banks,
            len(self.port_nodes),
            INCLUSIONS.index(self.inclusion),
            int(self.noc.enabled),
            int(self.coherent),
            self.bank_cycles,
            self.write_backs,
            len(self.accelerators),
        )
        return np.array(numbers, np.int64)


def _rows(rows: Any) -> NDArray[np.int64]:
    return np.array(list(rows), np.int64)


def _numbers(of: Any, names: Sequence[str]) -> list[int]:
    """The fields of those names; a choice as its position."""
    found = []
    for name in names:
        value = getattr(of, name)
        found.append(_CHOICES[name].index(value) if name in _CHOICES else int(value))
    return found


def _cache(cache: CacheConfig) -> list[int]:
    return _numbers(cache, soc_fields.CACHE_FIELDS)


def _core(core: CoreConfig) -> list[int]:
    plain = soc_fields.CORE_FIELDS[:-N_OPS]
    return [*_numbers(core, plain), *core.latency_of]


def _predictor(predictor: PredictorConfig) -> list[int]:
    return [PREDICTORS.index(predictor.predictor), *_numbers(predictor, soc_fields.PREDICTOR_FIELDS[1:])]


def _translation(of: TranslationConfig) -> list[int]:
    buffers = [*of.code, *of.data, *of.second, of.second_latency]
    return [int(of.enabled), of.levels, of.leaf, *buffers, *of.level2, *of.level3, *of.level4, *of.level5]


def _tail(memory: MemoryConfig) -> list[int]:
    plain = [memory.latency, memory.interval, memory.bursts, memory.burst_bits]
    return [*plain, *memory.champsim.vector().tolist()]
