"""The power report: energy, area and temperature of an SoC from its design, its counts and its operating
points.

Dynamic energy goes with the square of the voltage over the nominal one, leakage with that ratio, with the
time for which it is not switched off, and exponentially with the block's temperature. Temperatures are those
where the interval's power would settle, or given (a run that is followed in time steps them with
`ThermalNetwork.step`). DRAM and voltage regulators lie outside the chip: their energy counts, their heat does
not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dse.errors import InputError, did_you_mean, listed
from simulators.soc.power.accelerator import accelerator_energy_j
from simulators.soc.power.area import block_of, connected_mm2, extrapolated, soc_parts
from simulators.soc.power.cache import cache_energy_j
from simulators.soc.power.core import core_energy_j
from simulators.soc.power.counts import SocCounts
from simulators.soc.power.design import SocDesign
from simulators.soc.power.dvfs import OperatingPoint, transition_j
from simulators.soc.power.noc import noc_energy_j
from simulators.soc.power.technology import leakage_factor, supply_v, ungated_share
from simulators.soc.power.thermal import Package, Temperatures, ThermalNetwork

_PRIVATE_CACHES = ("l1i", "l1d", "l2")


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Voltages and clocks of the domains: one a core, one for all of LLC, interconnect and memory
    controllers, one for the accelerators (None: that of the uncore)."""

    cores: tuple[OperatingPoint, ...]
    uncore: OperatingPoint
    accelerators: OperatingPoint | None = None

    def of(self, block: str) -> OperatingPoint:
        """Of a block by name."""
        if block.startswith("core"):
            return self.cores[int(block.removeprefix("core"))]
        if block.startswith("accelerator") and self.accelerators is not None:
            return self.accelerators
        return self.uncore


@dataclass(frozen=True, slots=True)
class Report:
    """Energy and area by component (`block.component`), temperature by block.

    dynamic_j, leakage_j: with the DRAM as "dram.activate" and so on, and changes of voltage as "dvfs.core0".
    runaway: why the temperatures, and with them the leakage, are not to be trusted; empty if they are.
    extrapolated: components whose memories lie outside the SRAM table.
    """

    seconds: float
    dynamic_j: Mapping[str, float]
    leakage_j: Mapping[str, float]
    area_mm2: Mapping[str, float]
    temperature_k: Mapping[str, float]
    runaway: str = ""
    extrapolated: tuple[str, ...] = ()

    @property
    def energy_j(self) -> dict[str, float]:
        """By component, dynamic and leakage together."""
        names = dict.fromkeys([*self.dynamic_j, *self.leakage_j])
        return {name: self.dynamic_j.get(name, 0.0) + self.leakage_j.get(name, 0.0) for name in names}

    @property
    def total_j(self) -> float:
        """All energy, the DRAM's included."""
        return math.fsum([*self.dynamic_j.values(), *self.leakage_j.values()])

    @property
    def power_w(self) -> float:
        """Mean power, the DRAM's included."""
        return self.total_j / self.seconds

    @property
    def total_mm2(self) -> float:
        """Area of the chip."""
        return math.fsum(self.area_mm2.values())

    @property
    def hottest_k(self) -> float:
        """Temperature of the hottest block."""
        return max(self.temperature_k.values())

    def by_block(self) -> dict[str, float]:
        """Energy in joules by block, with "dram" and "dvfs"."""
        blocks: dict[str, list[float]] = {}
        for name, joules in self.energy_j.items():
            blocks.setdefault(block_of(name), []).append(joules)
        return {block: math.fsum(parts) for block, parts in blocks.items()}


def report(
    design: SocDesign,
    counts: SocCounts,
    points: OperatingPoints,
    package: Package | None = None,
    temperatures: Temperatures | None = None,
) -> Report:
    """Energy, area and temperatures of one interval at constant operating points.

    temperatures: by block, of the interval; None takes those where its power would settle.
    """
    dynamic_j, leakage_w = _on_chip(design, counts, points)
    if temperatures is None:
        power_w = {block: joules / counts.seconds for block, joules in _by_block(dynamic_j).items()}
        temperatures = network(design, package or Package()).steady(power_w, _by_block(leakage_w))
    kelvin = temperatures.by_block_k
    leakage_j = {
        name: watts * leakage_factor(kelvin[block_of(name)]) * counts.seconds
        for name, watts in leakage_w.items()
    }
    dynamic_j |= _off_chip_j(design, counts)
    area = {name: part.area_mm2 for name, part in soc_parts(design).items()}
    return Report(
        counts.seconds, dynamic_j, leakage_j, area, kelvin, temperatures.runaway, extrapolated(design)
    )


def heating(
    design: SocDesign, counts: SocCounts, points: OperatingPoints
) -> tuple[dict[str, float], dict[str, float]]:
    """What `ThermalNetwork` is given, by block: dynamic power, and leakage at 350 K and the present
    voltage."""
    dynamic_j, leakage_w = _on_chip(design, counts, points)
    dynamic_w = {block: joules / counts.seconds for block, joules in _by_block(dynamic_j).items()}
    return dynamic_w, _by_block(leakage_w)


@lru_cache(maxsize=64)
def network(design: SocDesign, package: Package) -> ThermalNetwork:
    """The thermal network of a design in a package."""
    return ThermalNetwork(
        _by_block({name: part.area_mm2 for name, part in soc_parts(design).items()}), package
    )


def combined(reports: Sequence[Report]) -> Report:
    """One report of intervals that follow each other on one chip; temperatures are those of the last."""
    if not reports:
        raise InputError("no reports to combine: expected at least one")
    last = reports[-1]
    return Report(
        math.fsum(each.seconds for each in reports),
        _sums([each.dynamic_j for each in reports]),
        _sums([each.leakage_j for each in reports]),
        last.area_mm2,
        last.temperature_k,
        next((each.runaway for each in reports if each.runaway), ""),
        last.extrapolated,
    )


def _on_chip(
    design: SocDesign, counts: SocCounts, points: OperatingPoints
) -> tuple[dict[str, float], dict[str, float]]:
    """By component on the chip: dynamic energy, and leakage power at 350 K and the present voltage."""
    _check(design, counts, points)
    parts = soc_parts(design)
    ratios = {block: _voltage_ratio(design, points, block) for block in _blocks(design)}
    nominal_j = _nominal_j(design, counts)
    dynamic_j = {name: joules * ratios[block_of(name)] ** 2 for name, joules in nominal_j.items()}
    on = _shares_that_leak(design, counts)
    return dynamic_j, {
        name: part.leakage_w * ratios[block_of(name)] * on.get(name, 1.0) for name, part in parts.items()
    }


def _shares_that_leak(design: SocDesign, counts: SocCounts) -> dict[str, float]:
    """Of the leakage of each component of a core that was switched off for a while."""
    shares = {}
    for i, core in enumerate(counts.cores):
        for name in soc_parts(design) if core.gated_s or core.caches_gated_s else ():
            block, _, part = name.partition(".")
            if block == f"core{i}":
                gated_s = core.caches_gated_s if part in _PRIVATE_CACHES else core.gated_s
                shares[name] = ungated_share(gated_s / counts.seconds)
    return shares


def _nominal_j(design: SocDesign, counts: SocCounts) -> dict[str, float]:
    """Dynamic energy on the chip if every block ran at its nominal voltage."""
    node_nm = design.node_nm
    energy: dict[str, float] = {}
    for i, (core, of_core) in enumerate(zip(design.cores, counts.cores, strict=True)):
        energy |= {f"core{i}.{name}": j for name, j in core_energy_j(core, of_core, node_nm).items()}
        energy[f"core{i}.l1i"] = cache_energy_j(core.l1i, of_core.l1i, node_nm)
        energy[f"core{i}.l1d"] = cache_energy_j(core.l1d, of_core.l1d, node_nm)
        if core.l2 is not None:
            energy[f"core{i}.l2"] = cache_energy_j(core.l2, of_core.l2, node_nm)
    if design.llc is not None:
        energy["llc.cache"] = cache_energy_j(design.llc, counts.llc, node_nm)
    if design.noc is not None:
        of_noc = noc_energy_j(design.noc, counts.noc, node_nm, connected_mm2(design))
        energy |= {f"noc.{name}": joules for name, joules in of_noc.items()}
    for i, (accelerator, events) in enumerate(zip(design.accelerators, counts.accelerators, strict=True)):
        of_array = accelerator_energy_j(accelerator, events, node_nm)
        energy |= {f"accelerator{i}.{name}": joules for name, joules in of_array.items()}
    return energy


def _off_chip_j(design: SocDesign, counts: SocCounts) -> dict[str, float]:
    energy = {f"dram.{name}": joules for name, joules in counts.dram_energy_j.items()}
    areas = _by_block({name: part.area_mm2 for name, part in soc_parts(design).items()})
    for change in counts.transitions:
        name = f"dvfs.{change.block}"
        energy[name] = energy.get(name, 0.0) + transition_j(change.from_v, change.to_v, areas[change.block])
    return energy


def _voltage_ratio(design: SocDesign, points: OperatingPoints, block: str) -> float:
    is_core = block.startswith("core")
    style = design.cores[int(block.removeprefix("core"))].style if is_core else "performance"
    return points.of(block).voltage_v / supply_v(style, design.node_nm)


def _check(design: SocDesign, counts: SocCounts, points: OperatingPoints) -> None:
    found = {"counts.cores": len(counts.cores), "points.cores": len(points.cores)}
    for name, count in found.items():
        if count != len(design.cores):
            raise InputError(
                f"{name} has {count} entries: expected one for each of {len(design.cores)} cores"
            )
    if len(counts.accelerators) != len(design.accelerators):
        raise InputError(
            f"counts.accelerators has {len(counts.accelerators)} entries: expected one for each of "
            f"{len(design.accelerators)} accelerators"
        )
    for change in counts.transitions:
        if change.block not in _blocks(design):
            raise InputError(
                f"counts.transitions names the block {change.block!r}: expected one of "
                f"{listed(_blocks(design))}.{did_you_mean(change.block, _blocks(design))}"
            )


def _blocks(design: SocDesign) -> list[str]:
    return list(dict.fromkeys(block_of(name) for name in soc_parts(design)))


def _by_block(by_component: Mapping[str, float]) -> dict[str, float]:
    blocks: dict[str, float] = {}
    for name, value in by_component.items():
        blocks[block_of(name)] = blocks.get(block_of(name), 0.0) + value
    return blocks


def _sums(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: math.fsum(part.get(name, 0.0) for part in parts) for name in names}
