"""Memory devices as data: one TOML file a device in `presets/`, loaded into a `Device`.

A timing is listed either in clock cycles (`timings_cycles`) or as an analogue limit in picoseconds
(`timings_ps`), which becomes cycles by the integer rounding rule of JEDEC JESD79-4 (section on rounding
algorithms): truncate(1000 ps / tCK) plus a guard band of 974 thousandths, so that 350 ns at 833 ps is 421 and
not 433 clocks. Each file names its source.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dse.errors import LookupFailed, did_you_mean

_ROUNDING_THOUSANDTHS = 974
_FS_PER_PS = 1000


@dataclass(frozen=True, slots=True)
class Timings:
    """Timing constraints in clock cycles. `_s`: other bank group, `_l`: same bank group.

    `rtw` (read to write on one bus) is CL + BL/2 + 2 - CWL: the two clocks are the bus turnaround.
    """

    cl: int
    cwl: int
    rcd: int
    rp: int
    ras: int
    rc: int
    rrd_s: int
    rrd_l: int
    faw: int
    ccd_s: int
    ccd_l: int
    wtr_s: int
    wtr_l: int
    rtp: int
    wr: int
    rfc: int
    refi: int
    xp: int
    cke: int
    burst: int

    @property
    def rtw(self) -> int:
        return self.cl + self.burst + 2 - self.cwl


@dataclass(frozen=True, slots=True)
class Currents:
    """Supply currents of one chip in mA at `vdd_v`; the VPP rail of DDR4 at `vpp_v` (0: there is none)."""

    vdd_v: float
    idd0: float
    idd2n: float
    idd2p: float
    idd3n: float
    idd3p: float
    idd4r: float
    idd4w: float
    idd5b: float
    vpp_v: float = 0.0
    ipp0: float = 0.0
    ipp3n: float = 0.0


@dataclass(frozen=True, slots=True)
class Device:
    """One channel of memory: organisation, timings in cycles of `tck_ps`, currents, and their source."""

    id: str
    standard: str
    description: str
    source: str
    tck_ps: int
    devices_per_rank: int
    device_width_bits: int
    ranks: int
    bank_groups: int
    banks_per_group: int
    rows: int
    columns: int
    burst_length: int
    device_density_mbit: int
    timings: Timings
    currents_ma: Currents

    @property
    def tck_fs(self) -> int:
        """Clock period in femtoseconds, the unit of `Trace.clock_fs`."""
        return self.tck_ps * _FS_PER_PS

    @property
    def tck_ns(self) -> float:
        return self.tck_ps / 1000

    @property
    def banks(self) -> int:
        """Banks of one rank."""
        return self.bank_groups * self.banks_per_group

    @property
    def bus_width_bits(self) -> int:
        return self.devices_per_rank * self.device_width_bits

    @property
    def burst_bytes(self) -> int:
        """Bytes of one column command: 64 on a 64-bit bus with bursts of eight."""
        return self.burst_length * self.bus_width_bits // 8

    @property
    def capacity_bytes(self) -> int:
        return self.ranks * self.banks * self.rows * self.columns * self.bus_width_bits // 8

    @property
    def peak_bandwidth_gbps(self) -> float:
        """Bytes per ns (GB/s) when the data bus never rests."""
        return self.burst_bytes / (self.timings.burst * self.tck_ns)


def device_ids() -> tuple[str, ...]:
    """The identifiers of the devices that are shipped, sorted."""
    return tuple(
        sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))
    )


@cache
def device(device_id: str) -> Device:
    """The shipped device of that identifier; `LookupFailed` lists what exists."""
    if device_id not in device_ids():
        raise LookupFailed(
            f"device {device_id!r} does not exist: expected one of {', '.join(device_ids())}."
            f"{did_you_mean(device_id, device_ids())}"
        )
    return parse_device(tomllib.loads((_folder() / f"{device_id}.toml").read_text(encoding="utf-8")))


def parse_device(data: Mapping[str, Any]) -> Device:
    """A `Device` from the tables of a device file."""
    tck_ps = int(data["tck_ps"])
    organisation = data["organisation"]
    return Device(
        id=data["id"],
        standard=data["standard"],
        description=data["description"],
        source=data["source"],
        tck_ps=tck_ps,
        **organisation,
        timings=_timings(data, tck_ps, int(organisation["burst_length"])),
        currents_ma=Currents(**data["currents_ma"]),
    )


def round_up_cycles(time_ps: int, tck_ps: int) -> int:
    """JEDEC integer rounding of a minimum: thousandths of a clock, truncated, plus 974, truncated."""
    return (time_ps * 1000 // tck_ps + _ROUNDING_THOUSANDTHS) // 1000


def _timings(data: Mapping[str, Any], tck_ps: int, burst_length: int) -> Timings:
    cycles: dict[str, int] = dict(data["timings_cycles"])
    for name, limit in data.get("timings_ps", {}).items():
        if limit.get("maximum"):
            cycles[name] = limit["ps"] // tck_ps
        else:
            cycles[name] = max(round_up_cycles(limit["ps"], tck_ps), limit.get("min", 1))
    return Timings(burst=burst_length // 2, **cycles)


def _folder() -> Any:
    return resources.files("simulators.dram") / "presets"
