"""What a searcher has proposed and what came back: `Seen` remembers designs, `Archive` their results too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.search.scalarize import Floats, failed, total_violation
from dse.space import DesignSpace, IndexMatrix

_TRIES = 8  # rounds of blind drawing before the remaining designs are listed
_LISTABLE = 1 << 22  # spaces up to this raw size can be listed
_CHUNK = 1 << 16


class Seen:
    """A set of canonical designs. `fresh` and `add` take index matrices (n, D)."""

    def __init__(self, space: DesignSpace) -> None:
        self.space = space
        self._keys: set[Any] = set()
        self._rows: list[IndexMatrix] = []

    def __len__(self) -> int:
        return len(self._keys)

    def clear(self) -> None:
        """Forget everything."""
        self._keys = set()
        self._rows = []

    def fresh(self, rows: IndexMatrix) -> NDArray[np.bool_]:
        """Mask (n,): neither seen before nor equal to an earlier row of `rows`."""
        keys = self.space.keys(rows).tolist()
        first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
        known = self._keys
        return np.array([first[k] == i and k not in known for i, k in enumerate(keys)], dtype=np.bool_)

    def add(self, rows: IndexMatrix) -> None:
        """Remember the rows; those already known are ignored."""
        new = rows[self.fresh(rows)]
        if len(new):
            self._keys.update(self.space.keys(new).tolist())
            self._rows.append(new)

    def rows(self) -> IndexMatrix:
        """All designs (n, D) in the order in which they were first added."""
        if len(self._rows) != 1:
            self._rows = [np.concatenate([np.zeros((0, len(self.space)), dtype=np.int16), *self._rows])]
        return self._rows[0]

    def draw(self, n: int, rng: np.random.Generator) -> IndexMatrix:
        """Up to n feasible designs never seen, uniformly without repetition, and remember them.

        Fewer than n only when fewer are left (in spaces too large to list: when none was found in many
        draws). Raises InfeasibleError if the space has no feasible design at all.
        """
        found = [np.zeros((0, len(self.space)), dtype=np.int16)]
        missing = n
        listable = self.space.raw_size <= _LISTABLE
        for _ in range(_TRIES if listable else 16 * _TRIES):
            if missing == 0:
                break
            block = self.space.sample(2 * missing, rng, feasible=True)
            block = block[self.fresh(block)][:missing]
            self.add(block)
            found.append(block)
            missing -= len(block)
        if missing and listable:
            found.append(self._draw_from_rest(missing, rng))
        return np.concatenate(found)

    def _draw_from_rest(self, n: int, rng: np.random.Generator) -> IndexMatrix:
        rest = self._unseen()
        chosen = rest[np.sort(rng.choice(len(rest), size=min(n, len(rest)), replace=False))]
        self.add(chosen)
        return chosen

    def _unseen(self) -> IndexMatrix:
        """Every feasible design not seen, in mixed-radix order. Reads the whole space: small spaces only."""
        sizes = self.space.n_values.tolist()
        kept = [np.zeros((0, len(sizes)), dtype=np.int16)]
        for start in range(0, self.space.raw_size, _CHUNK):
            codes = np.arange(start, min(start + _CHUNK, self.space.raw_size))
            rows = np.stack(np.unravel_index(codes, sizes), axis=1).astype(np.int16)
            rows = rows[usable(self.space, rows)]
            kept.append(rows[self.fresh(rows)])
        return np.concatenate(kept)


class Archive:
    """Every told design once, with its costs and total violation; columns grow by doubling."""

    def __init__(self, space: DesignSpace, n_objectives: int) -> None:
        self.space = space
        self._row_of: dict[Any, int] = {}
        self._designs = np.zeros((256, len(space)), dtype=np.int16)
        self._costs = np.zeros((256, n_objectives))
        self._violation = np.zeros(256)

    def __len__(self) -> int:
        return len(self._row_of)

    @property
    def designs(self) -> IndexMatrix:
        """Designs (n, D) in the order in which they were first told."""
        return self._designs[: len(self)]

    @property
    def costs(self) -> Floats:
        """Costs (n, M), not scaled; not finite where the simulation failed or was not run."""
        return self._costs[: len(self)]

    @property
    def violation(self) -> Floats:
        """Total violation (n,); 0 is feasible, infinite is failed."""
        return self._violation[: len(self)]

    def add(self, designs: IndexMatrix, costs: Floats, violations: Floats) -> None:
        """Store results (B, M) and (B, K) of designs (B, D); a design told before keeps its first result.

        A design that failed although it violates nothing counts as infinitely violated.
        """
        total = total_violation(violations)
        total = np.where(failed(costs) & (total == 0.0), np.inf, total)
        start = len(self)
        new: list[int] = []
        for i, key in enumerate(self.space.keys(designs).tolist()):
            if key not in self._row_of:
                self._row_of[key] = start + len(new)
                new.append(i)
        self._append(start, designs[new], costs[new], total[new])

    def find(self, designs: IndexMatrix) -> NDArray[np.int64]:
        """Row numbers (n,) of designs in the archive, -1 where unknown."""
        look = self._row_of.get
        return np.array([look(key, -1) for key in self.space.keys(designs).tolist()], dtype=np.int64)

    def state(self) -> dict[str, Any]:
        """Columns as arrays."""
        return {
            "designs": self.designs.copy(),
            "costs": self.costs.copy(),
            "violation": self.violation.copy(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Replace the content by that of `state()`."""
        designs = np.asarray(state["designs"], dtype=np.int16)
        self._row_of = dict(zip(self.space.keys(designs).tolist(), range(len(designs)), strict=True))
        self._append(0, designs, state["costs"], state["violation"])

    def _append(self, start: int, designs: IndexMatrix, costs: Floats, violation: Floats) -> None:
        stop = start + len(designs)
        while stop > len(self._designs):
            self._designs = np.concatenate([self._designs, np.zeros_like(self._designs)])
            self._costs = np.concatenate([self._costs, np.zeros_like(self._costs)])
            self._violation = np.concatenate([self._violation, np.zeros_like(self._violation)])
        self._designs[start:stop] = designs
        self._costs[start:stop] = costs
        self._violation[start:stop] = violation


def usable(space: DesignSpace, rows: IndexMatrix) -> NDArray[np.bool_]:
    """Mask (n,): canonical and violating no constraint of the space."""
    canonical = (space.canonical(rows) == rows).all(axis=1)
    kept: NDArray[np.bool_] = np.logical_and(canonical, np.logical_not(space.violations(rows).any(axis=1)))
    return kept
