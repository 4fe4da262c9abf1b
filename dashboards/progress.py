"""Hypervolume along a run, computed once and then only continued.

Costs are scaled to the campaign's fixed box (0 at its ideal, 1 at its reference point), so 1.0 means the
whole box and curves of different objectives share an axis. The measure is that of moocore, called only when
the front has moved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dse.campaign.digest import counted_costs
from dse.front import FrontArchive, HypervolumeTrace, hypervolume
from dse.store.records import CampaignRecord, Origin, Trials

Floats = npt.NDArray[np.float64]
CHUNK = 8
_TRIALS_OF_FINEST = 4096


def unit_costs(costs: Floats, ideal: Floats, reference: Floats) -> Floats:
    """(n, M) costs mapped so that the ideal is 0 and the reference point 1 in every objective."""
    span = np.where(reference > ideal, reference - ideal, 1.0)
    return np.asarray((costs - ideal) / span, dtype=np.float64)


class CampaignProgress:
    """The curves of all runs of a campaign; they begin once the campaign's box is known.

    runs: those of agents that have trials, by number.
    """

    def __init__(self, n_objectives: int, reference_run: int) -> None:
        self.runs: dict[int, RunProgress] = {}
        self._reference_run = reference_run
        self._together = HypervolumeTrace(np.ones(n_objectives))
        self._waiting: list[Trials] = []

    @property
    def volume(self) -> float:
        """The hypervolume of all runs together, the reference sample included."""
        return self._together.value

    def extend(self, record: CampaignRecord, trials: Trials) -> None:
        """Take in the next trials of the campaign, which have at least the metrics of its objectives."""
        if len(trials):
            self._waiting.append(trials)
        if record.reference is None or record.ideal is None:
            return
        for part in self._waiting:
            costs = unit_costs(counted_costs(record, part), record.ideal, record.reference)
            self._take(part, costs)
        self._waiting.clear()

    def _take(self, part: Trials, costs: Floats) -> None:
        new = part.origin != Origin.REPEAT
        for number in np.unique(part.run).tolist():
            rows = np.flatnonzero(new & (part.run == number))
            if number != self._reference_run and len(rows):
                run = self.runs.setdefault(number, RunProgress(costs.shape[1]))
                run.extend(costs[rows], part.charge[rows])
        self._together.add(costs[np.isfinite(costs).all(axis=1)])


class RunProgress:
    """The growing curve of one run: the hypervolume after so many full simulations spent.

    Looked at every eight trials, and in a run of more than 4,096 after every 500th part of it.
    """

    def __init__(self, n_objectives: int) -> None:
        self._front = FrontArchive(n_objectives)
        self._volume = 0.0
        self._trials = 0
        self._now = 0.0
        self._spent: list[float] = []
        self._volumes: list[float] = []

    @property
    def volume(self) -> float:
        """The hypervolume now."""
        return self._volume

    @property
    def curve(self) -> tuple[Floats, Floats]:
        """What was spent and the volumes so far, the last pair being now."""
        spent, volumes = list(self._spent), list(self._volumes)
        if self._now > 0 and (not spent or spent[-1] != self._now):
            spent.append(self._now)
            volumes.append(self._volume)
        return np.asarray(spent, dtype=np.float64), np.asarray(volumes, dtype=np.float64)

    def extend(self, costs: Floats, charge: Floats) -> None:
        """Take in the next trials: scaled costs (n, M), NaN where they do not count; charge (n,)."""
        inside = np.asarray((np.isfinite(costs) & (costs < 1.0)).all(axis=1))
        start = 0
        while start < len(costs):
            end = start + CHUNK * max(1, self._trials // _TRIALS_OF_FINEST)
            self._trials += len(charge[start:end])
            self._now += float(charge[start:end].sum())
            self._take(costs[start:end][inside[start:end]])
            start = end

    def _take(self, rows: Floats) -> None:
        added, _ = self._front.insert(rows, np.zeros(len(rows), dtype=np.int64))
        if not len(added):
            return
        self._volume = hypervolume(self._front.costs, np.ones(rows.shape[1]))
        self._spent.append(self._now)
        self._volumes.append(self._volume)
