"""`CampaignDigest`: what the trials of a campaign come to, counted in one pass over parts of them.

So `dse front` shows a campaign of a million trials without holding them. A trial that was not simulated in
full (`fidelity` below 1) is an estimate: it is counted as one, and neither feasible nor part of a front.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.scoring import Scorer
from dse.errors import DseError
from dse.front import Front, FrontArchive, costs_of, hypervolume
from dse.metrics import MetricSchema, MetricSpec
from dse.store import CampaignRecord, Origin, StoreReader, Trials

MOST_NEAREST = 5


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """What one agent did over all its seeds; hypervolume is the mean over the seeds.

    trials: designs it asked for. unique: those simulated in full and charged to it; cached: those among them
    that were known already and not simulated again. estimated: trials not simulated in full. spent: what all
    of it cost, in full simulations.
    """

    agent: str
    seeds: int
    trials: int
    unique: int
    cached: int
    feasible: int
    hypervolume: float
    estimated: int
    spent: float


@dataclass(frozen=True, slots=True, eq=False)
class CampaignDigest:
    """A campaign in numbers.

    trials: all of them, of which `estimated` were not simulated in full. violated: each constraint and how
    many trials simulated in full miss it. nearest: if nothing is feasible, up to five measured designs that
    miss the constraints by the least in all, the best first; their metrics are `metrics_needed`.
    nearest_violations: (len(nearest), K), by how much they miss each.
    """

    record: CampaignRecord
    trials: int
    feasible: int
    estimated: int
    violated: dict[str, int]
    agents: tuple[AgentSummary, ...]
    nearest: Trials | None
    nearest_violations: NDArray[np.float64]

    @classmethod
    def of(cls, record: CampaignRecord, parts: Iterable[Trials]) -> CampaignDigest:
        """Count trials given in parts, which need no metrics but `metrics_needed(record)`.

        Raises DseError while the reference sample is missing.
        """
        counter = _Counter(record)
        for part in parts:
            counter.add(part)
        return counter.digest()

    @classmethod
    def read(cls, reader: StoreReader, record: CampaignRecord) -> CampaignDigest:
        """Count what the store has."""
        return cls.of(record, reader.parts(record.id, metrics=metrics_needed(record)))

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.record.name


def metrics_needed(record: CampaignRecord) -> tuple[str, ...]:
    """The metrics that objectives and bounds name."""
    return tuple(dict.fromkeys(o.metric for o in (*record.objectives, *record.constraints)))


def constraint_names(record: CampaignRecord) -> tuple[str, ...]:
    """The constraints of the space, then the bounds on metrics; the columns of all violations."""
    of_space = (constraint.name for constraint in record.space.constraints)
    return (*of_space, *(bound.text for bound in record.constraints))


def reference_of(record: CampaignRecord) -> NDArray[np.float64]:
    """Reference point in cost units; DseError while the reference sample is missing."""
    if record.reference is None:
        raise DseError(f"campaign {record.name!r} has no trials yet")
    return record.reference


def in_full(trials: Trials) -> NDArray[np.bool_]:
    """(n,) True for the trials whose every request was simulated; the others are estimates."""
    return np.asarray(trials.fidelity >= 1.0)


def counted_costs(record: CampaignRecord, trials: Trials) -> NDArray[np.float64]:
    """(n, number of objectives), to minimise; NaN where infeasible, failed or only estimated."""
    costs = costs_of(record.objectives, _schema_of(record, trials), trials.metrics)
    costs[~(trials.feasible & in_full(trials))] = np.nan
    return costs


def violations_of(record: CampaignRecord, trials: Trials) -> NDArray[np.float64]:
    """(n, K) by how much each trial misses each constraint, <= 0 where it is met; see `constraint_names`.

    1 for a constraint of the space that is broken, and for a bound on a trial without metrics; otherwise
    relative to the bound.
    """
    scorer = Scorer(record.space, _schema_of(record, trials), record.objectives, record.constraints)
    return scorer.score(trials.indices, trials.metrics).violations


def nearest_rows(
    record: CampaignRecord, trials: Trials, violations: NDArray[np.float64], n: int
) -> NDArray[np.int64]:
    """Rows of up to `n` trials, measured in full, that miss the constraints by the least; the best first.

    Each design once; none of those that are feasible or have no metrics.
    """
    miss = np.maximum(violations, 0.0).sum(axis=1)
    measured = np.isfinite(costs_of(record.objectives, _schema_of(record, trials), trials.metrics))
    wanted = measured.all(axis=1) & ~trials.feasible & in_full(trials)
    rows = np.flatnonzero(wanted)[np.argsort(miss[wanted], kind="stable")]
    _, first = np.unique(record.space.keys(trials.indices[rows]), return_index=True)
    nearest: NDArray[np.int64] = rows[np.sort(first)][:n]
    return nearest


def front_of(record: CampaignRecord, trials: Trials) -> Front:
    """The front made of these trials, which no other dominates and which have all metrics."""
    order = np.argsort(counted_costs(record, trials)[:, 0], kind="stable")
    return Front(
        space=record.space,
        schema=record.schema,
        objectives=record.objectives,
        trials=trials.id[order],
        indices=trials.indices[order],
        metrics=trials.metrics[order],
        reference=reference_of(record),
        baseline=record.baseline,
    )


@dataclass(slots=True)
class _RunCount:
    """One run so far."""

    front: FrontArchive
    trials: int = 0
    unique: int = 0
    cached: int = 0
    feasible: int = 0
    estimated: int = 0
    spent: float = 0.0

    def add(self, part: Trials, rows: NDArray[np.int64], costs: NDArray[np.float64]) -> None:
        """Count these rows of a part, whose costs (len(part), M) are given."""
        full, origin = in_full(part)[rows], part.origin[rows]
        self.trials += len(rows)
        self.unique += int((full & (origin != Origin.REPEAT)).sum())
        self.cached += int((full & (origin == Origin.CACHE)).sum())
        self.feasible += int((full & part.feasible[rows]).sum())
        self.estimated += int((~full).sum())
        self.spent += float(part.charge[rows].sum())
        self.front.insert(costs[rows], part.id[rows])


@dataclass(slots=True)
class _Counter:
    """The numbers so far."""

    record: CampaignRecord
    runs: dict[int, _RunCount] = field(default_factory=dict)
    violated: NDArray[np.int64] = field(init=False)
    nearest: Trials | None = None

    def __post_init__(self) -> None:
        self.violated = np.zeros(len(constraint_names(self.record)), dtype=np.int64)
        for run in self.record.runs:
            self.runs[run.number] = _RunCount(FrontArchive(len(self.record.objectives)))

    def add(self, part: Trials) -> None:
        """Count these trials too."""
        costs = counted_costs(self.record, part)
        for number in np.unique(part.run).tolist():
            rows = np.flatnonzero(part.run == number)
            self.runs[number].add(part, rows, costs)
        missing = part.taken(np.flatnonzero(in_full(part) & ~part.feasible))
        violations = violations_of(self.record, missing)
        self.violated += (violations > 0).sum(axis=0)
        if not any(run.feasible for run in self.runs.values()):
            self._keep_nearest(missing, violations)

    def digest(self) -> CampaignDigest:
        """The numbers of all trials given."""
        nearest = None if any(run.feasible for run in self.runs.values()) else self.nearest
        names = dict.fromkeys(run.agent for run in self.record.runs if run.number > 0)
        counts = self.runs.values()
        return CampaignDigest(
            record=self.record,
            trials=sum(run.trials for run in counts),
            feasible=sum(run.feasible for run in counts),
            estimated=sum(run.estimated for run in counts),
            violated=dict(zip(constraint_names(self.record), self.violated.tolist(), strict=True)),
            agents=tuple(self._summary(name) for name in names),
            nearest=nearest,
            nearest_violations=np.zeros((0, len(self.violated)))
            if nearest is None
            else violations_of(self.record, nearest),
        )

    def _keep_nearest(self, missing: Trials, violations: NDArray[np.float64]) -> None:
        fresh = missing.taken(nearest_rows(self.record, missing, violations, MOST_NEAREST))
        both = fresh if self.nearest is None else self.nearest.followed_by(fresh)
        best = nearest_rows(self.record, both, violations_of(self.record, both), MOST_NEAREST)
        self.nearest = both.taken(best)

    def _summary(self, agent: str) -> AgentSummary:
        runs = [self.runs[run.number] for run in self.record.runs if run.agent == agent]
        reference = reference_of(self.record)
        return AgentSummary(
            agent=agent,
            seeds=len(runs),
            trials=sum(run.trials for run in runs),
            unique=sum(run.unique for run in runs),
            cached=sum(run.cached for run in runs),
            feasible=sum(run.feasible for run in runs),
            hypervolume=float(np.mean([hypervolume(run.front.costs, reference) for run in runs])),
            estimated=sum(run.estimated for run in runs),
            spent=sum(run.spent for run in runs),
        )


def _schema_of(record: CampaignRecord, trials: Trials) -> MetricSchema:
    """The schema of the metrics that these trials have."""
    if trials.metric_names == record.schema.names:
        return record.schema
    specs = [record.schema.spec(name) for name in trials.metric_names]
    return MetricSchema([MetricSpec(spec.name, spec.unit, spec.direction) for spec in specs])
