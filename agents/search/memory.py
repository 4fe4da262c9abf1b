"""What a searcher with preferences keeps: its problem, its generator, what it proposed and what came back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.search.archive import Archive, Seen
from agents.search.rng import generator, generator_state, restore_generator
from agents.search.scalarize import Floats, chebyshev, constrained_score, preference_weights
from dse.search import Results, SearchProblem
from dse.space import IndexMatrix


class Memory:
    """Designs seen and their results, scored under preference weights. Scores are minimised."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence) -> None:
        self.problem = problem
        self.space = problem.space
        self.rng = generator(seed)
        self.seen = Seen(self.space)
        self.archive = Archive(self.space, problem.n_objectives)

    def add(self, designs: IndexMatrix, results: Results) -> None:
        """Remember the results of these designs."""
        self.archive.add(designs, results.costs, results.violations)

    def hear(self, designs: IndexMatrix, results: Results) -> None:
        """Remember the results of designs that were not proposed; they count as seen from now on."""
        self.seen.add(designs)
        self.add(designs, results)

    def weights(self, n: int) -> Floats:
        """`n` fresh preferences (n, M)."""
        return preference_weights(n, self.problem.n_objectives, self.rng)

    def scores(self, weights: Floats, rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """Scores (n,) of these rows of the archive under weights (M,), or (W, n) under weights (W, M)."""
        scaled = self.problem.scaled(self.archive.costs[rows])
        scalar = chebyshev(scaled, weights[..., None, :])
        return constrained_score(scalar, self.archive.violation[rows])

    def propose(self, candidates: IndexMatrix, n: int) -> IndexMatrix:
        """The first n of the candidates that are new and allowed; they count as seen from now on."""
        new = self.seen.fresh(candidates)
        chosen = candidates[new]
        chosen = chosen[~self.space.violations(chosen).any(axis=1)][:n]
        self.seen.add(chosen)
        return chosen

    def draw(self, n: int) -> IndexMatrix:
        """Up to n random designs never seen."""
        return self.seen.draw(n, self.rng)

    def state(self) -> dict[str, Any]:
        """Archive and generator; saved when every design seen has been told."""
        return {"archive": self.archive.state(), "rng": generator_state(self.rng)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue where `state()` was taken."""
        self.archive.load(state["archive"])
        self.seen.clear()
        self.seen.add(self.archive.designs)
        restore_generator(self.rng, state["rng"])
