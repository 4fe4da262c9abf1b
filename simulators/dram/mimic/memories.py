"""The memories with which the peers were measured, as `Device`s: what each peer says of them, in clocks.

A peer's memory is the DDR4 standard of `simulators/dram/standards` with the timings and the organisation
that its configuration lists. DRAMsim3 has one table of rules for every standard, so its LPDDR4 and HBM2 are
written the same way: they are not the LPDDR4 and HBM2 of our standards.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

from dse.errors import LookupFailed, did_you_mean
from simulators.dram.devices import Device, parse_device

_DDR4 = {"devices_per_rank": 8, "device_width_bits": 8, "burst_length": 8, "columns": 1024}
_DDR4_TIMINGS = {
    "cl": 17,
    "cwl": 12,
    "rcd": 17,
    "rp": 17,
    "ras": 39,
    "rc": 56,
    "rrd_s": 4,
    "rrd_l": 6,
    "faw": 26,
}
_DDR4_TIMINGS |= {"ccd_s": 4, "ccd_l": 6, "wtr_s": 3, "wtr_l": 9, "rtp": 9, "wr": 18, "xs": 432}

# name: clock in ps, organisation, timings in clocks, further constraints
_MEMORIES: dict[str, tuple[int, dict[str, Any], dict[str, int], list[dict[str, str]]]] = {
    "ramulator2/DDR4_2400": (833, _DDR4, {**_DDR4_TIMINGS, "rfc": 433, "refi": 9364, "xs": 445}, []),
    "ramulator2/DDR4_2400_mat": (830, _DDR4, {**_DDR4_TIMINGS, "rfc": 420, "refi": 9360}, []),
    "ramulator2/DDR4_2400_2rank": (
        833,
        {**_DDR4, "ranks": 2},
        {**_DDR4_TIMINGS, "rfc": 433, "refi": 9364, "xs": 445},
        [],
    ),
    "dramsys5/DDR4_2400": (833, _DDR4, {**_DDR4_TIMINGS, "rfc": 433, "refi": 9364, "xs": 445}, []),
    "dramsim3/DDR4_8Gb_x8_2400": (830, _DDR4, {**_DDR4_TIMINGS, "rfc": 420, "refi": 9360, "rtrs": 1}, []),
    "dramsim3/LPDDR4_8Gb_x16_2400": (
        830,
        {"ranks": 2, "devices_per_rank": 4, "device_width_bits": 16, "bank_groups": 2, "burst_length": 16},
        {
            "cl": 17, "cwl": 14, "rcd": 15, "rp": 15, "ras": 32, "rc": 47, "rrd_s": 8, "rrd_l": 8, "faw": 32,
            "ccd_s": 8, "ccd_l": 8, "wtr_s": 8, "wtr_l": 16, "rtp": 12, "wr": 30, "rfc": 392, "refi": 8660,
            "rtrs": 1, "xs": 432,
        },
        [{"name": "tPPD", "on": "rank", "from": "PRE", "to": "PRE", "cycles": "2"}],
    ),
    "dramsim3/HBM2_8Gb_x128": (
        1000,
        {"devices_per_rank": 1, "device_width_bits": 128, "burst_length": 4, "rows": 32768, "columns": 128},
        {
            "cl": 14, "cwl": 4, "rcd": 14, "rp": 14, "ras": 34, "rc": 48, "rrd_s": 4, "rrd_l": 6, "faw": 30,
            "ccd_s": 2, "ccd_l": 2, "wtr_s": 6, "wtr_l": 8, "rtp": 6, "wr": 16, "rfc": 260, "refi": 3900,
            "rtrs": 1, "xs": 268,
        },
        [],
    ),
}  # fmt: skip
MEMORIES = tuple(_MEMORIES)


def peer_memory(name: str) -> Device:
    """The memory of that name (`MEMORIES`); `LookupFailed` lists what exists."""
    if name not in _MEMORIES:
        raise LookupFailed(
            f"peer memory {name!r} does not exist: expected one of {', '.join(MEMORIES)}."
            f"{did_you_mean(name, MEMORIES)}"
        )
    tck_ps, organisation, timings, further = _MEMORIES[name]
    standard = _standard()
    first = next(iter(standard["organisations"].values()))
    device = {
        "description": f"as configured in {name.replace('/', ': ')}",
        "speed": name,
        "organisation": name,
        "currents": next(iter(standard["currents"])),
        "timings_cycles": timings,
    }
    speed = {**standard["speeds"]["2400"], "source": name, "tck_ps": tck_ps}
    tables = {
        **standard,
        "constraints": [*standard["constraints"], *further],
        "speeds": {name: speed},
        "organisations": {name: {**first, **organisation}},
        "devices": {name: device},
    }
    return parse_device(tables, name, "simulators/dram/mimic/memories.py")


def _standard() -> dict[str, Any]:
    file = resources.files("simulators.dram") / "standards" / "ddr4.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))
