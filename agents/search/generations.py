"""What searchers that learn once a generation share: a generation is proposed in pieces of any size.

So the search does not depend on the batch size. A subclass says how a generation is bred and learned from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from agents.search.memory import Memory
from dse.search import Proposal, Results, SearchProblem
from dse.space import IndexMatrix


class Generations(ABC):
    """Asks for generations of new designs, each told before the next is bred."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence) -> None:
        self.space = problem.space
        self._memory = Memory(problem, seed)
        self._generation = np.zeros((0, len(self.space)), dtype=np.int16)
        self._pending = self._generation

    @abstractmethod
    def _breed(self) -> IndexMatrix:
        """New, allowed designs, marked as seen; none when every feasible design is known."""

    @abstractmethod
    def _learn(self, generation: IndexMatrix) -> None:
        """All results of this generation are in the archive."""

    def ask(self, n: int) -> Proposal:
        """The rest of the current generation, up to n; a new generation if it is used up."""
        if not len(self._pending):
            self._generation = self._pending = self._breed()
        rows, self._pending = self._pending[:n], self._pending[n:]
        return Proposal(indices=rows)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; learn when the generation is complete."""
        self._memory.add(proposal.indices, results)
        if len(proposal) and not len(self._pending):
            self._learn(self._generation)

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others; between two generations they are learned from as one."""
        new = indices[self._memory.archive.find(indices) < 0]
        self._memory.hear(indices, results)
        if len(self._pending):
            self._drop_pending(indices)
        elif len(new):
            self._learn(new)

    def _drop_pending(self, known: IndexMatrix) -> None:
        """Propose no design of the unfinished generation that was heard of; its result is known."""
        keys = self.space.keys
        heard = np.isin(keys(self._pending), keys(known))
        done = self._generation[: len(self._generation) - len(self._pending)]
        rest = self._pending[~heard]
        self._generation = np.concatenate([done, self._pending[heard], rest])
        self._pending = rest
        if not len(rest):
            self._learn(self._generation)

    def state(self) -> dict[str, Any]:
        """Archive, generator and the unfinished generation."""
        return {**self._memory.state(), "generation": self._generation, "pending": len(self._pending)}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._memory.load(state)
        self._generation = state["generation"]
        self._pending = self._generation[len(self._generation) - state["pending"] :]
        self._memory.seen.add(self._pending)
