"""Chips and programs small enough for closed forms: every number is known, nothing is drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ext.soc_engine import SocEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.devices import device
from simulators.dram.memory.mapping import AddressMapping
from simulators.dram.system import System
from simulators.soc.config import (
    CacheConfig,
    ChipConfig,
    CoreConfig,
    MemoryConfig,
    NocConfig,
    PredictorConfig,
    TranslationConfig,
)
from simulators.soc.memory import live_engine, memory_config, routing_table
from simulators.soc.pages import Memory
from simulators.soc.programs import place_programs
from traces.instructions import Branch, InstructionTrace, Operation

PERIOD_FS = 250_000
CORE = CoreConfig(
    code=CacheConfig(64, 8, 4, 8),
    data=CacheConfig(64, 8, 4, 16),
    second=CacheConfig(512, 8, 10, 32),
    width=4, issue_width=4, rob=128, load_queue=64, store_queue=64, load_ports=2, depth=3,
    predictor=PredictorConfig("perceptron"),
    translation=TranslationConfig(enabled=False),
)  # fmt: skip
CHIP = ChipConfig(
    cores=(CORE,),
    bank=CacheConfig(2048, 16, 20, 64),
    banks=1,
    noc=NocConfig(enabled=False),
    memory=MemoryConfig("fixed", 100, 0),
    bank_nodes=(0,),
)
PAGES = Memory(1 << 33, policy="first-touch")


def with_core(chip=CHIP, **options):
    """The chip with another core, all cores the same."""
    return replace(chip, cores=tuple(replace(core, **options) for core in chip.cores))


def with_cores(chip, n):
    return replace(
        chip,
        cores=chip.cores[:1] * n,
        core_nodes=chip.core_nodes[:1] * n,
        core_periods_fs=chip.core_periods_fs[:1] * n,
    )


@dataclass(frozen=True)
class DramChoice:
    """A memory of the DRAM engine."""

    name: str = "ddr4-3200-8gb-x8"
    channels: int = 1

    @property
    def system(self):
        return System.of(device(self.name), self.channels, None)


def opened(chip, *traces, instructions=None, dram=None, record=False):
    """An engine at time 0. dram: a DramChoice in place of the chip's memory."""
    placed = place_programs(traces, PAGES)
    engine = table = None
    if dram is not None:
        system = dram.system
        design = {"request_buffer_size": 64, "max_active_transactions": 128, "scheduler": "FrFcfs"}
        engine = live_engine(system, ControllerConfig.build(system.device, design), len(traces))
        table = routing_table(AddressMapping.of("row-bank-column", system.device))
        chip = replace(chip, memory=memory_config(system.device), memory_period_fs=system.device.tck_fs)
    return SocEngine(
        **chip.engine_arguments(),
        **placed.arguments(translates=chip.cores[0].translation.enabled),
        instructions=instructions or [len(trace) for trace in traces],
        dram=engine,
        table=table,
        record=record,
    )


def ended(chip, *traces, **options):
    """An engine after its programs have run."""
    engine = opened(chip, *traces, **options)
    engine.advance()
    return engine


def ipc(engine, core=0):
    counts = engine.core_counts(core)
    return counts["retired"] / counts["cycles"]


# ------------------------------------------------------------------------------------------------- programs


@dataclass(frozen=True)
class Step:
    writes: int = 0
    reads: int = 0
    load: int | None = None
    store: int | None = None
    operation: Operation = Operation.SIMPLE
    branch: Branch = Branch.NONE


def program(steps, *, lines_of_code=1):
    """The trace of these steps; the code goes round in as many lines."""
    accesses = [at for step in steps for at in (step.load, step.store) if at is not None]
    branch = np.array([step.branch for step in steps], np.uint8)
    return InstructionTrace(
        ip=0x400000 + 4 * (np.arange(len(steps), dtype=np.uint64) % (16 * lines_of_code)),
        branch=branch,
        taken=branch != Branch.NONE,
        operation=np.array([step.operation for step in steps], np.uint8),
        sources=np.array([[step.reads, 0, 0, 0] for step in steps]),
        destinations=np.array([[step.writes, 0] for step in steps]),
        n_loads=[int(step.load is not None) for step in steps],
        n_stores=[int(step.store is not None) for step in steps],
        address=np.array(accesses, np.uint64),
    )


HEAP = 0x10_0000_0000


def chased(n_lines, n):
    """Loads each of which needs the one before, of all lines in a fixed order that no prefetcher knows."""
    order = np.random.default_rng(3).permutation(n_lines)
    return program([Step(1, 1, load=HEAP + 64 * int(order[k % n_lines])) for k in range(n)])


def independent(n, *, every=1):
    """One load of a new line in so many instructions, none of which waits for another."""
    steps = [Step(2, load=HEAP + 64 * (k // every)) if k % every == 0 else Step() for k in range(n)]
    return program(steps)
