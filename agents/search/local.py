"""Restarted one-exchange local search, several chains side by side so that a batch keeps all workers busy.

Each chain minimises one augmented Chebyshev scalarisation under a weight vector of its own. It asks for the
unknown neighbours of its incumbent in random order, a few a batch, and moves to the best of a batch as soon
as that improves on the incumbent (first improvement at the grain of its share of the batch). At a local
optimum it draws new weights and starts again: from a random design, or from the best design known under the
new weights, kicked if nothing around it is unknown. Known designs are looked up, never asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.options import option, read_options
from agents.search.memory import Memory
from agents.search.neighbourhood import Neighbourhood, allowed
from agents.search.scalarize import Floats
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix

_MOVES = 256  # moves through known designs in one ask, before falling back on random designs


@dataclass(frozen=True, slots=True)
class Options:
    """How many chains, and how they start again."""

    chains: int = option(2, low=1, meaning="searches side by side; each gets an equal share of a batch")
    random_restarts: float = option(0.25, low=0.0, high=1.0, meaning="share of restarts from random designs")
    kick: int = option(2, low=1, meaning="parameters redrawn when a restart begins at a known local optimum")


@dataclass(slots=True)
class _Chain:
    """One search. incumbent is None until a start has been evaluated."""

    weights: Floats
    incumbent: IndexMatrix | None
    score: float
    queue: IndexMatrix
    asked: IndexMatrix = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self.queue[:0]


class LocalSearch:
    """The bar that learners have to beat; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="local")
        self.space = problem.space
        self._memory = Memory(problem, seed)
        self._rng = self._memory.rng
        self._neighbourhood = Neighbourhood(self.space)
        self._seen, self._archive = self._memory.seen, self._memory.archive
        self._chains = [self._new_chain() for _ in range(self.options.chains)]

    def ask(self, n: int) -> Proposal:
        """Unknown neighbours of the incumbents, up to n; none when every feasible design is known."""
        shares = [len(part) for part in np.array_split(np.arange(n), len(self._chains))]
        found = [np.zeros((0, len(self.space)), dtype=np.int16)]
        for chain, share in zip(self._chains, shares, strict=True):
            chain.asked = self._next(chain, share)
            found.append(chain.asked)
        return Proposal(indices=np.concatenate(found))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; each chain moves if its own share improved on its incumbent."""
        self._memory.add(proposal.indices, results)
        for chain in self._chains:
            if len(chain.asked):
                self._move(chain, chain.asked, self._archive.find(chain.asked))
                chain.asked = chain.asked[:0]

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others; chains that start again begin at the best that is known."""
        self._memory.hear(indices, results)

    def state(self) -> dict[str, Any]:
        """Archive, generator and chains."""
        return {**self._memory.state(), "chains": [_chain_state(chain) for chain in self._chains]}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._memory.load(state)
        self._chains = [_restored_chain(chain) for chain in state["chains"]]

    def _next(self, chain: _Chain, n: int) -> IndexMatrix:
        """Up to n unknown designs for this chain; moves through known ones on the way."""
        if n == 0:
            return chain.queue[:0]
        for _ in range(_MOVES):
            fresh = chain.queue[self._seen.fresh(chain.queue)]
            chain.queue = fresh[n:]
            if len(fresh):
                self._seen.add(fresh[:n])
                return fresh[:n]
            if not self._advance(chain):
                self._restart(chain, n)
        return self._memory.draw(n)

    def _advance(self, chain: _Chain) -> bool:
        """Queue the unknown neighbours or move to a better known one; False at a local optimum."""
        if chain.incumbent is None:
            return False
        around = self._neighbourhood.around(chain.incumbent)
        known = self._archive.find(around)
        if self._move(chain, around, known):
            return True
        unknown = around[known < 0]
        chain.queue = unknown[self._rng.permutation(len(unknown))]
        return len(unknown) > 0

    def _move(self, chain: _Chain, candidates: IndexMatrix, known: NDArray[np.int64]) -> bool:
        """Move to the best known candidate if it improves; a move drops the old neighbourhood."""
        where = np.flatnonzero(known >= 0)
        if not len(where):
            return False
        scores = self._memory.scores(chain.weights, known[where])
        best = int(np.argmin(scores))
        if not scores[best] < chain.score:
            return False
        chain.incumbent, chain.score = candidates[where[best]].copy(), float(scores[best])
        chain.queue = chain.queue[:0]
        return True

    def _restart(self, chain: _Chain, n: int) -> None:
        """New weights, and a start: random designs, or the best one known under them, kicked if need be."""
        chain.weights = self._memory.weights(1)[0]
        chain.incumbent, chain.score = None, np.inf
        if len(self._archive) == 0 or self._rng.random() < self.options.random_restarts:
            chain.queue = self.space.sample(n, self._rng, feasible=True)
            return
        scores = self._memory.scores(chain.weights)
        best = int(np.argmin(scores))
        start = self._archive.designs[best].copy()
        chain.incumbent, chain.score = start, float(scores[best])
        if not self._advance(chain):
            chain.incumbent, chain.score = None, np.inf
            chain.queue = self._kicked(start, n)

    def _kicked(self, start: IndexMatrix, n: int) -> IndexMatrix:
        """Up to n feasible copies of `start` with a few parameters redrawn."""
        rows = np.repeat(start[None, :], 2 * n, axis=0)
        order = np.argsort(self._rng.random(rows.shape), axis=1)
        redrawn = self._rng.integers(0, self.space.n_values, size=rows.shape)
        rows = np.where(order < self.options.kick, redrawn, rows).astype(np.int16)
        return allowed(self.space, self.space.canonical(rows))[:n]

    def _new_chain(self) -> _Chain:
        weights = self._memory.weights(1)[0]
        return _Chain(weights, None, np.inf, np.zeros((0, len(self.space)), dtype=np.int16))


def _chain_state(chain: _Chain) -> dict[str, Any]:
    started = chain.incumbent is not None
    return {
        "weights": chain.weights,
        "incumbent": chain.incumbent if started else np.zeros(0, dtype=np.int16),
        "score": np.array(chain.score),
        "queue": chain.queue,
    }


def _restored_chain(state: dict[str, Any]) -> _Chain:
    incumbent = np.asarray(state["incumbent"], dtype=np.int16)
    return _Chain(
        weights=np.asarray(state["weights"], dtype=np.float64),
        incumbent=incumbent if len(incumbent) else None,
        score=float(state["score"]),
        queue=np.asarray(state["queue"], dtype=np.int16),
    )
