"""Scrambled Sobol points over value positions: a sweep that is even in every parameter and pair.

The points are scipy's (Joe and Kuo's directions, Matousek's scrambling drawn from the seed). Each coordinate
picks one of its parameter's values that are not forbidden by themselves; points that fall on a known or a
forbidden design are left out. Where values have no effect in a design, that design is hit as often as it has
such values (`random` draws every distinct design alike).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import qmc

from agents.options import read_options
from agents.search.archive import Seen
from agents.search.rng import generator, generator_state, restore_generator
from agents.search.values import barred_values
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix

_BLOCK = 64  # points drawn at once; a power of two keeps the sequence balanced
_BARREN = 32  # blocks in a row without a new design, after which the rest is drawn at random


@dataclass(frozen=True, slots=True)
class Options:
    """Sobol search has no options."""


class SobolSearch:
    """Visits Sobol points in their order; the designs do not depend on the batch size."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="sobol")
        self.space = problem.space
        barred = barred_values(self.space)
        self._values = np.argsort(barred, axis=1, kind="stable").astype(np.int16)  # allowed ones first
        self._allowed = np.logical_not(barred).sum(axis=1)
        for_points, for_rest = seed.spawn(2)
        self._rng = generator(for_rest)
        self._seen = Seen(self.space)
        self._pending = np.zeros((0, len(self.space)), dtype=np.int16)
        self._start(for_points.generate_state(4).tolist())

    def ask(self, n: int) -> Proposal:
        """The next points on new designs, n of them; random ones when the sequence finds nothing new."""
        barren = 0
        while len(self._pending) < n and barren < _BARREN:
            rows = self._next_block()
            barren = 0 if len(rows) else barren + 1
            self._pending = np.concatenate([self._pending, rows])
        rows, self._pending = self._pending[:n], self._pending[n:]
        return Proposal(indices=np.concatenate([rows, self._seen.draw(n - len(rows), self._rng)]))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """A sweep learns nothing."""

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Leave these designs out."""
        self._seen.add(indices)
        keys = self.space.keys
        self._pending = self._pending[~np.isin(keys(self._pending), keys(indices))]

    def state(self) -> dict[str, Any]:
        """How the points were scrambled, how many were drawn, and what was proposed."""
        return {
            "scrambling": list(self._scrambling),
            "drawn": self._drawn,
            "pending": self._pending.copy(),
            "seen": self._seen.rows().copy(),
            "rng": generator_state(self._rng),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._start(state["scrambling"])
        self._drawn, self._pending = state["drawn"], state["pending"]
        if self._drawn:
            self._points.fast_forward(self._drawn)
        self._seen.clear()
        self._seen.add(state["seen"])
        restore_generator(self._rng, state["rng"])

    def _start(self, scrambling: list[int]) -> None:
        """The first point of the sequence that these words scramble."""
        self._scrambling = scrambling
        words = np.random.SeedSequence(scrambling)
        self._points = qmc.Sobol(len(self.space), scramble=True, rng=generator(words))
        self._drawn = 0

    def _next_block(self) -> IndexMatrix:
        """The new and allowed designs among the next points."""
        points = self._points.random(_BLOCK)
        self._drawn += _BLOCK
        places = np.minimum((points * self._allowed).astype(np.int64), self._allowed - 1)
        rows = self.space.canonical(self._values[np.arange(len(self.space)), places])
        rows = rows[self._seen.fresh(rows)]
        rows = rows[~self.space.violations(rows).any(axis=1)]
        self._seen.add(rows)
        return rows
