"""What one controller is: the device's timings and the policies of one design, as numbers.

`ControllerConfig` is the whole input of a simulation besides the requests. The twin reads its fields by name;
the engine reads `vector()`, whose order is `ext.dram_engine.CONFIG_FIELDS`. Policies are the position of
their name in the tables below; the names are those of DRAMSys 4.0, whose semantics they follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.dram.devices import Device

PAGE_POLICIES = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive")
SCHEDULERS = ("Fifo", "FrFcfsGrp", "FrFcfs")
SCHEDULER_BUFFERS = ("Bankwise", "ReadWrite", "Shared")
RESPONSE_QUEUES = ("Fifo", "Reorder")
REFRESH_POLICIES = ("NoRefresh", "AllBank")
ARBITERS = ("Simple", "Fifo", "Reorder")
POWER_DOWN_POLICIES = ("NoPowerDown", "ActivePowerDown", "PrechargePowerDown")

_ENUMS: dict[str, tuple[str, ...]] = {
    "page_policy": PAGE_POLICIES,
    "scheduler": SCHEDULERS,
    "scheduler_buffer": SCHEDULER_BUFFERS,
    "resp_queue": RESPONSE_QUEUES,
    "refresh_policy": REFRESH_POLICIES,
    "arbiter": ARBITERS,
    "power_down_policy": POWER_DOWN_POLICIES,
}


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """Timings in clock cycles and policies as numbers, in the order that the engine expects."""

    n_banks: int
    n_bank_groups: int
    t_rcd: int
    t_rp: int
    t_ras: int
    t_rc: int
    t_rrd_s: int
    t_rrd_l: int
    t_faw: int
    t_ccd_s: int
    t_ccd_l: int
    t_wtr_s: int
    t_wtr_l: int
    t_rtp: int
    t_wr: int
    t_cl: int
    t_cwl: int
    t_burst: int
    t_rtw: int
    t_rfc: int
    t_refi: int
    t_xp: int
    t_cke: int
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

    @classmethod
    def build(cls, device: Device, design: Mapping[str, Any]) -> ControllerConfig:
        """Timings of `device` and the policies of `design`; parameters that the design lacks keep their
        default.
        """
        policies = {name: _number(name, value) for name, value in design.items() if name in _POLICY_FIELDS}
        for name in ("power_down_timeout", "batching_window"):
            if f"{name}_cycles" in design:
                policies[name] = int(design[f"{name}_cycles"])
        return cls(
            n_banks=device.banks, n_bank_groups=device.bank_groups, **_timing_fields(device), **policies
        )

    def vector(self) -> NDArray[np.int64]:
        """The fields in order, int64 (len(fields),)."""
        return np.array([getattr(self, f.name) for f in fields(self)], dtype=np.int64)

    @property
    def banks_per_group(self) -> int:
        return self.n_banks // self.n_bank_groups


def _timing_fields(device: Device) -> dict[str, int]:
    names: tuple[str, ...] = (
        "rcd",
        "rp",
        "ras",
        "rc",
        "rrd_s",
        "rrd_l",
        "faw",
        "ccd_s",
        "ccd_l",
        "wtr_s",
        "wtr_l",
    )
    names += ("rtp", "wr", "cl", "cwl", "burst", "rtw", "rfc", "refi", "xp", "cke")
    return {f"t_{name}": getattr(device.timings, name) for name in names}


def _number(name: str, value: Any) -> int:
    return _ENUMS[name].index(value) if name in _ENUMS else int(value)


_POLICY_FIELDS = frozenset(f.name for f in fields(ControllerConfig)[23:])
