"""What is exported: a design on a device, and the requests as another tool has to be given them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.errors import ConfigError, InputError, listed
from dse.export import Loss
from dse.point import DesignPoint
from simulators.dram.memory.devices import Device
from simulators.dram.memory.devices import device as device_named
from simulators.dram.memory.mapping import MAPPINGS, AddressMapping
from simulators.dram.options import DEFAULTS
from traces.trace import Trace

_FS_PER_NS = 10**6


# What no target has a word for: the value that changes nothing, when the parameter has an effect at all, and
# why it is lost.
_OWN: dict[str, tuple[Any, tuple[str, str] | None, str]] = {
    "page_timeout_cycles": (None, ("page_policy", "Timeout"), "rows are not closed by a timer"),
    "row_hit_cap": (None, ("scheduler", "FrFcfsCap"), "accesses to a row are not capped by the scheduler"),
    "write_high_watermark": (None, ("scheduler", "GrpFrFcfsWm"), "writes are drained by other rules"),
    "write_low_watermark": (None, ("scheduler", "GrpFrFcfsWm"), "writes are drained by other rules"),
    "bliss_streak": (None, ("scheduler", "Bliss"), "sources are not counted"),
    "bliss_clear_cycles": (None, ("scheduler", "Bliss"), "sources are not counted"),
    "self_refresh_timeout_cycles": (0, None, "self-refresh is left off"),
    "batching_window_cycles": (0, None, "the first request of an idle rank is served at once"),
    "write_forwarding": ("Off", None, "buffered writes are matched by its own rule"),
    "write_coalescing": ("Off", None, "buffered writes are matched by its own rule"),
    "first_ready": ("Off", None, "when a row is closed is its own rule"),
    "command_mux": ("Oldest", None, "which bank goes first is its own rule"),
    "slot_release": ("AtColumn", None, "when a place is free again is its own rule"),
    "mitigation": ("None", None, "RowHammer mitigations are not exported"),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A design with everything around it that a configuration file has to say.

    point: the parameters of the design, name to value. design: the same and what its space lacks: options of
    the simulator, else the controller's defaults.
    """

    point: Mapping[str, Any]
    design: Mapping[str, Any]
    device: Device
    mapping: AddressMapping

    @classmethod
    def of(cls, point: DesignPoint, description: Mapping[str, Any]) -> Subject:
        """`description`: that of the DRAM simulator, with its options (device, address_mapping, ...).

        ConfigError for a design of a simulator of whole chips.
        """
        if str(description.get("build_id", "")).startswith("soc-"):
            raise ConfigError(
                "a design of a whole chip is no configuration of a memory controller: expected one of "
                "simulator 'dram'",
                key="simulator",
            )
        own = point.to_dict()
        fixed = {
            **dict(description.get("controller", {})),
            "mitigation": description.get("mitigation", "None"),
        }
        design = {**DEFAULTS, **fixed, **own}
        chosen = device_named(str(own.get("memory", description["device"])))
        size = {name: own.get(name, description.get(name)) for name in ("channels", "ranks")}
        if chosen.pseudo_channels:
            size["ranks"] = None
        memory = chosen.arranged(**{name: None if n is None else int(n) for name, n in size.items()})
        name = str(own.get("address_mapping", description.get("address_mapping", MAPPINGS[0])))
        return cls(own, design, memory, AddressMapping.of(name, memory))

    def need_standard(self, tool: str, standards: tuple[str, ...]) -> None:
        """InputError for a memory whose standard is not written for `tool`."""
        if self.device.standard not in standards:
            raise InputError(
                f"{self.device.id} is {self.device.standard}: the export to {tool} writes "
                f"{listed(standards)}; its reader wants other keys for other standards",
                key="device",
            )

    @property
    def named_mapping(self) -> str:
        """The mapping's name without the XOR; a text has none."""
        return self.mapping.name.removesuffix("-xor")

    @property
    def powers_down(self) -> bool:
        return bool(self.design.get("power_down_policy", "NoPowerDown") != "NoPowerDown")


class Account:
    """Where each parameter went: `wrote` it, or `lost` it, which takes back that it was written."""

    def __init__(self, subject: Subject) -> None:
        self._design = subject.point
        self.written: dict[str, str] = {}
        self._losses: list[Loss] = []

    def wrote(self, parameter: str, place: str) -> None:
        """`parameter` is in the file as `place`, with the same meaning. Nothing if the space lacks it."""
        if parameter in self._design:
            self.written[parameter] = place

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


def write_memory(subject: Subject, account: Account) -> None:
    """Parameters that say which memory it is: they are in the file as its organisation and timings."""
    for name in ("memory", "channels", "ranks"):
        account.wrote(name, f"organisation and timings of {subject.device.id}")


def lose_the_rest(subject: Subject, account: Account, **reasons: str) -> None:
    """Report what no part of an export has said of the policies that are ours alone.

    reasons: parameter to why this target loses it, where it is not the usual reason.
    """
    for name, (harmless, needs, reason) in _OWN.items():
        if name in account.written:
            continue
        value = subject.design.get(name, harmless)
        if value == harmless or (needs is not None and subject.design[needs[0]] != needs[1]):
            account.wrote(name, "no effect")
        else:
            account.lost(name, reasons.get(name, reason), value=value)


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
