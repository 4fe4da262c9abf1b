"""PCN: Pareto conditioned networks (Reymond, Bargiacchi and Nowe, AAMAS 2022, arXiv 2204.05036), on designs.

One policy a subsystem is told which costs are wanted and learns, as a classifier does, which values had such
costs: a design that was measured is the right answer to the question for its own costs. To find better ones,
costs slightly below those of a design on the front are asked for.

What one-step episodes leave of PCN: there is no horizon to state and no state but the question. Designs that
are learned from are the paper's: those nearest to the front, of which crowded ones count as twice as far.
Ours are the constraints: the total violation is one more cost, none of it is ever asked for, and designs that
violate are learned from only while there are too few others. A design that failed has no costs, and teaches
nothing. The point of the front is the best under a random preference (augmented Chebyshev) instead of any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.learning.policies import SubsystemPolicies, chosen
from agents.learning.replay import OffPolicy, OffPolicyOptions
from agents.options import option, read_options
from agents.search.scalarize import Floats, failed
from dse.front import non_dominated
from dse.search import Capabilities, SearchProblem

_CROWDED = 0.2  # crowding distance below which a design counts as twice as far from the front
_LIMIT = 5.0  # of what the policies see, in spreads from the mean


@dataclass(frozen=True, slots=True)
class Options(OffPolicyOptions):
    """Network, learning, exploration, restart, what is learned from and what is asked for."""

    updates: int = option(16, low=1, meaning="steps of the optimiser for 32 designs, of the first 512")
    late_updates: int = option(4, low=1, meaning="the least that this falls to with more designs")
    keep: int = option(32, low=2, meaning="designs near the front that are learned from")
    stretch: float = option(1.0, low=0.0, meaning="how far below the front it asks, in spreads of the costs")
    condition: bool = option(True, meaning="whether the policies are told what is wanted")


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What is learned from: rows (L,) of the archive, their scaled costs and violation (L, M + 1), and the
    mean and spread (M + 1,) of those."""

    rows: NDArray[np.int64]
    costs: Floats
    mean: Floats
    spread: Floats


class Pcn(OffPolicy):
    """Policies that are told which costs are wanted; see the module text."""

    capabilities = Capabilities(contextual=True)

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="pcn")
        super().__init__(problem, seed, self.options)
        self._policies = SubsystemPolicies(self.space, problem.n_objectives + 1, self.options.hidden)
        self._latest: tuple[int, Lessons] | None = None
        self._start()

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        super().load(state)
        self._latest = None

    def _fresh(self, generator: torch.Generator) -> list[Tensor]:
        self._policies.initialise(generator)
        return self._policies.weights

    def _probabilities(self, observed: Tensor) -> Tensor:
        return self._policies.log_probabilities(observed)[:, self._policies.slot].exp()

    def _observe(self, weights: Floats) -> Tensor:
        """(B, M + 1): what is wanted under preferences (B, M): costs of the front, of one objective less."""
        lessons, rng = self._lessons(), self._memory.rng
        if not len(lessons.rows):
            return torch.zeros(len(weights), len(lessons.mean))
        nearest = np.argmin(self._memory.scores(weights, lessons.rows), axis=1)
        wanted = lessons.costs[nearest]
        which = rng.integers(weights.shape[1], size=len(weights))
        less = self.options.stretch * rng.random(len(weights)) * lessons.spread[which]
        wanted[np.arange(len(weights)), which] -= less
        wanted[:, -1] = 0.0
        return self._seen(wanted)

    def _losses(self, steps: int) -> Iterator[Tensor]:
        """Cross-entropy of the values that lessons have where these have an effect, a sum over parameters."""
        lessons = self._lessons()
        if not len(lessons.rows):
            return
        designs = self._memory.archive.designs[lessons.rows]
        place = self._policies.placed
        observed = self._seen(lessons.costs)
        positions = place(torch.from_numpy(designs.astype(np.int64)))
        live = place(self._live(designs))
        for drawn in self._memory.rng.integers(len(designs), size=(steps, self.options.minibatch)):
            logarithms = self._policies.log_probabilities(observed[drawn])
            loss = -(chosen(logarithms, positions[drawn]) * live[drawn]).sum(dim=1).mean()
            self._diagnostics["loss"] = loss.item()
            yield loss

    def _seen(self, costs: Floats) -> Tensor:
        """(B, M + 1) costs as the policies see them; zeros where they may not."""
        lessons = self._lessons()
        scaled = np.clip((costs - lessons.mean) / lessons.spread, -_LIMIT, _LIMIT)
        return torch.from_numpy((scaled * self.options.condition).astype(np.float32))

    def _lessons(self) -> Lessons:
        """Those of the archive as it is."""
        known = len(self._memory.archive)
        if self._latest is None or self._latest[0] != known:
            self._latest = (known, self._chosen_lessons())
        return self._latest[1]

    def _chosen_lessons(self) -> Lessons:
        """The measured designs nearest to the front, feasible ones first."""
        archive, problem = self._memory.archive, self._memory.problem
        rows = np.flatnonzero(~failed(archive.costs) & np.isfinite(archive.violation))
        costs, violation = problem.scaled(archive.costs[rows]), archive.violation[rows]
        far = np.where(violation > 0.0, violation, 0.0)
        feasible = violation <= 0.0
        far[feasible] = distances(costs[feasible])
        kept = np.lexsort((far, ~feasible))[: self.options.keep]
        kept_costs = np.column_stack([costs[kept], violation[kept]])
        if not len(kept):
            return Lessons(rows, kept_costs, np.zeros(kept_costs.shape[1]), np.ones(kept_costs.shape[1]))
        spread = kept_costs.std(axis=0)
        return Lessons(rows[kept], kept_costs, kept_costs.mean(axis=0), np.where(spread > 0.0, spread, 1.0))


def distances(costs: Floats) -> Floats:
    """(n,) distance of costs (n, M) to the nearest of their front; of crowded ones twice as far.

    A repeated point of the front comes after the first.
    """
    if not len(costs):
        return np.zeros(0)
    front = np.flatnonzero(non_dominated(costs))
    _, first = np.unique(costs[front], axis=0, return_index=True)
    apart: Floats = np.linalg.norm(costs[:, None, :] - costs[front][None, :, :], axis=2).min(axis=1)
    repeated = np.ones(len(costs), dtype=np.bool_)
    repeated[front[first]] = False
    apart[repeated] += 1e-5
    return np.where(crowding(costs) <= _CROWDED, 2.0 * apart, apart)


def crowding(costs: Floats) -> Floats:
    """(n,) crowding distance of costs (n, M) (Deb et al., 2002): infinite at the ends of an objective."""
    found = np.zeros(len(costs))
    for column in costs.T:
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        gaps = np.full(len(costs), np.inf)
        gaps[1:-1] = (ranked[2:] - ranked[:-2]) / max(ranked[-1] - ranked[0], 1e-12)
        found[order] += gaps
    return found
