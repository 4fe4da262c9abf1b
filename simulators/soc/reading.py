"""What a running chip has counted at one moment, and what it counted between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ext.dram_engine import DramEngine
from ext.soc_engine import SocEngine

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """Counts of the engines, from the start or from another reading on.

    time_fs: simulated. cores: by core, as `ext.soc_fields.CORE_COUNTS`, and cycles. caches: by core, of L1I,
    L1D and L2. banks: of the last level. uncore: of messages. noc: of all virtual networks together. dram: of
    the memory, whose elapsed_cycles go to time_fs. accelerators: of each that has a task, as
    `ext.soc_fields.ACCELERATOR_COUNTS`, and cycles.
    """

    time_fs: int
    cores: tuple[Counts, ...]
    caches: tuple[tuple[Counts, ...], ...]
    banks: tuple[Counts, ...]
    uncore: Counts
    noc: Counts
    dram: Counts
    accelerators: tuple[Counts, ...] = ()

    @classmethod
    def of(
        cls,
        engine: SocEngine,
        dram: DramEngine,
        n_cores: int,
        memory_period_fs: int,
        n_accelerators: int = 0,
    ) -> Reading:
        """What the engines have counted by now."""
        counted = dram.counters()
        counted["elapsed_cycles"] = max(-(-engine.time // memory_period_fs), dram.cycle + 1)
        return cls(
            engine.time,
            tuple(engine.core_counts(k) for k in range(n_cores)),
            tuple(tuple(engine.cache_counts(k)) for k in range(n_cores)),
            tuple(engine.bank_counts()),
            engine.uncore_counts(),
            total(engine.noc_counts()[0]),
            counted,
            tuple(engine.accelerator_counts(k) for k in range(n_accelerators)),
        )

    def since(self, before: Reading) -> Reading:
        """What was counted after `before`."""
        return Reading(
            self.time_fs - before.time_fs,
            tuple(map(_minus, self.cores, before.cores)),
            tuple(tuple(map(_minus, own, old)) for own, old in zip(self.caches, before.caches, strict=True)),
            tuple(map(_minus, self.banks, before.banks)),
            _minus(self.uncore, before.uncore),
            _minus(self.noc, before.noc),
            _minus(self.dram, before.dram),
            tuple(map(_minus, self.accelerators, before.accelerators)),
        )


def total(counts: Iterable[Counts]) -> dict[str, int]:
    """The sum of each count; empty if there are none."""
    sums: dict[str, int] = {}
    for one in counts:
        for name, value in one.items():
            sums[name] = sums.get(name, 0) + value
    return sums


def _minus(now: Counts, before: Counts) -> dict[str, int]:
    return {name: value - before[name] for name, value in now.items()}
