"""What a run of the twin leaves behind: its command log, its counters, and the cycles of each request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """One line of the command log. `request` is the index of the request served, or -1."""

    cycle: int
    command: str
    bank: int
    row: int
    column: int
    request: int


@dataclass(slots=True)
class Counters:
    """Everything that metrics are computed from; cycles and counts (see `simulators.dram.measure`)."""

    elapsed_cycles: int = 0
    n_act: int = 0
    n_pre: int = 0
    n_prea: int = 0
    n_prea_banks: int = 0
    n_rd: int = 0
    n_rda: int = 0
    n_wr: int = 0
    n_wra: int = 0
    n_ref: int = 0
    n_pde_active: int = 0
    n_pde_precharge: int = 0
    n_pdx: int = 0
    row_hits: int = 0
    row_misses: int = 0
    row_conflicts: int = 0
    active_cycles: int = 0
    active_pd_cycles: int = 0
    precharge_pd_cycles: int = 0
    occupancy_cycles: int = 0
    occupancy_max: int = 0
    blocked_cycles: int = 0
    refreshes_owed: int = 0


@dataclass(frozen=True, slots=True)
class TwinResult:
    """Command log, counters and the cycles of each request (arrays (n,), in the order given)."""

    log: tuple[LoggedCommand, ...]
    counters: Counters
    accept: NDArray[np.int64]
    finish: NDArray[np.int64]
