"""Rows of the tables of a comparison; each column says here what it is. Regret: see `dse.comparison.curves`.

`low` and `high` are 95 % bootstrap intervals over runs. A column that is None means nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellRow:
    """A cell. measure: "hypervolume" (several objectives) or "regret" (one).

    budget: unique simulations of each run; partial: full ones, of which a design that is simulated in part
    ([fidelity]) costs its share. known: "exact" if the store has every design of the space, else "best known"
    over all runs of the cell. best: the metric or hypervolume of that; None if nothing feasible was found.
    default_regret: of the default design; None where that is not feasible, or random designs are as good as
    the best.
    """

    cell: str
    workloads: str
    objectives: str
    space: str
    budget: int
    partial: bool
    measure: str
    known: str
    best: float | None
    default_regret: float | None


@dataclass(frozen=True, slots=True)
class CurveRow:
    """Median regret of an agent's runs in a cell after `spent` unique simulations."""

    cell: str
    agent: str
    spent: int
    regret: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """Regret of an agent's runs at a budget, in one cell or, with the cell "all", over all of them.

    ended_early: runs that had ended before; what they had found counts.
    """

    cell: str
    agent: str
    budget: int
    runs: int
    ended_early: int
    median: float
    median_low: float
    median_high: float
    iqm: float
    iqm_low: float
    iqm_high: float


@dataclass(frozen=True, slots=True)
class EffortRow:
    """What an agent's runs of a cell asked for until they ended, means over the runs.

    spent: unique simulations. proposals: designs asked for, those that a run knew already included.
    """

    cell: str
    agent: str
    runs: int
    spent: float
    proposals: float


@dataclass(frozen=True, slots=True)
class ProfileRow:
    """Share of an agent's runs over all cells whose regret at the last budget is at most `tau`."""

    agent: str
    tau: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ImprovementRow:
    """Probability that a run of the agent has less regret than one of the control, at a budget.

    cells_better, cells_worse: cells in which it is above or below one half.
    """

    agent: str
    against: str
    budget: int
    probability: float
    low: float
    high: float
    cells_better: int
    cells_worse: int


@dataclass(frozen=True, slots=True)
class TargetRow:
    """Unique simulations until the regret is at most `target`, in one cell or, as "all", of all runs.

    reached, censored: runs that got there, and those that ended before. median: Kaplan and Meier's, None if
    fewer than half got there. expected: ERT, None if no run got there.
    """

    cell: str
    agent: str
    target: float
    runs: int
    reached: int
    censored: int
    median: float | None
    expected: float | None


@dataclass(frozen=True, slots=True)
class WinRow:
    """The agent with the least median regret in a cell at the last budget; several if they tie.

    probability: that a run of it has less regret than one of the second best (None if several tie). clear:
    whether the interval of that lies above one half.
    """

    cell: str
    budget: int
    agent: str
    regret: float
    second: str
    probability: float | None
    low: float | None
    high: float | None
    clear: bool


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An agent among the entries of its algorithm at the last budget, over all cells.

    default: whether it has no options of its own. rank: 1 has the least IQM; of: how many entries there are.
    """

    algorithm: str
    agent: str
    options: str
    default: bool
    iqm: float
    iqm_low: float
    iqm_high: float
    rank: int
    of: int


@dataclass(frozen=True, slots=True)
class AlgorithmRow:
    """An algorithm over its entries: IQM of the best, middle and worst entry, and of the default.

    default_rank: None without an entry that has no options.
    """

    algorithm: str
    entries: int
    best: float
    median: float
    worst: float
    default: float | None
    default_rank: int | None


Row = (
    CellRow
    | CurveRow
    | BudgetRow
    | EffortRow
    | ProfileRow
    | ImprovementRow
    | TargetRow
    | WinRow
    | EntryRow
    | AlgorithmRow
)
