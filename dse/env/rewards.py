"""Reward modes: what a design is worth to each agent, as a table.

A worth is a vector (R,) that is larger for better designs. `design` pays the worth of the design; `refine`
pays by how much a step raised it, so that the rewards of an episode add up to what the episode gained.

improvement   (M,) improvement on the baseline in log scale, minus `penalty` times what is broken, in each
linear        (1,) the same, weighted by the preference and summed
chebyshev     (1,) the objective that is farthest, by weight, from the ideal decides; minus the penalty
penalised     (1,) `linear` where the design is feasible; else -penalty * (1 + broken), whatever it improves
target        (M,) T / |T - x| of each objective, without any penalty (arXiv 2211.16385, for reproduction)
product       (1,) the product of these ratios, at most what one of them can be (as published, too)
difference    (M,) `improvement` minus that of the same design with the agent's own parameters as in the
              baseline: exact, by simulation

What is broken is the sum of the violations of the constraints, each at most 1 (`Outcomes.broken`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dse.env.problem import DesignProblem, Outcomes
from dse.env.scores import IMPROVEMENT_LIMIT
from dse.errors import ConfigError, did_you_mean, listed
from dse.space import IndexMatrix
from dse.subsystem import Subsystem

IDEAL = float(np.log(10.0))
"""The improvement that Chebyshev takes for ideal: ten times better."""
TARGET_CAP = 1000.0
"""Where the pole of the target ratio is cut off, as in the published environment."""
_AUGMENTATION = 0.05
_SLACK = 1.0 + 1e-6  # weights are float32 and sum to 1 as nearly as that

Worths = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """n designs (n, D) in their contexts, and what came of them.

    workloads: (n,) numbers. weights: (n, M) preferences. limits: (n, B, 2), or None for the problem's own.
    """

    rows: IndexMatrix
    workloads: NDArray[np.intp]
    weights: NDArray[np.float64]
    limits: NDArray[np.float64] | None
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Terms:
    """What reward modes may ask for.

    penalty: of one broken constraint. ideal: improvements (M,) or one number for all, for "chebyshev" (IDEAL
    if None). targets: metric to the number aimed at, one for each objective, for "target" and "product".
    """

    penalty: float = 2.0
    ideal: float | Sequence[float] | None = None
    targets: Mapping[str, float] | None = None


class Reward(Protocol):
    """What designs are worth. low, high: bounds of every component; size: R."""

    low: float
    high: float
    size: int

    def worths(self, cases: Cases) -> Worths:
        """(n, agents, R), or (n, 1, R) where all agents share it."""
        ...


class Improvement:
    """Improvement in log scale."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self.size = len(problem.objectives)
        self._penalty = terms.penalty
        self.low = -IMPROVEMENT_LIMIT - terms.penalty * max(problem.n_constraints, 1)
        self.high = IMPROVEMENT_LIMIT

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, M)."""
        outcomes = cases.outcomes
        return (outcomes.improvement - self._penalty * outcomes.broken[:, None])[:, None, :]


class Linear:
    """Weighted sum of the improvements."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self._inner = Improvement(problem, parts, terms)
        self.size, self.low, self.high = 1, self._inner.low * _SLACK, self._inner.high * _SLACK

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, 1)."""
        weighted: Worths = self._inner.worths(cases) @ cases.weights[:, :, None]
        return weighted


class Chebyshev:
    """Augmented weighted Chebyshev distance from the ideal, by how much it is below the baseline's."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self._penalty = terms.penalty
        self._ideal = _ideal(IDEAL if terms.ideal is None else terms.ideal, len(problem.objectives))
        self.size = 1
        reach = IMPROVEMENT_LIMIT * (1.0 + _AUGMENTATION) * _SLACK
        self.low, self.high = -reach - terms.penalty * max(problem.n_constraints, 1), reach

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, 1)."""
        outcomes = cases.outcomes
        gained = self._distance(cases.weights, 0.0) - self._distance(cases.weights, outcomes.improvement)
        return (gained - self._penalty * outcomes.broken)[:, None, None]

    def _distance(self, weights: Worths, improvement: Worths | float) -> Worths:
        apart: Worths = weights * (self._ideal - improvement)
        distance: Worths = apart.max(axis=1) + _AUGMENTATION * apart.sum(axis=1)
        return distance


class Penalised:
    """Constraints first: what an infeasible design improves counts for nothing."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self._inner, self._penalty = Linear(problem, parts, terms), terms.penalty
        self.size, self.high = 1, self._inner.high
        self.low = -max(self.high, terms.penalty * (1 + max(problem.n_constraints, 1)))

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, 1)."""
        lost = -self._penalty * (1.0 + cases.outcomes.broken)
        feasible = cases.outcomes.feasible[:, None, None]
        return np.where(feasible, self._inner.worths(cases), lost[:, None, None])


class Target:
    """The published ratio, pole and all: the nearer to the target, from either side, the more."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        metrics = [objective.metric for objective in problem.objectives]
        self._targets = _targets(terms.targets, metrics)
        self._columns = [problem.schema.index(metric) for metric in metrics]
        self.size, self.low, self.high = len(metrics), 0.0, TARGET_CAP

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, M); 0 for a design without metrics, at most TARGET_CAP."""
        return np.minimum(self.ratios(cases), TARGET_CAP)[:, None, :]

    def ratios(self, cases: Cases) -> Worths:
        """(n, M) without the cap; 0 for a design without metrics, infinite at a target."""
        distance = np.abs(self._targets - cases.outcomes.values[:, self._columns])
        with np.errstate(divide="ignore"):
            ratios: Worths = self._targets / distance
        ratios[[one is None for one in cases.outcomes.metrics]] = 0.0
        return ratios


class TargetProduct:
    """The product of the published ratios: all targets at once, with the pole of each."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self._inner = Target(problem, parts, terms)
        self.size, self.low, self.high = 1, 0.0, TARGET_CAP

    def worths(self, cases: Cases) -> Worths:
        """(n, 1, 1); 0 for a design without metrics, at most TARGET_CAP."""
        product: Worths = self._inner.ratios(cases).prod(axis=1)
        return np.minimum(product, TARGET_CAP)[:, None, None]


class Difference:
    """What an agent's own choices add; simulations: how many its comparisons have cost."""

    def __init__(self, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> None:
        self._problem, self._inner = problem, Improvement(problem, parts, terms)
        self._owned = np.zeros((len(parts), len(problem.space)), dtype=np.bool_)
        for agent, part in enumerate(parts.values()):
            self._owned[agent, list(part.indices)] = True
        self.size = self._inner.size
        self.high = self._inner.high - self._inner.low
        self.low = -self.high
        self.simulations = 0

    def worths(self, cases: Cases) -> Worths:
        """(n, agents, M)."""
        problem, n_agents = self._problem, len(self._owned)
        without = np.where(self._owned, problem.baseline_row, cases.rows[:, None, :])
        rows = problem.space.canonical(without.reshape(-1, len(problem.space)))
        workloads = np.repeat(cases.workloads, n_agents)
        weights = np.repeat(cases.weights, n_agents, axis=0)
        limits = None if cases.limits is None else np.repeat(cases.limits, n_agents, axis=0)
        before = problem.simulations
        others = problem.outcomes(workloads.tolist(), rows, limits)
        self.simulations += problem.simulations - before
        worths = self._inner.worths(Cases(rows, workloads, weights, limits, others))
        added: Worths = self._inner.worths(cases) - worths.reshape(len(cases.rows), n_agents, -1)
        return added


REWARDS: dict[str, Callable[[DesignProblem, Mapping[str, Subsystem], Terms], Reward]] = {
    "improvement": Improvement,
    "linear": Linear,
    "chebyshev": Chebyshev,
    "penalised": Penalised,
    "target": Target,
    "product": TargetProduct,
    "difference": Difference,
}


def reward_of(name: str, problem: DesignProblem, parts: Mapping[str, Subsystem], terms: Terms) -> Reward:
    """The reward mode of that name. ConfigError if unknown, or if its terms do not fit."""
    if name not in REWARDS:
        hint = did_you_mean(name, REWARDS)
        raise ConfigError(f"reward {name!r}: expected one of {listed(REWARDS)}.{hint}", key="reward")
    if not (np.isfinite(terms.penalty) and terms.penalty >= 0):
        raise ConfigError(f"penalty={terms.penalty!r}: expected a number from 0 on", key="penalty")
    for key, value, modes in (
        ("targets", terms.targets, ("target", "product")),
        ("ideal", terms.ideal, ("chebyshev",)),
    ):
        if value is not None and name not in modes:
            which = " or ".join(f'"{mode}"' for mode in modes)
            raise ConfigError(f"{key}={value!r} belongs to reward={which}, not to {name!r}", key=key)
    return REWARDS[name](problem, parts, terms)


def _ideal(given: float | Sequence[float], n_objectives: int) -> Worths:
    found = np.broadcast_to(np.asarray(given, dtype=np.float64), np.shape(given) or (n_objectives,))
    if found.shape != (n_objectives,) or not np.isfinite(found).all() or (found <= 0).any():
        raise ConfigError(
            f"ideal={given!r}: expected an improvement above 0 in log scale, or {n_objectives} of them",
            key="ideal",
        )
    return np.asarray(found)


def _targets(given: Mapping[str, float] | None, metrics: Sequence[str]) -> Worths:
    if given is None or set(given) != set(metrics):
        raise ConfigError(
            f"targets={given!r}: this reward needs one for each objective, {listed(metrics)}",
            key="targets",
        )
    found = np.array([given[metric] for metric in metrics], dtype=np.float64)
    if not np.isfinite(found).all() or (found <= 0).any():
        raise ConfigError(f"targets={dict(given)!r}: expected numbers above 0", key="targets")
    return found
