"""A Gaussian process over a discrete design space whose variance splits exactly into parameters.

The covariance is a product over the parameters of 1 + theta_d k_d, and every k_d sums to zero over the values
of its parameter (the ANOVA kernel of Durrande, Ginsbourger, Roustant and Carraro, Journal of Multivariate
Analysis 115, 2013). The fitted function therefore is a sum of one term for each set of parameters, all
uncorrelated when the values are uniform and independent, and the variance of any part of that sum is a
quadratic form in the weights of the trials: Sobol's indices without a sample of the space.

Cost: fitting is O(D n^2 + n^3) a step with n <= 400, the indices O(D^2 n^2) with n trials, D parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

_MOST_TO_TUNE = 400
_STEPS = 80
_THETA = (1e-4, 10.0)
_NOISE = (1e-6, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class AnovaProcess:
    """A fitted function of rows of value positions.

    rows: (n, D), distinct. target: (n,), standardised inside. tables: for each parameter theta_d k_d over its
    values. noise: variance of what no parameter explains, relative to the function's.
    """

    rows: Positions
    target: Floats
    tables: tuple[Floats, ...]
    noise: float

    @classmethod
    def fit(
        cls, rows: Positions, target: Floats, ordinal: Sequence[bool], n_values: Sequence[int]
    ) -> AnovaProcess:
        """Tune theta and the noise by their likelihood on the first rows, then keep all rows."""
        kernels = [centred_kernel(n, order) for n, order in zip(n_values, ordinal, strict=True)]
        theta, noise = _tuned(rows[:_MOST_TO_TUNE], target[:_MOST_TO_TUNE], kernels)
        tables = tuple(float(t) * kernel for t, kernel in zip(theta, kernels, strict=True))
        return cls(rows, target, tables, noise)

    def predict(self, at: Positions) -> Floats:
        """The function at rows (m, D)."""
        scaled, mean, deviation = _standardised(self.target)
        weights = self._weights(_covariance(self.rows, self.tables), scaled, np.ones(len(self.rows)))
        across = np.ones((len(at), len(self.rows)))
        for d, table in enumerate(self.tables):
            across *= 1.0 + table[at[:, d][:, None], self.rows[:, d][None, :]]
        predicted: Floats = mean + deviation * (across @ weights)
        return predicted

    def indices(
        self, groups: Sequence[Sequence[int]], resamples: int, rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """First-order and total index of each group of columns, (1 + resamples, number of groups) each.

        Row 0 is the estimate, the others are those of bootstrap samples of the trials. First order: the share
        of the variance that the group explains by itself; total: with every interaction it takes part in.
        """
        scaled, _, _ = _standardised(self.target)
        n = len(self.rows)
        counts = rng.multinomial(n, np.full(n, 1.0 / n), size=resamples)
        like = _covariance(self.rows, self.tables)
        weights = np.stack([self._weights(like, scaled, c) for c in (np.ones(n), *counts.astype(np.float64))])
        spreads = [
            1.0 + (t.T @ t / len(t))[x[:, None], x] for t, x in zip(self.tables, self.rows.T, strict=True)
        ]
        every = range(len(spreads))
        constant = weights.sum(axis=1) ** 2
        whole = _energy(weights, [spreads[d] for d in every])
        variance = whole - constant
        shares = np.zeros((2, len(weights), len(groups)))
        for g, group in enumerate(groups):
            inside = _energy(weights, [spreads[d] for d in group]) - constant
            outside = _energy(weights, [spreads[d] for d in every if d not in group])
            shares[:, :, g] = inside, whole - outside
        np.divide(shares, variance[None, :, None], out=shares, where=variance[None, :, None] > 0)
        return np.clip(shares[0], 0.0, 1.0), np.clip(shares[1], 0.0, 1.0)

    def _weights(self, like: Floats, scaled: Floats, counts: Floats) -> Floats:
        """The weight of each trial in the fitted function when it was drawn `counts` times."""
        drawn = np.flatnonzero(counts)
        covariance = like[np.ix_(drawn, drawn)]
        covariance[np.diag_indices_from(covariance)] += self.noise / counts[drawn]
        weights = np.zeros(len(scaled))
        weights[drawn] = _solve(covariance, scaled[drawn])
        return weights


def centred_kernel(n_values: int, ordinal: bool) -> Floats:
    """A covariance (n, n) over the values of one parameter: its rows sum to zero, its mean variance is 1.

    Alternatives are all equally unlike; ordered values are the more alike the nearer they are (exponentially,
    over the whole range), which allows a jump between any two neighbours.
    """
    position = np.arange(n_values)
    away = np.abs(position[:, None] - position[None, :])
    like = np.exp(-away / max(n_values - 1, 1)) if ordinal else (away == 0).astype(np.float64)
    centred = like - like.mean(axis=0)[None, :] - like.mean(axis=1)[:, None] + like.mean()
    variance = float(np.trace(centred)) / n_values
    kernel: Floats = centred / variance if variance > 0 else centred
    return kernel


def _tuned(rows: Positions, target: Floats, kernels: Sequence[Floats]) -> tuple[Floats, float]:
    """The theta (D,) and noise of the largest likelihood, the variance of the function taken out of it."""
    from scipy.optimize import minimize

    scaled, _, _ = _standardised(target)
    gathered = [kernel[x[:, None], x[None, :]] for kernel, x in zip(kernels, rows.T, strict=True)]
    start = np.append(np.full(len(kernels), 1.0 / len(kernels)), 1e-3)
    bounds = [*[tuple(np.log(_THETA))] * len(kernels), tuple(np.log(_NOISE))]
    found: Any = minimize(
        _loss,
        np.log(start),
        args=(gathered, scaled),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _STEPS},
    )
    best = np.exp(found.x)
    return best[:-1], float(best[-1])


def _loss(logs: Floats, gathered: Sequence[Floats], scaled: Floats) -> tuple[float, Floats]:
    """Minus the log likelihood and its gradient (Rasmussen and Williams 2006, equations 5.8 and 5.9)."""
    from scipy.linalg import cho_factor, cho_solve

    theta, noise = np.exp(logs[:-1]), float(np.exp(logs[-1]))
    n, size = len(scaled), len(gathered)
    factors = [1.0 + t * kernel for t, kernel in zip(theta, gathered, strict=True)]
    before = [np.ones((n, n))]
    for factor in factors:
        before.append(before[-1] * factor)
    covariance = before[-1].copy()
    covariance[np.diag_indices(n)] += noise
    lower = cho_factor(covariance, lower=True)
    weights = cho_solve(lower, scaled)
    fitted = max(float(scaled @ weights), 1e-300)
    loss = 0.5 * n * np.log(fitted / n) + float(np.log(np.diag(lower[0])).sum())
    slope = cho_solve(lower, np.eye(n)) - (n / fitted) * np.outer(weights, weights)
    gradient = np.empty(size + 1)
    gradient[size] = 0.5 * noise * np.trace(slope)
    for d in reversed(range(size)):
        gradient[d] = 0.5 * theta[d] * np.sum(slope * before[d] * gathered[d])
        slope *= factors[d]
    return float(loss), gradient


def _covariance(rows: Positions, tables: Sequence[Floats]) -> Floats:
    product = np.ones((len(rows), len(rows)))
    for table, x in zip(tables, rows.T, strict=True):
        product *= 1.0 + table[x[:, None], x[None, :]]
    return product


def _solve(covariance: Floats, scaled: Floats) -> Floats:
    from scipy.linalg import cho_factor, cho_solve

    solved: Floats = cho_solve(cho_factor(covariance, lower=True, overwrite_a=True), scaled)
    return solved


def _energy(weights: Floats, factors: Sequence[Floats]) -> Floats:
    """(B,) quadratic forms of the weights (B, n) in the elementwise product of the factors (n, n)."""
    product = np.ones((weights.shape[1], weights.shape[1]))
    for factor in factors:
        product *= factor
    energy: Floats = ((weights @ product) * weights).sum(axis=1)
    return energy


def _standardised(target: Floats) -> tuple[Floats, float, float]:
    mean, deviation = float(target.mean()), float(target.std())
    return (target - mean) / (deviation or 1.0), mean, deviation or 1.0
