"""`Surrogate`: an online model of a simulator's metrics with uncertainty, fitted to what was simulated.

It screens: a model says which designs are worth a simulation, and what is reported has been simulated.
Models see designs as columns of numbers (`encoded`) and are found by name in the registry, as "surrogate".
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dse.errors import DseError
from dse.parameter import Parameter
from dse.space import DesignSpace, IndexMatrix

LEAST_ROWS = 10
"""Designs with finite metrics that `fit` needs."""


class SurrogateError(DseError):
    """A model that was asked for something before it was fitted, or given arrays of the wrong shape."""


class TooFewDesigns(SurrogateError):
    """Fewer than `LEAST_ROWS` usable designs: simulate more before fitting."""


@runtime_checkable
class Surrogate(Protocol):
    """Predicts metrics. Built as `Class(n_parameters, n_targets, seed: np.random.SeedSequence, **options)`.

    n_parameters: the columns of x (D), which is `n_columns(space)` and not the number of parameters.
    n_targets: the columns of y (M). The same seed and the same rows give the same predictions bit for bit,
    however often the model was fitted before and on however many cores. Raises ConfigError for an option it
    does not have.
    """

    def fit(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Learn from designs x (N, D) and their metrics y (N, M); replaces what was learnt before.

        Rows in which a metric is not finite (failed designs) are left out. A target whose values are all
        above 0 and span more than a factor of ten is learnt in its logarithm. Raises TooFewDesigns when fewer
        than `LEAST_ROWS` rows are left, and SurrogateError for wrong shapes.
        """
        ...

    def predict(self, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation, (B, M) each and in the units of y, of designs x (B, D).

        Of a target learnt in its logarithm the mean is the exponential of the mean logarithm, and the
        deviation that mean times the deviation of the logarithm. Raises SurrogateError before the first fit
        and for wrong shapes.
        """
        ...


def encoded(space: DesignSpace, rows: IndexMatrix) -> NDArray[np.float64]:
    """Designs as numbers from 0 to 1: (N, D) float64 of canonical rows (N, number of parameters).

    An ordered parameter is one column: the rank of its value, or the logarithm where its values are powers of
    two. A choice is one column a value, 1 where the design has it; one of two values is a single column. A
    parameter of one value has none. So D may be larger or smaller than the number of parameters.
    """
    columns = [_table(parameter)[rows[:, d]] for d, parameter in enumerate(space.parameters)]
    return np.concatenate([np.zeros((len(rows), 0)), *columns], axis=1)


def n_columns(space: DesignSpace) -> int:
    """D of `encoded`."""
    return sum(_table(parameter).shape[1] for parameter in space.parameters)


def in_logarithm(y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(M,) which targets of y (N, M) a model learns in their logarithm; only finite values count."""
    finite = np.isfinite(y)
    low = np.min(y, axis=0, where=finite, initial=np.inf)
    high = np.max(y, axis=0, where=finite, initial=-np.inf)
    wide: NDArray[np.bool_] = np.logical_and(low > 0, high > _LOG_ABOVE * low)
    return wide


_LOG_ABOVE = 10.0


def _table(parameter: Parameter) -> NDArray[np.float64]:
    """(number of values, columns) what stands for each value."""
    n = len(parameter)
    if n == 1:
        return np.zeros((1, 0))
    if not parameter.ordinal and n > 2:
        return np.eye(n)
    place = np.arange(n, dtype=np.float64)
    if parameter.kind == "power_of_two":
        place = np.log2(np.array(parameter.values, dtype=np.float64))
    scaled: NDArray[np.float64] = (place - place[0]) / (place[-1] - place[0])
    return scaled[:, None]
