"""`CampaignResult`: what a campaign found, read from its store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dse.campaign.digest import (
    AgentSummary,
    CampaignDigest,
    constraint_names,
    counted_costs,
    front_of,
    in_full,
    nearest_rows,
    reference_of,
    violations_of,
)
from dse.errors import DseError, LookupFailed, did_you_mean, listed
from dse.front import Front, FrontDesign, non_dominated
from dse.metrics import Metrics
from dse.registry import resolve
from dse.store import CampaignRecord, Origin, StoreReader, Trials, place_of
from dse.store.sqlite import SqlitePlace

if TYPE_CHECKING:
    import pandas

__all__ = ["AgentSummary", "CampaignResult"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CampaignResult:
    """A campaign and its trials at the moment of reading. store: where it was read from."""

    record: CampaignRecord
    trials: Trials
    store: Path | str | None = None

    @classmethod
    def load(cls, store: Path | str, campaign: int | str) -> CampaignResult:
        """Read a campaign by number or name; LookupFailed if there is none."""
        with StoreReader(store) as reader:
            record = reader.campaign(campaign)
            return cls(record, reader.trials(record.id), absolute(store))

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.record.name

    @property
    def reference(self) -> NDArray[np.float64]:
        """Reference point in cost units; DseError while the reference sample is missing."""
        return reference_of(self.record)

    @property
    def costs(self) -> NDArray[np.float64]:
        """(n, number of objectives) of every trial, to minimise; NaN if infeasible, failed or estimated."""
        return counted_costs(self.record, self.trials)

    @property
    def constraint_names(self) -> tuple[str, ...]:
        """The constraints of the space, then the bounds on metrics; the columns of `violations`."""
        return constraint_names(self.record)

    @property
    def violations(self) -> NDArray[np.float64]:
        """(n, K) how far each trial misses each constraint, <= 0 where it is met; see `constraint_names`.

        1 for a constraint of the space that is broken, and for a bound on a trial without metrics; otherwise
        relative to the bound. Of a trial that was only estimated, how far its estimate does.
        """
        return violations_of(self.record, self.trials)

    @property
    def violated(self) -> dict[str, int]:
        """Each constraint and how many of the trials simulated in full miss it."""
        counts = (self.violations[in_full(self.trials)] > 0).sum(axis=0).tolist()
        return dict(zip(self.constraint_names, counts, strict=True))

    def nearest_to_feasible(self, n: int = 5) -> NDArray[np.int64]:
        """Rows of up to `n` measured trials that miss the constraints by the least in all; the best first.

        Each design once; none of those that are feasible, have no metrics or were only estimated.
        """
        return nearest_rows(self.record, self.trials, self.violations, n)

    @property
    def digest(self) -> CampaignDigest:
        """The campaign in numbers."""
        return CampaignDigest.of(self.record, [self.trials])

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
        return self.digest.agents

    def to_frame(self) -> pandas.DataFrame:
        """All trials as a pandas frame: bookkeeping, parameter values, metrics.

        fidelity: share of the requests that was simulated; below 1 the metrics are an estimate, and the trial
        is not feasible. charge: what the trial cost its run, in full simulations. violation: by how much a
        trial misses its constraints in all; 0 where it meets them.
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
            "fidelity": self.trials.fidelity,
            "charge": self.trials.charge,
            "feasible": self.trials.feasible & in_full(self.trials),
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

    def per_workload_frame(self, *metrics: str) -> pandas.DataFrame:
        """What each trial measured on each workload, as a pandas frame: a row for every pair of them.

        metrics: those wanted (default: all). Trials that were estimated, failed or are forbidden have no
        rows. Raises DseError if the campaign ran without a store or its store is gone.
        """
        import pandas

        if self.store is None or not place_of(self.store).exists():
            raise DseError(
                f"the metrics of campaign {self.name!r} on each workload are in its store, which is gone: "
                'run it with store="campaigns.sqlite"; without, nothing is kept'
            )
        wanted = metrics or self.record.schema.names
        columns = [self.record.schema.index(name) for name in wanted]
        full = self.trials.taken(in_full(self.trials))
        with StoreReader(self.store) as reader:
            values = reader.workload_metrics(self.record.id, full.indices)
        known = np.isfinite(values).any(axis=2)
        rows, works = np.nonzero(known)
        names = np.array([workload["name"] for workload in self.record.workloads], dtype=object)
        frame = {"trial": full.id[rows], "workload": names[works]}
        frame.update({name: values[rows, works, m] for name, m in zip(wanted, columns, strict=True)})
        return pandas.DataFrame(frame)

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
        return front_of(self.record, self.trials.taken(np.flatnonzero(non_dominated(costs))))


def absolute(store: Path | str) -> Path | str:
    """The store by a name that holds in every folder."""
    place = place_of(store)
    return place.path.absolute() if isinstance(place, SqlitePlace) else store
