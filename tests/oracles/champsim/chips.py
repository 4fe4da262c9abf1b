"""ChampSim's configurations as chips of ours, and the traces that it ran.

Calibrated are only the latencies that three pointer chases give (L1 5, L2 14, last level 30 cycles from load
to use, 8 more for a page that the second translation buffer has); the rest is its configuration, where our
core has the same thing. What differs is said where it is set, and in docs/soc-validation.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from simulators.soc.champsim import ChampsimMemoryConfig
from simulators.soc.config import (
    CacheConfig,
    ChipConfig,
    CoreConfig,
    MemoryConfig,
    NocConfig,
    TranslationConfig,
)
from simulators.soc.pages import Memory, Placement, place_pages, touched_pages
from simulators.soc.programs import Programs, placed_programs
from traces import synthetic_instructions as synthetic
from traces.instruction_npz import read_instruction_npz
from traces.instructions import COLUMNS, InstructionTrace

HERE = Path(__file__).parent
GENERATED = 1_500_000  # instructions; `branchy` draws its branches after all its addresses
PHYSICAL_REGISTERS, RESERVED_REGISTERS = 128, 2
_IP = 26  # the instruction pointer in ChampSim's records
_PAGE_BITS, _LEVELS, _FIRST_FRAME = 12, 5, 256
_MEMORY = Memory(1 << 34, _PAGE_BITS, _LEVELS)

TRACES: dict[str, Callable[[], InstructionTrace]] = {
    "stream": lambda: synthetic.stream(GENERATED),
    "random64m": lambda: synthetic.random(GENERATED),
    "chase16k": lambda: synthetic.chase(GENERATED, size_kib=16),
    "chase256k": lambda: synthetic.chase(GENERATED, size_kib=256),
    "chase1m": lambda: synthetic.chase(GENERATED, size_kib=1024),
    "matmul192": lambda: synthetic.matmul(GENERATED, order=192),
    "branchy50": lambda: synthetic.branchy(GENERATED),
    "branchy90": lambda: synthetic.branchy(GENERATED, taken_probability=0.9),
    "real_mm": lambda: read_instruction_npz(HERE / "real_mm.npz"),
    "real_gups": lambda: read_instruction_npz(HERE / "real_gups.npz"),
}


@cache
def champsim_trace(name: str) -> InstructionTrace:
    """The trace with the instruction pointer as a register that each branch reads and writes, as its records
    have it: each branch takes a physical register there."""
    trace = TRACES[name]()
    columns = {column: getattr(trace, column).copy() for column in COLUMNS}
    is_branch = trace.branch != 0
    for column in ("sources", "destinations"):
        registers = columns[column]
        for place in range(registers.shape[1]):
            takes = is_branch & (registers[:, place] == 0) & (registers != _IP).all(axis=1)
            registers[takes, place] = _IP
    return InstructionTrace(**columns, address=trace.address, name=name)


def champsim_base(trace: InstructionTrace) -> ChipConfig:
    """The base configuration. Five levels of tables and the caches of the walker but the lowest, see `place`.

    registers: results in flight, so without the registers that the trace names. ChampSim reserves two more:
    it stops renaming when fewer are left than sources and results of an instruction in flight, mostly three.
    """
    named = np.unique(np.concatenate([trace.sources.ravel(), trace.destinations.ravel()]))
    core = CoreConfig(
        code=CacheConfig(64, 8, 4, 8),
        data=CacheConfig(64, 12, 5, 16),
        second=CacheConfig(1024, 8, 9, 32),
        walks=5,
        latencies=(1,) * 7,
        registers=PHYSICAL_REGISTERS - int(np.count_nonzero(named)) - RESERVED_REGISTERS,
        translation=TranslationConfig(levels=_LEVELS, level2=(0, 1)),
    )
    return ChipConfig(
        cores=(core,),
        bank=CacheConfig(2048, 16, 13, 64),
        banks=1,
        noc=NocConfig(enabled=False),
        memory=MemoryConfig("champsim"),
        bank_nodes=(0,),
    )


def chip(configuration: str, trace: InstructionTrace) -> ChipConfig:
    """The chip of a configuration of results.csv."""
    base = champsim_base(trace)
    core = base.cores[0]
    if configuration == "dram2ch":
        return replace(base, memory=MemoryConfig("champsim", champsim=ChampsimMemoryConfig(channels=2)))
    if configuration == "pf_l1_nl":
        core = replace(core, data=replace(core.data, prefetcher="next_line", degree=1))
    elif configuration == "pf_l2_ipstride":
        core = replace(core, second=replace(core.second, prefetcher="ip_stride", degree=3))
    else:
        assert configuration == "base", configuration
    return replace(base, cores=(core,))


# ------------------------------------------------------------------------------------------- its page tables


def place(trace: InstructionTrace) -> Programs:
    """The program with pages and page tables where ChampSim has them.

    Frames are given from 1 MiB on in order of first touch, two a page: one for its entry of the lowest level
    of the tables, which shares it with no other, then its own. A walk reads two lines: first the place of
    that entry in the frame of the page of the same 2 MiB that was walked before, then the entry. That is
    inferred, from its source in part and from its counts: two reads a walk to the last, of which a sequential
    trace finds the first in L1D seven times of eight and never the second. Here the page before is the one
    that was touched for the first time before this one; there it is the last one walked.
    """
    placed = place_pages([(0, touched_pages(trace, _PAGE_BITS))], _MEMORY)
    n = len(placed)
    frame = np.uint64(_FIRST_FRAME + 1) + 2 * np.arange(n, dtype=np.uint64)
    own = (frame - np.uint64(1)) << np.uint64(_PAGE_BITS)
    within = (placed.page & np.uint64(511)) << np.uint64(3)
    last: dict[int, int] = {}
    before = np.arange(n)
    for k, region in enumerate((placed.page >> np.uint64(9)).tolist()):
        before[k] = last.get(region, k)
        last[region] = k
    entry = np.zeros((n, _LEVELS), np.uint64)
    entry[:, 0], entry[:, 1] = own + within, own[before] + within
    for level in range(2, _LEVELS):
        entry[:, level] = level << _PAGE_BITS
    placement = Placement(_MEMORY, placed.space, placed.page, frame, entry, n, 2 * n + _LEVELS)
    return placed_programs((trace,), (0,), placement)
