"""`CampaignResult`: what a campaign found, read from its store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import DseError, LookupFailed, did_you_mean, listed
from dse.front import Front, FrontDesign, costs_of, hypervolume, non_dominated
from dse.metrics import Metrics
from dse.registry import resolve
from dse.scoring import Scorer
from dse.store import CampaignRecord, Origin, StoreReader, Trials

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class AgentSummary:
    """What one agent did over all its seeds; hypervolume is the mean over the seeds.

    unique: designs charged to it; cached: those among them that were known already and not simulated again.
    """

    agent: str
    seeds: int
    trials: int
    unique: int
    cached: int
    feasible: int
    hypervolume: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CampaignResult:
    """A campaign and its trials at the moment of reading."""

    record: CampaignRecord
    trials: Trials

    @classmethod
    def load(cls, store: Path | str, campaign: int | str) -> CampaignResult:
        """Read a campaign by number or name; LookupFailed if there is none."""
        with StoreReader(store) as reader:
            record = reader.campaign(campaign)
            return cls(record, reader.trials(record.id))

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.record.name

    @property
    def reference(self) -> NDArray[np.float64]:
        """Reference point in cost units; DseError while the reference sample is missing."""
        if self.record.reference is None:
            raise DseError(f"campaign {self.name!r} has no trials yet")
        return self.record.reference

    @property
    def costs(self) -> NDArray[np.float64]:
        """(n, number of objectives) of every trial, to minimise; NaN where infeasible or failed."""
        costs = costs_of(self.record.objectives, self.record.schema, self.trials.metrics)
        costs[~self.trials.feasible] = np.nan
        return costs

    @property
    def constraint_names(self) -> tuple[str, ...]:
        """The constraints of the space, then the bounds on metrics; the columns of `violations`."""
        of_space = (constraint.name for constraint in self.record.space.constraints)
        return (*of_space, *(bound.text for bound in self.record.constraints))

    @property
    def violations(self) -> NDArray[np.float64]:
        """(n, K) how far each trial misses each constraint, <= 0 where it is met; see `constraint_names`.

        1 for a constraint of the space that is broken, and for a bound on a trial without metrics; otherwise
        relative to the bound.
        """
        scorer = Scorer(
            self.record.space, self.record.schema, self.record.objectives, self.record.constraints
        )
        return scorer.score(self.trials.indices, self.trials.metrics).violations

    @property
    def violated(self) -> dict[str, int]:
        """Each constraint and how many trials miss it."""
        counts = (self.violations > 0).sum(axis=0).tolist()
        return dict(zip(self.constraint_names, counts, strict=True))

    def nearest_to_feasible(self, n: int = 5) -> NDArray[np.int64]:
        """Rows of up to `n` measured trials that miss the constraints by the least in all; the best first.

        Each design once; none of those that are feasible or have no metrics.
        """
        miss = np.maximum(self.violations, 0.0).sum(axis=1)
        measured = np.isfinite(costs_of(self.record.objectives, self.record.schema, self.trials.metrics))
        wanted = measured.all(axis=1) & ~self.trials.feasible
        rows = np.flatnonzero(wanted)[np.argsort(miss[wanted], kind="stable")]
        _, first = np.unique(self.record.space.keys(self.trials.indices[rows]), return_index=True)
        nearest: NDArray[np.int64] = rows[np.sort(first)][:n]
        return nearest

    @property
    def front(self) -> Front:
        """The feasible, non-dominated designs of all runs."""
        return self._front(np.ones(len(self.trials), dtype=np.bool_))

    def front_of(self, agent: str) -> Front:
        """The front that one agent found by itself, over all its seeds."""
        return self._front(self._mask_of(agent))

    @property
    def best(self) -> dict[str, FrontDesign]:
        """For each objective the feasible design with its best value; empty if none is feasible."""
        front = self.front
        if not len(front):
            return {}
        winners = np.argmin(front.costs, axis=0).tolist()
        return {o.metric: front[w] for o, w in zip(self.record.objectives, winners, strict=True)}

    @property
    def baseline(self) -> Metrics | None:
        """What the design that all others are compared with measured."""
        return self.record.baseline

    @property
    def agents(self) -> tuple[AgentSummary, ...]:
        """One line an agent, in the order of the campaign file."""
        names = dict.fromkeys(run.agent for run in self.record.runs if run.number > 0)
        return tuple(self._summary(name) for name in names)

    def to_frame(self) -> pandas.DataFrame:
        """All trials as a pandas frame: bookkeeping, parameter values, metrics.

        violation: by how much a trial misses its constraints in all; 0 where it meets them.
        """
        import pandas

        agents = [run.agent for run in self.record.runs]
        seeds = [run.repetition for run in self.record.runs]
        columns: dict[str, Any] = {
            "trial": self.trials.id,
            "agent": [agents[run] for run in self.trials.run.tolist()],
            "seed": [seeds[run] for run in self.trials.run.tolist()],
            "step": self.trials.step,
            "origin": [Origin(o).name.lower() for o in self.trials.origin.tolist()],
            "feasible": self.trials.feasible,
            "violation": np.maximum(self.violations, 0.0).sum(axis=1),
            **self.record.space.decode(self.trials.indices),
        }
        columns.update({name: self.trials.metrics[:, m] for m, name in enumerate(self.trials.metric_names)})
        return pandas.DataFrame(columns)

    def agents_frame(self) -> pandas.DataFrame:
        """One row an agent (see `AgentSummary`) as a pandas frame."""
        import pandas

        names = [field.name for field in fields(AgentSummary)]
        return pandas.DataFrame([asdict(agent) for agent in self.agents], columns=names)

    def workloads_frame(self) -> pandas.DataFrame:
        """One row a workload as a pandas frame: name, weight, requests and the hash of its traces."""
        import pandas

        columns = ["name", "weight", "requests", "hash"]
        rows = [[workload.get(column) for column in columns] for workload in self.record.workloads]
        return pandas.DataFrame(rows, columns=columns)

    def plot(self, kind: str = "front", **options: Any) -> Any:
        """A plotly figure: the "front", or the "hypervolume" over the designs of each agent.

        kind: a name of the registry's figures that takes a result; LookupFailed if there is none.
        """
        return resolve("figure", kind)(self, **options)

    def __repr__(self) -> str:
        return f"CampaignResult({self.name!r}, {len(self.trials)} trials, {self.front!r})"

    def _repr_html_(self) -> str:
        agents: str = self.agents_frame().to_html(index=False, escape=True)
        return f"{agents}\n{self.front._repr_html_()}"

    def _mask_of(self, agent: str) -> NDArray[np.bool_]:
        numbers = [run.number for run in self.record.runs if run.agent == agent]
        if not numbers:
            known = list(dict.fromkeys(run.agent for run in self.record.runs))
            hint = did_you_mean(agent, known) or f" There are {listed(known)}."
            raise LookupFailed(f"campaign {self.name!r} has no agent {agent!r}.{hint}")
        return np.isin(self.trials.run, numbers)

    def _front(self, among: NDArray[np.bool_]) -> Front:
        costs = self.costs
        costs[~among] = np.nan
        kept = np.flatnonzero(non_dominated(costs))
        kept = kept[np.argsort(costs[kept, 0], kind="stable")]
        return Front(
            space=self.record.space,
            schema=self.record.schema,
            objectives=self.record.objectives,
            trials=self.trials.id[kept],
            indices=self.trials.indices[kept],
            metrics=self.trials.metrics[kept],
            reference=self.reference,
            baseline=self.record.baseline,
        )

    def _summary(self, agent: str) -> AgentSummary:
        runs = [run.number for run in self.record.runs if run.agent == agent]
        mine = self._mask_of(agent)
        costs = self.costs
        volumes = [hypervolume(costs[self.trials.run == run], self.reference) for run in runs]
        return AgentSummary(
            agent=agent,
            seeds=len(runs),
            trials=int(mine.sum()),
            unique=int((mine & (self.trials.origin != Origin.REPEAT)).sum()),
            cached=int((mine & (self.trials.origin == Origin.CACHE)).sum()),
            feasible=int((mine & self.trials.feasible).sum()),
            hypervolume=float(np.mean(volumes)),
        )
