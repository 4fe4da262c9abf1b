"""Cross-validation of surrogates on a campaign's trials: can their predictions be trusted for screening?

Every distinct design that was simulated in full is predicted once, by a model that learnt from the designs
of the other folds. The folds are drawn at random, so this tells how a model fares among designs like those of
the campaign; where agents go next may be farther away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.campaign.result import CampaignResult
from dse.errors import DseError
from dse.metrics import Direction, MetricSpec
from dse.registry import names, resolve
from dse.surrogate import LEAST_ROWS, Surrogate, encoded, in_logarithm, n_columns
from dse.surrogate_accuracy import MetricAccuracy, SurrogateAccuracy

FOLDS = 5
MOST_DESIGNS = 1000
LEAST_DESIGNS = 2 * LEAST_ROWS
_BEST = 0.10
_KEPT = 0.25

Floats = NDArray[np.float64]


def cross_validate(
    result: CampaignResult,
    metrics: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    *,
    designs: int = MOST_DESIGNS,
    seed: int = 0,
) -> SurrogateAccuracy:
    """Accuracy of models (default: all) on metrics (default: objectives and bounds) of a campaign.

    designs: at most, drawn at random when there are more. The same trials and seed give the same numbers.
    Raises DseError if fewer than `LEAST_DESIGNS` designs have been simulated in full, ConfigError for an
    unknown metric, LookupFailed for an unknown model.
    """
    record = result.record
    wanted = [objective.metric for objective in (*record.objectives, *record.constraints)]
    specs = [record.schema.spec(name) for name in dict.fromkeys(metrics or wanted)]
    chosen = tuple(dict.fromkeys(models or names("surrogate")))
    built = [resolve("surrogate", model) for model in chosen]
    rng = np.random.default_rng(seed)
    usable = _usable(result, [record.schema.index(spec.name) for spec in specs], designs, rng)
    folds = np.array_split(rng.permutation(len(usable.x)), FOLDS)
    found: list[MetricAccuracy] = []
    for name, build in zip(chosen, built, strict=True):
        model = build(n_columns(record.space), len(specs), np.random.SeedSequence(seed))
        mean, deviation = _foretold(model, folds, usable.x, usable.y)
        found += [
            _accuracy(name, spec, _direction(result, spec), usable.y[:, m], mean[:, m], deviation[:, m])
            for m, spec in enumerate(specs)
        ]
    return SurrogateAccuracy(
        campaign=result.name,
        folds=FOLDS,
        designs=len(usable.x),
        measured=usable.measured,
        failed=usable.failed,
        learnt=len(usable.x) - max(len(fold) for fold in folds),
        metrics=tuple(found),
    )


class _Usable(NamedTuple):
    """Columns x (n, D) and metrics y (n, M) of the designs used, and how many there were."""

    x: Floats
    y: Floats
    measured: int
    failed: int


def _usable(result: CampaignResult, columns: Sequence[int], most: int, rng: np.random.Generator) -> _Usable:
    space, trials = result.record.space, result.trials.taken(result.trials.fidelity >= 1)
    _, first = np.unique(space.keys(trials.indices), return_index=True)
    first = np.sort(first)
    values = trials.metrics[first][:, columns]
    finite = np.isfinite(values).all(axis=1)
    measured = int(finite.sum())
    if measured < LEAST_DESIGNS:
        raise DseError(
            f"campaign {result.name!r} has simulated {measured} distinct designs in full: models need at "
            f"least {LEAST_DESIGNS} to learn from and to be tested on. Give it a larger budget"
        )
    kept = np.flatnonzero(finite)
    if len(kept) > most:
        kept = np.sort(rng.choice(kept, most, replace=False))
    return _Usable(
        x=encoded(space, trials.indices[first[kept]]),
        y=values[kept],
        measured=measured,
        failed=len(first) - measured,
    )


def _foretold(model: Surrogate, folds: Sequence[NDArray[Any]], x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation (n, M) of each design by the model that learnt from the other folds alone."""
    mean, deviation = np.empty_like(y), np.empty_like(y)
    for fold in folds:
        others = np.setdiff1d(np.arange(len(x)), fold)
        model.fit(x[others], y[others])
        mean[fold], deviation[fold] = model.predict(x[fold])
    return mean, deviation


def _direction(result: CampaignResult, spec: MetricSpec) -> Direction:
    """Which way the campaign wants the metric, else which way is better by itself."""
    wanted = {o.metric: o.direction for o in (*result.record.constraints, *result.record.objectives)}
    return wanted.get(spec.name) or spec.direction


def _accuracy(
    model: str, spec: MetricSpec, direction: Direction, simulated: Floats, mean: Floats, deviation: Floats
) -> MetricAccuracy:
    from scipy.stats import kendalltau

    logarithm = bool(in_logarithm(simulated[:, None])[0])
    truth, said, spread = simulated, mean, deviation
    if logarithm:
        positive = np.maximum(mean, np.finfo(np.float64).tiny)
        truth, said, spread = np.log(simulated), np.log(positive), deviation / positive
    missed = np.abs(said - truth)
    varies = bool(np.ptp(simulated) > 0)
    relative = np.abs(mean - simulated)[simulated != 0] / np.abs(simulated[simulated != 0])
    return MetricAccuracy(
        model=model,
        metric=spec.name,
        unit=spec.unit,
        scale="log" if logarithm else "linear",
        kendall_tau=float(kendalltau(mean, simulated)[0]) if varies else math.nan,
        r2=1.0 - float((missed**2).sum() / ((truth - truth.mean()) ** 2).sum()) if varies else math.nan,
        error_median=float(np.median(relative)) if len(relative) else math.nan,
        error_p95=float(np.quantile(relative, 0.95)) if len(relative) else math.nan,
        within=float((missed <= 2 * spread).mean()) if varies else math.nan,
        best_kept=_best_kept(simulated, mean, direction) if varies else math.nan,
        simulated=tuple(simulated.tolist()),
        predicted=tuple(mean.tolist()),
        deviation=tuple(deviation.tolist()),
    )


def _best_kept(simulated: Floats, mean: Floats, direction: Direction) -> float:
    """Share of the best tenth that is among the best quarter by prediction; NaN if neither way is better.

    As good as the last of the tenth counts as the tenth; where so many are, as many are kept.
    """
    if direction == "none":
        return math.nan
    sign = -1.0 if direction == "max" else 1.0
    costs, n = sign * simulated, len(simulated)
    best = costs <= np.sort(costs)[math.ceil(_BEST * n) - 1]
    kept = np.argsort(sign * mean, kind="stable")[: max(math.ceil(_KEPT * n), int(best.sum()))]
    return float(best[kept].sum() / best.sum())
