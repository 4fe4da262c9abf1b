"""The tables of a comparison, each from the curves of all cells.

Every statistic draws from a generator of its own, seeded by its name, so that a number does not depend on
which others are computed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from dse.comparison.curves import CellCurves, Values
from dse.comparison.plan import Plan
from dse.comparison.rows import (
    AlgorithmRow,
    BudgetRow,
    CellRow,
    CurveRow,
    EffortRow,
    EntryRow,
    ImprovementRow,
    ProfileRow,
    TargetRow,
    WinRow,
)
from dse.comparison.statistics import arrival, band, improvement, interval, iqm, median, profile
from dse.seeding import seed_sequence

ALL = "all"
"""The name of all cells together, in `BudgetRow`, `TargetRow` and `CurveRow`."""
_POINTS = 64
_TAUS = 200
_SAME = 1e-12


def cell_rows(cells: Sequence[CellCurves]) -> list[CellRow]:
    """What was searched, and by what it is measured."""
    return [
        CellRow(
            cell=one.cell.name,
            workloads=", ".join(workload["name"] for workload in one.record.workloads),
            objectives=", ".join(o.text for o in (*one.record.objectives, *one.record.constraints)),
            space=one.record.search_space.name,
            budget=one.cell.budget,
            partial="fidelity" in one.record.config,
            measure="regret" if len(one.record.objectives) == 1 else "hypervolume",
            known="exact" if one.scale.exact else "best known",
            best=_best(one),
            default_regret=one.scale.default,
        )
        for one in cells
    ]


def curve_rows(cells: Sequence[CellCurves], plan: Plan) -> list[CurveRow]:
    """Median regret against unique simulations, cell by cell; of several cells first the IQM over all."""
    found: list[CurveRow] = []
    if len(cells) > 1:
        shared = _grid(min(one.cell.budget for one in cells), plan.budgets)
        for label in plan.labels:
            stacked = [_stacked(one, label, shared) for one in cells]
            drawn = band(stacked, iqm, _rng(plan, "curve", ALL, label))
            found += _curve(ALL, label, shared, drawn)
    for one in cells:
        spent = _grid(one.cell.budget, plan.budgets)
        for label in plan.labels:
            stack = _stacked(one, label, spent)
            found += _curve(
                one.cell.name,
                label,
                spent,
                band([stack], median, _rng(plan, "curve", one.cell.name, label)),
            )
    return found


def budget_rows(cells: Sequence[CellCurves], plan: Plan) -> list[BudgetRow]:
    """Median and IQM at each budget, over all cells and then cell by cell."""
    return [
        _budget_row(name, members, label, budget, plan)
        for name, members in _groups(cells)
        for budget in plan.budgets
        for label in plan.labels
    ]


def effort_rows(cells: Sequence[CellCurves], plan: Plan) -> list[EffortRow]:
    """What runs asked for, cell by cell."""
    found = []
    for one in cells:
        for label in plan.labels:
            curves = one.curves[label]
            spent = float(np.mean([curve.ended for curve in curves]))
            proposals = float(np.mean([curve.proposals for curve in curves]))
            found.append(EffortRow(one.cell.name, label, len(curves), spent, proposals))
    return found


def profile_rows(cells: Sequence[CellCurves], plan: Plan) -> list[ProfileRow]:
    """Performance profiles at the last budget, at the regrets that runs have (evenly thinned where many)."""
    scores = {label: _scores(cells, label, plan.budgets[-1]) for label in plan.labels}
    seen = np.unique(np.concatenate([run for of in scores.values() for run in of]))
    kept = np.unique(np.linspace(0, len(seen) - 1, min(len(seen), _TAUS)).round().astype(np.int64))
    taus = np.union1d([0.0], seen[kept])
    found: list[ProfileRow] = []
    for label, mine in scores.items():
        columns = profile(mine, taus, _rng(plan, "profile", label))
        found += [
            ProfileRow(label, *numbers)
            for numbers in zip(taus.tolist(), *(column.tolist() for column in columns), strict=True)
        ]
    return found


def improvement_rows(cells: Sequence[CellCurves], plan: Plan) -> list[ImprovementRow]:
    """Every agent against the control at every budget."""
    found = []
    for budget in plan.budgets:
        control = _scores(cells, plan.control, budget)
        for label in plan.labels:
            if label == plan.control:
                continue
            mine = _scores(cells, label, budget)
            whole = improvement(mine, control, _rng(plan, "improvement", label, str(budget)))
            each = [_better(ours, theirs) for ours, theirs in zip(mine, control, strict=True)]
            found.append(
                ImprovementRow(
                    agent=label,
                    against=plan.control,
                    budget=budget,
                    probability=whole.value,
                    low=whole.low,
                    high=whole.high,
                    cells_better=sum(one > 0.5 for one in each),
                    cells_worse=sum(one < 0.5 for one in each),
                )
            )
    return found


def target_rows(cells: Sequence[CellCurves], plan: Plan) -> list[TargetRow]:
    """Samples to each target, of all runs together and then cell by cell."""
    found = []
    for name, members in _groups(cells):
        for target in plan.targets:
            for label in plan.labels:
                pairs = [curve.arrival(target) for one in members for curve in one.curves[label]]
                spent = np.array([time for time, _ in pairs])
                got = arrival(spent, np.array([reached for _, reached in pairs]))
                found.append(TargetRow(name, label, target, len(pairs), *got))
    return found


def win_rows(cells: Sequence[CellCurves], plan: Plan) -> list[WinRow]:
    """Who is best in each cell at the last budget, and whether that is more than luck."""
    return [_win(one, plan) for one in cells]


def entry_rows(cells: Sequence[CellCurves], plan: Plan) -> list[EntryRow]:
    """Agents of algorithms that have several entries, the best of each algorithm first."""
    entries = {entry.label: entry for entry in cells[0].cell.entries}
    found: list[EntryRow] = []
    for algorithm in dict.fromkeys(entry.name for entry in entries.values()):
        members = [label for label, entry in entries.items() if entry.name == algorithm]
        if len(members) < 2:
            continue
        rows = {label: _budget_row(ALL, cells, label, plan.budgets[-1], plan) for label in members}
        for rank, label in enumerate(sorted(members, key=lambda label: rows[label].iqm), start=1):
            options = entries[label].options
            row = rows[label]
            text = json.dumps(options, sort_keys=True) if options else ""
            numbers = (row.iqm, row.iqm_low, row.iqm_high)
            found.append(EntryRow(algorithm, label, text, not options, *numbers, rank, len(members)))
    return found


def algorithm_rows(entries: Sequence[EntryRow]) -> list[AlgorithmRow]:
    """The distribution over the entries of each algorithm."""
    found = []
    for algorithm in dict.fromkeys(row.algorithm for row in entries):
        members = [row for row in entries if row.algorithm == algorithm]
        values = [row.iqm for row in members]
        default = next((row for row in members if row.default), None)
        found.append(
            AlgorithmRow(
                algorithm=algorithm,
                entries=len(members),
                best=min(values),
                median=float(np.median(values)),
                worst=max(values),
                default=None if default is None else default.iqm,
                default_rank=None if default is None else default.rank,
            )
        )
    return found


def _best(one: CellCurves) -> float | None:
    """The best known value of the metric, or the hypervolume; None if nothing feasible was found."""
    if not one.scale.found:
        return None
    upwards = len(one.record.objectives) == 1 and one.record.objectives[0].direction == "max"
    return -one.scale.best if upwards else one.scale.best


def _groups(cells: Sequence[CellCurves]) -> list[tuple[str, Sequence[CellCurves]]]:
    """All cells together, then each by itself."""
    return [(ALL, cells), *((one.cell.name, [one]) for one in cells)]


def _grid(budget: int, budgets: Sequence[int]) -> Values:
    """Numbers of simulations from 1 to the budget, evenly on a logarithmic axis; the budgets among them."""
    even = np.geomspace(1, budget, _POINTS).round()
    return np.unique(np.concatenate([even, np.array(budgets, dtype=np.float64)]))


def _stacked(one: CellCurves, label: str, spent: Values) -> Values:
    return np.stack([curve.at(spent) for curve in one.curves[label]])


def _curve(cell: str, label: str, spent: Values, drawn: tuple[Values, Values, Values]) -> Iterator[CurveRow]:
    for x, *numbers in zip(spent.tolist(), *(column.tolist() for column in drawn), strict=True):
        yield CurveRow(cell, label, round(x), *numbers)


def _scores(cells: Sequence[CellCurves], label: str, budget: int) -> list[Values]:
    return [one.scores(label, budget) for one in cells]


def _budget_row(name: str, cells: Sequence[CellCurves], label: str, budget: int, plan: Plan) -> BudgetRow:
    scores = _scores(cells, label, budget)
    where = (name, label, str(budget))
    return BudgetRow(
        name,
        label,
        budget,
        sum(map(len, scores)),
        sum(ended_before(one, label, budget) for one in cells),
        *interval(scores, median, _rng(plan, "median", *where)),
        *interval(scores, iqm, _rng(plan, "iqm", *where)),
    )


def ended_before(one: CellCurves, label: str, budget: int) -> int:
    """Runs that ended before this budget was spent.

    With `[fidelity]` a run ends when what is left does not pay for a batch; that is no early end.
    """
    slack = one.cell.batch if "fidelity" in one.record.config else 0
    return sum(curve.ended < budget - slack - 1e-6 for curve in one.curves[label])


def _win(one: CellCurves, plan: Plan) -> WinRow:
    budget = plan.budgets[-1]
    scores = {label: one.scores(label, budget) for label in plan.labels}
    order = sorted(plan.labels, key=lambda label: float(np.median(scores[label])))
    least = float(np.median(scores[order[0]]))
    first = [label for label in order if float(np.median(scores[label])) <= least + _SAME]
    if len(first) > 1:
        others = order[len(first) :]
        second = others[0] if others else ""
        return WinRow(one.cell.name, budget, " = ".join(first), least, second, None, None, None, False)
    rng = _rng(plan, "win", one.cell.name)
    found = improvement([scores[order[0]]], [scores[order[1]]], rng)
    return WinRow(one.cell.name, budget, order[0], least, order[1], *found, clear=found.low > 0.5)


def _better(ours: Values, theirs: Values) -> float:
    return float(((ours[:, None] < theirs) + 0.5 * (ours[:, None] == theirs)).mean())


def _rng(plan: Plan, *what: str) -> np.random.Generator:
    return np.random.default_rng(seed_sequence(plan.seed, "/".join(what)))
