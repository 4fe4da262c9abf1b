"""Statistics over runs: interquartile mean, bootstrap intervals, profiles, improvement, samples to a target.

As in Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice" (NeurIPS 2021,
arXiv 2108.13264, the library rliable): scores of one method are a list of cells (tasks), each an array of
its runs; a stratified bootstrap draws runs anew within every cell. Scores are losses: less is better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 2000
_LEVEL = (2.5, 97.5)
_AT_ONCE = 2_000_000


class Interval(NamedTuple):
    """A statistic and its 95 % percentile bootstrap interval."""

    value: float
    low: float
    high: float


class Arrival(NamedTuple):
    """How many simulations a target takes.

    reached, censored: runs that did and that ended before. median: Kaplan and Meier's; None if fewer than
    half arrive. expected: ERT, what one arrival costs with independent restarts; None if no run arrived.
    """

    reached: int
    censored: int
    median: float | None
    expected: float | None


def iqm(scores: Values) -> Values:
    """(..., n) -> (...): the mean without the lowest and the highest quarter, each rounded down to runs."""
    n = scores.shape[-1]
    cut = n // 4
    middle: Values = np.sort(scores, axis=-1)[..., cut : n - cut].mean(axis=-1)
    return middle


def median(scores: Values) -> Values:
    """(..., n) -> (...)."""
    found: Values = np.median(scores, axis=-1)
    return found


def interval(
    cells: Sequence[Values],
    statistic: Callable[[Values], Values],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Interval:
    """A statistic of all runs of all cells together, with its stratified bootstrap interval."""
    runs = sum(map(len, cells))
    at_once = max(1, _AT_ONCE // runs)
    drawn = [
        statistic(_resampled(cells, min(at_once, resamples - start), rng))
        for start in range(0, resamples, at_once)
    ]
    low, high = np.percentile(np.concatenate(drawn), _LEVEL)
    return Interval(float(statistic(np.concatenate(cells))), float(low), float(high))


def band(
    cells: Sequence[Values],
    statistic: Callable[[Values], Values],
    rng: np.random.Generator,
    resamples: int = RESAMPLES // 2,
) -> tuple[Values, Values, Values]:
    """The same for curves: cells of (runs, T); value, low and high, (T,) each.

    Every point is drawn from the same resampled runs, so that the band is as smooth as the runs are.
    """
    drawn = [rng.integers(len(cell), size=(resamples, len(cell))) for cell in cells]
    points = cells[0].shape[1]
    value, low, high = np.empty(points), np.empty(points), np.empty(points)
    for t in range(points):
        columns = [cell[:, t] for cell in cells]
        value[t] = statistic(np.concatenate(columns))
        again = [column[rows] for column, rows in zip(columns, drawn, strict=True)]
        low[t], high[t] = np.percentile(statistic(np.concatenate(again, axis=1)), _LEVEL)
    return value, low, high


def profile(
    cells: Sequence[Values], taus: Values, rng: np.random.Generator, resamples: int = RESAMPLES // 2
) -> tuple[Values, Values, Values]:
    """Performance profile: the share of all runs with a score <= tau, with pointwise intervals; (T,) each."""
    reached = [(cell[:, None] <= taus).astype(np.float64) for cell in cells]
    return band(reached, lambda values: values.mean(axis=-1), rng, resamples)


def improvement(
    ours: Sequence[Values],
    theirs: Sequence[Values],
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
) -> Interval:
    """Probability that a run of ours has a lower score than one of theirs; a tie counts half.

    In each cell Mann and Whitney's U over the number of pairs; the mean over the cells.
    """
    value = 0.0
    drawn = np.zeros(resamples)
    for mine, other in zip(ours, theirs, strict=True):
        better = (mine[:, None] < other) + 0.5 * (mine[:, None] == other)
        value += float(better.mean())
        left, right = _counts(len(mine), resamples, rng), _counts(len(other), resamples, rng)
        drawn += ((left @ better) * right).sum(axis=1) / better.size
    low, high = np.percentile(drawn / len(ours), _LEVEL)
    return Interval(value / len(ours), float(low), float(high))


def arrival(spent: Values, reached: NDArray[np.bool_]) -> Arrival:
    """Samples to a target of runs that reached it at `spent` (n,), or had spent that much when they ended.

    Median: Kaplan and Meier (1958), which takes a run that ended as one that might have arrived later.
    Expected: ERT (Hansen et al., COCO): everything spent until arrival or end, over the arrivals.
    """
    arrivals = int(reached.sum())
    alive, half = 1.0, None
    for time in np.unique(spent[reached]).tolist():
        alive *= 1.0 - int((reached & (spent == time)).sum()) / int((spent >= time).sum())
        if half is None and alive <= 0.5 + 1e-12:
            half = float(time)
    expected = float(spent.sum()) / arrivals if arrivals else None
    return Arrival(arrivals, len(spent) - arrivals, half, expected)


def _resampled(cells: Sequence[Values], resamples: int, rng: np.random.Generator) -> Values:
    """(resamples, all runs): each cell's runs drawn anew with replacement."""
    return np.concatenate(
        [cell[rng.integers(len(cell), size=(resamples, len(cell)))] for cell in cells], axis=1
    )


def _counts(runs: int, resamples: int, rng: np.random.Generator) -> Values:
    """(resamples, runs): how often each run is drawn in a resample."""
    return rng.multinomial(runs, np.full(runs, 1.0 / runs), size=resamples).astype(np.float64)
