"""What an episode is about, before any design: workload, preference weights, budgets.

A learner that sees its context can serve many; one that does not sees the average of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.env.descriptor import workload_descriptor
from dse.env.problem import DesignProblem
from dse.env.scores import improvement, limits_of
from dse.errors import ConfigError, LookupFailed, did_you_mean, listed
from dse.objective import Objective

PREFERENCES = ("even", "drawn")
Budgets = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """workload: its number in the problem. weights: (M,) float32, sum 1. bounds: of this episode."""

    workload: int
    weights: NDArray[np.float32]
    bounds: tuple[Objective, ...]

    @property
    def limits(self) -> NDArray[np.float64]:
        """(B, 2): see `scores.limits_of`."""
        return limits_of(self.bounds)


class Contexts:
    """The contexts of an environment: what is drawn, and what `reset(options=...)` fixes.

    n_held_out: the last workloads of the problem are never drawn unless asked for. preferences: "even"
    weights, or "drawn" ones (uniform over those that sum to 1) in each episode. budgets: metric of a bound to
    the (lowest, highest) number that it is drawn from in each episode; other bounds stay as they are.
    Raises ConfigError for what does not fit.
    """

    def __init__(
        self,
        problem: DesignProblem,
        *,
        n_held_out: int = 0,
        preferences: str = "even",
        budgets: Budgets | None = None,
    ) -> None:
        if not 0 <= n_held_out < len(problem.workloads):
            raise ConfigError(
                f"held_out: {n_held_out} of {len(problem.workloads)} workloads; at least one must be left to "
                "be drawn",
                key="held_out",
            )
        if preferences not in PREFERENCES:
            hint = did_you_mean(preferences, PREFERENCES)
            raise ConfigError(
                f"preferences {preferences!r}: expected one of {listed(PREFERENCES)}.{hint}",
                key="preferences",
            )
        self._problem = problem
        self._drawn_weights = preferences == "drawn"
        names = [workload.name for workload in problem.workloads]
        first = len(names) - n_held_out
        self._names = {False: names[:first], True: names[first:]}
        self._first = {False: 0, True: first}
        self._ranges = {metric: _range(problem, metric, ends) for metric, ends in (budgets or {}).items()}
        self._descriptors = [workload_descriptor(work) for work in problem.workloads]
        self._usual: dict[int, NDArray[np.float64]] = {}
        self._even = np.full(len(problem.objectives), 1.0 / len(problem.objectives), dtype=np.float32)

    @property
    def held_out(self) -> tuple[str, ...]:
        """Names of the held-out workloads."""
        return tuple(self._names[True])

    def draw(self, random: np.random.Generator, given: Mapping[str, Any]) -> Context:
        """The context of the next episode.

        given: any of "workload" (number or name), "held_out" (True: one of those; the number counts from the
        first of them), "weights" (M,) and "budgets" (metric to number). Other keys are ignored.
        """
        held_out = bool(given.get("held_out", False))
        names = self._names[held_out]
        if not names:
            raise ConfigError("held_out=True: the environment was made without held_out=", key="held_out")
        drawn = int(random.integers(len(names)))
        weights = self._even
        if self._drawn_weights:
            weights = random.dirichlet(np.ones(len(self._even))).astype(np.float32)
        bounds = self._drawn_bounds(random)
        chosen = _number(given["workload"], names) if "workload" in given else drawn
        if given.get("weights") is not None:
            weights = _preferences(given["weights"], len(self._even))
        for metric, number in (given.get("budgets") or {}).items():
            bounds = _with_budget(self._problem, bounds, metric, number)
        return Context(self._first[held_out] + chosen, weights, bounds)

    @property
    def size(self) -> int:
        """Numbers of `vector`."""
        return len(self._descriptors[0]) + len(self._even) + len(self._problem.bounds)

    def rebuilt(
        self, workload: int, weights: Sequence[float], bounds: Sequence[Mapping[str, Any]]
    ) -> Context:
        """A context of which its numbers were kept."""
        kept = tuple(Objective.from_dict(bound) for bound in bounds)
        return Context(workload, np.array(weights, dtype=np.float32), kept)

    def vector(self, context: Context) -> NDArray[np.float64]:
        """(9 + M + B,): workload descriptor, weights, and how far each of B bounds lies beyond the baseline.

        The latter as an improvement (see `improvement`): +0.69 asks for half the cost, -0.69 allows twice.
        """
        usual = context.weights is self._even and context.bounds is self._problem.bounds
        if usual and context.workload in self._usual:
            return self._usual[context.workload]
        baseline = self._problem.baseline_metrics(context.workload)
        tightness = [_tightness(bound, baseline) for bound in context.bounds]
        found = np.concatenate([self._descriptors[context.workload], context.weights, tightness])
        if usual:
            self._usual[context.workload] = found
        return found

    def _drawn_bounds(self, random: np.random.Generator) -> tuple[Objective, ...]:
        bounds = self._problem.bounds
        for metric, (low, high) in self._ranges.items():
            bounds = _with_budget(self._problem, bounds, metric, float(random.uniform(low, high)))
        return bounds


def _tightness(bound: Objective, baseline: Any) -> float:
    """The improvement on the baseline that the bound asks for; of two ends, the one that asks for more."""
    value = float("nan") if baseline is None else float(baseline[bound.metric])
    if not np.isfinite(value):
        return 0.0
    asked = []
    if bound.at_most is not None:
        asked.append(improvement(bound.at_most, value))
    if bound.at_least is not None:
        asked.append(improvement(-bound.at_least, -value))
    return max(asked)


def _with_budget(
    problem: DesignProblem, bounds: tuple[Objective, ...], metric: str, number: Any
) -> tuple[Objective, ...]:
    """The bounds, that on `metric` with another number."""
    _one_end(problem, metric)
    try:
        wanted = float(number)
    except (TypeError, ValueError):
        raise ConfigError(f"budget of {metric}: {number!r} is not a number", key="budgets") from None
    return tuple(_moved(bound, wanted) if bound.metric == metric else bound for bound in bounds)


def _moved(bound: Objective, number: float) -> Objective:
    return replace(bound, at_most=number) if bound.at_least is None else replace(bound, at_least=number)


def _one_end(problem: DesignProblem, metric: str) -> None:
    """ConfigError unless exactly one bound of the problem, with one end, is on that metric."""
    metrics = [bound.metric for bound in problem.bounds]
    if metrics.count(metric) != 1:
        hint = did_you_mean(metric, metrics) or f" The bounds are {listed(b.text for b in problem.bounds)}."
        raise ConfigError(
            f"budget of {metric!r}: expected a metric that one objective bounds.{hint}", key="budgets"
        )
    bound = problem.bounds[metrics.index(metric)]
    if bound.at_most is not None and bound.at_least is not None:
        raise ConfigError(
            f"budget of {metric!r}: it is bounded from both sides, so one number does not say which to move",
            key="budgets",
        )


def _range(problem: DesignProblem, metric: str, ends: Any) -> tuple[float, float]:
    _one_end(problem, metric)
    found = np.asarray(ends, dtype=np.float64)
    if found.shape != (2,) or not np.isfinite(found).all() or found[0] > found[1]:
        raise ConfigError(f"budget of {metric}: {ends!r}, expected (lowest, highest)", key="budgets")
    return float(found[0]), float(found[1])


def _number(chosen: Any, names: Sequence[str]) -> int:
    """Position of a workload given by number or name."""
    if isinstance(chosen, str):
        if chosen not in names:
            hint = did_you_mean(chosen, names) or f" There are {listed(names)}."
            raise LookupFailed(f"no workload is called {chosen!r}.{hint}", key="workload")
        return names.index(chosen)
    if not isinstance(chosen, int | np.integer) or not 0 <= int(chosen) < len(names):
        raise ConfigError(
            f"workload={chosen!r}: expected 0 to {len(names) - 1}, or one of {listed(names)}", key="workload"
        )
    return int(chosen)


def _preferences(weights: Any, n_objectives: int) -> NDArray[np.float32]:
    """Weights (M,) that sum to 1. ConfigError if they are not usable."""
    found = np.asarray(weights, dtype=np.float64)
    if (
        found.shape != (n_objectives,)
        or not np.isfinite(found).all()
        or (found < 0).any()
        or found.sum() <= 0
    ):
        raise ConfigError(
            f"weights={weights!r}: expected {n_objectives} numbers, none negative, not all zero",
            key="weights",
        )
    return np.asarray(found / found.sum(), dtype=np.float32)
