"""Searchers whose model is one categorical distribution a parameter: sampling, learning and restarts.

Several models stand side by side, each with a preference between the objectives (one model where there is one
objective). A generation samples them in turn. What a model draws again although it is known is not proposed,
but joins the generation that is learned from, as if it had been simulated again. When hardly any of a model's
samples is new it has collapsed, and starts again blank under another preference. Parameters without effect
in a design get no credit for it; values that are forbidden by themselves have probability zero.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.search.archive import usable
from agents.search.generations import Generations
from agents.search.scalarize import Floats
from agents.search.values import barred_values, with_effect
from dse.search import Results, SearchProblem
from dse.space import IndexMatrix

_ROUNDS = 8  # of sampling to fill a generation with new designs


@dataclass(frozen=True, slots=True)
class Settings:
    """How the models are sampled and move.

    size: designs a generation. models: how many, where there are several objectives. rate: how far an update
    moves a table. floor: probability that is spread evenly over a parameter's values. restart: a model starts
    again when less of its samples is new.
    """

    size: int
    models: int
    rate: float
    floor: float
    restart: float


class Factored(Generations):
    """Tables (K, D, V) of probabilities that move towards the designs that `_teachers` picks."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, settings: Settings) -> None:
        super().__init__(problem, seed)
        self._settings = settings
        allowed = np.logical_not(barred_values(self.space))
        self._blank: Floats = allowed / allowed.sum(axis=1, keepdims=True)
        n_models = settings.models if problem.n_objectives > 1 else 1
        self._weights = self._memory.weights(n_models)
        self._tables = np.repeat(self._blank[None], n_models, axis=0)
        self._begin()

    @abstractmethod
    def _teachers(self, weights: Floats, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
        """Rows (E,) of the archive to learn from and their shares (E,), given a generation's rows (n,)."""

    def _sharpened(self, tables: Floats) -> Floats:
        """The tables (K, D, V) as they are sampled, before the floor."""
        return tables

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Remember designs of others; between two generations they are learned from as one."""
        if not len(self._pending):
            self._begin()
        super().hear(indices, results)

    def state(self) -> dict[str, Any]:
        """Archive, generator, the unfinished generation, and the models with what they drew again."""
        models = {
            "weights": self._weights.copy(),
            "tables": self._tables.copy(),
            "drawn": self._drawn.copy(),
            "repeats": self._repeats,
        }
        return {**super().state(), "models": models}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        super().load(state)
        models = state["models"]
        self._weights, self._tables = models["weights"].copy(), models["tables"].copy()
        self._drawn, self._repeats = models["drawn"].copy(), models["repeats"]

    def probabilities(self) -> Floats:
        """(K, D, V) probability of each value in each model; rows sum to 1."""
        floor = self._settings.floor
        mixed: Floats = (1.0 - floor) * self._sharpened(self._tables) + floor * self._blank
        return mixed

    def _begin(self) -> None:
        """Nothing drawn yet: `_drawn` (K, 2) counts new and repeated samples; `_repeats` holds the latter."""
        self._drawn = np.zeros((len(self._tables), 2), dtype=np.int64)
        self._repeats = np.zeros((0, len(self.space)), dtype=np.int16)

    def _breed(self) -> IndexMatrix:
        """Samples that are new and allowed; random designs where the models give none."""
        self._begin()
        makers = np.arange(self._settings.size) % len(self._tables)
        cumulative = self.probabilities().cumsum(axis=2)
        found = []
        for _ in range(_ROUNDS):
            rows = self._sample(cumulative, makers)
            allowed = usable(self.space, rows)
            new = self._memory.seen.fresh(rows) & allowed
            again = allowed & ~new
            self._memory.seen.add(rows[new])
            found.append(rows[new])
            self._repeats = np.concatenate([self._repeats, rows[again]])
            self._drawn += np.stack(
                [np.bincount(makers[m], minlength=len(self._tables)) for m in (new, again)], 1
            )
            makers = makers[~new]
            if not len(makers):
                break
        return np.concatenate([*found, self._memory.draw(len(makers))])

    def _sample(self, cumulative: Floats, makers: NDArray[np.int64]) -> IndexMatrix:
        """One canonical design for each maker (a number of a model)."""
        luck = self._memory.rng.random((len(makers), len(self.space), 1))
        # the last sum may lie below 1 by rounding: compare with shares of it
        positions = (luck * cumulative[makers, :, -1:] >= cumulative[makers]).sum(axis=2)
        return self.space.canonical(positions.astype(np.int16))

    def _learn(self, generation: IndexMatrix) -> None:
        """Every model moves towards its teachers, or starts again."""
        rows = self._memory.archive.find(np.concatenate([generation, self._repeats]))
        new, again = self._drawn.T
        collapsed = new < self._settings.restart * (new + again)
        for k in range(len(self._tables)):
            if collapsed[k]:
                self._weights[k], self._tables[k] = self._memory.weights(1)[0], self._blank
            else:
                teachers, shares = self._teachers(self._weights[k], rows)
                self._move(self._tables[k], self._memory.archive.designs[teachers], shares)

    def _move(self, table: Floats, designs: IndexMatrix, shares: Floats) -> None:
        """Move a table (D, V) towards how often the values come in these designs, by their shares."""
        counts = np.zeros_like(table)
        columns = np.broadcast_to(np.arange(len(self.space)), designs.shape)
        np.add.at(counts, (columns, designs), with_effect(self.space, designs) * shares[:, None])
        total = counts.sum(axis=1, keepdims=True)
        taught = total[:, 0] > 0.0
        table[taught] += self._settings.rate * (counts[taught] / total[taught] - table[taught])
