"""`AgentRun`: one searcher with one seed inside a campaign: its budget, what it has seen, its saved state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.campaign.config import UNLIMITED, BudgetConfig
from dse.campaign.evaluation import Evaluated
from dse.campaign.fidelity import Ladder
from dse.campaign.scoring import Scores
from dse.campaign.screening import Screen
from dse.campaign.stop_rules import StopRules, StopWatch
from dse.errors import ConfigError, DseError, ReplayError
from dse.registry import check_keywords, resolve
from dse.search import Listener, Proposal, Results, Searcher, SearchProblem
from dse.seeding import seed_sequence
from dse.space import DesignSpace, IndexMatrix
from dse.state import pack, unpack
from dse.store import Origin, RunRow, Trials


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A checked proposal: rows (B, D) of the simulator's space, their keys, which are repeats.

    repeated: known in full, or twice in the batch. places: how many of them the budget lets be simulated.
    warm: designs of an earlier campaign, which the searcher did not ask for.
    """

    proposal: Proposal
    rows: IndexMatrix
    keys: list[int | bytes]
    repeated: NDArray[np.bool_]
    places: int
    warm: bool = False

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class AgentRun:
    """A run's own part of the loop; all of it follows from its searcher, its seed and the results alone.

    spent: designs new to this run so far, those that violate the space included; on a ladder, full
    simulations. proposals: rows asked. cpu_seconds: of its simulations; wall_seconds: of its batches. watch:
    the stop rules. ladder, screen: of `[fidelity]`. seen: designs known in full; reached: the largest share
    of the others that was simulated. warm: rows of `space` that come before what the searcher proposes.
    heard: the last trial of the campaign that it may know of from others.
    """

    row: RunRow
    searcher: Searcher
    budget: BudgetConfig
    space: DesignSpace
    parent: DesignSpace
    watch: StopWatch
    ladder: Ladder | None = None
    screen: Screen | None = None
    spent: float = 0.0
    proposals: int = 0
    batches: int = 0
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    exhausted: bool = False
    seen: set[int | bytes] = field(default_factory=set)
    reached: dict[int | bytes, float] = field(default_factory=dict)
    warm: IndexMatrix | None = None
    heard: int = 0

    @property
    def proposal_limit(self) -> int:
        """The most designs that the run can ask for."""
        return self.ladder.proposal_limit(self.budget) if self.ladder else self.budget.proposal_limit

    @property
    def unique_limit(self) -> int:
        """The most that the run can spend."""
        if self.ladder is None:
            return self.budget.unique_limit
        return self.budget.unique if self.budget.unique is not None else UNLIMITED

    @property
    def finished(self) -> bool:
        """Whether the budget is spent, a stop rule holds or the searcher has nothing left to propose."""
        return bool(self.reason)

    @property
    def reason(self) -> str:
        """Why the run is finished; empty while it is not."""
        if self._affordable() < 1 or self.proposals >= self.proposal_limit:
            return "budget spent"
        if any(spent >= limit for spent, limit in self._timed()):
            return "time spent"
        return "nothing left to propose" if self.exhausted else self.watch.reason

    @property
    def expected(self) -> float:
        """What the run will have spent when its budget ends, at its present speed."""
        if self.finished:
            return self.spent
        by_time = [round(self.spent * limit / used) for used, limit in self._timed() if used > 0]
        most = min(self.unique_limit, *by_time, UNLIMITED)
        return self.spent + self.budget.batch if most == UNLIMITED else max(most, self.spent)

    def ask(self) -> Asked | None:
        """The next batch, or None when the searcher has nothing left. DseError for a wrong proposal."""
        if self.warm is not None and self.proposals < len(self.warm):
            n = min(self._affordable(), self.proposal_limit - self.proposals)
            return self._asked(Proposal(self.warm[self.proposals : self.proposals + n]), 1, warm=True)
        times = self.ladder.oversample if self.ladder and self.screen and self.screen.ready else 1
        n = min(
            self._affordable() * times,
            self.proposal_limit - self.proposals,
            self.searcher.capabilities.max_batch or self.budget.batch * times,
        )
        proposal = self.searcher.ask(n)
        if len(proposal) == 0:
            self.exhausted = True
            return None
        self._check(proposal, n)
        return self._asked(proposal, times)

    def tell(self, asked: Asked, scores: Scores, result: Evaluated) -> None:
        """Give the searcher its results and count the batch."""
        repeated = result.origin == np.uint8(Origin.REPEAT)
        results = Results(scores.costs, scores.violations, repeated)
        if not asked.warm:
            self.searcher.tell(asked.proposal, results)
        elif isinstance(self.searcher, Listener):
            self.searcher.hear(asked.proposal.indices, results)
        self._know(asked.rows, asked.keys, result.metrics, result.fidelity)
        self.spent += float(result.charge.sum())
        self.proposals += len(asked)
        self.batches += 1
        self.cpu_seconds += float(result.seconds.sum())
        self.watch.add(scores, result.metrics, self.spent)

    def save(self) -> bytes:
        """State after the last tell, for `load`."""
        counters = {"unique": self.spent, "proposals": self.proposals, "batches": self.batches}
        if self.budget.wall_seconds is not None:
            counters["wall_seconds"] = self.wall_seconds
        try:
            return pack({**counters, "searcher": self.searcher.state()})
        except TypeError as error:
            raise DseError(f"agent {self.row.agent!r} cannot be saved: {error}") from error

    def load(self, state: bytes) -> None:
        """Continue from a saved state; `recall` adds what the log has before it."""
        saved = unpack(state)
        self.searcher.load(saved["searcher"])
        self.spent, self.proposals, self.batches = saved["unique"], saved["proposals"], saved["batches"]
        self.wall_seconds = saved.get("wall_seconds", 0.0)

    def recall(self, keys: list[int | bytes], scores: Scores, log: Trials, told: NDArray[np.int64]) -> None:
        """Take into account what the log has up to a loaded state: rows `told` of `log`, with their keys."""
        self._know(log.indices[told], keys, log.metrics[told], log.fidelity[told])
        self.cpu_seconds += float(log.seconds[told].sum())
        if not self.watch.rules.any:
            return
        start, spent = 0, 0.0
        for end in [*(np.flatnonzero(np.diff(log.batch[told])) + 1).tolist(), len(told)]:
            spent += float(log.charge[told[start:end]].sum())  # batch by batch, as `tell` adds it up
            self.watch.add(scores.part(start, end), log.metrics[told[start:end]], spent)
            start = end

    def replay(self, rows: IndexMatrix) -> Asked:
        """Ask for the batch that the log has as `rows`; ReplayError if another is proposed now."""
        asked = self.ask()
        if asked is None or not np.array_equal(asked.rows, rows):
            raise ReplayError(
                f"agent {self.row.agent!r} (seed {self.row.repetition}) does not repeat its log after batch "
                f"{self.batches}: it is not deterministic, or its library has changed. "
                "Start the campaign anew under another name; designs already simulated cost nothing"
            )
        return asked

    def _asked(self, proposal: Proposal, times: int, *, warm: bool = False) -> Asked:
        """The batch of this proposal, of which one design in `times` may be simulated."""
        rows = self.space.embed(proposal.indices, self.parent)
        keys: list[int | bytes] = self.parent.keys(rows).tolist()
        return Asked(proposal, rows, keys, self._repeated(keys), -(-len(rows) // times), warm)

    def _affordable(self) -> int:
        """How many new designs the budget pays for in the next batch, whatever becomes of them."""
        left = self.unique_limit - self.spent
        most = self.budget.batch
        return min(most, int(left)) if self.ladder is None else self.ladder.affordable(left, most)

    def _know(
        self,
        rows: IndexMatrix,
        keys: list[int | bytes],
        metrics: NDArray[np.float64],
        fidelity: NDArray[np.float64],
    ) -> None:
        """Note how far each of these designs got."""
        if self.ladder is None:
            self.seen.update(keys)
            return
        full = fidelity >= 1.0
        for key, share, done in zip(keys, fidelity.tolist(), full.tolist(), strict=True):
            if done:
                self.seen.add(key)
            else:
                self.reached[key] = max(share, self.reached.get(key, 0.0))
        if self.screen is not None:
            self.screen.add(rows[full], metrics[full])

    def _repeated(self, keys: list[int | bytes]) -> NDArray[np.bool_]:
        """(B,) True for keys known in full from an earlier batch, or asked before in this one."""
        repeated = np.fromiter(map(self.seen.__contains__, keys), np.bool_, len(keys))
        if len(set(keys)) < len(keys):
            first: dict[int | bytes, int] = {}
            for i, key in enumerate(keys):
                repeated[i] |= first.setdefault(key, i) != i
        return repeated

    def _timed(self) -> list[tuple[float, float]]:
        """Seconds spent and their limit, for each limit that is set."""
        pairs = [
            (self.cpu_seconds, self.budget.cpu_seconds),
            (self.wall_seconds, self.budget.wall_seconds),
        ]
        return [(spent, limit) for spent, limit in pairs if limit is not None]

    def _check(self, proposal: Proposal, n: int) -> None:
        rows = np.asarray(proposal.indices)
        who = f"agent {self.row.agent!r} ({self.row.searcher})"
        if rows.ndim != 2 or rows.shape[1] != len(self.space) or rows.dtype.kind not in "iu" or len(rows) > n:
            raise DseError(
                f"{who} proposed an array of shape {rows.shape} and type {rows.dtype}; "
                f"expected whole numbers, at most {n} rows of {len(self.space)}"
            )
        if ((rows < 0) | (rows >= self.space.n_values)).any():
            raise DseError(f"{who} proposed a value position outside the design space")
        if not np.array_equal(self.space.canonical(rows), rows):
            raise DseError(
                f"{who} proposed a design that is not in canonical form; use DesignSpace.canonical"
            )


def start_run(
    row: RunRow,
    problem: SearchProblem,
    budget: BudgetConfig,
    parent: DesignSpace,
    campaign_seed: int,
    rules: StopRules,
    ladder: Ladder | None = None,
    screen: Screen | None = None,
) -> AgentRun:
    """Build the searcher of a run with its own seed. ConfigError for options it does not know."""
    searcher = make_searcher(
        row.searcher, problem, seed_sequence(campaign_seed, row.agent, row.repetition), row.options
    )
    if problem.n_objectives > 1 and not searcher.capabilities.multi_objective:
        raise ConfigError(
            f"agent {row.agent!r} ({row.searcher}) takes one objective, not {problem.n_objectives}"
        )
    watch = StopWatch(rules, problem.reference)
    return AgentRun(row, searcher, budget, problem.space, parent, watch, ladder, screen)


def make_searcher(
    name: str, problem: SearchProblem, seed: np.random.SeedSequence, options: dict[str, Any]
) -> Searcher:
    """Build a searcher by its registered name. ConfigError for options it does not know."""
    build = resolve("searcher", name)
    check_keywords(build, options, f"agent {name!r}")
    searcher: Searcher = build(problem, seed, **options)
    return searcher
