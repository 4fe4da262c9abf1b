"""From what the engines counted to the events that the power model charges.

The engine simulates the right way only: what a core fetches after a misprediction and throws away is not
counted, and so costs nothing. Registers, results and fetch groups follow from the program and the number of
its instructions that ran.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ext.soc_fields import ACCESSES
from simulators.dram.power import Activity, energy_pj, refresh_owed_pj
from simulators.soc.build import Built
from simulators.soc.power.counts import (
    AcceleratorCounts,
    CacheCounts,
    CoreCounts,
    NocCounts,
    SocCounts,
    Transition,
)
from simulators.soc.reading import Counts, Reading, total
from traces.instructions import InstructionTrace, Operation

DEMAND = ("load", "store", "fetch", "walk")
_MULTIPLY = (Operation.MULTIPLY, Operation.DIVIDE)
_FLOATING = (
    Operation.FLOAT_ADD, Operation.FLOAT_MULTIPLY, Operation.FLOAT_DIVIDE, Operation.VECTOR,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """What an instruction of a program means for a core, in the mean.

    sources, destinations: registers. results: instructions that write one. runs, run_counts: lengths of the
    stretches between taken branches, and how many there are of each.
    """

    instructions: int
    sources: float
    destinations: float
    results: float
    runs: NDArray[np.int64]
    run_counts: NDArray[np.int64]

    @classmethod
    def of(cls, trace: InstructionTrace) -> Mix:
        """Of a whole trace."""
        n = len(trace)
        ends = np.append(np.flatnonzero(trace.taken) + 1, n)
        runs, counts = np.unique(np.diff(ends, prepend=0), return_counts=True)
        return cls(
            n,
            np.count_nonzero(trace.sources) / n,
            np.count_nonzero(trace.destinations) / n,
            np.count_nonzero(trace.destinations[:, 0]) / n,
            runs,
            counts.astype(np.int64),
        )

    def groups(self, width: int) -> float:
        """Fetch groups an instruction, of a front end so wide."""
        return float((-(-self.runs // width) * self.run_counts).sum()) / self.instructions


def soc_counts(
    built: Built,
    reading: Reading,
    mixes: Sequence[Mix],
    transitions: tuple[Transition, ...] = (),
    gated_s: Sequence[float] = (),
) -> SocCounts:
    """The events of an interval; cores without a program and accelerators without a task have none.

    gated_s: as in `idle.gated_s`.
    """
    off_s = gated_s or (0.0,) * len(built.soc.cores)
    cores = [
        replace(_core(counts, caches, mix, core.width), gated_s=off)
        for counts, caches, mix, core, off in zip(
            reading.cores, reading.caches, mixes, built.chip.cores, off_s, strict=False
        )
    ]
    idle = [CoreCounts(gated_s=off, caches_gated_s=off) for off in off_s[len(cores) :]]
    written_back = sum(caches[2]["written_back"] for caches in reading.caches)
    links = 2 if built.chip.noc.topology == "crossbar" else 1  # to the middle, and from there
    return SocCounts(
        seconds=reading.time_fs * 1e-15,
        cores=(*cores, *idle),
        llc=_cache(total(reading.banks), written_back) if reading.banks else CacheCounts(),
        noc=NocCounts(reading.noc.get("router_flits", 0), links * reading.noc.get("flit_hops", 0)),
        accelerators=accelerator_activity(built, reading),
        dram_energy_j={name: 1e-12 * pj for name, pj in dram_energy_pj(built, reading).items()},
        transitions=transitions,
    )


def accelerator_activity(built: Built, reading: Reading) -> tuple[AcceleratorCounts, ...]:
    """Of every accelerator. What its cells do goes with the cycles in which they compute."""
    if built.accelerators is None:
        return ()
    found = []
    for task, counts in zip(built.accelerators.tasks, reading.accelerators, strict=True):
        share = counts["computing"] / task.computing_cycles
        found.append(AcceleratorCounts(share * task.macs, share * task.fed_lines, counts["read_lines"]))
    return (*found, *[AcceleratorCounts()] * (built.accelerators.count - len(found)))


def dram_energy_pj(built: Built, reading: Reading) -> dict[str, float]:
    """What the memory drew, by component, and the refreshes that it owes more than before."""
    policy = str(built.design["refresh_policy"])
    activity = Activity.of(reading.dram, built.system.total_ranks, policy)
    parts = energy_pj(built.system.events, activity)
    del parts["total"]
    return parts | {"refresh_owed": refresh_owed_pj(built.system.events, activity)}


def demand(counts: Counts, what: str) -> int:
    """Accesses of all kinds but prefetches that were `what`: hits, merged or misses."""
    return sum(counts[f"{what}_{kind}"] for kind in DEMAND)


def _core(counts: Counts, caches: Sequence[Counts], mix: Mix, width: int) -> CoreCounts:
    code, data, second = caches
    retired = counts["retired"]
    multiply = sum(counts[f"operations_{kind}"] for kind in _MULTIPLY)
    floating = sum(counts[f"operations_{kind}"] for kind in _FLOATING)
    return CoreCounts(
        cycles=counts["cycles"],
        fetched=retired,
        dispatched=retired,
        issued=retired,
        retired=retired,
        alu=retired - multiply - floating,
        multiply=multiply,
        floating=floating,
        results=mix.results * retired,
        register_reads=mix.sources * retired,
        register_writes=mix.destinations * retired,
        predictions=counts["branches"],
        btb_lookups=mix.groups(width) * retired,
        loads=counts["loads"],
        stores=counts["stores"],
        itlb_lookups=sum(demand(code, what) for what in ("hits", "merged", "misses")),
        dtlb_lookups=counts["loads"] + counts["stores"],
        stlb_lookups=counts["first_tlb_misses"],
        l1i=_cache(code),
        l1d=_cache(data),
        l2=_cache(second, data["written_back"]),
    )


def _cache(counts: Counts, from_above: int = 0) -> CacheCounts:
    """from_above: lines that the level above wrote back. What waits for a line on its way reads it then."""
    misses = sum(counts[f"misses_{kind}"] for kind in ACCESSES)
    merged = sum(counts[f"merged_{kind}"] for kind in ACCESSES)
    stores = counts["hits_store"] + counts["merged_store"]
    used = demand(counts, "hits") + demand(counts, "merged")
    return CacheCounts(
        reads=used - stores + counts["written_back"],
        writes=stores + misses + from_above,
        tag_checks=misses + merged + counts["hits_prefetch"],
        misses=misses,
    )
