"""What is exported: a design on a device, and the requests as another tool has to be given them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.errors import ConfigError, listed
from dse.export import Loss
from dse.point import DesignPoint
from simulators.dram.devices import Device, device
from simulators.dram.mapping import MAPPINGS, AddressMapping
from traces.trace import Trace

_FS_PER_NS = 10**6


@dataclass(frozen=True, slots=True)
class Subject:
    """A design with everything around it that a configuration file has to say.

    design: parameter name to value; a parameter that its space lacks is absent.
    """

    design: Mapping[str, Any]
    device: Device
    mapping: AddressMapping

    @classmethod
    def of(cls, point: DesignPoint, description: Mapping[str, Any]) -> Subject:
        """`description`: that of the DRAM simulator, with the keys device and address_mapping."""
        design = point.to_dict()
        memory = device(str(description["device"]))
        name = str(design.get("address_mapping", description.get("address_mapping", MAPPINGS[0])))
        return cls(design, memory, AddressMapping.preset(name, memory))

    @property
    def powers_down(self) -> bool:
        return bool(self.design.get("power_down_policy", "NoPowerDown") != "NoPowerDown")


class Account:
    """Where each parameter went: `wrote` it, or `lost` it, which takes back that it was written."""

    def __init__(self, subject: Subject) -> None:
        self._design = subject.design
        self.written: dict[str, str] = {}
        self._losses: list[Loss] = []

    def wrote(self, parameter: str, place: str) -> None:
        """`parameter` is in the file as `place`, with the same meaning. Nothing if the space lacks it."""
        if parameter in self._design:
            self.written[parameter] = place

    def lost_unless(self, harmless: Any, parameter: str, reason: str) -> None:
        """`parameter` does not carry over, unless its value is the one that changes nothing."""
        if self._design.get(parameter) == harmless:
            self.wrote(parameter, "no effect")
        else:
            self.lost(parameter, reason)

    def lost(self, parameter: str, reason: str, written_as: str | None = None, value: Any = None) -> None:
        """`parameter` does not carry over. `value`: of what is not in the design ("device", ...)."""
        known = parameter in self._design
        if known or value is not None:
            self.written.pop(parameter, None)
            shown = self._design[parameter] if known else value
            self._losses.append(Loss(parameter, shown, reason, written_as))

    @property
    def losses(self) -> tuple[Loss, ...]:
        return tuple(self._losses)


def chosen_version(version: str | None, versions: tuple[str, ...], tool: str) -> str:
    """`version`, or the first of `versions`; ConfigError for one that is not written."""
    if version is None:
        return versions[0]
    if version not in versions:
        raise ConfigError(
            f"{tool} {version!r} is not written: expected one of {listed(versions)}", key="version"
        )
    return version


def trace_file_name(trace: Trace | None, suffix: str) -> str:
    """A plain file name from the trace's own: letters, digits, dots, dashes and underscores."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", trace.name if trace is not None else "").strip(".-")
    return f"{plain or 'workload'}{suffix}"


def folded(trace: Trace, capacity_bytes: int, dropped_bits: tuple[int, ...] = ()) -> Trace:
    """The trace with addresses wrapped into the memory, as our simulator decodes them; others do not.

    dropped_bits: address bits to leave out, for a target whose memory is smaller; those above move down.
    """
    address = trace.address & np.uint64(capacity_bytes - 1)
    note = f"wrapped at {capacity_bytes} bytes"
    for bit in sorted(dropped_bits, reverse=True):
        low = address & np.uint64((1 << bit) - 1)
        address = low | (address >> np.uint64(bit + 1) << np.uint64(bit))
        note += f", bit {bit} left out"
    return _changed(trace, address=address, provenance={"addresses": note})


def in_clock(trace: Trace, period_fs: int) -> Trace:
    """The trace with arrivals counted in periods of `period_fs`, rounded up."""
    if period_fs == trace.clock_fs:
        return trace
    return _changed(
        trace,
        arrival_cycle=trace.device_cycles(period_fs),
        clock_ns=period_fs / _FS_PER_NS,
        provenance={"clock": f"arrivals converted from {trace.clock_fs} fs to {period_fs} fs, rounded up"},
    )


def trace_losses(account: Account, trace: Trace, *, sources: bool = False) -> None:
    """What text formats drop of a trace: which source sent a request."""
    if not sources and len(np.unique(trace.source)) > 1:
        account.lost("trace", "the format has no sources: all requests come from one", value=trace.name)


def _changed(trace: Trace, *, provenance: Mapping[str, str], **changes: Any) -> Trace:
    columns = {
        name: getattr(trace, name)
        for name in ("arrival_cycle", "address", "is_write", "size_bytes", "source")
    }
    facts = {"clock_ns": trace.clock_fs / _FS_PER_NS, "name": trace.name}
    origin = {"of": trace.hash} if "of" not in trace.provenance else {}
    merged = {**trace.provenance, **origin, **provenance}
    return Trace(**{**columns, **facts, **changes}, provenance=merged)
