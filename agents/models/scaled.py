"""What every model of metrics does the same way: check its arrays, drop failed designs, take logarithms."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from dse.surrogate import LEAST_ROWS, SurrogateError, TooFewDesigns, in_logarithm

Floats = NDArray[np.float64]


class ScaledModel(ABC):
    """A `Surrogate` but for `_learn` and `_foretell`, which see finite targets on the scale of the fit."""

    def __init__(self, n_parameters: int, n_targets: int, seed: np.random.SeedSequence) -> None:
        if n_parameters < 1 or n_targets < 1:
            raise SurrogateError(
                f"a model of {n_targets} metrics over {n_parameters} columns has nothing to learn: "
                "expected at least one metric, and one parameter with more than one value"
            )
        self._n_parameters = n_parameters
        self._n_targets = n_targets
        self._seeds: list[int] = seed.generate_state(n_targets).tolist()
        self._logarithm: NDArray[np.bool_] | None = None

    def fit(self, x: Floats, y: Floats) -> None:
        """Learn from designs x (N, D) and metrics y (N, M); see `Surrogate.fit`."""
        x, y = _matrix("x", x, self._n_parameters), _matrix("y", y, self._n_targets)
        if len(x) != len(y):
            raise SurrogateError(f"x has {len(x)} rows and y has {len(y)}: expected one of each for a design")
        _all_finite(x)
        usable = np.flatnonzero(np.isfinite(y).all(axis=1))
        if len(usable) < LEAST_ROWS:
            raise TooFewDesigns(
                f"{len(usable)} of {len(y)} designs have metrics: a model needs at least {LEAST_ROWS}"
            )
        x, y = x[usable], y[usable]
        logarithm = in_logarithm(y)
        self._learn(x, np.log(y, out=y.copy(), where=logarithm))
        self._logarithm = logarithm

    def predict(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation (B, M) of designs x (B, D); see `Surrogate.predict`."""
        if self._logarithm is None:
            raise SurrogateError("the model was asked before it was fitted: call fit first")
        x = _matrix("x", x, self._n_parameters)
        _all_finite(x)
        mean, deviation = self._foretell(x)
        mean = np.exp(mean, out=mean, where=self._logarithm)
        deviation = np.multiply(deviation, mean, out=deviation, where=self._logarithm)
        return mean, deviation

    @abstractmethod
    def _learn(self, x: Floats, y: Floats) -> None:
        """From finite x (N, D) and y (N, M), N >= `LEAST_ROWS`."""

    @abstractmethod
    def _foretell(self, x: Floats) -> tuple[Floats, Floats]:
        """New arrays of mean and deviation (B, M) on the scale of what was learnt, for x (B, D)."""


def _matrix(name: str, values: Floats, columns: int) -> Floats:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != columns:
        what = "columns of `encoded`" if name == "x" else "metrics"
        raise SurrogateError(
            f"{name} has shape {matrix.shape}: expected (number of designs, {columns}), the {columns} {what} "
            "that the model was built for"
        )
    return matrix


def _all_finite(x: Floats) -> None:
    if not np.isfinite(x).all():
        raise SurrogateError("x has values that are not finite: expected designs as `encoded` gives them")
