"""A problem whose best design is known, and what every searcher with a model of costs does."""

from __future__ import annotations

import numpy as np

from dse.objective import Objective
from dse.parameter import Parameter
from dse.search import Proposal, Results, SearchProblem
from dse.space import DesignSpace
from dse.state import pack, unpack
from dse.testing.toys import make_toy

D, LEVELS = 8, 7


class Valley:
    """Ordered parameters and choices by turns; the cost is the squared distance to one design, which is 0.

    A bounded metric, the sum of the ordered positions, forbids more than half of all designs.
    """

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        kinds = ("integer", "choice")
        parameters = [
            Parameter(f"p{d}", tuple(range(LEVELS)), 0, f"part{d % 2}", kinds[d % 2]) for d in range(D)
        ]
        self.space = DesignSpace("valley", parameters)
        self.best = rng.integers(0, LEVELS, D)
        self.best[::2] = rng.integers(1, 4, D // 2)
        self._ordered = np.arange(D) % 2 == 0
        objectives = (Objective("cost", "min"),)
        self.problem = SearchProblem(self.space, objectives, 1, np.full(1, float(D)), np.zeros(1))

    def results(self, rows):
        steps = (rows - self.best) / (LEVELS - 1)
        parts = np.where(self._ordered, steps**2, 0.3 * (rows != self.best))
        over = rows[:, ::2].sum(axis=1) - self.best[::2].sum()
        return Results(parts.sum(axis=1)[:, None], over[:, None].astype(float), np.zeros(len(rows), bool))

    def least(self, searcher, n, batch=16):
        """The least cost of a feasible design among n."""
        least, asked = np.inf, 0
        while asked < n:
            rows = searcher.ask(min(batch, n - asked)).indices
            results = self.results(rows)
            searcher.tell(Proposal(rows), results)
            asked += len(rows)
            least = min(least, results.costs[results.feasible].min(initial=np.inf))
        return least


def tell(searcher, toy, n):
    """Ask for a batch of n and tell what came of it."""
    proposal = searcher.ask(n)
    searcher.tell(proposal, toy.evaluate(proposal.indices))
    return proposal.indices


def goes_on_the_same(make):
    """Whether a searcher saved after batches and designs of others goes on as it would have."""
    toy = make_toy(3)
    first, second = make(toy.problem, 5), make(toy.problem, 6)
    heard = toy.problem.space.sample(6, np.random.default_rng(0), feasible=True)
    for n in (8, 3, 8):
        tell(first, toy, n)
    first.hear(heard, toy.evaluate(heard))
    second.load(unpack(pack(first.state())))
    return all(np.array_equal(tell(first, toy, n), tell(second, toy, n)) for n in (5, 8))


def designs_until_the_end(searcher, toy):
    """How many designs it asks for, in batches of 7."""
    asked = 0
    while n := len(tell(searcher, toy, 7)):
        asked += n
    return asked
