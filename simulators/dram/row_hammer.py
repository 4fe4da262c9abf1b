"""What a RowHammer mitigation must be set to, so that no row is hammered more often than the memory stands.

The threshold is the number of activates of its neighbours, both together, within one refresh of all rows
(tREFW) from which bits of a row may flip: about 139,000 on DDR3 of 2014 and 4,800 on LPDDR4 of 2020 (Kim et
al., ISCA 2014 and ISCA 2020). A mitigation is protection, not a knob: it is a simulator's option beside the
design space, because without it every design would be cheaper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from simulators.dram.config import MITIGATIONS
from simulators.dram.memory.devices import Device

REFRESHES_OF_ALL_ROWS = 8192
"""Refresh commands in which every row is refreshed once (JESD79: tREFW = 8192 tREFI)."""
MOST_ENTRIES = 64
ESCAPE_PROBABILITY = 1e-15
"""That a row is hammered up to the threshold without one refresh by Para (Kim et al., ISCA 2014)."""
_PARTS = 1 << 20


def protection(mitigation: str, threshold: int, device: Device) -> dict[str, str | int]:
    """The parameters with which `mitigation` protects `device` from that threshold, by the name of the field.

    LookupFailed for an unknown mitigation, InputError for a threshold that it cannot hold.
    """
    if mitigation not in MITIGATIONS:
        raise LookupFailed(
            f"mitigation={mitigation!r} does not exist: expected one of {listed(MITIGATIONS)}."
            f"{did_you_mean(mitigation, MITIGATIONS)}"
        )
    if mitigation == "None":
        return {}
    if threshold < 2:
        raise InputError(
            f"row_hammer_threshold={threshold}: expected at least 2 activates", key="row_hammer_threshold"
        )
    return {"mitigation": mitigation, **_SETTINGS[mitigation](threshold, device)}


def check_progress(design: Mapping[str, object]) -> None:
    """InputError for numbers with which a mitigation closes rows before they are read, for ever."""
    for mitigation, name, least in (("Rfm", "raa_initial", 2), ("Prac", "prac_threshold", 8)):
        value = design.get(name, 0)
        if design.get("mitigation") == mitigation and isinstance(value, int) and 0 < value < least:
            raise InputError(
                f"{name}={value} with mitigation {mitigation!r}: expected at least {least}: with fewer "
                "activates between two refreshes a row may be closed before its data are read",
                key=name,
            )


def refresh_window_cycles(device: Device) -> int:
    """Clocks in which every row is refreshed once (tREFW)."""
    return REFRESHES_OF_ALL_ROWS * device.timings.refi


def _para(threshold: int, device: Device) -> dict[str, int]:
    """Each activate refreshes its neighbours with a probability p: (1 - p) ^ (threshold / 2) escapes."""
    del device
    probability = 1 - ESCAPE_PROBABILITY ** (2 / threshold)
    return {"para_threshold": min(_PARTS, math.ceil(probability * _PARTS))}


def _graphene(threshold: int, device: Device) -> dict[str, int]:
    """Tables that are reset twice in tREFW: T = threshold / 6, entries > activates in a window / T - 1 (Park
    et al., MICRO 2020, with k = 2)."""
    resets = 2
    window = refresh_window_cycles(device) // resets
    t = device.timings
    activates = window * (t.refi - t.rfc) // t.refi // t.rc
    count = threshold // (2 * (resets + 1))
    entries = math.ceil(activates / count) if count else MOST_ENTRIES + 1
    if entries > MOST_ENTRIES:
        least = 2 * (resets + 1) * math.ceil(activates / MOST_ENTRIES)
        raise InputError(
            f"row_hammer_threshold={threshold}: Graphene with {MOST_ENTRIES} entries a bank protects "
            f"{device.id} from {least} on; take Para or Prac",
            key="row_hammer_threshold",
        )
    return {"graphene_threshold": count, "graphene_entries": entries, "refresh_window": window}


def _rfm(threshold: int, device: Device) -> dict[str, int]:
    """RAAIMT within the 32 to 80 of JESD79-5, RAAMMT three times as much. A 64th of the threshold is an
    assumption: which rows a chip refreshes on RFM is its maker's secret."""
    _need_command(device, "RFM")
    initial = max(32, min(80, threshold // 64))
    return {"raa_initial": initial, "raa_maximum": 3 * initial}


def _prac(threshold: int, device: Device) -> dict[str, int]:
    """Half of the threshold, as each of two neighbours may be counted up to it."""
    _need_command(device, "PRAC")
    chosen: dict[str, int] = {"prac_threshold": threshold // 2}
    check_progress({"mitigation": "Prac", **chosen})
    return chosen


def _need_command(device: Device, feature: str) -> None:
    """Only a standard with rows for RFM has the command."""
    if device.timings.get("rfm", device.timings.get("rfmsb", 0)) <= 0:
        raise InputError(
            f"{feature} on {device.id}: {device.standard} has no refresh-management command", key="mitigation"
        )


_SETTINGS: dict[str, Callable[[int, Device], dict[str, int]]] = {
    "Para": _para,
    "Graphene": _graphene,
    "Rfm": _rfm,
    "Prac": _prac,
}
