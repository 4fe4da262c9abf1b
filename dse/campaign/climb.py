"""`Climb`: a batch goes up the ladder of `[fidelity]`, from predictions over parts of the traces to all.

What it does with a design follows from the run's own log alone: which share of it the run has simulated, and
the metrics, which are a pure function of design and workloads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.agent_run import AgentRun, Asked
from dse.campaign.evaluation import Evaluated, Evaluator
from dse.campaign.fidelity import Estimate, Ladder, best_first, factors
from dse.campaign.setup import Setup
from dse.space import IndexMatrix
from dse.store import Origin, ResultBlock

Values = NDArray[np.float64]


@dataclass(slots=True)
class Climb:
    """Evaluates batches step by step.

    full: the evaluator of the campaign's workloads. rungs: one for each rung of the ladder, on its pieces.
    """

    setup: Setup
    ladder: Ladder
    full: Evaluator
    rungs: Sequence[Evaluator]

    def evaluate(self, run: AgentRun, asked: Asked) -> Evaluated:
        """What the designs are worth as far as each got: prediction, estimate or full simulation.

        Charged are the shares that are new to the run, whoever simulated them before.
        """
        batch = _Batch.of(asked, len(self.setup.simulator.schema))
        first = {key: i for i, key in reversed(list(enumerate(asked.keys)))}
        forbidden = (self.setup.full_space.violations(asked.rows) > 0).any(axis=1)
        known = np.array([key in run.seen for key in asked.keys], dtype=np.bool_)
        once = np.array([first[key] == i for i, key in enumerate(asked.keys)], dtype=np.bool_)
        batch.take(np.flatnonzero((known | forbidden) & once), self.full, 1.0)
        new = np.flatnonzero(once & ~known & ~forbidden)
        places = self._screened(run, batch, new)
        for rung, evaluator in zip(self.ladder.rungs, self.rungs, strict=True):
            batch.take(places, evaluator, rung.share, run.reached)
            places = self._best(batch, places, self.ladder.going_on(len(places)))
        batch.take(places, self.full, 1.0, run.reached)
        self._as_far_as_ever(run, batch, new)
        for i in np.flatnonzero(~once).tolist():
            batch.copy(first[asked.keys[i]], i)
        before = known | np.array([key in run.reached for key in asked.keys], dtype=np.bool_) | ~once
        return batch.result(before)

    def _screened(self, run: AgentRun, batch: _Batch, new: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the new designs that are to be simulated; the others get what the model predicts."""
        places = batch.asked.places
        if run.screen is None or len(new) <= places:
            return new[:places]
        batch.metrics[new] = run.screen.predict(batch.asked.rows[new])
        return self._best(batch, new, places)

    def _best(self, batch: _Batch, positions: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """The n best of the designs at these positions, in the order of asking."""
        rows, metrics = batch.asked.rows[positions], batch.metrics[positions]
        order = best_first(self.setup.scorer.score(rows, metrics))
        return np.sort(positions[order[:n]])

    def _as_far_as_ever(self, run: AgentRun, batch: _Batch, new: NDArray[np.int64]) -> None:
        """Designs that got farther in an earlier batch of the run than now keep that estimate."""
        for rung, evaluator in zip(self.ladder.rungs, self.rungs, strict=True):
            far = [i for i in new.tolist() if batch.fidelity[i] < rung.share]
            back = [i for i in far if run.reached.get(batch.asked.keys[i], 0.0) >= rung.share]
            batch.take(np.array(back, dtype=np.int64), evaluator, rung.share, run.reached)


@dataclass(slots=True)
class _Batch:
    """The answer as it grows; see `Evaluated`."""

    asked: Asked
    metrics: Values
    fidelity: Values
    charge: Values
    seconds: Values
    origin: NDArray[np.uint8]
    fresh: list[tuple[Evaluator, ResultBlock]] = field(default_factory=list)

    @classmethod
    def of(cls, asked: Asked, n_metrics: int) -> _Batch:
        n = len(asked)
        origin = np.full(n, Origin.PREDICTED, dtype=np.uint8)
        return cls(asked, np.full((n, n_metrics), np.nan), np.zeros(n), np.zeros(n), np.zeros(n), origin)

    def take(
        self,
        positions: NDArray[np.int64],
        evaluator: Evaluator,
        share: float,
        reached: dict[int | bytes, float] | None = None,
    ) -> None:
        """Evaluate the designs at these positions; charge the share to those that had less (None: nobody)."""
        if not len(positions):
            return
        keys = [self.asked.keys[i] for i in positions.tolist()]
        found = evaluator.evaluate(self.asked.rows[positions], keys)
        simulated_before = self.origin[positions] == Origin.SIMULATED
        self.origin[positions] = np.where(simulated_before, Origin.SIMULATED, found.origin)
        self.metrics[positions] = found.metrics
        self.seconds[positions] += found.seconds
        self.fidelity[positions] = share
        if reached is not None:
            new = np.array([reached.get(key, 0.0) < share for key in keys])
            self.charge[positions] += np.where(new, share, 0.0)
        if found.fresh is not None:
            self.fresh.append((evaluator, found.fresh))

    def copy(self, source: int, target: int) -> None:
        """The same design once more."""
        self.metrics[target], self.fidelity[target] = self.metrics[source], self.fidelity[source]
        self.origin[target] = self.origin[source]

    def result(self, before: NDArray[np.bool_]) -> Evaluated:
        """The answer, in which what is free and was there before is a repeat."""
        repeat = before & (self.charge == 0) & (self.fidelity > 0)
        origin = np.where(repeat, Origin.REPEAT, self.origin).astype(np.uint8)
        blocks = tuple((evaluator.benches, block) for evaluator, block in self.fresh)
        return Evaluated(self.metrics, origin, self.seconds, self.fidelity, self.charge, None, blocks)


def make_climb(setup: Setup, ladder: Ladder, full: Evaluator) -> Climb:
    """The evaluators of the rungs, on the executor of `full`, whose workloads those of the ladder follow.

    The baseline is simulated on the pieces, or taken from the design cache; that is charged to nobody.
    """
    rungs: list[Evaluator] = []
    row = setup.full_space.encode(setup.baseline)[None, :]
    keys = setup.full_space.keys(row).tolist()
    whole = _measured(row, keys, full)
    start = len(setup.workloads)
    for rung in ladder.rungs:
        pieces = rung.workloads
        names = setup.simulator.schema.names
        evaluator = Evaluator(
            setup.simulator,
            pieces,
            np.ones(len(pieces)),
            full.store,
            full.store.benches(setup.identity, names, [piece.hash for piece in pieces]),
            executor=full.executor,
            space=setup.full_space,
            works=range(start, start + len(pieces)),
        )
        start += len(pieces)
        part = _measured(row, keys, evaluator)
        on_pieces = rung.per_workload(setup.aggregation, part)
        estimate = Estimate(rung, setup.aggregation, factors(whole, on_pieces))
        evaluator.combine = estimate.combined
        evaluator.remember(keys, estimate.combined(part[None]))
        rungs.append(evaluator)
    return Climb(setup, ladder, full, rungs)


def _measured(row: IndexMatrix, keys: Sequence[int | bytes], on: Evaluator) -> Values:
    """(W, M) what a design measures on the workloads of an evaluator."""
    found = on.store.cached(on.benches, keys).get(keys[0])
    if found is not None:
        return found
    assert on.executor is not None
    batch = on.executor.evaluate(row, on.works)
    on.store.keep_results(on.benches, ResultBlock(keys, batch.values, batch.seconds, batch.notes))
    on.store.flush()
    values: Values = batch.values[0]
    return values
