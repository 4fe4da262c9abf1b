"""Runs as curves: how far from the best known a run was when it had spent so many unique simulations.

Read from the store in parts, objectives alone. Of several objectives the regret is the share of the best
known hypervolume that the run's front lacks; of one, (best - optimum) / (typical - optimum), where typical is
the median of the feasible random designs of the campaign's reference sample (a mean would follow the few
designs of it that are a thousand times slower than the rest). Both are 0 at the best known and never above 1,
which is also what a run has that has found nothing feasible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dse.campaign.digest import counted_costs, in_full, metrics_needed, reference_of
from dse.comparison.plan import Cell
from dse.errors import DseError, LookupFailed
from dse.front import FrontArchive, hypervolume
from dse.store import CampaignRecord, Origin, StoreReader, Trials

Values = NDArray[np.float64]

_MOST_COUNTED = 50_000_000
_EVERY_TRIAL = 1024
_MANY_OBJECTIVES = 4


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A run. spent, regret: (k,) a staircase; before its first step the regret is 1.

    ended: what the run had spent at its end. proposals: designs it had asked for.
    """

    seed: int
    spent: Values
    regret: Values
    ended: float
    proposals: int

    def at(self, spent: Values) -> Values:
        """The regret after so much was spent; what the run ended with holds on after its end."""
        step = np.searchsorted(self.spent, spent, side="right") - 1
        if not len(self.regret):
            return np.ones(len(spent))
        return np.where(step < 0, 1.0, self.regret[np.maximum(step, 0)])

    def arrival(self, target: float) -> tuple[float, bool]:
        """What was spent when the regret was first at most the target, or at the end; whether it was."""
        reached = np.flatnonzero(self.regret <= target)
        return (float(self.spent[reached[0]]), True) if len(reached) else (self.ended, False)


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What regret is measured by in a cell.

    best: cost of the best known design, or the hypervolume of the best known front. exact: whether every
    design of the space was simulated. typical: cost of a typical random design; None for several objectives,
    and where random designs are as good as the best. default: regret of the default design, which may pass 1;
    None if it is not feasible.
    """

    reference: Values
    best: float
    exact: bool
    typical: float | None
    default: float | None

    @property
    def found(self) -> bool:
        """Whether there is a feasible design; of several objectives, one within the reference point."""
        return bool(np.isfinite(self.best)) and (len(self.reference) == 1 or self.best > 0)


@dataclass(frozen=True, slots=True, eq=False)
class CellCurves:
    """A cell as the store has it: its curves by label, the scale, and the record of its first campaign."""

    cell: Cell
    record: CampaignRecord
    scale: Scale
    curves: dict[str, tuple[Curve, ...]]

    def scores(self, label: str, budget: float) -> Values:
        """(runs,) regret of an agent's runs at a budget."""
        return np.concatenate([curve.at(np.array([float(budget)])) for curve in self.curves[label]])


@dataclass(slots=True)
class _Log:
    """One run as it is read: costs of what was new to it and is feasible (else NaN), and what each cost."""

    costs: list[Values] = field(default_factory=list)
    charge: list[Values] = field(default_factory=list)
    proposals: int = 0


def read_cell(reader: StoreReader, cell: Cell) -> CellCurves:
    """Read the runs of a cell. LookupFailed if a campaign is missing or has not come to its end."""
    records = [_finished(reader, name) for name in cell.campaigns]
    logs = {record.name: _logs(reader, record) for record in records}
    first = records[0]
    costs = [cost for of in logs.values() for log in of.values() for cost in log.costs]
    whole = _enumerated(reader, first)
    scale = _scale(first, logs[first.name][0], [*costs, *whole], exact=bool(whole))
    curves = {}
    for entry in cell.entries:
        record = next(record for record in records if record.name == entry.campaign)
        runs = [run for run in record.runs if run.number > 0 and run.agent == entry.title]
        curves[entry.label] = tuple(
            _curve(run.repetition, logs[record.name].get(run.number, _Log()), scale) for run in runs
        )
    return CellCurves(cell, first, scale, curves)


def _finished(reader: StoreReader, name: str) -> CampaignRecord:
    record = reader.campaign(name)
    if record.state != "finished":
        raise LookupFailed(f"campaign {name!r} is {record.state}: run it to its end first")
    return record


def _logs(reader: StoreReader, record: CampaignRecord) -> dict[int, _Log]:
    """Runs by number; 0 is the baseline, then the reference sample."""
    found: dict[int, _Log] = {}
    for part in reader.parts(record.id, metrics=metrics_needed(record)):
        costs = counted_costs(record, part)
        for number in np.unique(part.run).tolist():
            log = found.setdefault(number, _Log())
            mine = part.run == number
            new = mine & (part.origin != Origin.REPEAT)
            log.proposals += int(mine.sum())
            log.costs.append(costs[new])
            log.charge.append(part.charge[new])
    if 0 not in found:
        raise DseError(f"campaign {record.name!r} has no trials yet")
    return found


def _scale(record: CampaignRecord, sample: _Log, costs: Sequence[Values], *, exact: bool) -> Scale:
    reference = reference_of(record)
    random = np.concatenate(sample.costs)
    baseline, others = random[:1], random[1:]
    if len(record.objectives) == 1:
        best = float(np.nanmin(np.concatenate(costs))) if any(map(_any, costs)) else float("nan")
        usable = others[np.isfinite(others)]
        typical = float(np.median(usable)) if len(usable) else float("nan")
        known = typical if typical > best else None
        default = None
        if _any(baseline) and known is not None:
            default = float((baseline[0, 0] - best) / (known - best))
        return Scale(reference, best, exact, known, default)
    archive = FrontArchive(len(record.objectives))
    for part in costs:
        _insert(archive, part[_inside(part, reference)])
    best = hypervolume(archive.costs, reference) if len(archive) else 0.0
    alone = hypervolume(baseline, reference) if _any(baseline) else 0.0
    default = 1.0 - alone / best if best > 0 and _any(baseline) else None
    return Scale(reference, best, exact, None, default)


def _curve(seed: int, log: _Log, scale: Scale) -> Curve:
    if not log.costs:
        return Curve(seed, np.empty(0), np.empty(0), 0.0, 0)
    costs, spent = np.concatenate(log.costs), np.cumsum(np.concatenate(log.charge))
    steps, regret = _of_one(costs[:, 0], scale) if costs.shape[1] == 1 else _of_several(costs, scale)
    ended = float(spent[-1]) if len(spent) else 0.0
    return Curve(seed, spent[steps], np.clip(regret, 0.0, 1.0), ended, log.proposals)


def _of_one(costs: Values, scale: Scale) -> tuple[NDArray[np.int64], Values]:
    """Rows at which the least cost fell, and the regret there."""
    best = np.fmin.accumulate(costs) if len(costs) else costs
    known = np.isfinite(best)
    fell = known & np.append(True, ~known[:-1] | (best[1:] < best[:-1])) if len(costs) else known
    steps = np.flatnonzero(fell)
    if scale.typical is None:
        return steps, np.where(best[steps] <= scale.best, 0.0, 1.0)
    return steps, (best[steps] - scale.best) / (scale.typical - scale.best)


def _of_several(costs: Values, scale: Scale) -> tuple[NDArray[np.int64], Values]:
    """Rows at which the hypervolume rose, and the regret there; see `_looks`."""
    archive = FrontArchive(costs.shape[1])
    steps, regret = [], []
    rows = np.flatnonzero(_inside(costs, scale.reference))
    ends = np.fromiter(_looks(*costs.shape), np.int64)
    starts = np.searchsorted(rows, ends)
    for end, part in zip(ends.tolist(), np.split(rows, starts[:-1]), strict=True):
        if _insert(archive, costs[part]):
            steps.append(end - 1)
            regret.append(1.0 - hypervolume(archive.costs, scale.reference) / scale.best)
    return np.array(steps, dtype=np.int64), np.array(regret, dtype=np.float64)


def _looks(n: int, objectives: int) -> Iterable[int]:
    """Numbers of trials after which the hypervolume is computed: each up to 1,024, then 0.1 % apart.

    Of four objectives and more, where that takes milliseconds: each up to 128, then 0.8 % apart.
    """
    dense = _EVERY_TRIAL if objectives < _MANY_OBJECTIVES else _EVERY_TRIAL // 8
    yield from range(1, min(n, dense) + 1)
    if n > dense:
        count = int(np.ceil(dense * np.log(n / dense)))
        yield from np.unique(np.geomspace(dense + 1, n, count + 1).round().astype(np.int64)).tolist()


def _inside(costs: Values, reference: Values) -> NDArray[np.bool_]:
    """Rows that are feasible and better than the reference point in everything."""
    return np.asarray((np.isfinite(costs) & (costs < reference)).all(axis=1))


def _insert(archive: FrontArchive, costs: Values) -> bool:
    """Whether these rows moved the front."""
    return len(costs) > 0 and len(archive.insert(costs, np.zeros(len(costs), dtype=np.int64))[0]) > 0


def _any(costs: Values) -> bool:
    return bool(np.isfinite(costs).all(axis=1).any())


def _enumerated(reader: StoreReader, record: CampaignRecord) -> list[Values]:
    """Costs of every design of the record's search space; empty if the store lacks one of them.

    Looked for in each campaign of the store over the same problem (this one, or what `dse enumerate` made).
    """
    space = record.search_space
    if space.most_counted > _MOST_COUNTED:
        return []
    for row in reader.campaigns():
        if row.n_trials < space.feasible_size:
            continue
        other = reader.campaign(row.id)
        if _problem(other) != _problem(record):
            continue
        keys, costs = [], []
        for part in reader.parts(other.id, metrics=metrics_needed(other)):
            visited = part.taken(_visited(other, part))
            keys.append(np.unique(other.space.keys(visited.indices)))
            costs.append(counted_costs(other, visited))
        if len(np.unique(np.concatenate(keys))) == space.feasible_size:
            return costs
    return []


def _visited(record: CampaignRecord, part: Trials) -> NDArray[np.bool_]:
    """Rows of agents that were simulated in full; those of the reference sample may lie outside the space."""
    legal = (record.space.violations(part.indices) <= 0).all(axis=1)
    return np.asarray((part.run > 0) & in_full(part) & legal)


def _problem(record: CampaignRecord) -> tuple[object, ...]:
    """What has to be equal for two campaigns to give a design the same costs in the same space."""
    rules = [one.get("aggregate") for one in record.config["objectives"]]
    return (
        record.build_id,
        record.space.hash,
        record.search_space.hash,
        [(workload["bench"], workload["weight"]) for workload in record.workloads],
        record.config.get("aggregate"),
        rules,
        record.objectives,
        record.constraints,
    )
