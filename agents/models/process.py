"""Gaussian processes, one a metric: for few designs, and for metrics that follow the parameters smoothly.

The covariance is Matern's with nu = 3/2 (Rasmussen and Williams 2006, section 4.2.1) of one length over the
columns, which are first scaled by the square root of their importance in a small forest, plus noise. So three
numbers are tuned by their likelihood and not one a column: on random designs of the DRAM controller (38
columns) this ranked others as well as a length for each column, or as the process of `agents.analysis.anova`,
in a third of the time or less, and kept its deviations honest where the many lengths fitted the noise (two
deviations held 84 to 98 % of the errors, against 53 to 96 %).

Fitting N designs costs O(N^3), a prediction O(N^2), so N is limited: of more designs the latest count, and
the log of `dse -v` says so.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.models.scaled import Floats, ScaledModel
from agents.options import option, read_options

_log = logging.getLogger("dse.surrogate")  # the tree that the command line listens to

_MOST_TUNED = 300
_TREES = 30
_ASKED_AT_ONCE = 2048
_VARIANCE = (1e-2, 1e3)
_LENGTH = (0.05, 1e3)
_NOISE = (1e-6, 1.0)


@dataclass(frozen=True, slots=True)
class Options:
    """How many designs it learns from."""

    most: int = option(
        1000, low=10, high=5000, meaning="designs at most, the latest ones; time grows cubically"
    )


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The process of one standardised metric over columns times `scale` (D,); None if it never changes."""

    process: Any
    scale: Floats
    mean: float
    deviation: float


class Process(ScaledModel):
    """One Gaussian process a metric; see the module text."""

    def __init__(
        self, n_parameters: int, n_targets: int, seed: np.random.SeedSequence, **options: Any
    ) -> None:
        super().__init__(n_parameters, n_targets, seed)
        self.options = read_options(Options, options, algorithm="gp", role="surrogate")
        self._fitted: list[_Fitted] = []

    def _learn(self, x: Floats, y: Floats) -> None:
        if len(x) > self.options.most:
            _log.info("gp: %d designs given, learning from the last %d", len(x), self.options.most)
            x, y = x[-self.options.most :], y[-self.options.most :]
        with _one_thread():
            self._fitted = [_fit(x, target, seed) for target, seed in zip(y.T, self._seeds, strict=True)]

    def _foretell(self, x: Floats) -> tuple[Floats, Floats]:
        mean, deviation = np.zeros((len(x), len(self._fitted))), np.zeros((len(x), len(self._fitted)))
        with _one_thread():
            for m, one in enumerate(self._fitted):
                for first in range(0, len(x), _ASKED_AT_ONCE):
                    part = slice(first, first + _ASKED_AT_ONCE)
                    mean[part, m], deviation[part, m] = _ask(one, x[part])
        return mean, deviation


def _fit(x: Floats, target: Floats, seed: int) -> _Fitted:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    centre, spread = float(target.mean()), float(target.std())
    if np.ptp(target) == 0:
        return _Fitted(None, np.ones(x.shape[1]), float(target[0]), 0.0)
    z = (target - centre) / spread
    importance = RandomForestRegressor(_TREES, random_state=seed, n_jobs=1).fit(x, z).feature_importances_
    scale = np.sqrt(importance / (importance.max() or 1.0))  # 0 where no column tells the designs apart
    kernel = ConstantKernel(1.0, _VARIANCE) * Matern(2.0, _LENGTH, nu=1.5) + WhiteKernel(1e-2, _NOISE)
    some = np.linspace(0, len(x) - 1, min(len(x), _MOST_TUNED)).astype(np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a number at its bound is an answer too
        tuned = GaussianProcessRegressor(kernel).fit(x[some] * scale, z[some])
    process = GaussianProcessRegressor(tuned.kernel_, optimizer=None).fit(x * scale, z)
    return _Fitted(process, scale, centre, spread)


def _ask(one: _Fitted, x: Floats) -> tuple[Floats, Floats]:
    if one.process is None:
        return np.full(len(x), one.mean), np.zeros(len(x))
    mean, deviation = one.process.predict(x * one.scale, return_std=True)
    return one.mean + one.deviation * mean, one.deviation * deviation


def _one_thread() -> Any:
    """Linear algebra on one core: on several it adds up in another order, and the last bits differ."""
    import sklearn.gaussian_process  # noqa: F401  (its libraries have to be there to be limited)
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")
