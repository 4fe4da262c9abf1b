"""Random forests, one a metric: right without tuning, with few designs, and with metrics that jump.

Breiman, Machine Learning 45, 2001, as scikit-learn has it, every column tried at every split. The mean is
that of the trees and the deviation that among them, each tree having seen another sample of the designs: on
random designs of the DRAM controller two deviations held 92 to 98 % of the errors, where extremely randomised
trees, no more accurate, held 76 to 96 %.

A tree of N designs and D columns costs O(D N log^2 N) to grow, and a prediction its depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.models.scaled import Floats, ScaledModel
from agents.options import option, read_options


@dataclass(frozen=True, slots=True)
class Options:
    """How large the forest is."""

    trees: int = option(
        50, low=10, meaning="trees a metric; twice as many take twice the time and gain little"
    )
    leaf: int = option(1, low=1, meaning="fewest designs in a leaf; more smooth the noise of rare events")


class Forest(ScaledModel):
    """One forest a metric; see the module text."""

    def __init__(
        self, n_parameters: int, n_targets: int, seed: np.random.SeedSequence, **options: Any
    ) -> None:
        super().__init__(n_parameters, n_targets, seed)
        self.options = read_options(Options, options, algorithm="forest", role="surrogate")
        self._forests: list[Any] = []

    def _learn(self, x: Floats, y: Floats) -> None:
        from sklearn.ensemble import RandomForestRegressor

        self._forests = [
            RandomForestRegressor(
                self.options.trees, min_samples_leaf=self.options.leaf, random_state=seed, n_jobs=1
            ).fit(x, target)
            for seed, target in zip(self._seeds, y.T, strict=True)
        ]

    def _foretell(self, x: Floats) -> tuple[Floats, Floats]:
        mean, deviation = np.zeros((len(x), len(self._forests))), np.zeros((len(x), len(self._forests)))
        if not len(x):
            return mean, deviation
        narrow = x.astype(np.float32)  # what trees compare with; checked already, so not again for each tree
        for m, forest in enumerate(self._forests):
            said = np.stack([tree.predict(narrow, check_input=False) for tree in forest.estimators_])
            mean[:, m], deviation[:, m] = said.mean(axis=0), said.std(axis=0)
        return mean, deviation
