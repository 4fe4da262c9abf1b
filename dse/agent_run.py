"""`AgentRun`: one searcher with one seed inside a campaign: its budget, what it has seen, its saved state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.config import BudgetConfig
from dse.errors import ConfigError, DseError, ReplayError
from dse.registry import check_keywords, resolve
from dse.scoring import Scores
from dse.search import Proposal, Results, Searcher, SearchProblem
from dse.seeding import seed_sequence
from dse.space import DesignSpace, IndexMatrix
from dse.state import pack, unpack
from dse.store import RunRow


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A checked proposal: rows (B, D) of the simulator's space, their keys, which are repeats."""

    proposal: Proposal
    rows: IndexMatrix
    keys: list[int | bytes]
    repeated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(slots=True)
class AgentRun:
    """A run's own part of the loop; all of it follows from its searcher, its seed and the results alone.

    unique: designs new to this run so far, those that violate the space included. proposals: rows asked.
    """

    row: RunRow
    searcher: Searcher
    budget: BudgetConfig
    space: DesignSpace
    parent: DesignSpace
    unique: int = 0
    proposals: int = 0
    batches: int = 0
    exhausted: bool = False
    seen: set[int | bytes] = field(default_factory=set)

    @property
    def finished(self) -> bool:
        """Whether the budget is spent or the searcher has nothing left to propose."""
        spent = self.unique >= self.budget.unique or self.proposals >= self.budget.proposal_limit
        return spent or self.exhausted

    def ask(self) -> Asked | None:
        """The next batch, or None when the searcher has nothing left. DseError for a wrong proposal."""
        n = min(
            self.budget.batch,
            self.budget.unique - self.unique,
            self.budget.proposal_limit - self.proposals,
            self.searcher.capabilities.max_batch or self.budget.batch,
        )
        proposal = self.searcher.ask(n)
        if len(proposal) == 0:
            self.exhausted = True
            return None
        self._check(proposal, n)
        rows = self.space.embed(proposal.indices, self.parent)
        keys: list[int | bytes] = self.parent.keys(rows).tolist()
        return Asked(proposal, rows, keys, self._repeated(keys))

    def tell(self, asked: Asked, scores: Scores) -> None:
        """Give the searcher its results and count the batch."""
        self.searcher.tell(asked.proposal, Results(scores.costs, scores.violations, asked.repeated))
        self.seen.update(asked.keys)
        self.unique += int((~asked.repeated).sum())
        self.proposals += len(asked)
        self.batches += 1

    def save(self) -> bytes:
        """State after the last tell, for `load`."""
        counters = {name: getattr(self, name) for name in ("unique", "proposals", "batches")}
        try:
            return pack({**counters, "searcher": self.searcher.state()})
        except TypeError as error:
            raise DseError(f"agent {self.row.agent!r} cannot be saved: {error}") from error

    def load(self, state: bytes) -> None:
        """Continue from a saved state; `seen` is filled from the log."""
        saved = unpack(state)
        self.searcher.load(saved["searcher"])
        self.unique, self.proposals, self.batches = saved["unique"], saved["proposals"], saved["batches"]

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

    def _repeated(self, keys: list[int | bytes]) -> NDArray[np.bool_]:
        repeated = np.empty(len(keys), dtype=np.bool_)
        fresh: set[int | bytes] = set()
        for i, key in enumerate(keys):
            repeated[i] = key in self.seen or key in fresh
            fresh.add(key)
        return repeated

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
) -> AgentRun:
    """Build the searcher of a run with its own seed. ConfigError for options it does not know."""
    searcher = make_searcher(
        row.searcher, problem, seed_sequence(campaign_seed, row.agent, row.repetition), row.options
    )
    if problem.n_objectives > 1 and not searcher.capabilities.multi_objective:
        raise ConfigError(
            f"agent {row.agent!r} ({row.searcher}) takes one objective, not {problem.n_objectives}"
        )
    return AgentRun(row, searcher, budget, problem.space, parent)


def make_searcher(
    name: str, problem: SearchProblem, seed: np.random.SeedSequence, options: dict[str, Any]
) -> Searcher:
    """Build a searcher by its registered name. ConfigError for options it does not know."""
    build = resolve("searcher", name)
    check_keywords(build, options, f"agent {name!r}")
    searcher: Searcher = build(problem, seed, **options)
    return searcher
