"""Operating points of a clock domain, and what a change from one to another takes.

The clock that a voltage allows follows the alpha-power law f = k (V - Vt)^1.3 / V (Sakurai and Newton,
1990, with the exponent of velocity-saturated transistors and Vt 0.32 V). k is fixed at design time: the
highest point is the nominal one, for which the silicon is sized, so no clock of the run changes area or
energy at nominal voltage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from dse.errors import InputError
from simulators.soc.power.core import CHIPS
from simulators.soc.power.sram import node_scale
from simulators.soc.power.technology import THRESHOLD_V, Style, check_node, check_style, supply_v

CORE_POINTS, UNCORE_POINTS, ACCELERATOR_POINTS = 12, 6, 6
_ARRAY_HZ, _ARRAY_NM = 700e6, 28
"""The clock of a systolic array of 256 x 256 cells of 8 bits, and its node: TPU v1 (Jouppi et al.,
"In-datacenter performance analysis of a tensor processing unit", ISCA 2017)."""
_ALPHA = 1.3
_LOWEST_SHARE = 1 / 3
"""Of the way from Vt to nominal, where the lowest point lies: at 0.55 to 0.7 of the nominal voltage and about
0.4 of the clock. Our choice."""
_RELOCK_S, _SECONDS_PER_V, _LONGEST_S = 10e-6, 200e-6, 100e-6
"""A phase-locked loop finds its clock again in about 10 us, a regulator on the board moves 5 mV a
microsecond; with both a change takes 10 to 100 us, the range of published parts. Round numbers, our
choice."""
CAPACITANCE_F_PER_MM2 = 5e-9
"""Of the supply of a block, decoupling included: some nF a mm2. Our assumption."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Supply voltage and clock of a domain."""

    voltage_v: float
    frequency_hz: float


def nominal_clock_hz(style: Style, node_nm: float) -> float:
    """Clock at nominal voltage: that of the style's anchor chip, carried to the node by the access times of
    small memories. 2.6 GHz at 45 nm for "performance", 2 GHz at 40 nm for "embedded"."""
    check_style(style)
    check_node(node_nm)
    chip = CHIPS[style]
    return chip.clock_hz / node_scale("delay", node_nm, chip.node_nm)


def clock_hz(voltage_v: float, nominal: OperatingPoint) -> float:
    """Highest clock at a voltage, for silicon that runs at `nominal`."""
    if not voltage_v > THRESHOLD_V:
        raise InputError(f"voltage_v={voltage_v!r}: expected more than the threshold of {THRESHOLD_V} V")
    return nominal.frequency_hz * _speed(voltage_v) / _speed(nominal.voltage_v)


def operating_points(nominal: OperatingPoint, count: int) -> tuple[OperatingPoint, ...]:
    """So many points, evenly spaced in voltage, slowest first; the last is `nominal`."""
    if count < 1:
        raise InputError(f"count={count} operating points: expected one or more")
    lowest_v = THRESHOLD_V + _LOWEST_SHARE * (nominal.voltage_v - THRESHOLD_V)
    step_v = (nominal.voltage_v - lowest_v) / max(1, count - 1)
    slower = (nominal.voltage_v - step_v * below for below in range(count - 1, 0, -1))
    return (*(OperatingPoint(voltage, clock_hz(voltage, nominal)) for voltage in slower), nominal)


@lru_cache(maxsize=64)
def core_points(style: Style, node_nm: float) -> tuple[OperatingPoint, ...]:
    """The 12 operating points of a core."""
    nominal = OperatingPoint(supply_v(style, node_nm), nominal_clock_hz(style, node_nm))
    return operating_points(nominal, CORE_POINTS)


def uncore_points(node_nm: float, clock_ratio: float = 1.0) -> tuple[OperatingPoint, ...]:
    """The 6 operating points of last-level cache, interconnect and memory controllers.

    clock_ratio: of the nominal clock to that of a performance core.
    """
    clock = nominal_clock_hz("performance", node_nm) * clock_ratio
    return operating_points(OperatingPoint(supply_v("performance", node_nm), clock), UNCORE_POINTS)


def accelerator_points(node_nm: float) -> tuple[OperatingPoint, ...]:
    """The 6 operating points of systolic arrays: 0.7 GHz at 28 nm is nominal, carried to the node as the
    clocks of cores are."""
    clock = _ARRAY_HZ / node_scale("delay", node_nm, _ARRAY_NM)
    return operating_points(OperatingPoint(supply_v("performance", node_nm), clock), ACCELERATOR_POINTS)


def transition_s(start: OperatingPoint, end: OperatingPoint) -> float:
    """How long a domain stands still on its way from one point to another; nothing if they are the same."""
    if start == end:
        return 0.0
    return min(_LONGEST_S, _RELOCK_S + _SECONDS_PER_V * abs(end.voltage_v - start.voltage_v))


def transition_j(from_v: float, to_v: float, area_mm2: float) -> float:
    """Energy of changing the supply of so much silicon: C dV^2."""
    return CAPACITANCE_F_PER_MM2 * area_mm2 * (to_v - from_v) ** 2


def _speed(voltage_v: float) -> float:
    return float((voltage_v - THRESHOLD_V) ** _ALPHA / voltage_v)
