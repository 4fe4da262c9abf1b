"""The loop of a campaign: ask, look up or simulate, tell, store; and how it continues after an interruption.

Runs take turns, one batch each, in the order of the campaign file. Nothing a run is told depends on threads
or on time, nor on other runs unless they share (`sharing`), so its log is the same however the campaign was
cut into sessions: a resumed run loads its last snapshot, and asks for and checks every batch that the log has
after it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.agent_run import AgentRun, Asked, start_run
from dse.campaign.climb import Climb, make_climb
from dse.campaign.evaluation import Evaluated, Evaluator
from dse.campaign.progress import Meter, Watcher
from dse.campaign.reference_sample import ENOUGH_FEASIBLE, reference_rounds
from dse.campaign.scoring import Scores, reference_and_ideal
from dse.campaign.screening import Screen
from dse.campaign.setup import REFERENCE, Setup
from dse.campaign.sharing import Sharing
from dse.errors import DseError, StoreError
from dse.fault_points import reach
from dse.front import FrontArchive
from dse.interrupt import StopFlag
from dse.metrics import Metrics
from dse.option_files import given
from dse.search import SearchProblem
from dse.space import IndexMatrix
from dse.store import Append, RunRow, Store, TrialBlock, Trials

_SNAPSHOT_EVERY = 16

events = logging.getLogger("dse.campaign")


@dataclass(slots=True)
class CampaignLoop:
    """One session of a campaign that exists in the store, from wherever its log ends to its budget.

    stop: when raised, the loop ends after the current batch. warm: rows of the search space with which every
    run begins.
    """

    setup: Setup
    store: Store
    campaign: int
    evaluator: Evaluator
    stop: StopFlag
    watcher: Watcher | None = None
    snapshot_every: int = _SNAPSHOT_EVERY
    warm: IndexMatrix | None = None
    _runs: list[AgentRun] = field(default_factory=list)
    _appended: list[TrialBlock] = field(default_factory=list)
    _front: FrontArchive = field(init=False)
    _climb: Climb | None = None
    _sharing: Sharing | None = None
    _last_id: int = 0
    _append_to_store: Append = field(init=False)

    def __post_init__(self) -> None:
        self._append_to_store = self.store.appender(self.campaign)
        self._front = FrontArchive(len(self.setup.scorer.objectives))

    def run(self) -> Trials:
        """Go on to the end of the budget, or until stopped; returns all trials, everything committed."""
        log = self.store.reader.trials(self.campaign)
        self._recall(log)
        problem, reference_scores = self._reference(log)
        unit = "designs" if self.setup.ladder is None else "full simulations"
        meter = Meter(self.watcher, problem.objectives, problem.reference, problem.ideal, unit)
        for scores in reference_scores:
            meter.add(scores, new=False)
        if self.setup.config.share:
            self._sharing = Sharing(self.setup)
            self._sharing.add_log(log)
        if self.setup.ladder is not None:
            self._climb = make_climb(self.setup, self.setup.ladder, self.evaluator)
        self._runs = [
            self._restored(number, problem, log, meter) for number in range(1, len(self.setup.runs))
        ]
        try:
            self._take_turns(meter)
        except BaseException:
            self.store.flush()  # a searcher may be in the middle of a tell: its log is kept, its state is not
            raise
        self._save_all()
        return log.extended(self._appended)

    @property
    def finished(self) -> bool:
        """Whether every run came to its end."""
        return all(run.finished for run in self._runs)

    def _recall(self, log: Trials) -> None:
        """Know the log: its metrics, and the front, which the store may have as it was some batches ago."""
        if not len(log):
            return
        full = log.taken(log.fidelity >= 1.0) if (log.fidelity < 1.0).any() else log
        self.evaluator.remember(self.setup.full_space.keys(full.indices).tolist(), full.metrics)
        scores = self.setup.scorer.score(log.indices, log.metrics, log.fidelity)
        ends = np.flatnonzero((np.diff(log.batch) != 0) | (np.diff(log.run) != 0)) + 1
        once: set[int] = set()
        for rows in np.split(np.arange(len(log)), ends):
            kept = rows[scores.feasible[rows]]
            once.update(self._front.insert(scores.costs[kept], log.id[kept])[1].tolist())
        self._last_id = log.last_id
        self.store.set_front(self.campaign, self._front.ids.tolist(), sorted(once))

    # the baseline and the reference sample

    def _reference(self, log: Trials) -> tuple[SearchProblem, list[Scores]]:
        """Evaluate the baseline and the reference sample (run 0), or take them from the log."""
        setup = self.setup
        logged = np.flatnonzero(log.run == 0)
        scores: list[Scores] = []
        step = 0
        for batch, rows in enumerate(reference_rounds(setup)):
            mine = logged[step : step + len(rows)]
            if len(mine) and not np.array_equal(log.indices[mine], rows):
                raise StoreError("the reference sample in the store is not that of this campaign file")
            metrics = log.metrics[mine] if len(mine) else self._evaluate_reference(batch, step, rows)
            if batch == 0:
                baseline = Metrics(setup.simulator.schema, metrics[0])
                self.store.set_baseline(self.campaign, setup.baseline, baseline, 1)
            scores.append(setup.scorer.score(rows, metrics))
            step += len(rows)
            if sum(int(score.feasible.sum()) for score in scores) >= ENOUGH_FEASIBLE:
                break
        reference, ideal = reference_and_ideal(scores)
        self.store.set_scale(self.campaign, reference, ideal)
        self.store.flush()
        k = setup.scorer.n_constraints
        objectives = setup.scorer.objectives
        return SearchProblem(setup.space, objectives, k, reference, ideal, setup.context), scores

    def _evaluate_reference(self, batch: int, step: int, rows: IndexMatrix) -> NDArray[np.float64]:
        result = self.evaluator.evaluate(rows, self.setup.full_space.keys(rows).tolist())
        if batch == 0 and np.isnan(result.metrics[0]).all():
            notes = result.fresh.notes[0][0] if result.fresh is not None and result.fresh.notes else ()
            why = "; ".join(notes) or "it violates a constraint of the space"
            raise DseError(f"the baseline design could not be simulated: {why}")
        scores = self.setup.scorer.score(rows, result.metrics)
        self._append(0, batch, step, rows, result, scores)
        return result.metrics

    # runs

    def _restored(self, number: int, problem: SearchProblem, log: Trials, meter: Meter) -> AgentRun:
        """A run as it stands at the end of its log."""
        setup = self.setup
        row = setup.runs[number]
        seed, ladder = setup.config.seed, setup.ladder
        screen = self._screen(row, log) if ladder and ladder.surrogate else None
        with setup.source.at("agents"), given(setup.option_files):
            run = start_run(
                row, problem, setup.config.budget, setup.full_space, seed, setup.stop, ladder, screen
            )
        run.warm = self.warm
        mine = np.flatnonzero(log.run == number)
        if not len(mine):
            return run
        batches = log.batch[mine]
        saved = self.store.reader.snapshot(self.campaign, number, int(batches[-1]) + 1)
        if saved is not None:
            run.load(saved[1])
            told = mine[batches < run.batches]
            scores = setup.scorer.score(log.indices[told], log.metrics[told], log.fidelity[told])
            run.recall(setup.full_space.keys(log.indices[told]).tolist(), scores, log, told)
            meter.add(scores, new=False)
            run.heard = int(log.id[mine[batches == run.batches - 1][0]]) - 1
            mine = mine[batches >= run.batches]
        for rows in np.split(mine, np.flatnonzero(np.diff(log.batch[mine])) + 1):
            if len(rows):
                if self._sharing is not None:
                    self._sharing.tell(run, before=int(log.id[rows[0]]) - 1)
                asked = run.replay(log.indices[rows])
                result = Evaluated(
                    log.metrics[rows],
                    log.origin[rows],
                    log.seconds[rows],
                    log.fidelity[rows],
                    log.charge[rows],
                )
                scores = setup.scorer.score(asked.rows, result.metrics, result.fidelity)
                run.tell(asked, scores, result)
                meter.add(scores, new=False)
        return run

    def _screen(self, row: RunRow, log: Trials) -> Screen:
        """The model of a run, which knows the reference sample."""
        assert self.setup.ladder is not None
        name = self.setup.ladder.surrogate
        assert name is not None
        screen = Screen.of(name, self.setup.scorer, self.setup.config.seed, row)
        of_reference = log.taken(log.run == 0)
        screen.add(of_reference.indices, of_reference.metrics)
        for block in self._appended:
            screen.add(block.indices, block.metrics)
        return screen

    def _take_turns(self, meter: Meter) -> None:
        turn = min((run.batches for run in self._runs if not run.finished), default=0)
        while not self.stop.raised and not all(run.finished for run in self._runs):
            for run in self._runs:
                if not run.finished and run.batches <= turn and not self._stopped():
                    self._batch(run, meter)
            turn += 1
        agent = self._runs[-1].row.agent if self._runs else REFERENCE
        self._report(meter, agent, last=True)

    def _stopped(self) -> bool:
        """Whether somebody wants this session to end: Ctrl-C here, or `dse stop` through the store."""
        if not self.stop.raised and self.store.reader.stop_requested(self.campaign):
            events.info("campaign %d stops: somebody asked for it", self.campaign)
            self.stop.raised = True
        return self.stop.raised

    def _batch(self, run: AgentRun, meter: Meter) -> None:
        started = time.monotonic()
        if self._sharing is not None:
            self._sharing.tell(run, before=self._last_id)
        asked = run.ask()
        if asked is None:
            return
        reach("ask")
        scores, result = self._evaluate(run, asked)
        run.tell(asked, scores, result)
        reach("tell")
        run.wall_seconds += time.monotonic() - started
        if run.batches % self.snapshot_every == 0:
            self.store.add_snapshot(self.campaign, run.row.number, run.batches, run.save())
            reach("snapshot")
        if run.finished:
            events.info("run %d (%s) ends: %s", run.row.number, run.row.agent, run.reason)
        meter.add(scores)
        self._report(meter, run.row.agent)

    def _evaluate(self, run: AgentRun, asked: Asked) -> tuple[Scores, Evaluated]:
        if self._climb is not None:
            result = self._climb.evaluate(run, asked)
        else:
            result = self.evaluator.evaluate(asked.rows, asked.keys).repeated(asked.repeated)
        reach("evaluate")
        scores = self.setup.scorer.score(asked.rows, result.metrics, result.fidelity)
        self._append(run.row.number, run.batches, run.proposals, asked.rows, result, scores)
        return scores, result

    def _append(
        self,
        run: int,
        batch: int,
        first_step: int,
        rows: IndexMatrix,
        result: Evaluated,
        scores: Scores,
    ) -> None:
        block = TrialBlock(
            run,
            batch,
            first_step,
            rows,
            result.metrics,
            scores.feasible,
            result.origin,
            result.seconds,
            result.fidelity,
            result.charge,
        )
        self._append_to_store(block, result.fresh, result.others)
        self._appended.append(block)
        ids = np.arange(self._last_id + 1, self._last_id + 1 + len(rows))
        self._last_id += len(rows)
        if self._sharing is not None:
            self._sharing.add(run, block, self._last_id)
        kept = scores.feasible
        added, removed = self._front.insert(scores.costs[kept], ids[kept])
        self.store.set_front(self.campaign, added.tolist(), removed.tolist())

    def _save_all(self) -> None:
        """Keep every searcher's state, so that a resumed session need not replay."""
        for run in self._runs:
            if run.batches:
                self.store.add_snapshot(self.campaign, run.row.number, run.batches, run.save())
        self.store.flush()

    def _report(self, meter: Meter, agent: str, *, last: bool = False) -> None:
        if self.watcher is None:
            return
        done = sum(run.spent for run in self._runs)
        total = sum(run.expected for run in self._runs)
        meter.report(agent, done, total, self.evaluator.simulated, last=last)
