"""From several costs and constraints to one order: scalarisation and constraint domination.

Costs are minimised. Scalarisation wants them scaled by `SearchProblem.scaled` (ideal point 0, reference point
1, both fixed before the search starts), so that a weight means the same from the first to the last design.
It is the augmented weighted Chebyshev norm (Steuer and Choo, Mathematical Programming 26, 1983): unlike a
weighted sum it reaches the concave parts of a front. Constraints follow Deb's rule (NSGA-II, IEEE TEC 6,
2002): feasible before infeasible, infeasible by total violation, failed last.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = NDArray[np.float64]
AUGMENTATION = 0.05  # share of the weighted sum; breaks the ties of the plain Chebyshev norm
INFEASIBLE = 1e6  # added to every infeasible score: far above any scaled cost


def chebyshev(scaled: Floats, weights: Floats) -> Floats:
    """Augmented weighted Chebyshev norm along the last axis; `scaled` and `weights` broadcast, (..., M)."""
    # a column an objective: numpy reduces along a last axis of two or three numbers several times slower
    first, *others = (scaled[..., m] * weights[..., m] for m in range(scaled.shape[-1]))
    worst: Floats = reduce(np.maximum, others, first) + AUGMENTATION * sum(others, start=first)
    return worst


def total_violation(violations: Floats) -> Floats:
    """Sum (B,) of the positive parts of the constraint violations (B, K); not finite counts as infinite."""
    clean = np.where(np.isfinite(violations), np.maximum(violations, 0.0), np.inf)
    total: Floats = clean.sum(axis=-1)
    return total


def failed(costs: Floats) -> NDArray[np.bool_]:
    """Rows (B,) whose simulation gave no usable result: any cost that is not finite."""
    return np.logical_not(np.isfinite(costs).all(axis=-1))


def constrained_score(scalar: Floats, violation: Floats) -> Floats:
    """One number to minimise: feasible below infeasible, infeasible by violation, unknown at +inf.

    scalar and violation broadcast. A violated design with unknown costs (the campaign does not simulate what
    the space forbids) is ranked by its violation alone.
    """
    score: Floats = np.where(violation > 0.0, INFEASIBLE * (1.0 + violation), scalar)
    return np.where(np.isnan(score), np.inf, score)


def preference_weights(n: int, n_objectives: int, rng: np.random.Generator) -> Floats:
    """`n` weight vectors (n, M), uniform on the simplex (normalised exponentials)."""
    draws = rng.standard_exponential((n, n_objectives))
    return np.asarray(draws / draws.sum(axis=1, keepdims=True), dtype=np.float64)


def normal_scores(scores: Floats) -> Floats:
    """Of scores (..., R), which are minimised: the quantile of a normal distribution at each one's rank in R.

    The least score comes out highest; equal scores share their mean rank.
    """
    ranks = rankdata(-scores, axis=-1)
    quantiles: Floats = ndtri((ranks - 0.5) / scores.shape[-1])
    return quantiles
