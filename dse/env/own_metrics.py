"""What each subsystem can see of its own part in an outcome: shares of the metrics that a simulation gives.

A name stands for a metric between 0 and 1; "a / b" for the share of b that a is. The lost cycles are those
that the simulators attribute to the subsystem (`STALL_OWNERS` of their sessions; a test compares the two);
the energies are those of the subsystem's own doing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, did_you_mean, listed
from dse.metrics import MetricSchema

OwnMetrics = Mapping[str, Sequence[str]]

OWN_METRICS: Mapping[str, OwnMetrics] = {
    "dram": {
        "front_end": (
            "stall_idle_fraction", "stall_command_fraction", "stall_data_bus_fraction", "blocked_fraction",
        ),
        "scheduler": (
            "stall_turnaround_fraction", "stall_rank_switch_fraction", "stall_command_bus_fraction",
            "stall_batching_fraction", "row_hit_rate",
        ),
        "page_policy": (
            "stall_activation_fraction", "stall_row_cycle_fraction", "row_hit_rate",
            "energy_activate_pj / energy_pj", "energy_precharge_pj / energy_pj",
        ),
        "address_mapping": (
            "stall_bank_group_fraction", "stall_activate_spacing_fraction", "stall_four_activates_fraction",
            "row_hit_rate",
        ),
        "refresh": (
            "stall_refresh_fraction", "stall_row_hammer_fraction", "energy_refresh_pj / energy_pj",
        ),
        "power_down": (
            "stall_power_down_fraction", "stall_self_refresh_fraction", "power_down_fraction",
            "self_refresh_fraction", "precharge_standby_fraction", "active_standby_fraction",
        ),
    },
    "soc": {
        "core": (
            "cpi_base_fraction", "cpi_branch_fraction", "cpi_dependence_fraction", "cpi_store_fraction",
            "cpi_translation_fraction", "energy_core_uj / energy_uj",
        ),
        "l1": ("cpi_fetch_fraction", "cpi_l1_fraction", "energy_l1_uj / energy_uj"),
        "l2": ("cpi_l2_fraction", "energy_l2_uj / energy_uj"),
        "llc": ("cpi_llc_fraction", "llc_miss_rate", "energy_llc_uj / energy_uj"),
        "interconnect": ("cpi_other_core_fraction", "energy_noc_uj / energy_uj"),
        "memory_controller": (
            "cpi_memory_fraction", "dram_row_hit_rate", "energy_memory_controller_uj / energy_uj",
            "energy_dram_uj / energy_uj",
        ),
        "mapping": ("cpi_end_fraction",),
        "power": ("leakage_uj / energy_uj", "epochs_over_cap_fraction"),
        "accelerator": (
            "accelerator_waiting_fraction", "accelerator_utilisation", "energy_accelerator_uj / energy_uj",
        ),
    },
}  # fmt: skip
"""Simulator to subsystem to names."""


SIGNALS: Mapping[str, Sequence[str]] = {
    "dram": (
        "bus_utilisation", "row_hit_rate", "writes / requests", "blocked_fraction",
        "stall_idle_fraction", "stall_data_bus_fraction",
    ),
    "soc": (
        "cpi_base_fraction", "cpi_memory_fraction", "cpi_branch_fraction", "llc_miss_rate",
        "dram_row_hit_rate",
    ),
}  # fmt: skip
"""What all agents of a running simulation see of an epoch: enough to tell phases of a workload apart."""


class Shares:
    """Reads the own metrics of subsystems off a finished run.

    named: subsystem to names; subsystems that it does not have see no metrics of their own. ConfigError for a
    metric that the schema does not have.
    """

    def __init__(self, schema: MetricSchema, named: OwnMetrics, subsystems: Sequence[str]) -> None:
        known = [(subsystem, name) for subsystem in subsystems for name in named.get(subsystem, ())]
        self.names = tuple(name for _, name in known)
        self._subsystems = tuple(subsystem for subsystem, _ in known)
        pairs = [_columns(schema, name) for name in self.names]
        self._columns = [above for above, _ in pairs]
        self._ratios = [(position, below) for position, (_, below) in enumerate(pairs) if below >= 0]
        self._above = np.array(self._columns, dtype=np.intp)
        self._parts, self._below = np.array(self._ratios, dtype=np.intp).reshape(-1, 2).T

    def __len__(self) -> int:
        return len(self.names)

    def columns(self, subsystem: str) -> list[int]:
        """Which of the shares are that subsystem's."""
        return [position for position, owner in enumerate(self._subsystems) if owner == subsystem]

    def values(self, metrics: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n, S) from 0 to 1, of metrics (n, all of the schema); 0 for what was not measured."""
        shares: NDArray[np.float64] = metrics.take(self._above, axis=1)
        if len(self._below):
            whole = metrics.take(self._below, axis=1)
            whole[whole == 0] = np.inf
            shares[:, self._parts] /= whole
        return np.minimum(np.fmax(shares, 0.0), 1.0)  # fmax takes the 0 where the other is no number

    def of_one(self, metrics: Sequence[float]) -> list[float]:
        """(S,) the same of one design, in plain numbers: arrays take four times as long."""
        shares = [metrics[column] for column in self._columns]
        for position, column in self._ratios:
            shares[position] = shares[position] / metrics[column] if metrics[column] else 0.0
        return [share if 0.0 < share < 1.0 else 1.0 if share >= 1.0 else 0.0 for share in shares]


def shares_of(
    simulator: str, schema: MetricSchema, subsystems: Sequence[str], own_metrics: OwnMetrics | None
) -> Shares:
    """The shares of a simulator's subsystems: those given, or those known for it (none if unknown).

    ConfigError for a subsystem that does not exist.
    """
    for name in own_metrics or ():
        if name not in subsystems:
            hint = did_you_mean(name, subsystems) or f" There are {listed(subsystems)}."
            raise ConfigError(f"own_metrics: no subsystem is called {name!r}.{hint}", key="own_metrics")
    named = OWN_METRICS.get(simulator, {}) if own_metrics is None else own_metrics
    return Shares(schema, named, subsystems)


def _columns(schema: MetricSchema, name: str) -> tuple[int, int]:
    """Column of the metric, and of what it is a share of (-1: it is one already)."""
    above, _, below = (part.strip() for part in name.partition("/"))
    if not above or ("/" in name and not below):
        raise ConfigError(f"own metric {name!r}: expected a metric, or METRIC / METRIC", key="own_metrics")
    return schema.index(above), schema.index(below) if below else -1
