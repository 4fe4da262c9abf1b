"""Random search: the honest control. Uniform over the feasible canonical designs, without repetition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.options import read_options
from agents.search.archive import Seen
from agents.search.rng import generator, generator_state, restore_generator
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix


@dataclass(frozen=True, slots=True)
class Options:
    """Random search has no options."""


class RandomSearch:
    """Draws designs blindly; an empty proposal says that every feasible design has been proposed."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="random")
        self._seen = Seen(problem.space)
        self._rng = generator(seed)

    def ask(self, n: int) -> Proposal:
        """Up to n designs, none of them proposed before."""
        return Proposal(indices=self._seen.draw(n, self._rng))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Random search learns nothing."""

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Leave these designs out."""
        self._seen.add(indices)

    def state(self) -> dict[str, Any]:
        """Proposed designs and the generator."""
        return {"seen": self._seen.rows().copy(), "rng": generator_state(self._rng)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._seen.clear()
        self._seen.add(state["seen"])
        restore_generator(self._rng, state["rng"])
