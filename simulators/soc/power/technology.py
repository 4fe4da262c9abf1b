"""Silicon nodes: the range of our tables, supply voltages, leakage over temperature, and growth by power
laws.

Nodes are those of CACTI 7's runs in `data/sram.csv`: 22, 32, 45 and 65 nm; between them, every quantity
follows a power law of the feature size. Supply voltages are ITRS's, as CACTI and McPAT use them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from dse.errors import InputError, did_you_mean, listed

Style = Literal["performance", "embedded"]
"""How logic is drawn: for speed with high-performance transistors, or small with low operating power."""

NODES_NM = (22, 32, 45, 65)
REFERENCE_K = 350.0
"""Temperature at which leakage is tabulated."""
THRESHOLD_V = 0.32
"""Vt of the delay law, between the 0.3 and 0.35 V of published fits."""
LEAKAGE_PER_K = 0.0125
"""Slope of CACTI's leakage at 45 nm in log space: x3.5 in 100 K. Its steps at 22 and 32 nm (x32 between 340
and 400 K) are artefacts of a table and are not followed."""

GATED_LEAKAGE_SHARE = 0.03
"""Of its leakage, what silicon that is switched off still draws: 97 % are saved by the best gate of Powell et
al. (Gated-Vdd, ISLPED 2000) in memory cells. That logic does as well is our assumption."""

_SUPPLY_V = {"performance": (0.8, 0.9, 1.0, 1.1), "embedded": (0.6, 0.6, 0.7, 0.8)}
"""ITRS high performance and low operating power, at `NODES_NM`."""


@dataclass(frozen=True, slots=True)
class Part:
    """Silicon of one component: its area, and what it leaks at `REFERENCE_K` and the nominal voltage."""

    area_mm2: float
    leakage_w: float

    def __add__(self, other: Part) -> Part:
        return Part(self.area_mm2 + other.area_mm2, self.leakage_w + other.leakage_w)


def check_node(node_nm: float) -> None:
    """Refuse a node outside the table."""
    if not NODES_NM[0] <= node_nm <= NODES_NM[-1]:
        raise InputError(
            f"node_nm={node_nm!r} is outside the SRAM and core tables: expected {NODES_NM[0]} to "
            f"{NODES_NM[-1]} nm"
        )


def check_style(style: str) -> None:
    """Refuse a logic style that is not known."""
    if style not in get_args(Style):
        expected = listed(get_args(Style))
        raise InputError(
            f"style={style!r}: expected one of {expected}.{did_you_mean(style, get_args(Style))}"
        )


def supply_v(style: Style, node_nm: float) -> float:
    """Nominal supply voltage, for which the silicon is sized."""
    check_style(style)
    check_node(node_nm)
    return along(NODES_NM, _SUPPLY_V[style], node_nm)


def leakage_factor(temperature_k: float, voltage_ratio: float = 1.0) -> float:
    """Leakage power over that at `REFERENCE_K` and the nominal voltage.

    In proportion to the voltage and exponential in the temperature. voltage_ratio: voltage over nominal
    voltage.
    """
    return voltage_ratio * math.exp(LEAKAGE_PER_K * (temperature_k - REFERENCE_K))


def ungated_share(gated_share: float) -> float:
    """Of the leakage, what is left where so much of silicon, or of the time, is switched off."""
    return 1 - gated_share * (1 - GATED_LEAKAGE_SHARE)


def along(xs: Sequence[float], ys: Sequence[float], x: float) -> float:
    """The y at `x` on the curve through the points, straight in log space; the outer pieces go on outside.

    xs: ascending. At a point of the curve, its y exactly. One point is a constant.
    """
    if x in xs:
        return ys[xs.index(x)]
    if len(xs) == 1:
        return ys[0]
    right = next((i for i, known in enumerate(xs) if known > x), len(xs) - 1)
    right = max(right, 1)
    share = math.log(x / xs[right - 1]) / math.log(xs[right] / xs[right - 1])
    return math.exp((1 - share) * math.log(ys[right - 1]) + share * math.log(ys[right]))
