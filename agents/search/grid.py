"""Grid search: a sweep of any knobs, the other parameters at their default.

The grid is the product of the listed values. In `spread` order (the default) design k of N is number
(k * stride) mod N of the mixed-radix count, with `stride` the whole number prime to N that is nearest to N
divided by the golden ratio: a rank-1 lattice. Every design comes exactly once, and any first part of the
sweep is already spread evenly over the knobs (the first-listed knob most evenly), so a budget smaller than
the grid gives a coarse sweep instead of a corner. `lexicographic` order is the plain count, the last knob
turning fastest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.options import option, read_options
from agents.search.archive import Seen
from dse.errors import ConfigError, did_you_mean, listed
from dse.parameter import Parameter
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import DesignSpace, IndexMatrix

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0
_MAX_GRID = 2**62
_BLOCK = 1 << 14  # designs a step when a saved sweep is walked again


@dataclass(frozen=True, slots=True)
class Options:
    """What to sweep, and in which order."""

    knobs: Any = option(None, meaning="{parameter: [values]} or [parameters]; default: all")  # noqa: RUF009
    order: str = option("spread", meaning="order of the sweep", choices=("spread", "lexicographic"))


class GridSearch:
    """Visits every design of the grid once; designs that the space forbids are left out."""

    capabilities = Capabilities(needs_exhaustion=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="grid")
        self.space = problem.space
        columns = _columns(self.space, self.options.knobs)
        self._axes = [(column, np.array(values, dtype=np.int16)) for column, values in columns.items()]
        self._sizes = [len(values) for _, values in self._axes]
        self.size = math.prod(self._sizes)
        if self.size > _MAX_GRID:
            raise ConfigError(
                f"grid: {self.size} designs are too many to count; list fewer knobs", key="knobs"
            )
        self._stride = _coprime_stride(self.size) if self.options.order == "spread" else 1
        self._position = 0
        self._seen = Seen(self.space)

    def ask(self, n: int) -> Proposal:
        """The next designs of the sweep, up to n; none when it is finished."""
        found = [np.zeros((0, len(self.space)), dtype=np.int16)]
        missing = n
        while missing and self._position < self.size:
            block = self._advance(missing)
            found.append(block)
            missing -= len(block)
        return Proposal(indices=np.concatenate(found))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """A sweep learns nothing."""

    def state(self) -> dict[str, Any]:
        """How far the sweep is."""
        return {"position": self._position}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._position = 0
        self._seen.clear()
        while self._position < state["position"]:
            self._advance(_BLOCK, stop=state["position"])

    def _advance(self, n: int, stop: int | None = None) -> IndexMatrix:
        """Up to n new feasible designs from the next block of the grid; `stop`: number of its end."""
        last = min(self._position + 4 * n + 64, self.size if stop is None else stop)
        codes = [k * self._stride % self.size for k in range(self._position, last)]
        rows = self._rows(np.array(codes, dtype=np.int64))
        kept = np.flatnonzero(self._seen.fresh(rows) & ~self.space.violations(rows).any(axis=1))[:n]
        self._position = int(kept[-1]) + 1 + self._position if len(kept) == n else last
        self._seen.add(rows[kept])
        return rows[kept]

    def _rows(self, codes: NDArray[np.int64]) -> IndexMatrix:
        start = self.space.encode({})
        rows = np.repeat(start[None, :], len(codes), axis=0)
        for (column, values), digits in zip(self._axes, np.unravel_index(codes, self._sizes), strict=True):
            rows[:, column] = values[digits]
        return self.space.canonical(rows)


def _columns(space: DesignSpace, knobs: object) -> dict[int, list[int]]:
    """Column number to the positions of the values swept."""
    if knobs is None:
        knobs = space.names
    if isinstance(knobs, Mapping):
        chosen = {str(name): values for name, values in knobs.items()}
    elif isinstance(knobs, Sequence) and not isinstance(knobs, str):
        chosen = {str(name): None for name in knobs}
    else:
        raise ConfigError(
            f"grid: knobs={knobs!r}: expected {{parameter: [values]}} or [parameters]", key="knobs"
        )
    if not chosen:
        raise ConfigError("grid: knobs is empty; leave it out to sweep every parameter", key="knobs")
    return {
        _column(space, name): _positions(space.parameter(name), values) for name, values in chosen.items()
    }


def _column(space: DesignSpace, name: str) -> int:
    if name not in space.names:
        raise ConfigError(
            f"grid: knobs names {name!r}, which is no parameter: expected some of {listed(space.names)}."
            f"{did_you_mean(name, space.names)}",
            key="knobs",
        )
    return space.names.index(name)


def _positions(parameter: Parameter, values: object) -> list[int]:
    if values is None:
        return list(range(len(parameter)))
    several = isinstance(values, Sequence) and not isinstance(values, str)
    wanted: Sequence[object] = values if several else [values]  # type: ignore[assignment]
    positions = list(dict.fromkeys(parameter.index(value) for value in wanted))
    if not positions:
        raise ConfigError(f"grid: knobs lists no value for {parameter.name}", key="knobs")
    return positions


def _coprime_stride(size: int) -> int:
    """The number prime to `size` nearest to size divided by the golden ratio (1 for tiny grids)."""
    target = max(1, round(size * _GOLDEN))
    for distance in range(size):
        for stride in (target - distance, target + distance):
            if stride >= 1 and math.gcd(stride, size) == 1:
                return stride
    return 1
