"""`Screen`: a model of what a run has simulated in full, which says what designs are worth a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from dse.campaign.scoring import Scorer
from dse.registry import resolve
from dse.seeding import seed_sequence
from dse.space import IndexMatrix
from dse.store import RunRow
from dse.surrogate import LEAST_ROWS, Surrogate, encoded, n_columns

_GROWTH = 1.1

Values = NDArray[np.float64]


@dataclass(slots=True)
class Screen:
    """Predicts the metrics that objectives and bounds need, for one run.

    name: of the model in the registry. It learns from the examples in the order of the log, so that a resumed
    run predicts what the uninterrupted one would; other runs have no part in it. To save time it learns anew
    only when there are a tenth more of them.
    """

    name: str
    scorer: Scorer
    seed: np.random.SeedSequence
    _examples: dict[bytes, tuple[IndexMatrix, Values]] = field(default_factory=dict)
    _model: Surrogate | None = None
    _learnt: int = 0

    @classmethod
    def of(cls, name: str, scorer: Scorer, campaign_seed: int, run: RunRow) -> Screen:
        """The screen of a run, with a seed of its own."""
        return cls(name, scorer, seed_sequence(campaign_seed, f"{run.agent} surrogate", run.repetition))

    @property
    def ready(self) -> bool:
        """Whether there are enough examples to learn from."""
        return len(self._examples) >= LEAST_ROWS

    def add(self, rows: IndexMatrix, metrics: Values) -> None:
        """Note designs (N, D) and their metrics (N, M), all simulated in full; failed ones teach nothing."""
        targets = metrics[:, self._columns()]
        for i in np.flatnonzero(np.isfinite(targets).all(axis=1)).tolist():
            self._examples.setdefault(rows[i].tobytes(), (rows[i], targets[i]))

    def predict(self, rows: IndexMatrix) -> Values:
        """(B, M) metrics of designs (B, D); NaN for those that nobody needs."""
        space, columns = self.scorer.space, self._columns()
        model = self._fitted(_rounded(len(self._examples)))
        found = np.full((len(rows), len(self.scorer.schema)), np.nan)
        found[:, columns] = model.predict(encoded(space, rows))[0]
        return found

    def _fitted(self, n: int) -> Surrogate:
        """The model after the first n examples."""
        if self._model is None or self._learnt != n:
            space, columns = self.scorer.space, self._columns()
            rows, targets = zip(*islice(self._examples.values(), n), strict=True)
            model: Surrogate = resolve("surrogate", self.name)(n_columns(space), len(columns), self.seed)
            model.fit(encoded(space, np.stack(rows)), np.stack(targets))
            self._model, self._learnt = model, n
        return self._model

    def _columns(self) -> list[int]:
        """Of the metrics that decide a design's scores, each once."""
        scorer = self.scorer
        used = (scorer.schema.index(one.metric) for one in (*scorer.objectives, *scorer.bounds))
        return sorted(set(used))


def _rounded(n: int) -> int:
    """The largest number up to n of a row in which each is a tenth more than the one before."""
    step = LEAST_ROWS
    while (after := math.ceil(_GROWTH * step)) <= n:
        step = after
    return step
