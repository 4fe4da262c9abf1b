"""`Library`: what a system can be built of, and what the blocks cost in energy and area.

Cores, memories (SRAM on the chip, DRAM beside it) and buses come in a few widths and clocks; accelerators
belong to their tasks. Sources: SRAM from the table of CACTI 7 runs in `simulators.soc.power.sram`, at 45 nm,
with low-standby-power cells and 8 ways; DRAM 1.3 nJ for 8 bytes and 70 pJ for what an instruction costs
around its operation at 45 nm (Horowitz, ISSCC 2014); a bus 1 pJ a bit and hop, the upper end of routers at 32
to 45 nm (DSENT, Orion); the big core is half of the two Cortex-A9 in McPAT 1.3's examples (40 nm). The area
of a bus is our own choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from simulators.soc.power.sram import SramDesign, sram

LINE_BYTES = 64
LEAST_SRAM_BYTES = 8 << 10
DRAM_PJ_PER_BYTE = 1300 / 8
BUS_PJ_PER_BYTE = 8.0
BUS_MM2_PER_BYTE = 0.002
MEMORY_KINDS = ("sram", "dram")


@dataclass(frozen=True, slots=True)
class Core:
    """A processor. mhz: its clock; ipc: instructions a cycle. static_mw: drawn whenever the system is on."""

    name: str
    mhz: float
    ipc: float
    pj_per_instruction: float
    area_mm2: float
    static_mw: float = 0.0

    @property
    def instructions_per_s(self) -> float:
        """Speed of a task that is alone on it."""
        return self.mhz * 1e6 * self.ipc


@dataclass(frozen=True, slots=True)
class Scaling:
    """Factors from 45 nm to the node of the library: accelerators and buses (logic), SRAM (memory)."""

    logic_energy: float = 1.0
    logic_area: float = 1.0
    memory_energy: float = 1.0
    memory_area: float = 1.0


@dataclass(frozen=True, slots=True)
class Library:
    """widths in bytes a cycle, clocks in MHz.

    energy_grows_with_unrolling: an accelerator unrolled n times takes n times the energy for the same work,
    as the public sheets have it; else only its area and speed grow.
    sram_leaks: whether the SRAM draws its leakage, as at 45 nm. Raises InputError for numbers out of range.
    """

    name: str
    cores: tuple[Core, ...]
    widths: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    memory_mhz: tuple[int, ...] = (100, 400, 600)
    bus_mhz: tuple[int, ...] = (100, 400, 600)
    accelerator_mhz: tuple[int, ...] = (100, 400, 600, 800)
    scaling: Scaling = Scaling()
    energy_grows_with_unrolling: bool = False
    sram_leaks: bool = False

    def __post_init__(self) -> None:
        if not self.cores:
            raise self._error("cores", "one core or more")
        for core in self.cores:
            speeds = (core.mhz, core.ipc)
            costs = (core.pj_per_instruction, core.area_mm2, core.static_mw)
            if not all(_is_number(v) and v > 0 for v in speeds) or not all(_is_number(v) for v in costs):
                raise self._error("cores", f"numbers of core {core.name!r} above 0 (costs: or 0)")
        for name in ("widths", "memory_mhz", "bus_mhz", "accelerator_mhz"):
            values = getattr(self, name)
            whole = all(type(value) is int and value > 0 for value in values)
            if not values or not whole or list(values) != sorted(set(values)):
                raise self._error(name, "whole numbers above 0 that rise")
        if not all(_is_number(factor) and factor > 0 for factor in asdict(self.scaling).values()):
            raise self._error("scaling", "factors above 0")

    def _error(self, key: str, expected: str) -> InputError:
        return InputError(f"hardware library {self.name!r}: {key}: expected {expected}", key="library")

    def to_dict(self) -> dict[str, Any]:
        """JSON form; `from_dict` undoes it."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Library:
        """The library that `to_dict` described. InputError if it is not one."""
        try:
            lists = {key: tuple(data[key]) for key in ("widths", "memory_mhz", "bus_mhz", "accelerator_mhz")}
            cores = tuple(Core(**row) for row in data["cores"])
            return cls(**{**data, **lists, "cores": cores, "scaling": Scaling(**data["scaling"])})
        except (KeyError, TypeError) as error:
            raise InputError(f"is no hardware library: {error}", key="library") from None


def _is_number(value: object) -> bool:
    """Whether it is a finite number, 0 or more."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


PUBLISHED_SCALING = Scaling(logic_energy=0.064, logic_area=0.0374, memory_energy=0.064, memory_area=0.07)
"""Factors with which the authors of the public sheets ran their studies (FARSI, tech_node_SF)."""

LIBRARIES: dict[str, Library] = {
    one.name: one
    for one in (
        Library(
            "generic-45nm",
            cores=(
                Core("little", mhz=600, ipc=0.8, pj_per_instruction=70.0, area_mm2=0.5, static_mw=5.0),
                Core("big", mhz=2000, ipc=1.0, pj_per_instruction=407.0, area_mm2=2.7, static_mw=55.0),
            ),
            sram_leaks=True,
        ),
    )
}


def library(chosen: str | Mapping[str, Any]) -> Library:
    """The library of that name, or one that `Library.to_dict` described. LookupFailed for an unknown name."""
    if not isinstance(chosen, str):
        return Library.from_dict(chosen)
    if chosen not in LIBRARIES:
        hint = did_you_mean(chosen, LIBRARIES) or f" There are {listed(LIBRARIES)}."
        raise LookupFailed(f"hardware library {chosen!r} does not exist.{hint}", key="library")
    return LIBRARIES[chosen]


@dataclass(frozen=True, slots=True, eq=False)
class SramCost:
    """Per SRAM: pJ to read and to write a byte, mm2 and mW of leakage; arrays of the capacities' shape."""

    read_pj_per_byte: NDArray[np.float64]
    write_pj_per_byte: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    leakage_mw: NDArray[np.float64]


_NODE_NM, _WAYS = 45, 8
_LARGEST_BANK, _LARGEST_EXPONENT = 28, 50


@cache
def _sram_table() -> NDArray[np.float64]:
    """(51, 4) by the capacity's exponent, the fields of `SramCost`; above 256 MiB in banks of that size."""
    table = np.zeros((_LARGEST_EXPONENT + 1, 4))
    for exponent in range(LEAST_SRAM_BYTES.bit_length() - 1, _LARGEST_EXPONENT + 1):
        banks = 1 << max(0, exponent - _LARGEST_BANK)
        found = sram(SramDesign(1 << exponent, _WAYS, _NODE_NM, "lstp", banks))
        leakage_w = found.leakage_w + found.gate_leakage_w
        table[exponent] = (
            found.read_j * 1e12 / LINE_BYTES,
            found.write_j * 1e12 / LINE_BYTES,
            found.area_mm2,
            leakage_w * 1e3,
        )
    return table


def sram_bytes(live_bytes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Capacity for so much live data: the next power of two, at least 8 KiB; 0 where there is none."""
    needed = np.maximum(live_bytes, LEAST_SRAM_BYTES)
    return np.where(live_bytes > 0, 2.0 ** np.ceil(np.log2(needed)), 0.0)


def sram_cost(capacity_bytes: NDArray[np.float64], scaling: Scaling) -> SramCost:
    """Cost of SRAM of those capacities (powers of two, or 0: no SRAM, no cost)."""
    exists = capacity_bytes > 0
    exponent = np.log2(np.where(exists, capacity_bytes, LEAST_SRAM_BYTES)).astype(np.int64)
    rows = _sram_table()[np.minimum(exponent, _LARGEST_EXPONENT)] * exists[..., None]
    return SramCost(
        rows[..., 0] * scaling.memory_energy,
        rows[..., 1] * scaling.memory_energy,
        rows[..., 2] * scaling.memory_area,
        rows[..., 3],
    )
