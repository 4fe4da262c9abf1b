"""`DesignProblem`: what designs are worth on workloads, beside the baseline. Environments stand on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.env.scores import Numbers, Scorer, improvement, limits_of, missed
from dse.errors import ConfigError, InfeasibleError, listed
from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.simulator import Simulator
from dse.space import DesignSpace, IndexMatrix
from traces.instruction_workload import AnyWorkload

_REMEMBERED = 100_000
_FIRST_PLACES = 64

Members = NDArray[np.intp]
_Key = tuple[int, bytes]
"""Number of a workload, and a row."""
Read = Callable[[Sequence[float]], list[float]]
"""All metrics of a design to what is shown of them."""
_Run = tuple[_Key, Numbers, list[float], Metrics | None]
"""A design on a workload, what it measured (NaN and None where it was not run), rules that it breaks."""


@dataclass(slots=True, eq=False)
class Outcomes:
    """n designs, each on its workload.

    improvement: (n, M) per objective against the baseline, in natural logarithm; zero without metrics.
    violations: (n, K) relative, at most 0 where met. broken: (n,) sum of the violations, each at most 1; 1
    for a design that failed though nothing forbids it. feasible: (n,). values: (n, metrics of the schema).
    shown: (n, S) what is read off them (`DesignProblem.show`). metrics: n, None for a design that was not
    simulated or failed.
    """

    improvement: Numbers
    violations: Numbers
    broken: Numbers
    feasible: NDArray[np.bool_]
    values: Numbers
    shown: Numbers
    metrics: list[Metrics | None]

    def part(self, members: Members) -> Outcomes:
        """Those of some members."""
        metrics = [self.metrics[member] for member in members.tolist()]
        return Outcomes(
            self.improvement.take(members, axis=0),
            self.violations.take(members, axis=0),
            self.broken.take(members),
            self.feasible.take(members),
            self.values.take(members, axis=0),
            self.shown.take(members, axis=0),
            metrics,
        )

    def only(self, member: int) -> Outcomes:
        """That of one member, not to be written to."""
        here = slice(member, member + 1)
        return Outcomes(
            self.improvement[here],
            self.violations[here],
            self.broken[here],
            self.feasible[here],
            self.values[here],
            self.shown[here],
            self.metrics[here],
        )

    def put(self, members: Members, others: Outcomes) -> None:
        """Take over those of some members, in place."""
        for name in ("improvement", "violations", "broken", "feasible", "values", "shown"):
            getattr(self, name)[members] = getattr(others, name)
        for member, metrics in zip(members.tolist(), others.metrics, strict=True):
            self.metrics[member] = metrics


class DesignProblem:
    """A simulator, workloads and objectives; answers what designs are worth and remembers it.

    objectives: those with a bound are constraints. baseline: the design to improve on (the default design
    if None). threads: of the simulator. simulations: how many were run so far. constraint_names: of the K
    constraints; limits: (B, 2) of the bounds. Raises ConfigError when there
    is no objective, LookupFailed or SpaceError for unknown names, InputError for a workload that no design or
    not the baseline can run.
    """

    def __init__(
        self,
        simulator: Simulator,
        workloads: Sequence[AnyWorkload],
        objectives: Sequence[str | Objective],
        baseline: DesignPoint | Mapping[str, str | int | float | bool] | None = None,
        *,
        threads: int = 1,
    ) -> None:
        if type(threads) is not int or threads < 1:
            raise ConfigError(f"threads={threads!r}: expected a whole number from 1 on", key="threads")
        wanted = [_objective(entry).resolved(simulator.schema) for entry in objectives]
        self.objectives = tuple(objective for objective in wanted if not objective.is_constraint)
        self.bounds = tuple(objective for objective in wanted if objective.is_constraint)
        if not self.objectives:
            raise ConfigError("objectives: expected at least one metric without a bound", key="objectives")
        if not workloads:
            raise ConfigError("workload: expected at least one", key="workload")
        self.simulator = simulator
        self.space: DesignSpace = simulator.space
        self.schema: MetricSchema = simulator.schema
        self.workloads = tuple(workloads)
        self.baseline_row = self.space.encode(baseline if baseline is not None else self.space.default())
        for workload in self.workloads:
            check_runs(simulator, workload, self.space.from_indices(self.baseline_row))
        self.threads = threads
        self.simulations = 0
        self.limits = limits_of(self.bounds)
        self.constraint_names = self._named(self.bounds)
        self._rules = self.space.row_rules
        self._scorer = Scorer(self.schema, self.objectives, self.bounds)
        self._unknown = np.full(len(self.schema), np.nan)
        self._bounded = np.array([self.schema.index(one.metric) for one in self.bounds], dtype=np.intp)
        self._shown: tuple[str, ...] = ()
        self._read: Read = _nothing
        self._baselines: dict[int, Metrics | None] = {}
        self._references: dict[int, list[float]] = {}
        self._forget()

    @property
    def n_constraints(self) -> int:
        """K: those of the space first, then the bounds."""
        return len(self.space.constraints) + len(self.bounds)

    def names_under(self, bounds: tuple[Objective, ...]) -> tuple[str, ...]:
        """Names of the K constraints in an episode with these bounds."""
        return self.constraint_names if bounds == self.bounds else self._named(bounds)

    def _named(self, bounds: Sequence[Objective]) -> tuple[str, ...]:
        return (*(rule.name for rule in self.space.constraints), *(bound.text for bound in bounds))

    def forbids(self, row: IndexMatrix) -> bool:
        """Whether a rule of the space forbids a row (D,)."""
        return any(self._rules.violations(row))

    def outcomes(
        self, workloads: Sequence[int], rows: IndexMatrix, limits: Numbers | None = None
    ) -> Outcomes:
        """What canonical rows (n, D) are worth, each on the workload of that number.

        Those not known yet are simulated: all on one workload in one batch. limits: (n, B, 2) other numbers
        for the bounds of the problem (`scores.limits_of`).
        """
        if len(self._places) > _REMEMBERED:
            self._forget()
        keys = [(work, row.tobytes()) for work, row in zip(workloads, rows, strict=True)]
        at = [self._places.get(key, -1) for key in keys]
        if -1 in at:
            self._simulate({key: row for key, row, place in zip(keys, rows, at, strict=True) if place < 0})
            at = [self._places[key] for key in keys]
        if limits is None and len(at) == 1:
            return self._known.only(at[0])
        found = self._known.part(np.array(at, dtype=np.intp))
        if limits is not None:
            known = np.array([one is not None for one in found.metrics])
            bounds = found.violations[:, len(self.space.constraints) :]
            bounds[known] = missed(found.values[known][:, self._bounded], limits[known])
            found.feasible[:] = known & (found.violations <= 0).all(axis=1)
            found.broken[:] = _broken(found.violations, known)
        return found

    def show(self, names: Sequence[str], read: Read) -> None:
        """Let outcomes have `shown`: (n, names), read off all metrics of a design once.

        ConfigError if other names are shown already: environments that share a problem share them.
        """
        if self._shown not in ((), tuple(names)):
            raise ConfigError(
                f"this problem shows {listed(self._shown)} to another environment; environments with other "
                "own_metrics need a problem of their own",
                key="own_metrics",
            )
        if self._shown != tuple(names):
            self._shown, self._read = tuple(names), read
            self._forget()

    def no_outcomes(self, n: int) -> Outcomes:
        """Outcomes (n,) of which nothing is known."""
        return Outcomes(
            np.zeros((n, len(self.objectives))),
            np.zeros((n, self.n_constraints)),
            np.zeros(n),
            np.zeros(n, dtype=np.bool_),
            np.full((n, len(self.schema)), np.nan),
            np.zeros((n, len(self._shown))),
            [None] * n,
        )

    def baseline_metrics(self, workload: int) -> Metrics | None:
        """What the baseline measures on that workload; None where it fails."""
        if workload not in self._baselines:
            self._reference(workload)
        return self._baselines[workload]

    def _forget(self) -> None:
        """Nothing but the baselines is known."""
        self._places: dict[_Key, int] = {}
        self._known = self.no_outcomes(_FIRST_PLACES)

    def _reference(self, workload: int) -> None:
        """Know what the baseline costs; InfeasibleError where it costs nothing that can be compared."""
        if workload in self._references:
            return
        key = workload, self.baseline_row.tobytes()
        (_, values, forbidden, metrics), *_ = self._run({key: self.baseline_row})
        self._baselines[workload] = metrics
        costs, _ = self._scorer.scored(values.tolist())
        if costs is None:
            wanted = dict.fromkeys(one.metric for one in (*self.objectives, *self.bounds))
            raise InfeasibleError(
                f"the baseline design has no value of {', '.join(wanted)} on workload "
                f"{self.workloads[workload].name!r}: give another one as baseline="
            )
        self._references[workload] = costs
        self._remember(key, values, forbidden, metrics)

    def _simulate(self, unknown: Mapping[_Key, IndexMatrix]) -> None:
        """Run and remember them; the baselines that they are compared with, too."""
        for workload in dict.fromkeys(work for work, _ in unknown):
            self._reference(workload)
            wanted = {k: row for k, row in unknown.items() if k[0] == workload and k not in self._places}
            for key, values, forbidden, metrics in self._run(wanted):
                self._remember(key, values, forbidden, metrics)

    def _run(self, wanted: Mapping[_Key, IndexMatrix]) -> list[_Run]:
        """Simulate designs on one workload in one batch: all but those that the space forbids."""
        found: dict[_Key, _Run] = {}
        allowed: list[_Key] = []
        for key, row in wanted.items():
            broken = self._rules.violations(row)
            found[key] = key, self._unknown, broken, None
            if not any(broken):
                allowed.append(key)
        if allowed:
            rows, works = np.array([wanted[key] for key in allowed]), [self.workloads[allowed[0][0]]]
            batch = self.simulator.run_batch(rows, works, self.threads)
            self.simulations += len(allowed)
            for place, key in enumerate(allowed):
                metrics = batch.one(place, 0)
                found[key] = key, metrics.values_array, found[key][2], metrics
        return list(found.values())

    def _remember(self, key: _Key, values: Numbers, forbidden: list[float], metrics: Metrics | None) -> None:
        """Score a design and keep it. One of which a needed metric is no number failed."""
        numbers = values.tolist()
        costs, misses = self._scorer.scored(numbers)
        place, violations = len(self._places), forbidden + misses
        self._make_room(place + 1)
        known = self._known
        broken = sum([min(violation, 1.0) for violation in violations if violation > 0])
        if costs is None:
            metrics, broken = None, broken or 1.0
        else:
            reference = self._references[key[0]]
            known.improvement[place] = [improvement(*two) for two in zip(costs, reference, strict=True)]
        known.violations[place], known.broken[place] = violations, broken
        known.feasible[place] = costs is not None and max(violations, default=0.0) <= 0
        known.values[place], known.metrics[place] = values, metrics
        known.shown[place] = self._read(numbers)
        self._places[key] = place

    def _make_room(self, wanted: int) -> None:
        size = len(self._known.metrics)
        if wanted > size:
            larger = self.no_outcomes(max(2 * size, wanted))
            larger.put(np.arange(size), self._known)
            self._known = larger


def _broken(violations: Numbers, known: NDArray[np.bool_]) -> Numbers:
    """(n,) see `Outcomes`. known: (n,) designs that were simulated."""
    broken: Numbers = np.clip(violations, 0.0, 1.0).sum(axis=1)
    broken[~known & (broken == 0.0)] = 1.0
    return broken


def _nothing(values: Sequence[float]) -> list[float]:
    return []


def check_runs(simulator: Simulator, workload: AnyWorkload, baseline: DesignPoint) -> None:
    """InputError if no design, or not the baseline, can run the workload (`Simulator.check_workload`)."""
    check = getattr(simulator, "check_workload", None)
    if check is not None:
        check(workload, baseline)


def _objective(entry: str | Objective) -> Objective:
    return entry if isinstance(entry, Objective) else Objective.parse(entry)
