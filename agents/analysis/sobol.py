"""Importance of every parameter and subsystem: Sobol's indices of a function fitted to a campaign's trials.

Every value of the search space counts as equally likely, whatever the agents preferred. A parameter that has
no effect in a design (`DeadRule`) could have had any value there, so the trial stands for one of those drawn
at random; designs that were asked for twice count once. Trials that violate a bound were measured and count;
failed ones and those that the space forbids have no metrics and do not, nor do those only estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.analysis.anova import AnovaProcess
from dse.campaign.digest import in_full
from dse.campaign.result import CampaignResult
from dse.errors import DseError
from dse.importance import Estimate, Importance, Influence, Kind, MetricImportance
from dse.space import DesignSpace, IndexMatrix

MOST_TRIALS = 800
MOST_READ = 20_000
RESAMPLES = 40
LEAST_R2 = 0.5
LEAST_TRIALS = 40
LEAST_TRIALS_PER_PARAMETER = 5
_HELD_OUT = 0.2
_LOG_ABOVE = 10.0
_Z95 = 1.959964


def sobol(
    result: CampaignResult,
    metrics: Sequence[str] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    most_trials: int = MOST_TRIALS,
) -> Importance:
    """First-order and total indices with bootstrap intervals, for the objectives or the metrics named.

    A metric that the fitted function does not predict (held-out R2 below 0.5) is refused in the result.
    Raises DseError if there are too few trials, or if every metric was refused; ConfigError for an unknown
    metric. most_trials: at random, when there are more. The same trials and seed give the same numbers.
    """
    names = tuple(metrics) if metrics else tuple(o.metric for o in result.record.objectives)
    columns = [result.record.schema.index(name) for name in names]
    rng = np.random.default_rng(seed)
    usable = _usable(result, columns, rng)
    table = _table(result, usable.rows, rng)
    _need_enough(result, table, len(usable.rows))
    found = tuple(
        _importance(
            name, usable.values[:, m], table, np.random.default_rng((seed, m)), resamples, most_trials
        )
        for m, name in enumerate(names)
    )
    if all(one.refused for one in found):
        reasons = "; ".join(f"{one.metric}: {one.refused}" for one in found)
        raise DseError(f"campaign {result.name!r}: no importance can be given. {reasons}")
    return Importance(
        campaign=result.name,
        metrics=found,
        measured=usable.measured,
        failed=usable.failed,
        outside=usable.outside,
        constant=table.constant,
        unmeasured=table.unmeasured,
        estimated=usable.estimated,
    )


class _Usable(NamedTuple):
    """Distinct measured designs of the search space: rows (n, D) of it, values (n, M).

    measured: how many there are, of which the rows are at most `MOST_READ`, at random.
    """

    rows: IndexMatrix
    values: NDArray[np.float64]
    measured: int
    failed: int
    outside: int
    estimated: int


class _Table(NamedTuple):
    """positions (n, P) among the measured values of the parameters that vary; `columns` of the space."""

    positions: NDArray[np.int64]
    n_values: tuple[int, ...]
    columns: tuple[int, ...]
    space: DesignSpace
    constant: tuple[str, ...]
    unmeasured: dict[str, tuple[Any, ...]]


def _usable(result: CampaignResult, columns: Sequence[int], rng: np.random.Generator) -> _Usable:
    record = result.record
    trials = result.trials.taken(in_full(result.trials))
    _, first = np.unique(record.space.keys(trials.indices), return_index=True)
    values = trials.metrics[:, columns]
    measured = np.sort(first[np.isfinite(values[first]).all(axis=1)])
    read = measured
    if len(read) > MOST_READ:
        read = np.sort(rng.choice(read, MOST_READ, replace=False))
    rows, inside = _narrowed(trials.indices[read], record.space, record.search_space)
    return _Usable(
        rows=rows[inside],
        values=values[read][inside],
        measured=len(measured),
        failed=len(first) - len(measured),
        outside=int((~inside).sum()),
        estimated=len(np.unique(record.space.keys(result.trials.indices))) - len(first),
    )


def _narrowed(
    indices: IndexMatrix, space: DesignSpace, search: DesignSpace
) -> tuple[IndexMatrix, NDArray[np.bool_]]:
    """Rows of the simulator's space as rows of the search space, and which of them are in it.

    A parameter without effect is in it with any value.
    """
    rows = np.zeros_like(indices)
    dead = without_effect(space, indices)
    inside = np.ones(len(indices), dtype=np.bool_)
    for d, (wide, narrow) in enumerate(zip(space.parameters, search.parameters, strict=True)):
        place = np.full(len(wide), -1, dtype=np.int16)
        place[[wide.index(value) for value in narrow.values]] = np.arange(len(narrow), dtype=np.int16)
        moved = place[indices[:, d]]
        inside &= (moved >= 0) | dead[:, d]
        rows[:, d] = np.where(moved >= 0, moved, narrow.index(narrow.default))
    return rows, inside


def without_effect(space: DesignSpace, indices: IndexMatrix) -> NDArray[np.bool_]:
    """(n, D): whether the parameter has no effect in that canonical row: every value means the default."""
    dead = np.zeros(indices.shape, dtype=np.bool_)
    for d, parameter in enumerate(space.parameters):
        default = parameter.index(parameter.default)
        if len(parameter) == 1:
            continue
        moved = indices.copy()
        moved[:, d] = (default + 1) % len(parameter)
        dead[:, d] = (indices[:, d] == default) & (space.canonical(moved)[:, d] == default)
    return dead


def _table(result: CampaignResult, rows: IndexMatrix, rng: np.random.Generator) -> _Table:
    search = result.record.search_space
    rows = search.canonical(rows)
    dead = without_effect(search, rows)
    seen = [np.unique(rows[~dead[:, d], d]) for d in range(len(search))]
    varied = [d for d in range(len(search)) if len(seen[d]) > 1]
    spread = _any_value_where_dead(rows, dead, [(d, seen[d]) for d in varied], search, rng)
    positions = np.zeros((len(rows), len(varied)), dtype=np.int64)
    for p, d in enumerate(varied):
        positions[:, p] = np.minimum(np.searchsorted(seen[d], spread[:, d]), len(seen[d]) - 1)
    return _Table(
        positions=positions,
        n_values=tuple(len(seen[d]) for d in varied),
        columns=tuple(varied),
        space=search,
        constant=tuple(name for d, name in enumerate(search.names) if d not in varied),
        unmeasured={
            search.names[d]: tuple(v for i, v in enumerate(search.parameters[d].values) if i not in seen[d])
            for d in varied
            if len(seen[d]) < len(search.parameters[d])
        },
    )


def _any_value_where_dead(
    rows: IndexMatrix,
    dead: NDArray[np.bool_],
    seen: Sequence[tuple[int, IndexMatrix]],
    space: DesignSpace,
    rng: np.random.Generator,
) -> IndexMatrix:
    """The rows with random measured values where a parameter has no effect; each stays the same design."""
    spread = rows.copy()
    for d, values in seen:
        spread[dead[:, d], d] = rng.choice(values, size=int(dead[:, d].sum()))
    other = (space.canonical(spread) != rows).any(axis=1)  # a rule that rests on a parameter without effect
    spread[other] = rows[other]
    return spread


def _need_enough(result: CampaignResult, table: _Table, n: int) -> None:
    if not table.columns:
        raise DseError(
            f"campaign {result.name!r}: no parameter has more than one value among {n} measured designs, "
            "so nothing can be said about their importance"
        )
    needed = max(LEAST_TRIALS, LEAST_TRIALS_PER_PARAMETER * len(table.columns))
    if n < needed:
        raise DseError(
            f"campaign {result.name!r} has {n} distinct measured designs; the importance of "
            f"{len(table.columns)} parameters needs at least {needed}. Give it a larger budget (an agent "
            'called "random" serves best), or ask for another method, which simulates what it needs'
        )


def _importance(
    metric: str,
    values: NDArray[np.float64],
    table: _Table,
    rng: np.random.Generator,
    resamples: int,
    most: int,
) -> MetricImportance:
    n = len(values)
    logarithm = bool(values.min() > 0 and values.max() > _LOG_ABOVE * values.min())
    target = np.log(values) if logarithm else values
    order = rng.permutation(n)
    train = order[: min(most, n - int(np.ceil(_HELD_OUT * n)))]
    test = order[len(train) : len(train) + most]
    if np.ptp(target[train]) == 0 or np.ptp(target[test]) == 0:
        return _refused(metric, logarithm, len(train), len(test), float("nan"), "it hardly varies")
    ordinal = [table.space.parameters[d].ordinal for d in table.columns]
    process = AnovaProcess.fit(table.positions[train], target[train], ordinal, table.n_values)
    missed = target[test] - process.predict(table.positions[test])
    r2 = 1.0 - float((missed**2).sum() / ((target[test] - target[test].mean()) ** 2).sum())
    if r2 < LEAST_R2:
        why = (
            f"the function fitted to {len(train)} trials predicts too little of {len(test)} others "
            f"(R2 {r2:.2f}, needed {LEAST_R2:g}); run more trials, at best random ones"
        )
        return _refused(metric, logarithm, len(train), len(test), r2, why)
    kept = order[: min(most, n)]
    whole = AnovaProcess(table.positions[kept], target[kept], process.tables, process.noise)
    return MetricImportance(
        metric=metric,
        scale="log" if logarithm else "linear",
        trials=len(train),
        held_out=len(test),
        r2=r2,
        refused="",
        influences=_influences(whole, table, resamples, rng),
    )


def _influences(
    process: AnovaProcess, table: _Table, resamples: int, rng: np.random.Generator
) -> tuple[Influence, ...]:
    parameters = [table.space.parameters[d] for d in table.columns]
    owners = dict.fromkeys(parameter.subsystem for parameter in parameters)
    named: list[tuple[Kind, str, str]] = [("parameter", p.name, p.subsystem) for p in parameters]
    groups = [[p] for p in range(len(parameters))]
    for owner in owners:
        named.append(("subsystem", owner, owner))
        groups.append([p for p, parameter in enumerate(parameters) if parameter.subsystem == owner])
    first, total = process.indices(groups, resamples, rng)
    found = [
        Influence(name, kind, owner, _estimate(first[:, g]), _estimate(total[:, g]))
        for g, (kind, name, owner) in enumerate(named)
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, -one.total.value)))


def _estimate(values: NDArray[np.float64]) -> Estimate:
    """The estimate in row 0 with the normal bootstrap interval of the other rows.

    Not their percentiles: a function fitted to two thirds of the trials has fewer interactions.
    """
    value = float(values[0])
    reach = _Z95 * float(values[1:].std(ddof=1)) if len(values) > 2 else float("nan")
    return Estimate(value, max(value - reach, 0.0), min(value + reach, 1.0))


def _refused(
    metric: str, logarithm: bool, trials: int, held_out: int, r2: float, why: str
) -> MetricImportance:
    return MetricImportance(metric, "log" if logarithm else "linear", trials, held_out, r2, why, ())
