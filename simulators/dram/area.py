"""What a controller costs in silicon: a proxy that keeps bigger buffers and cleverer orders from being free.

This is a count of storage bits and comparators with round coefficients, not a synthesis result. Use it to
compare designs with each other; do not quote it as the area of a chip. It is monotone: no buffer, window,
timer or policy with more to store or to compare is ever cheaper. Coefficients are in NAND2 gate equivalents
(GE), the unit of standard-cell libraries, with the reason beside each; power is for a 28 nm class node.
Counted, for each channel: request buffer, scheduler, page policy, write matching, bank machines, refresh,
power-down, batching, mitigation; once, for one source: front end and response path; and the address mapping.
The PHY (`simulators.dram.cost`) and the wires are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from simulators.dram.memory.devices import Device
from simulators.dram.memory.mapping import folds_of
from simulators.dram.options import DEFAULTS

FLIP_FLOP_GE = 7.0
"""A scan flip-flop is 6 to 8 GE in common libraries."""
MEMORY_BIT_GE = 1.5
"""A bit of a small register file or SRAM: 6 transistors (a NAND2 has 4) with a shared periphery."""
COMPARE_BIT_GE = 3.5
"""A compared bit of a content-addressed entry: XNOR (2.5 GE) and its share of the AND tree (1 GE)."""
SELECT_ENTRY_GE = 8.0
"""One node of an oldest-first selection tree: two valid gates and a 2:1 multiplexer of an entry number."""
XOR_GE = 2.5
LEAKAGE_UW_PER_KGE = 10.0
"""10 nW a gate: mixed threshold voltages, 0.9 V, 85 degrees Celsius."""
CLOCK_PJ_PER_FLIP_FLOP = 0.0015
"""Clock pin and local clock buffer of a flip-flop, 1.5 fJ a cycle."""
CLOCKED_FRACTION = 0.2
"""Flip-flops that a gated clock still reaches in a quiet cycle."""

ID_BITS = 12
"""Order numbers are unique in a window of 4096 requests."""
SOURCE_BITS = 8
BANK_TIMER_BITS = 6 * 6
"""Six timers of up to 64 cycles a bank machine."""

Design = Mapping[str, Any]


class Structure(NamedTuple):
    """Hardware of one part: flip-flops, memory bits and other gates (GE)."""

    flip_flops: float = 0.0
    memory_bits: float = 0.0
    gates_ge: float = 0.0

    def times(self, copies: int) -> Structure:
        """So many of them."""
        if copies == 1:
            return self
        return Structure(self.flip_flops * copies, self.memory_bits * copies, self.gates_ge * copies)

    @property
    def area_ge(self) -> float:
        return self.flip_flops * FLIP_FLOP_GE + self.memory_bits * MEMORY_BIT_GE + self.gates_ge


@dataclass(frozen=True, slots=True)
class ControllerCost:
    """The proxy of one controller.

    area_kge: kilo gate equivalents. static_power_mw: drawn with or without traffic (leakage and gated clock).
    parts_kge: the area by part.
    """

    area_kge: float
    static_power_mw: float
    parts_kge: Mapping[str, float]


def controller_cost(design: Mapping[str, Any], device: Device) -> ControllerCost:
    """The proxy for one design (parameter name to value); parameters the space lacks have their default.

    device: as it is arranged in channels and ranks.
    """
    design = {**DEFAULTS, **design}
    parts = {name: build(design, device) for name, build in _SHARED.items()}
    parts |= {name: build(design, device).times(device.channels) for name, build in _OF_A_CHANNEL.items()}
    area_kge = {name: part.area_ge / 1000 for name, part in parts.items()}
    flip_flops = sum(part.flip_flops for part in parts.values())
    clock_mw = flip_flops * CLOCKED_FRACTION * CLOCK_PJ_PER_FLIP_FLOP / device.tck_ns
    total_kge = sum(area_kge.values())
    return ControllerCost(total_kge, total_kge * LEAKAGE_UW_PER_KGE / 1000 + clock_mw, area_kge)


def buffer_entries(design: Design, device: Device) -> tuple[int, int]:
    """Entries of the request buffer of a channel, and how many of them can hold the data of a write.

    Bankwise: so many a bank. ReadWrite, SplitReadWrite: so many of each direction. Shared: so many in all.
    """
    size = int(design["request_buffer_size"])
    organisation = design["scheduler_buffer"]
    if organisation == "Bankwise":
        return size * _banks(device), size * _banks(device)
    return (size, size) if organisation == "Shared" else (2 * size, size)


def _request_buffer(design: Design, device: Device) -> Structure:
    entries, with_data = buffer_entries(design, device)
    return Structure(flip_flops=entries * _request_bits(device), memory_bits=with_data * _data_bits(device))


def _scheduler(design: Design, device: Device) -> Structure:
    """Fifo and Fcfs match the head of each bank with its open row, the others every entry; all but these and
    FrFcfs also compare the direction, and the whole address with older entries."""
    entries, _ = buffer_entries(design, device)
    scheduler = design["scheduler"]
    gates = entries * SELECT_ENTRY_GE
    if scheduler in ("Fifo", "Fcfs"):
        gates += _heads(design, device) * _bits(device.rows) * COMPARE_BIT_GE
    else:
        compared = _bits(device.rows) + _bits(_banks(device))
        if scheduler != "FrFcfs":
            compared += 1 + _bits(device.columns // device.burst_length)
        gates += entries * compared * COMPARE_BIT_GE
    if design.get("first_ready", "Off") == "On":  # a second candidate of each bank
        gates += entries * SELECT_ENTRY_GE
    return Structure(flip_flops=_scheduler_state(design), gates_ge=gates)


def _scheduler_state(design: Design) -> float:
    """Write mode and its watermarks; or streak, blacklist and the timer that clears it."""
    if design["scheduler"] == "GrpFrFcfsWm":
        return 1.0 + 2 * _bits(int(design.get("write_high_watermark", 24)) + 1)
    if design["scheduler"] == "Bliss":
        timer = _bits(int(design.get("bliss_clear_cycles", 10_000)))
        return 2.0**SOURCE_BITS + SOURCE_BITS + _bits(int(design.get("bliss_streak", 4)) + 1) + timer
    return 0.0


def _page_policy(design: Design, device: Device) -> Structure:
    """The adaptive policies look for a further hit with the scheduler's comparators: a second selection,
    among all entries or (Fifo, Fcfs) among the second entries of the banks. Timeouts and caps count."""
    policy = design["page_policy"]
    flip_flops = 0.0
    if policy == "Timeout":
        flip_flops += _banks(device) * _bits(int(design.get("page_timeout_cycles", 0)) + 1)
    if policy == "ClosedCap" or design["scheduler"] == "FrFcfsCap":
        flip_flops += _banks(device) * _bits(int(design.get("row_hit_cap", 4)) + 1)
    if not policy.endswith("Adaptive"):
        return Structure(flip_flops=flip_flops)
    entries, _ = buffer_entries(design, device)
    in_order = design["scheduler"] in ("Fifo", "Fcfs")
    looked_at = _heads(design, device) if in_order else entries
    return Structure(flip_flops=flip_flops, gates_ge=looked_at * SELECT_ENTRY_GE)


def _write_matching(design: Design, device: Device) -> Structure:
    """Forwarding and coalescing compare an arriving request with all buffered writes; each moves data."""
    uses = [name for name in ("write_forwarding", "write_coalescing") if design.get(name, "Off") == "On"]
    if not uses:
        return Structure()
    _, with_data = buffer_entries(design, device)
    matched = with_data * (_bits(device.rows) + _bits(_banks(device)) + _bits(device.columns))
    return Structure(gates_ge=matched * COMPARE_BIT_GE + len(uses) * _data_bits(device) * XOR_GE)


def _front_end(design: Design, device: Device) -> Structure:
    """Simple holds one request; Fifo and Reorder keep up to `max_active_transactions` until admission."""
    slots = in_flight(design, device) if design["arbiter"] != "Simple" else 1
    credits = _bits(slots) + 1
    return Structure(
        flip_flops=slots * _request_bits(device) + credits, memory_bits=slots * _data_bits(device)
    )


def _responses(design: Design, device: Device) -> Structure:
    """Two bursts in order of their column commands; Reorder holds every request in flight."""
    return _response_store(device, design["resp_queue"] == "Reorder", design)


def _return_order(design: Design, device: Device) -> Structure:
    """The arbiter's own reorder buffer, in the order of the source."""
    return _response_store(device, True, design) if design["arbiter"] == "Reorder" else Structure()


def _response_store(device: Device, reorders: bool, design: Design) -> Structure:
    slots = max(2, in_flight(design, device)) if reorders else 2
    tags = slots * (ID_BITS + SOURCE_BITS + 1)
    match = slots * ID_BITS * COMPARE_BIT_GE if reorders else 0.0
    return Structure(flip_flops=tags, memory_bits=slots * _data_bits(device), gates_ge=match)


def _bank_machines(design: Design, device: Device) -> Structure:
    """Open row and timers; a request of its own where the buffer's entry is freed at its activate."""
    bits = _bits(device.rows) + 1 + BANK_TIMER_BITS
    if design.get("slot_release", "AtColumn") == "AtActivate":
        bits += _request_bits(device)
    return Structure(flip_flops=_banks(device) * bits)


def _refresh(design: Design, device: Device) -> Structure:
    """Of each rank: an interval timer, the counter of intervals put off and pulled in, and the banks or sets
    of banks that the round has still to refresh."""
    policy = design.get("refresh_policy", "AllBank")
    if policy == "NoRefresh":
        return Structure()
    put_off, pulled_in = (int(design.get(f"refresh_max_{way}", 0)) for way in ("postponed", "pulledin"))
    units = {"PerBank": device.banks, "SameBank": device.banks_per_group}.get(policy, 1)
    owed = _bits((put_off + pulled_in) * units + 1)
    round_bits = units if units > 1 else 0
    return Structure(flip_flops=device.ranks * (_bits(device.timings.refi) + owed + round_bits))


def _power_down(design: Design, device: Device) -> Structure:
    """Of each rank: idle timers and the state of the clock-enable pin."""
    flip_flops = 0
    if design.get("power_down_policy", "NoPowerDown") != "NoPowerDown":
        flip_flops += _bits(int(design["power_down_timeout_cycles"]) + 1) + 2
    until_self_refresh = int(design.get("self_refresh_timeout_cycles", 0))
    if until_self_refresh:
        flip_flops += _bits(until_self_refresh + 1) + 1
    return Structure(flip_flops=device.ranks * flip_flops)


def _batching(design: Design, device: Device) -> Structure:
    """The timer for which requests gather at an idle rank."""
    del device
    return Structure(flip_flops=_bits(int(design.get("batching_window_cycles", 0)) + 1))


def _mitigation(design: Design, device: Device) -> Structure:
    """Of each bank: the victim; tables of rows and counts (Graphene), counters of activates (RFM, PRAC)."""
    kind = design.get("mitigation", "None")
    if kind == "None":
        return Structure()
    row, banks = _bits(device.rows), _banks(device)
    if kind == "Graphene":
        entries = int(design.get("graphene_entries", 0))
        count = _bits(int(design.get("graphene_threshold", 0)) + 1)
        return Structure(
            flip_flops=banks * (row + 1 + count),
            memory_bits=banks * entries * (row + count),
            gates_ge=banks * entries * row * COMPARE_BIT_GE,
        )
    if kind == "Para":
        return Structure(flip_flops=banks * (row + 1) + 64)  # and a 64-bit shift register
    return Structure(flip_flops=banks * _bits(int(design.get("raa_maximum", 0)) + 1))


def _address_mapping(design: Design, device: Device) -> Structure:
    """Mappings are wires; each bit that is folded into another takes one XOR."""
    text = str(design.get("address_mapping", ""))
    if not (text.endswith("-xor") or ";" in text):
        return Structure()
    return Structure(gates_ge=sum(fold.width for fold in folds_of(text, device)) * XOR_GE)


_SHARED: dict[str, Callable[[Design, Device], Structure]] = {
    "front_end": _front_end,
    "responses": _responses,
    "return_order": _return_order,
    "address_mapping": _address_mapping,
}
_OF_A_CHANNEL: dict[str, Callable[[Design, Device], Structure]] = {
    "request_buffer": _request_buffer,
    "scheduler": _scheduler,
    "page_policy": _page_policy,
    "write_matching": _write_matching,
    "bank_machines": _bank_machines,
    "refresh": _refresh,
    "power_down": _power_down,
    "batching": _batching,
    "mitigation": _mitigation,
}


def in_flight(design: Design, device: Device) -> int:
    """Requests of one source between acceptance and response: its credits, else what the buffers hold."""
    if design["arbiter"] == "Simple":
        return buffer_entries(design, device)[0] * device.channels + 1
    return int(design["max_active_transactions"])


def _heads(design: Design, device: Device) -> int:
    """Entries that can be the first of their bank at the same time."""
    return min(_banks(device), buffer_entries(design, device)[0])


def _banks(device: Device) -> int:
    """Banks of a channel."""
    return device.ranks * device.banks


def _data_bits(device: Device) -> int:
    """Data of one burst."""
    return 8 * device.burst_bytes


def _request_bits(device: Device) -> int:
    """Address within the device in bursts, direction, order number, source, valid."""
    bursts = device.capacity_bytes // device.burst_bytes
    return _bits(bursts) + 1 + ID_BITS + SOURCE_BITS + 1


def _bits(values: int) -> int:
    """Bits that tell so many values apart; at least one."""
    return max(1, (values - 1).bit_length())
