"""Names and limits of what the DRAM engine takes and counts, and the checks of its inputs.

The order of the fields is the layout of `Config` in dram_state.pxd; the choices of a policy are its positions
in the tables of simulators/dram/config.py.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

COMMANDS = (
    "ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REF", "PDE", "PDX",
    "REFPB", "REFSB", "SRE", "SRX", "VRR", "RFM", "RFMSB",
)  # fmt: skip
_RANK_COMMANDS = ("PREA", "REF", "PDE", "PDX", "SRE", "SRX", "RFM")
_SET_COMMANDS = ("REFSB", "RFMSB")

TIMING_FIELDS = (
    "n_channels", "n_ranks", "n_bank_groups", "n_banks", "t_read_data", "t_write_data", "t_burst", "t_ras",
    "t_read_close", "t_write_close", "t_refi", "command_buses",
)  # fmt: skip
POLICY_FIELDS = (
    "page_policy", "scheduler", "scheduler_buffer", "request_buffer_size", "resp_queue", "refresh_policy",
    "refresh_max_postponed", "refresh_max_pulledin", "arbiter", "max_active_transactions",
    "power_down_policy", "power_down_timeout", "batching_window", "row_hit_cap", "page_timeout",
    "write_high_watermark", "write_low_watermark", "command_mux", "slot_release", "first_ready",
    "write_forwarding", "write_coalescing", "self_refresh_timeout", "port_width", "bliss_streak",
    "bliss_clear", "mitigation", "para_threshold", "graphene_threshold", "graphene_entries", "raa_initial",
    "raa_maximum", "prac_threshold", "mitigation_seed", "refresh_window",
)  # fmt: skip
CONFIG_FIELDS = TIMING_FIELDS + POLICY_FIELDS
ROW_FIELDS = ("scope", "before", "after", "cycles", "window", "cause")

COUNTER_FIELDS = (
    "elapsed_cycles", "n_act", "n_pre", "n_prea", "n_prea_banks", "n_rd", "n_rda", "n_wr", "n_wra", "n_ref",
    "n_pde_active", "n_pde_precharge", "n_pdx", "row_hits", "row_misses", "row_conflicts", "active_cycles",
    "active_pd_cycles", "precharge_pd_cycles", "occupancy_cycles", "occupancy_max", "blocked_cycles",
    "refreshes_owed", "n_refpb", "n_refsb", "n_sre", "n_srx", "n_vrr", "n_rfm", "n_rfmsb",
    "forwarded_reads", "coalesced_writes", "sr_cycles", "stall_idle", "stall_command", "stall_data_bus",
    "stall_bank_group", "stall_activation", "stall_row_cycle", "stall_activate_spacing",
    "stall_four_activates", "stall_turnaround", "stall_rank_switch", "stall_refresh", "stall_power_down",
    "stall_self_refresh", "stall_row_hammer", "stall_command_bus", "stall_batching",
)  # fmt: skip
EPOCH_COUNTS = (
    *COUNTER_FIELDS, "offered_cycles", "delay_read", "delay_write", "delay_accepted_read",
    "delay_accepted_write", "timed_reads", "timed_writes", "active_standby_cycles",
    "precharge_standby_cycles", "owed_all", "owed_bank", "owed_set",
)  # fmt: skip
"""What a fleet reads of a running simulation: its counters, of which elapsed_cycles is the present cycle, and
occupancy_max has no meaning; cycles up to the last arrival; sums of the latencies in the order of
`DramEngine.histograms` and the requests that they are of; ranks' cycles in standby; and the refreshes owed by
what they will be: of a rank, of a bank, of a bank of each group."""
ACTIVE_FIELDS = ("refresh", "refresh_bank", "refresh_set", "rfm", "rfm_set")
"""Commands during which a rank draws active standby, in the order in which a fleet is given their cycles."""
BANK_COUNTS = ("act", "pre", "rd", "wr", "row_conflicts")

MAX_CHANNELS = 32
MAX_RANKS = 8
MAX_BANKS = 64  # of a channel
MAX_GROUPS = 32
MAX_REQUESTS_IN_FLIGHT = 4096
MAX_WINDOW = 32
_LONGEST = 1 << 20  # cycles between two commands
_LATEST = 1 << 39
_MOST = 1 << 30

# Lowest and highest value of each field.
LIMITS: dict[str, tuple[int, int]] = {
    "n_channels": (1, MAX_CHANNELS), "n_ranks": (1, MAX_RANKS), "n_bank_groups": (1, MAX_GROUPS),
    "n_banks": (1, MAX_BANKS), "t_read_data": (0, _LONGEST), "t_write_data": (0, _LONGEST),
    "t_burst": (1, _LONGEST), "t_ras": (0, _LONGEST), "t_read_close": (0, _LONGEST),
    "t_write_close": (0, _LONGEST), "t_refi": (1, _MOST), "command_buses": (1, 2),
    "page_policy": (0, 5), "scheduler": (0, 7), "scheduler_buffer": (0, 3),
    "request_buffer_size": (1, MAX_REQUESTS_IN_FLIGHT), "resp_queue": (0, 1), "refresh_policy": (0, 3),
    "refresh_max_postponed": (0, _LONGEST), "refresh_max_pulledin": (0, _LONGEST), "arbiter": (0, 2),
    "max_active_transactions": (1, MAX_REQUESTS_IN_FLIGHT), "power_down_policy": (0, 2),
    "power_down_timeout": (0, _MOST), "batching_window": (0, _MOST), "row_hit_cap": (1, _MOST),
    "page_timeout": (0, _MOST), "write_high_watermark": (0, MAX_REQUESTS_IN_FLIGHT),
    "write_low_watermark": (0, MAX_REQUESTS_IN_FLIGHT), "command_mux": (0, 1), "slot_release": (0, 1),
    "first_ready": (0, 1), "write_forwarding": (0, 1), "write_coalescing": (0, 1),
    "self_refresh_timeout": (0, _MOST), "port_width": (1, MAX_REQUESTS_IN_FLIGHT), "bliss_streak": (1, _MOST),
    "bliss_clear": (0, _LATEST), "mitigation": (0, 4), "para_threshold": (0, 1 << 20),
    "graphene_threshold": (0, _MOST), "graphene_entries": (0, 64), "raa_initial": (0, _MOST),
    "raa_maximum": (0, _MOST), "prac_threshold": (0, _MOST), "mitigation_seed": (0, (1 << 63) - 1),
    "refresh_window": (0, _LATEST),
}  # fmt: skip

# Bins of the latency histograms, as in dram_numbers.pxd.
_EXACT_BINS, _OCTAVE_BITS, _BINS, _COARSE_BINS = 4096, 6, 6080, 128


def bin_upper_bounds() -> NDArray[np.int64]:
    """Largest latency of each bin of the histograms, cycles, int64 (bins,)."""
    per_octave = 1 << _OCTAVE_BITS
    bins = np.arange(_BINS - _EXACT_BINS, dtype=np.int64)
    width = np.int64(_EXACT_BINS // per_octave) << (bins // per_octave)
    upper = (per_octave + bins % per_octave + 1) * width - 1
    return np.concatenate([np.arange(_EXACT_BINS, dtype=np.int64), upper])


def coarse_bin_upper_bounds() -> NDArray[np.int64]:
    """Largest latency of each bin of `source_histograms`, cycles, int64 (bins,); the last has no end."""
    bins = np.arange(_COARSE_BINS, dtype=np.int64)
    width = np.int64(1) << np.maximum(0, bins // 4 - 1)
    return np.where(bins < 4, bins, (4 + bins % 4 + 1) * width - 1)


def checked_config(config: ArrayLike) -> NDArray[np.int64]:
    """The int64 vector of a configuration. ValueError names the field that is out of range."""
    vector = np.ascontiguousarray(config, dtype=np.int64)
    if vector.shape != (len(CONFIG_FIELDS),):
        raise ValueError(f"config has shape {vector.shape}, expected ({len(CONFIG_FIELDS)},)")
    values = dict(zip(CONFIG_FIELDS, vector.tolist(), strict=True))
    for name, value in values.items():
        low, high = LIMITS[name]
        if not low <= value <= high:
            raise ValueError(f"{name}={value} is out of range, expected {low} to {high}")
    if values["n_banks"] % values["n_bank_groups"]:
        raise ValueError(
            f"n_banks={values['n_banks']} is no multiple of n_bank_groups={values['n_bank_groups']}"
        )
    for name, limit in (("n_banks", MAX_BANKS), ("n_bank_groups", MAX_GROUPS)):
        total = values["n_ranks"] * values[name]
        if total > limit:
            raise ValueError(
                f"n_ranks={values['n_ranks']} of {name}={values[name]} are {total}: at most {limit}"
            )
    return vector


def checked_rows(rows: ArrayLike) -> NDArray[np.int64]:
    """The constraints, int64 (n, 6), not to be written. ValueError names the first row that makes no sense.

    Those of a memory are checked once, not for each of its simulations.
    """
    table = np.ascontiguousarray(rows, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != len(ROW_FIELDS):
        raise ValueError(
            f"rows have shape {table.shape}, expected (n, {len(ROW_FIELDS)}): {', '.join(ROW_FIELDS)}"
        )
    return _checked_table(table.tobytes())


@lru_cache(maxsize=256)
def _checked_table(data: bytes) -> NDArray[np.int64]:
    table = np.frombuffer(data, dtype=np.int64).reshape(-1, len(ROW_FIELDS))
    last = len(COMMANDS) - 1
    limits = ((0, 4), (0, last), (0, last), (-_LONGEST, _LONGEST), (0, MAX_WINDOW), (0, 13))
    for name, (low, high), column in zip(ROW_FIELDS, limits, table.T, strict=True):
        wrong = np.flatnonzero((column < low) | (column > high))
        if len(wrong):
            raise ValueError(f"row {wrong[0]} has {name} {column[wrong[0]]}, expected {low} to {high}")
    _check_scopes(table)
    return table


def _check_scopes(table: NDArray[np.int64]) -> None:
    """A bank or group of a command that goes to a whole rank is not defined; windows are kept per rank."""
    scope, window = table[:, 0], table[:, 4]
    to_rank = np.isin(table[:, 1:3], [COMMANDS.index(name) for name in _RANK_COMMANDS]).any(axis=1)
    to_set = np.isin(table[:, 1:3], [COMMANDS.index(name) for name in _SET_COMMANDS]).any(axis=1)
    wrong = ((scope <= 1) & to_rank) | ((scope == 1) & to_set)
    if wrong.any():
        raise ValueError(
            f"row {np.flatnonzero(wrong)[0]} names a bank or group of a command that goes to several"
        )
    wrong = (window > 1) & (scope != 2)
    if wrong.any():
        raise ValueError(f"row {np.flatnonzero(wrong)[0]} has a window beyond a rank: expected scope 2")


def checked_lengths(lengths: ArrayLike) -> NDArray[np.int64]:
    """Clocks that each command occupies its bus, int64 (commands,)."""
    clocks = np.ascontiguousarray(lengths, dtype=np.int64)
    if clocks.shape != (len(COMMANDS),) or clocks.min() < 1 or clocks.max() > 64:
        raise ValueError(
            f"lengths={clocks.tolist()}: expected 1 to 64 clocks for each of {len(COMMANDS)} commands"
        )
    return clocks
