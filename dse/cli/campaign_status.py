"""What `dse ls`, `dse tail` and `dse stop` say about a campaign: state, budget done, front, hypervolume.

Taken from the front that the store keeps and from new trials, so that a campaign of a million trials is shown
at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.campaign.digest import in_full
from dse.front import hypervolume, non_dominated
from dse.store import CampaignRecord, StoreReader, Trials

_DECIMALS = 6  # more are the rounding of sums of parts


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """A campaign at one moment.

    budget_done, budget: what its runs have spent, in full simulations (a design known already counts, a
    repeat does not), and how much they may; budget is None where the campaign is not bounded by designs.
    front: its feasible designs, simulated in full, that nothing dominates. relative_hypervolume: in the box
    between ideal and reference point; None before the reference sample is done. best: metric of each
    objective to its best feasible value.
    """

    trials: int
    budget_done: float
    budget: int | None
    front: int
    relative_hypervolume: float | None
    best: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


class CampaignFollower:
    """Keeps the status of one campaign up to date, reading only what is new since the last look.

    from_start: begin before the first trial, so that `news` gives all of them. Give `take` what `news` gave.
    """

    def __init__(self, reader: StoreReader, campaign: int, *, from_start: bool = False) -> None:
        self.reader = reader
        self.campaign = campaign
        self._costs = np.zeros((0, len(self.record.objectives)))
        self._read = self._taken = 0 if from_start else reader.n_trials(campaign)
        self._spent = 0.0 if from_start else reader.spent(campaign, self._taken)
        if self._taken:
            self._merge(reader.front_trials(campaign))

    @property
    def record(self) -> CampaignRecord:
        """The campaign, read anew when its state or scale has changed."""
        return self.reader.campaign_static(self.campaign)

    def news(self) -> Trials:
        """The trials since the last call, with the metrics of the objectives; not yet part of the status."""
        fresh = self.reader.trials(self.campaign, self._read, metrics=_metrics(self.record))
        self._read = max(self._read, fresh.last_id)
        return fresh

    def take(self, fresh: Trials) -> None:
        """Make trials part of the status: count them and put them to the front."""
        self._taken = max(self._taken, fresh.last_id)
        self._spent += float(fresh.charge[fresh.run > 0].sum())
        self._merge(fresh)

    def status(self) -> CampaignStatus:
        """How the campaign stands after the trials taken."""
        record = self.record
        return CampaignStatus(
            trials=self._taken,
            budget_done=_rounded(self._spent),
            budget=budget_of(record),
            front=len(self._costs),
            relative_hypervolume=_share(record, self._costs),
            best=_best(record, self._costs),
        )

    def _merge(self, trials: Trials) -> None:
        names = trials.metric_names
        columns = [o.costs(trials.metrics[:, names.index(o.metric)]) for o in self.record.objectives]
        costs = np.stack(columns, axis=1)[trials.feasible & in_full(trials)]
        if len(costs):
            merged = np.concatenate([self._costs, costs])
            self._costs = merged[non_dominated(merged)]


def budget_of(record: CampaignRecord) -> int | None:
    """What all runs together may spend, in full simulations; None if the budget does not count these."""
    budget = record.config.get("budget", {})
    limits = [int(budget[name]) for name in ("unique", "proposals") if budget.get(name) is not None]
    return min(limits) * sum(run.number > 0 for run in record.runs) if limits else None


def shown_spent(simulations: float) -> str:
    """A number of full simulations, of which short ones are parts: `1,234` or `1,234.5`."""
    rounded = _rounded(simulations)
    return f"{rounded:,}" if isinstance(rounded, int) else f"{rounded:,.1f}"


def shown_budget(status: CampaignStatus) -> str:
    """What was spent of what may be, or just the first where there is no such limit."""
    done = shown_spent(status.budget_done)
    return done if status.budget is None else f"{done}/{status.budget:,}"


def _rounded(simulations: float) -> float:
    """The number without the rounding of its parts; an int if it is whole."""
    rounded = round(simulations, _DECIMALS)
    return int(rounded) if rounded == int(rounded) else rounded


def shown_hypervolume(record: CampaignRecord, volume: float) -> str:
    """A hypervolume in cost units, relative to the box between ideal and reference point."""
    return f"{volume:.6g}" if record.box is None else f"{volume / record.box:.3f}"


def _metrics(record: CampaignRecord) -> list[str]:
    return list(dict.fromkeys(objective.metric for objective in record.objectives))


def _share(record: CampaignRecord, costs: NDArray[np.float64]) -> float | None:
    if record.reference is None or record.box is None:
        return None
    return hypervolume(costs, record.reference) / record.box if len(costs) else 0.0


def _best(record: CampaignRecord, costs: NDArray[np.float64]) -> dict[str, float]:
    if not len(costs):
        return {}
    signs = [-1.0 if objective.direction == "max" else 1.0 for objective in record.objectives]
    best = (np.array(signs) * costs.min(axis=0)).tolist()
    return dict(zip((objective.metric for objective in record.objectives), best, strict=True))
