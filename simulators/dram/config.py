"""What one memory and its controller are: organisation, constraints and policies of one design, as numbers.

`ControllerConfig` is the whole input of a simulation besides the requests. The twin reads its fields by name;
the engine reads `vector()`, whose order is `ext.dram_engine.CONFIG_FIELDS`, and `row_array()`. Policies are
the position of their name in the tables below; the names are those of DRAMSys where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, listed
from simulators.dram.memory.constraints import COMMANDS, Constraint
from simulators.dram.memory.devices import Device

PAGE_POLICIES = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive", "Timeout", "ClosedCap")
SCHEDULERS = ("Fifo", "FrFcfsGrp", "FrFcfs", "Fcfs", "FrFcfsCap", "GrpFrFcfs", "GrpFrFcfsWm", "Bliss")
SCHEDULER_BUFFERS = ("Bankwise", "ReadWrite", "Shared", "SplitReadWrite")
RESPONSE_QUEUES = ("Fifo", "Reorder")
REFRESH_POLICIES = ("NoRefresh", "AllBank", "PerBank", "SameBank")
ARBITERS = ("Simple", "Fifo", "Reorder")
POWER_DOWN_POLICIES = ("NoPowerDown", "ActivePowerDown", "PrechargePowerDown")
COMMAND_MUXES = ("Oldest", "ColumnsFirst")
SLOT_RELEASES = ("AtColumn", "AtActivate")
MITIGATIONS = ("None", "Para", "Graphene", "Rfm", "Prac")
SWITCHES = ("Off", "On")

_ENUMS: dict[str, tuple[str, ...]] = {
    "page_policy": PAGE_POLICIES,
    "scheduler": SCHEDULERS,
    "scheduler_buffer": SCHEDULER_BUFFERS,
    "resp_queue": RESPONSE_QUEUES,
    "refresh_policy": REFRESH_POLICIES,
    "arbiter": ARBITERS,
    "power_down_policy": POWER_DOWN_POLICIES,
    "command_mux": COMMAND_MUXES,
    "slot_release": SLOT_RELEASES,
    "mitigation": MITIGATIONS,
    "first_ready": SWITCHES,
    "write_forwarding": SWITCHES,
    "write_coalescing": SWITCHES,
}


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """Organisation, times in clock cycles and policies as numbers, in the order that the engine expects; then
    the constraints (commands numbered as in `memory.constraints`) and the clocks of each command.

    n_ranks: of a channel; n_bank_groups, n_banks: of a rank. t_read_data, t_write_data: command to the first
    data; t_ras: first clock of an ACT to the earliest precharge; t_read_close, t_write_close: command to the
    precharge that its auto-precharge starts.
    """

    n_channels: int
    n_ranks: int
    n_bank_groups: int
    n_banks: int
    t_read_data: int
    t_write_data: int
    t_burst: int
    t_ras: int
    t_read_close: int
    t_write_close: int
    t_refi: int
    command_buses: int
    page_policy: int = 0
    scheduler: int = 2
    scheduler_buffer: int = 0
    request_buffer_size: int = 8
    resp_queue: int = 0
    refresh_policy: int = 1
    refresh_max_postponed: int = 0
    refresh_max_pulledin: int = 0
    arbiter: int = 1
    max_active_transactions: int = 128
    power_down_policy: int = 0
    power_down_timeout: int = 0
    batching_window: int = 0
    row_hit_cap: int = 4
    page_timeout: int = 0
    write_high_watermark: int = 24
    write_low_watermark: int = 8
    command_mux: int = 0
    slot_release: int = 0
    first_ready: int = 0
    write_forwarding: int = 0
    write_coalescing: int = 0
    self_refresh_timeout: int = 0
    port_width: int = 1
    bliss_streak: int = 4
    bliss_clear: int = 10_000
    mitigation: int = 0
    para_threshold: int = 0
    graphene_threshold: int = 0
    graphene_entries: int = 0
    raa_initial: int = 0
    raa_maximum: int = 0
    prac_threshold: int = 0
    mitigation_seed: int = 0
    refresh_window: int = 0
    rows: tuple[Constraint, ...] = ()
    lengths: tuple[int, ...] = ()

    @classmethod
    def build(
        cls, device: Device, design: Mapping[str, Any], *, temperature_c: float | None = None
    ) -> ControllerConfig:
        """Constraints of `device` and the policies of `design`; parameters that the design lacks keep their
        default.

        temperature_c: of the case; above the limit of the standard, refresh comes more often. InputError for
        a policy that the device does not know.
        """
        in_cycles = {_IN_CYCLES[name]: int(value) for name, value in design.items() if name in _IN_CYCLES}
        policies = {name: _number(name, value) for name, value in design.items() if name in _POLICY_FIELDS}
        _check(device, design)
        t = device.timings
        is_hot = temperature_c is not None and temperature_c > device.hot_above_c
        return cls(
            n_channels=device.channels,
            n_ranks=device.ranks,
            n_bank_groups=device.bank_groups,
            n_banks=device.banks,
            t_read_data=t["read_data"],
            t_write_data=t["write_data"],
            t_burst=t["burst"],
            t_ras=t["ras"] + device.lengths[COMMANDS.index("ACT")] - 1,
            t_read_close=t["read_close"],
            t_write_close=t["write_close"],
            t_refi=t["refi"] // device.hot_refresh_factor if is_hot else t["refi"],
            command_buses=device.command_buses,
            rows=device.constraints,
            lengths=device.lengths,
            **(in_cycles | policies),
        )

    def vector(self) -> NDArray[np.int64]:
        """The numbers in order, int64 (len(ext.dram_engine.CONFIG_FIELDS),)."""
        return np.array(_numbers_of(self), dtype=np.int64)

    def row_array(self) -> NDArray[np.int64]:
        """The constraints, int64 (n, 6): scope, before, after, cycles, window, cause."""
        return np.array(self.rows, dtype=np.int64).reshape(-1, 6)

    def length_array(self) -> NDArray[np.int64]:
        """Clocks that each command occupies its bus, int64 (commands,)."""
        return np.array(self.lengths, dtype=np.int64)

    @property
    def banks_per_group(self) -> int:
        return self.n_banks // self.n_bank_groups


def _number(name: str, value: Any) -> int:
    return _ENUMS[name].index(value) if name in _ENUMS else int(value)


_NEEDED = {"Rfm": "RFMSB", "Prac": "RFM"}


def _check(device: Device, design: Mapping[str, Any]) -> None:
    """Policies that the memory cannot follow."""
    policy = design.get("refresh_policy", "AllBank")
    if policy not in ("NoRefresh", *device.refresh):
        raise InputError(
            f"refresh_policy={policy!r}: {device.id} ({device.standard}) knows only {listed(device.refresh)}",
            key="refresh_policy",
        )
    needed = _NEEDED.get(str(design.get("mitigation", "None")))
    if needed is not None and needed not in device.commands:
        raise InputError(
            f"mitigation={design['mitigation']!r}: {device.id} ({device.standard}) has no {needed} command: "
            "expected one of 'None', 'Para', 'Graphene'",
            key="mitigation",
        )
    for name in ("refresh_max_postponed", "refresh_max_pulledin"):
        if int(design.get(name, 0)) > device.most_postponed:
            raise InputError(
                f"{name}={design[name]} on {device.id}: {device.standard} allows "
                f"{device.most_postponed} at most",
                key=name,
            )


_NUMBERS = tuple(f.name for f in fields(ControllerConfig) if f.name not in ("rows", "lengths"))
TIMING_FIELDS = _NUMBERS[: _NUMBERS.index("page_policy")]
_POLICY_FIELDS = frozenset(_NUMBERS) - frozenset(TIMING_FIELDS)
_IN_CYCLES = {f"{name}_cycles": name for name in _POLICY_FIELDS}
_numbers_of = attrgetter(*_NUMBERS)
