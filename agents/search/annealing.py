"""Simulated annealing (Kirkpatrick, Gelatt and Vecchi, Science 220, 1983), several chains side by side.

Each chain minimises one augmented Chebyshev scalarisation under a weight vector of its own. It asks for
random unknown neighbours of its incumbent, a few a batch, and takes or leaves each that comes back by
Metropolis' rule, one after the other; where all neighbours are known it walks among them by the same rule,
free of charge. The temperature falls geometrically with the designs that the chain has simulated, from `hot`
to `cold` times the spread (middle half) of the feasible scores seen so far, so that it needs no unit. At the
end of a descent, or where the walk ends, the chain draws new weights and starts again: from random designs,
or from the best design known under the weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.options import option, read_options
from agents.search.memory import Memory
from agents.search.neighbourhood import Neighbourhood
from agents.search.scalarize import INFEASIBLE, Floats
from dse.errors import ConfigError
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix

_MOVES = 64  # steps among known designs in one ask, before falling back on random designs


@dataclass(frozen=True, slots=True)
class Options:
    """Chains and cooling."""

    chains: int = option(2, low=1, meaning="searches side by side; each gets an equal share of a batch")
    hot: float = option(0.1, low=1e-6, meaning="first temperature of a descent, in spreads of the scores")
    cold: float = option(0.01, low=1e-6, meaning="last temperature of a descent, in spreads of the scores")
    descent: int = option(64, low=1, meaning="designs that a chain simulates from hot to cold")
    random_restarts: float = option(0.25, low=0.0, high=1.0, meaning="share of restarts from random designs")


@dataclass(slots=True)
class _Chain:
    """One search. incumbent (1, D), or (0, D) until a start has been evaluated; spent: in this descent."""

    weights: Floats
    incumbent: IndexMatrix
    score: float
    spent: int
    asked: IndexMatrix


class Annealing:
    """Chains that also climb, less and less; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="annealing")
        if self.options.cold > self.options.hot:
            raise ConfigError(
                f"searcher 'annealing': cold={self.options.cold:g} is above hot={self.options.hot:g}: "
                "the temperature falls from hot to cold",
                key="cold",
            )
        self.space = problem.space
        self._memory = Memory(problem, seed)
        self._neighbourhood = Neighbourhood(self.space)
        self._chains = [self._new_chain() for _ in range(self.options.chains)]

    def ask(self, n: int) -> Proposal:
        """Unknown neighbours of the incumbents, up to n; none when every feasible design is known."""
        shares = [len(part) for part in np.array_split(np.arange(n), len(self._chains))]
        for chain, share in zip(self._chains, shares, strict=True):
            chain.asked = self._next(chain, share)
        return Proposal(indices=np.concatenate([chain.asked for chain in self._chains]))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; each chain takes or leaves its own share of them, one after the other."""
        self._memory.add(proposal.indices, results)
        for chain in self._chains:
            if len(chain.asked):
                steps = np.arange(chain.spent, chain.spent + len(chain.asked))
                self._take(chain, chain.asked, self._temperatures(chain, steps))
                chain.spent += len(chain.asked)
                chain.asked = self._nothing()

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others; a chain that has not begun may begin at the best that is known."""
        self._memory.hear(indices, results)
        for chain in self._chains:
            if not len(chain.incumbent):
                self._restart(chain)

    def state(self) -> dict[str, Any]:
        """Archive, generator and chains."""
        chains = [
            {
                "weights": chain.weights,
                "incumbent": chain.incumbent,
                "score": np.array(chain.score),
                "spent": chain.spent,
            }
            for chain in self._chains
        ]
        return {**self._memory.state(), "chains": chains}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._memory.load(state)
        self._chains = [
            _Chain(
                chain["weights"], chain["incumbent"], float(chain["score"]), chain["spent"], self._nothing()
            )
            for chain in state["chains"]
        ]

    def _next(self, chain: _Chain, n: int) -> IndexMatrix:
        """Up to n unknown designs for this chain; it walks through known ones on the way."""
        if n == 0:
            return self._nothing()
        if chain.spent >= self.options.descent:
            self._restart(chain)
        for _ in range(_MOVES):
            if not len(chain.incumbent):
                break
            around = self._neighbourhood.around(chain.incumbent[0])
            around = around[self._memory.rng.permutation(len(around))]
            found = self._memory.propose(around, n)
            if len(found):
                return found
            if not self._walk(chain, around):
                self._restart(chain)
        return self._memory.draw(n)

    def _walk(self, chain: _Chain, around: IndexMatrix) -> bool:
        """Take the first of the known designs that Metropolis' rule takes; False if it takes none."""
        known = around[self._memory.archive.find(around) >= 0]
        temperatures = self._temperatures(chain, np.full(len(known), chain.spent))
        return self._take(chain, known, temperatures, once=True)

    def _take(self, chain: _Chain, designs: IndexMatrix, temperatures: Floats, *, once: bool = False) -> bool:
        """Metropolis' rule on known designs in turn (until one is taken, if `once`); whether any was."""
        scores = self._memory.scores(chain.weights, self._memory.archive.find(designs)).tolist()
        luck = self._memory.rng.random(len(designs)).tolist()
        taken = False
        for i, (score, temperature) in enumerate(zip(scores, temperatures.tolist(), strict=True)):
            if score <= chain.score or luck[i] < math.exp((chain.score - score) / temperature):
                chain.incumbent, chain.score, taken = designs[[i]], score, True
                if once:
                    break
        return taken

    def _temperatures(self, chain: _Chain, steps: NDArray[np.int64]) -> Floats:
        """Temperatures (n,) after so many designs of a descent, in units of the chain's scores."""
        scores = self._memory.scores(chain.weights)
        feasible = scores[scores < INFEASIBLE]
        spread = float(np.subtract(*np.quantile(feasible, (0.75, 0.25)))) if len(feasible) else 0.0
        cooled = (self.options.cold / self.options.hot) ** (steps / self.options.descent)
        return np.asarray((spread or 1.0) * self.options.hot * cooled)

    def _restart(self, chain: _Chain) -> None:
        """New weights, hot again, from the best design known under them or from random ones."""
        memory = self._memory
        chain.weights, chain.spent = memory.weights(1)[0], 0
        chain.incumbent, chain.score = self._nothing(), np.inf
        if len(memory.archive) and memory.rng.random() >= self.options.random_restarts:
            scores = memory.scores(chain.weights)
            best = int(np.argmin(scores))
            chain.incumbent, chain.score = memory.archive.designs[[best]], float(scores[best])

    def _new_chain(self) -> _Chain:
        return _Chain(self._memory.weights(1)[0], self._nothing(), np.inf, 0, self._nothing())

    def _nothing(self) -> IndexMatrix:
        return np.zeros((0, len(self.space)), dtype=np.int16)
