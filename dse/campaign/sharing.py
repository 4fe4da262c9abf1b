"""`share = true`: what the agents of a campaign tell each other, in the order of the log.

Before each of its batches a run hears of every design that other agents have simulated in full since its last
one; of those with the same seed number only, so that repetitions stay independent. Runs take turns in a fixed
order and trials are numbered as they come, so that what a run knew before a batch follows from the number of
the batch's first trial: a resumed campaign tells it the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dse.campaign.agent_run import AgentRun
from dse.campaign.setup import Setup
from dse.search import Listener, Results
from dse.space import DesignSpace, IndexMatrix
from dse.store import Origin, TrialBlock, Trials


@dataclass(slots=True)
class Sharing:
    """Batches of all runs with the numbers of their last trials, rising."""

    setup: Setup
    _last: list[int] = field(default_factory=list)
    _blocks: list[TrialBlock | Trials] = field(default_factory=list)
    _runs: list[int] = field(default_factory=list)

    def add(self, run: int, block: TrialBlock | Trials, last_id: int) -> None:
        """The next batch of the log, which is this run's."""
        self._last.append(last_id)
        self._blocks.append(block)
        self._runs.append(run)

    def add_log(self, log: Trials) -> None:
        """The batches of a log."""
        ends = np.flatnonzero((np.diff(log.batch) != 0) | (np.diff(log.run) != 0)) + 1
        for rows in np.split(np.arange(len(log)), ends):
            if len(rows):
                self.add(int(log.run[rows[0]]), log.taken(rows), int(log.id[rows[-1]]))

    def tell(self, run: AgentRun, before: int) -> None:
        """Let the run hear of what others have simulated up to the trial of this number."""
        start, stop = bisect_right(self._last, run.heard), bisect_right(self._last, before)
        run.heard = before
        if isinstance(run.searcher, Listener):
            for number in range(start, stop):
                if self._concerns(run, self._runs[number]):
                    self._tell(run, run.searcher, self._blocks[number])

    def _concerns(self, run: AgentRun, other: int) -> bool:
        rows = self.setup.runs
        return other not in (0, run.row.number) and rows[other].repetition == run.row.repetition

    def _tell(self, run: AgentRun, listener: Listener, block: TrialBlock | Trials) -> None:
        """What the run does not know of a batch; results that are shares of the workloads are left out."""
        keys = self.setup.full_space.keys(block.indices).tolist()
        fresh = np.array([key not in run.seen for key in keys])
        fresh &= (block.origin <= np.uint8(Origin.CACHE)) & (block.fidelity >= 1.0)
        if not fresh.any():
            return
        scores = self.setup.scorer.score(block.indices[fresh], block.metrics[fresh])
        rows = narrowed(block.indices[fresh], self.setup.full_space, run.space)
        listener.hear(rows, Results(scores.costs, scores.violations, np.zeros(len(rows), dtype=np.bool_)))


def narrowed(rows: IndexMatrix, parent: DesignSpace, space: DesignSpace) -> IndexMatrix:
    """Rows (n, D) of the space that `space` was restricted from, in `space`; it has all these designs."""
    found = np.repeat(space.encode({})[None, :], len(rows), axis=0)
    for d, (own, wide) in enumerate(zip(space.parameters, parent.parameters, strict=True)):
        table = np.full(len(wide), -1, dtype=np.int16)
        table[_positions(own.values, wide.values)] = np.arange(len(own), dtype=np.int16)
        there = table[rows[:, d]]
        found[there >= 0, d] = there[there >= 0]  # what is not there has no effect in these designs
    return space.canonical(found)


def _positions(values: Sequence[object], among: Sequence[object]) -> list[int]:
    return [among.index(value) for value in values]
