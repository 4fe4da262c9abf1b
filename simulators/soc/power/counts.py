"""What happened in a run, as a simulator counts it: the only thing that dynamic energy depends on beside
the design.

All counts are sums over the interval that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dse.errors import InputError


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Accesses to one cache.

    reads, writes: of lines, fills and write-backs included. tag_checks: look-ups that touch no data (misses
    where tags are read first, probes of the directory). misses: allocations of a miss register.
    """

    reads: float = 0
    writes: float = 0
    tag_checks: float = 0
    misses: float = 0


@dataclass(frozen=True, slots=True)
class CoreCounts:
    """Events of one core.

    cycles: of its clock while it ran. fetched, dispatched, issued, retired: instructions. alu, multiply,
    floating: instructions by the unit that executed them. results: values that were broadcast to the
    scheduler and the bypasses. predictions: look-ups of the direction predictor; btb_lookups: one a fetch
    group. loads, stores: each searches the queues. itlb_lookups, dtlb_lookups, stlb_lookups: of the
    translation buffers. gated_s: seconds for which the core without its caches was switched off;
    caches_gated_s: those for which its caches were.
    """

    cycles: float = 0
    fetched: float = 0
    dispatched: float = 0
    issued: float = 0
    retired: float = 0
    alu: float = 0
    multiply: float = 0
    floating: float = 0
    results: float = 0
    register_reads: float = 0
    register_writes: float = 0
    predictions: float = 0
    btb_lookups: float = 0
    loads: float = 0
    stores: float = 0
    itlb_lookups: float = 0
    dtlb_lookups: float = 0
    stlb_lookups: float = 0
    l1i: CacheCounts = CacheCounts()
    l1d: CacheCounts = CacheCounts()
    l2: CacheCounts = CacheCounts()
    gated_s: float = 0
    caches_gated_s: float = 0


@dataclass(frozen=True, slots=True)
class NocCounts:
    """Flits through routers, and flits over links (flit-hops)."""

    router_flits: float = 0
    link_flits: float = 0


@dataclass(frozen=True, slots=True)
class AcceleratorCounts:
    """Multiply-accumulates, and lines of 64 bytes read from and written to the buffer."""

    macs: float = 0
    buffer_reads: float = 0
    buffer_writes: float = 0


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of a block's supply voltage."""

    block: str
    from_v: float
    to_v: float


@dataclass(frozen=True, slots=True)
class SocCounts:
    """Events of an interval of `seconds`, one entry a core and an accelerator.

    dram_energy_j: what the DRAM drew, by component, as its own model says (`simulators.dram.power`).
    """

    seconds: float
    cores: tuple[CoreCounts, ...] = ()
    llc: CacheCounts = CacheCounts()
    noc: NocCounts = NocCounts()
    accelerators: tuple[AcceleratorCounts, ...] = ()
    dram_energy_j: Mapping[str, float] = field(default_factory=dict)
    transitions: tuple[Transition, ...] = ()

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"seconds={self.seconds!r} of a power report: expected a positive time")
