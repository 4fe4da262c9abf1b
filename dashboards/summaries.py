"""Lines of the list of campaigns, kept up to date from the tail of each campaign.

A line needs the metrics of the objectives alone, read in parts and not kept: a campaign of a million trials
is read once, in well under a second, and after that only what is new.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from dashboards.data import REFERENCE_RUN, Summary, budget_of, runs_of
from dashboards.progress import CampaignProgress
from dse.campaign.digest import counted_costs
from dse.front import FrontArchive
from dse.store import StoreReader
from dse.store.records import CampaignRecord, CampaignRow, Trials

Floats = npt.NDArray[np.float64]
RATE_WINDOW_S = 30.0


class Rate:
    """How fast something grows, over the last half minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, count: int) -> None:
        """Note how many there are now."""
        self._seen.append((self._clock(), count))
        while self._seen[-1][0] - self._seen[0][0] > RATE_WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        """How many a second; 0 after a single look."""
        if len(self._seen) < 2:
            return 0.0
        seconds = self._seen[-1][0] - self._seen[0][0]
        return (self._seen[-1][1] - self._seen[0][1]) / seconds if seconds > 0 else 0.0


class Totals:
    """What a line of the list says about one campaign, while it grows."""

    def __init__(self, record: CampaignRecord, clock: Callable[[], float]) -> None:
        self.created = record.created
        self._last_id = 0
        self._spent = 0.0
        self._front = FrontArchive(len(record.objectives))
        self._progress = CampaignProgress(len(record.objectives), REFERENCE_RUN)
        self._rate = Rate(clock)

    def extend(self, record: CampaignRecord, reader: StoreReader) -> None:
        """Take in what the store has more by now."""
        metrics = list(dict.fromkeys(objective.metric for objective in record.objectives))
        for part in reader.parts(record.id, after=self._last_id, metrics=metrics):
            self._take(record, part)
            self._progress.extend(record, part)
            self._last_id = part.last_id
        self._rate.see(self._last_id)

    def summary(self, record: CampaignRecord, row: CampaignRow) -> Summary:
        """The line as it is now."""
        agents, runs = runs_of(record)
        reference = next((run.agent for run in runs if run.number == REFERENCE_RUN), -1)
        return Summary(
            campaign_id=str(record.id),
            name=row.name,
            state=row.state,
            created=row.created[:16].replace("T", " "),
            simulator=row.simulator,
            workloads=row.workloads,
            agents=tuple(agent for index, agent in enumerate(agents) if index != reference),
            spent=self._spent,
            budget=budget_of(record),
            rate_per_s=self._rate.per_s if row.state == "running" else 0.0,
            front_size=len(self._front),
            best=tuple(self._best(record)),
            volumes=self._best_volumes(),
        )

    def _take(self, record: CampaignRecord, part: Trials) -> None:
        self._spent += float(part.charge[part.run != REFERENCE_RUN].sum())
        costs = counted_costs(record, part)
        kept = np.isfinite(costs).all(axis=1)
        self._front.insert(costs[kept], part.id[kept])

    def _best(self, record: CampaignRecord) -> Iterator[tuple[str, str, str, float, float]]:
        if not len(self._front):
            return
        least = self._front.costs.min(axis=0).tolist()
        for objective, cost in zip(record.objectives, least, strict=True):
            direction = objective.direction or "min"
            base = float("nan") if record.baseline is None else record.baseline[objective.metric]
            unit = record.schema.spec(objective.metric).unit
            yield objective.metric, unit, direction, -cost if direction == "max" else cost, base

    def _best_volumes(self) -> tuple[float, ...]:
        """The curve of the run that got farthest, as parts of the best known."""
        best = max(self._progress.runs.values(), key=lambda run: run.volume, default=None)
        if best is None or self._progress.volume <= 0:
            return ()
        return tuple((best.curve[1] / self._progress.volume).tolist())
