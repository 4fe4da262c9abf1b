"""A campaign as columns: the frame that figures and pages read, and how the store's records become one.

No plotly and no database here. Frames are immutable pictures; their columns share memory with the next
picture, which holds the same rows and those added since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboards import labels
from dse.campaign.digest import in_full
from dse.front import costs_of, non_dominated
from dse.metrics import MetricSchema, MetricSpec
from dse.objective import Objective
from dse.space import DesignSpace
from dse.store.records import CampaignRecord, Origin, Trials

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
REFERENCE_RUN = 0


class Run(NamedTuple):
    """One agent with one seed: a run of the campaign. `agent` indexes Frame.agents."""

    number: int
    agent: int
    seed: int


class Curve(NamedTuple):
    """Hypervolume of one run when so many full simulations were spent, in boxes from ideal to reference."""

    run: Run
    spent: Floats
    volumes: Floats


class Detail(NamedTuple):
    """What a frame does not hold of one trial: remarks, and the metrics on each workload (if it has them)."""

    notes: tuple[str, ...]
    workloads: tuple[tuple[str, dict[str, float]], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A campaign as columns; n rows in the order of the store.

    trial (n,) ids; indices (n, D) int16 positions in the space; values (n, M) metrics combined over the
    workloads, NaN rows for failed designs; unique (n,) True where a full simulation was paid for (or came
    from the cache), False for estimates, repeats and designs that the space forbids; fidelity (n,) share of
    the requests simulated; charge (n,) in full simulations. front: rows of the campaign's front. agents:
    those of the campaign file first, the reference sample (`reference_agent`) last.
    best_volume: hypervolume of all runs together, the reference sample included.
    description: of the simulator, as exporters take it.
    """

    campaign_id: str
    name: str
    state: str
    description: dict[str, Any]
    space: DesignSpace
    schema: MetricSchema
    objectives: tuple[Objective, ...]
    constraints: tuple[Objective, ...]
    agents: tuple[str, ...]
    reference_agent: int
    runs: tuple[Run, ...]
    trial: Ints
    run: npt.NDArray[np.int16]
    indices: npt.NDArray[np.int16]
    values: Floats
    feasible: Flags
    unique: Flags
    fidelity: Floats
    charge: Floats
    agent_of_row: Ints
    front: Ints
    baseline: Floats | None
    baseline_indices: npt.NDArray[np.int16] | None
    curves: tuple[Curve, ...]
    best_volume: float
    budget: int
    rate_per_s: float

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def version(self) -> str:
        """Changes when anything that a page shows has changed."""
        return f"{self.campaign_id}:{len(self)}:{self.state}"

    @property
    def best_share(self) -> tuple[str, float]:
        """The agent of the run that got farthest, and the part of the best known hypervolume it holds."""
        reached = [(float(c.volumes[-1]), self.agents[c.run.agent]) for c in self.curves if len(c.volumes)]
        if not reached or self.best_volume <= 0:
            return "", float("nan")
        volume, agent = max(reached)
        return agent, volume / self.best_volume

    @property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics, in the order of the store."""
        return self.schema.names

    @property
    def spent(self) -> float:
        """What the agents have spent, in full simulations."""
        return float(self.charge[self.run != REFERENCE_RUN].sum())

    @property
    def estimated(self) -> Flags:
        """(n,) trials whose metrics are an estimate."""
        return np.asarray(self.fidelity < 1.0)

    def metric(self, name: str) -> MetricSpec:
        """The specification of a metric; ConfigError when the campaign does not measure it."""
        return self.schema.spec(name)

    def direction(self, name: str) -> str:
        """`min`, `max` or `none`: as the campaign's objective says, else as the metric says."""
        for objective in (*self.objectives, *self.constraints):
            if objective.metric == name and objective.direction:
                return objective.direction
        return self.metric(name).direction

    def columns(self, *names: str) -> Floats:
        """(n, len(names)) values of the named metrics."""
        return self.values[:, [self.schema.index(name) for name in names]]

    def baseline_values(self, *names: str) -> tuple[float, ...] | None:
        """The baseline's values of the named metrics; None when there is no baseline yet."""
        if self.baseline is None:
            return None
        return tuple(float(self.baseline[self.schema.index(name)]) for name in names)

    def costs(self, rows: Ints) -> Floats:
        """(len(rows), objectives) costs of rows: smaller is better."""
        return costs_of(self.objectives, self.schema, self.values[rows])

    def row_of(self, trial: int) -> int | None:
        """Row of a trial id, or None when the campaign has no such trial."""
        row = int(np.searchsorted(self.trial, trial))
        return row if row < len(self) and self.trial[row] == trial else None

    def run_of_row(self, row: int) -> Run:
        """The run that proposed a row."""
        return next(run for run in self.runs if run.number == self.run[row])


class Summary(NamedTuple):
    """One line of the list of campaigns. spent, budget: in full simulations.

    best: for each objective metric, unit, direction, best feasible value, value of the baseline.
    volumes: the hypervolume curve of the run that got farthest, as parts of the best known.
    """

    campaign_id: str
    name: str
    state: str
    created: str
    simulator: str
    workloads: tuple[str, ...]
    agents: tuple[str, ...]
    spent: float
    budget: int
    rate_per_s: float
    front_size: int
    best: tuple[tuple[str, str, str, float, float], ...]
    volumes: tuple[float, ...]


def front_rows(costs: Floats, usable: Flags) -> Ints:
    """Rows among `usable` that no other dominates, the first of equals, ordered by the first cost."""
    rows = np.flatnonzero(usable & np.isfinite(costs).all(axis=1))
    if not len(rows):
        return rows
    kept = np.flatnonzero(non_dominated(costs[rows]))
    return np.asarray(rows[kept[np.argsort(costs[rows[kept], 0], kind="stable")]], dtype=np.int64)


def runs_of(record: CampaignRecord) -> tuple[tuple[str, ...], tuple[Run, ...]]:
    """Names of the agents (the reference sample last) and the runs that index them."""
    rows = sorted(record.runs, key=lambda row: (row.number == REFERENCE_RUN, row.number))
    agents = tuple(dict.fromkeys(row.agent for row in rows))
    runs = tuple(Run(row.number, agents.index(row.agent), row.repetition) for row in record.runs)
    return agents, runs


def column_scale(frame: Frame, metric: str) -> labels.Scale:
    """The scale at which a metric is shown everywhere on a page: that of a typical feasible design."""
    column = frame.columns(metric)[frame.unique & frame.feasible, 0]
    column = column[np.isfinite(column)]
    magnitude = float(np.median(np.abs(column))) if len(column) else 1.0
    return labels.scale_for(magnitude, frame.metric(metric).unit)


def paid(trials: Trials) -> Flags:
    """Rows whose design was new to its run and was simulated in full."""
    new = (trials.origin == Origin.SIMULATED) | (trials.origin == Origin.CACHE)
    return np.asarray(new & in_full(trials))


def budget_of(record: CampaignRecord) -> int:
    """Full simulations that all runs of agents may spend together; 0 when the campaign sets no such limit."""
    unique = record.config.get("budget", {}).get("unique")
    return int(unique) * sum(run.number != REFERENCE_RUN for run in record.runs) if unique else 0


def objective_costs(record: CampaignRecord, values: Floats) -> Floats:
    """(n, objectives) costs of rows of metrics: smaller is better."""
    return costs_of(record.objectives, record.schema, values)
