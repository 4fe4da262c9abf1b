"""What a controller costs in silicon: a proxy that keeps bigger buffers and cleverer orders from being free.

This is a count of storage bits and comparators with round coefficients, not a synthesis result. Use it to
compare designs with each other; do not quote it as the area of a chip. It is monotone: no buffer, window,
timer or policy with more to store or to compare is ever cheaper. Coefficients are in NAND2 gate equivalents
(GE), the unit of standard-cell libraries, with the reason beside each; power is for a 28 nm class node.
Counted: request buffer, scheduler, page policy, front end, response path, bank machines, refresh, power-down,
address mapping; the front end and the reorder buffers for one source. The PHY and the wires are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.dram.devices import Device

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

DATA_BITS = 512
"""One burst of 64 bytes."""
ID_BITS = 12
"""Order numbers are unique in a window of 4096 requests."""
SOURCE_BITS = 8
BANK_TIMER_BITS = 6 * 6
"""Six timers of up to 64 cycles a bank machine."""

Design = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Structure:
    """Hardware of one part: flip-flops, memory bits and other gates (GE)."""

    flip_flops: float = 0.0
    memory_bits: float = 0.0
    gates_ge: float = 0.0

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
    """The proxy for one design (parameter name to value); parameters the space lacks take no hardware."""
    parts = {name: build(design, device) for name, build in _PARTS.items()}
    area_kge = {name: part.area_ge / 1000 for name, part in parts.items()}
    flip_flops = sum(part.flip_flops for part in parts.values())
    clock_mw = flip_flops * CLOCKED_FRACTION * CLOCK_PJ_PER_FLIP_FLOP / device.tck_ns
    total_kge = sum(area_kge.values())
    return ControllerCost(total_kge, total_kge * LEAKAGE_UW_PER_KGE / 1000 + clock_mw, area_kge)


def buffer_entries(design: Design, device: Device) -> tuple[int, int]:
    """Entries of the request buffer, and how many of them can hold the data of a write.

    Bankwise: so many a bank. ReadWrite: so many of each direction. Shared: so many in all.
    """
    size = int(design["request_buffer_size"])
    organisation = design["scheduler_buffer"]
    if organisation == "Bankwise":
        return size * device.banks, size * device.banks
    return (2 * size, size) if organisation == "ReadWrite" else (size, size)


def _request_buffer(design: Design, device: Device) -> Structure:
    entries, with_data = buffer_entries(design, device)
    return Structure(flip_flops=entries * _request_bits(device), memory_bits=with_data * DATA_BITS)


def _scheduler(design: Design, device: Device) -> Structure:
    """Fifo matches the head of each bank with its open row, FrFcfs every entry; FrFcfsGrp also compares the
    direction, and the whole address with older entries."""
    entries, _ = buffer_entries(design, device)
    select = entries * SELECT_ENTRY_GE
    if design["scheduler"] == "Fifo":
        return Structure(gates_ge=select + _heads(design, device) * _bits(device.rows) * COMPARE_BIT_GE)
    compared = _bits(device.rows)
    if design["scheduler"] == "FrFcfsGrp":
        compared += 1 + _bits(device.columns // device.burst_length)
    bank_match = _bits(device.banks)
    return Structure(gates_ge=select + entries * (compared + bank_match) * COMPARE_BIT_GE)


def _page_policy(design: Design, device: Device) -> Structure:
    """The adaptive policies look for a further hit with the scheduler's comparators: a second selection,
    among all entries or (Fifo) among the second entries of the banks."""
    if design["page_policy"] in ("Open", "Closed"):
        return Structure()
    entries, _ = buffer_entries(design, device)
    looked_at = _heads(design, device) if design["scheduler"] == "Fifo" else entries
    return Structure(gates_ge=looked_at * SELECT_ENTRY_GE)


def _front_end(design: Design, device: Device) -> Structure:
    """Simple holds one request; Fifo and Reorder keep up to `max_active_transactions` until admission."""
    slots = in_flight(design, device) if design["arbiter"] != "Simple" else 1
    credits = _bits(slots) + 1
    return Structure(flip_flops=slots * _request_bits(device) + credits, memory_bits=slots * DATA_BITS)


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
    return Structure(flip_flops=tags, memory_bits=slots * DATA_BITS, gates_ge=match)


def _bank_machines(design: Design, device: Device) -> Structure:
    del design
    return Structure(flip_flops=device.banks * (_bits(device.rows) + 1 + BANK_TIMER_BITS))


def _refresh(design: Design, device: Device) -> Structure:
    """An interval timer and the counter of intervals put off and pulled in."""
    if design["refresh_policy"] == "NoRefresh":
        return Structure()
    span = int(design["refresh_max_postponed"]) + int(design["refresh_max_pulledin"]) + 1
    return Structure(flip_flops=_bits(device.timings.refi) + _bits(span))


def _power_down(design: Design, device: Device) -> Structure:
    """An idle timer and the state of the clock-enable pin."""
    del device
    if design.get("power_down_policy", "NoPowerDown") == "NoPowerDown":
        return Structure()
    return Structure(flip_flops=_bits(int(design["power_down_timeout_cycles"]) + 1) + 2)


def _batching(design: Design, device: Device) -> Structure:
    """The timer for which requests gather at an idle rank."""
    del device
    return Structure(flip_flops=_bits(int(design.get("batching_window_cycles", 0)) + 1))


def _address_mapping(design: Design, device: Device) -> Structure:
    """Mappings are wires; folding rows into banks takes one XOR a bank bit."""
    folds = str(design.get("address_mapping", "")).endswith("-xor")
    return Structure(gates_ge=_bits(device.banks) * XOR_GE if folds else 0.0)


_PARTS: dict[str, Callable[[Design, Device], Structure]] = {
    "request_buffer": _request_buffer,
    "scheduler": _scheduler,
    "page_policy": _page_policy,
    "front_end": _front_end,
    "responses": _responses,
    "return_order": _return_order,
    "bank_machines": _bank_machines,
    "refresh": _refresh,
    "power_down": _power_down,
    "batching": _batching,
    "address_mapping": _address_mapping,
}


def in_flight(design: Design, device: Device) -> int:
    """Requests of one source between acceptance and response: its credits, else what the buffer holds."""
    if design["arbiter"] == "Simple":
        return buffer_entries(design, device)[0] + 1
    return int(design["max_active_transactions"])


def _heads(design: Design, device: Device) -> int:
    """Entries that can be the first of their bank at the same time."""
    return min(device.banks, buffer_entries(design, device)[0])


def _request_bits(device: Device) -> int:
    """Address within the device in bursts, direction, order number, source, valid."""
    bursts = device.capacity_bytes // device.burst_bytes
    return _bits(bursts) + 1 + ID_BITS + SOURCE_BITS + 1


def _bits(values: int) -> int:
    """Bits that tell so many values apart; at least one."""
    return max(1, (values - 1).bit_length())
