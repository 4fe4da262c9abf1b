"""What a run of the twin leaves behind: its command log, its counters, and the cycles of each request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """One line of the command log. bank: flat in the channel, -1 for a command to a whole rank (a command to
    a set of banks names the one of the first group); row: that of the request, or the aggressor's (VRR), or
    -1; request: index of the request served, or -1.
    """

    cycle: int
    command: str
    channel: int
    rank: int
    bank: int
    row: int
    column: int
    request: int


@dataclass(slots=True)
class Counters:
    """Everything that metrics are computed from; cycles and counts (see `simulators.dram.measure`).

    Sums over channels and ranks, but occupancy_max (the largest of a channel). The stall_* cycles add up to
    elapsed_cycles * channels (see `simulators.dram.twin.stalls`).
    """

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
    n_refpb: int = 0
    n_refsb: int = 0
    n_sre: int = 0
    n_srx: int = 0
    n_vrr: int = 0
    n_rfm: int = 0
    n_rfmsb: int = 0
    forwarded_reads: int = 0
    coalesced_writes: int = 0
    sr_cycles: int = 0
    stall_idle: int = 0
    stall_command: int = 0
    stall_data_bus: int = 0
    stall_bank_group: int = 0
    stall_activation: int = 0
    stall_row_cycle: int = 0
    stall_activate_spacing: int = 0
    stall_four_activates: int = 0
    stall_turnaround: int = 0
    stall_rank_switch: int = 0
    stall_refresh: int = 0
    stall_power_down: int = 0
    stall_self_refresh: int = 0
    stall_row_hammer: int = 0
    stall_command_bus: int = 0
    stall_batching: int = 0

    def count(self, name: str, by: int = 1) -> None:
        """Adds to the counter of that name."""
        setattr(self, name, getattr(self, name) + by)


@dataclass(frozen=True, slots=True)
class TwinResult:
    """Command log, counters and the cycles of each request (arrays (n,), in the order given)."""

    log: tuple[LoggedCommand, ...]
    counters: Counters
    accept: NDArray[np.int64]
    finish: NDArray[np.int64]
