"""Temperatures of a chip's blocks: one node a block, heat to the package and to the neighbours, leakage
that grows.

Blocks stand side by side as strips across a square die, in the order given; neighbours share an edge as
long as the die's side. From each block heat flows through silicon and thermal interface into the package,
and through the silicon to its neighbours; the package loses it to the surroundings. Material numbers are
the defaults of HotSpot 5 and 6 (silicon 0.15 mm thick, 100 W/mK, 1.75 MJ/m3K; interface 20 um, 4 W/mK; sink
0.1 K/W and 140.4 J/K; 318.15 K around).

Steady state is a fixed point: power makes heat, heat makes leakage, leakage is power. Iterating from the
surroundings' temperature upwards reaches the lowest fixed point if there is one. If there is none, or it
lies above what silicon survives, the result says so (`Temperatures.runaway`): a design that burns is a
result, not an error of the program. In time, steps are those of implicit Euler, with the leakage of each
step's start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError
from simulators.soc.power.technology import leakage_factor

_THICKNESS_M, _CONDUCTIVITY, _HEAT_CAPACITY = 0.15e-3, 100.0, 1.75e6
_INTERFACE_M, _INTERFACE_CONDUCTIVITY = 20e-6, 4.0
_TOLERANCE_K = 1e-9
_MOST_ITERATIONS = 1000

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Package:
    """What a chip is mounted in.

    sink_k_per_w: from the package to the surroundings; HotSpot's default is a server's heat sink with a
    fan, a phone without one has some 8 K/W. limit_k: above it, silicon fails (150 degrees Celsius).
    """

    sink_k_per_w: float = 0.1
    sink_j_per_k: float = 140.4
    ambient_k: float = 318.15
    limit_k: float = 423.15

    def __post_init__(self) -> None:
        for name in ("sink_k_per_w", "sink_j_per_k", "ambient_k"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise InputError(f"{name}={value!r} of a package: expected a positive number")
        if not self.limit_k > self.ambient_k:
            raise InputError(f"limit_k={self.limit_k!r}: expected more than ambient_k={self.ambient_k!r}")


@dataclass(frozen=True, slots=True)
class Temperatures:
    """By block, and "package". runaway: why they are not to be trusted (then none is above the limit); else
    empty."""

    by_block_k: Mapping[str, float]
    runaway: str = ""


class ThermalNetwork:
    """The network of one chip. areas_mm2: of its blocks, in the order in which they stand."""

    def __init__(self, areas_mm2: Mapping[str, float], package: Package) -> None:
        if not areas_mm2 or min(areas_mm2.values()) <= 0:
            raise InputError(
                f"areas_mm2={dict(areas_mm2)!r}: expected at least one block, each with a positive area"
            )
        self._names = (*areas_mm2, "package")
        self._package = package
        areas_m2: Vector = np.array([area * 1e-6 for area in areas_mm2.values()])
        self._conductance = _conductance(areas_m2, package)
        self._capacity = np.append(areas_m2 * _THICKNESS_M * _HEAT_CAPACITY, package.sink_j_per_k)
        self._resistance: NDArray[np.floating] = np.linalg.inv(self._conductance)
        self._to_ambient = np.zeros(len(self._names))
        self._to_ambient[-1] = package.ambient_k / package.sink_k_per_w

    def cold(self) -> Temperatures:
        """Everything as warm as the surroundings."""
        return Temperatures(dict.fromkeys(self._names, self._package.ambient_k))

    def steady(self, dynamic_w: Mapping[str, float], leakage_w: Mapping[str, float]) -> Temperatures:
        """Where temperatures settle. leakage_w: of each block at 350 K and its present voltage."""
        dynamic, leakage = self._vector(dynamic_w), self._vector(leakage_w)
        temperatures = np.full(len(self._names), self._package.ambient_k)
        for _ in range(_MOST_ITERATIONS):
            before = temperatures
            temperatures = self._resistance @ (dynamic + _leakage(leakage, before) + self._to_ambient)
            if temperatures.max() > self._package.limit_k:
                return self._too_hot(temperatures)
            if abs(temperatures - before).max() < _TOLERANCE_K:
                return self._result(temperatures)
        return self._result(temperatures, f"temperatures did not settle in {_MOST_ITERATIONS} iterations")

    def step(
        self,
        start: Temperatures,
        dynamic_w: Mapping[str, float],
        leakage_w: Mapping[str, float],
        seconds: float,
    ) -> Temperatures:
        """Temperatures after an interval of constant power that began at `start`."""
        before = np.array([start.by_block_k[name] for name in self._names])
        power = self._vector(dynamic_w) + _leakage(self._vector(leakage_w), before)
        stored = self._capacity / seconds
        after: Vector = np.linalg.solve(
            self._conductance + np.diag(stored), stored * before + power + self._to_ambient
        )
        return self._too_hot(after) if after.max() > self._package.limit_k else self._result(after)

    def heat_w(self, temperatures: Temperatures) -> float:
        """Heat that the package gives to the surroundings."""
        above_k = temperatures.by_block_k["package"] - self._package.ambient_k
        return above_k / self._package.sink_k_per_w

    def _vector(self, by_block: Mapping[str, float]) -> Vector:
        return np.array([by_block.get(name, 0.0) for name in self._names])

    def _too_hot(self, temperatures: Vector) -> Temperatures:
        hottest = self._names[int(temperatures.argmax())]
        reason = f"thermal runaway: {hottest} passes the limit of {self._package.limit_k:g} K"
        return self._result(np.minimum(temperatures, self._package.limit_k), reason)

    def _result(self, temperatures: Vector, runaway: str = "") -> Temperatures:
        return Temperatures(dict(zip(self._names, temperatures.tolist(), strict=True)), runaway)


def _leakage(at_reference_w: Vector, temperatures: Vector) -> Vector:
    factors = [leakage_factor(kelvin) for kelvin in temperatures.tolist()]
    leakage: Vector = at_reference_w * np.array(factors)
    return leakage


def _conductance(areas_m2: Vector, package: Package) -> Vector:
    """W/K between the blocks and the package, which is the last row."""
    count = len(areas_m2) + 1
    matrix = np.zeros((count, count))
    side_m = math.sqrt(areas_m2.sum())
    widths_m = areas_m2 / side_m

    def join(a: int, b: int, conductance: float) -> None:
        matrix[a, a] += conductance
        matrix[b, b] += conductance
        matrix[a, b] -= conductance
        matrix[b, a] -= conductance

    for block, area in enumerate(areas_m2):
        through_k_m2_per_w = _THICKNESS_M / _CONDUCTIVITY + _INTERFACE_M / _INTERFACE_CONDUCTIVITY
        join(block, count - 1, area / through_k_m2_per_w)
    for left in range(count - 2):
        distance_m = (widths_m[left] + widths_m[left + 1]) / 2
        join(left, left + 1, _CONDUCTIVITY * _THICKNESS_M * side_m / distance_m)
    matrix[-1, -1] += 1 / package.sink_k_per_w
    return matrix
