"""`CampaignResult`: what a campaign found, read from its store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import DseError, LookupFailed, did_you_mean, listed
from dse.front import Front, FrontDesign, costs_of, hypervolume, non_dominated
from dse.metrics import Metrics
from dse.registry import resolve
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
        """All trials as a pandas frame: bookkeeping, parameter values, metrics."""
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
            **self.record.space.decode(self.trials.indices),
        }
        columns.update({name: self.trials.metrics[:, m] for m, name in enumerate(self.trials.metric_names)})
        return pandas.DataFrame(columns)

    def plot(self, **options: Any) -> Any:
        """The front as a plotly figure (dashboards.figures.front)."""
        return resolve("figure", "front")(self, **options)

    def __repr__(self) -> str:
        return f"CampaignResult({self.name!r}, {len(self.trials)} trials, {self.front!r})"

    def _repr_html_(self) -> str:
        return self.front._repr_html_()

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
