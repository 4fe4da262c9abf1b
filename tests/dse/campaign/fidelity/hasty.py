"""The fake simulator, which errs on short runs: by design, and the more the shorter they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.dse.fake import FakeSimulator


class HastySimulator(FakeSimulator):
    """error: of `time_ns` on a run of no length, relative; it shrinks with the requests and hits designs
    differently. `poison` fails designs as in the fake."""

    name = "hasty"

    def __init__(self, *, error: float = 0.3, **options: Any) -> None:
        super().__init__(**options)
        self.error = error
        self._options = {**self._options, "error": error}
        self.runs: list[tuple[int, int]] = []

    def run_batch(self, points: Any, workloads: Any, threads: int = 1) -> Any:
        self.runs += [(len(points), len(workload)) for workload in workloads]
        return super().run_batch(points, workloads, threads)

    def _values(self, rows: np.ndarray, loads: np.ndarray) -> np.ndarray:
        values = super()._values(rows, loads)
        luck = np.sin(rows @ np.arange(1, rows.shape[1] + 1))
        values[:, :, 0] *= 1 + self.error * luck[:, None] / (1 + 10 * loads[None, :])
        values[:, :, 2] = values[:, :, 1] / values[:, :, 0]
        return values


class PlainModel:
    """Least squares, in place of a forest: quick."""

    def __init__(self, n_parameters: int, n_targets: int, seed: np.random.SeedSequence) -> None:
        self.weights = np.zeros((n_parameters + 1, n_targets))

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        self.weights = np.linalg.lstsq(_with_one(x), y, rcond=None)[0]

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = _with_one(x) @ self.weights
        return mean, np.zeros_like(mean)


def _with_one(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x, np.ones(len(x))])
