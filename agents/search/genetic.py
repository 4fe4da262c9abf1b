"""A genetic algorithm with one population and a scalar fitness: tournament, uniform crossover, mutation.

Every child draws a preference between the objectives; its parents win tournaments under that preference
(augmented Chebyshev, feasible first), and the next population takes, for fresh preferences, the best that is
left of the children and the elites. With one objective this is the plain genetic algorithm of ArchGym
(scikit-opt: tournaments of three, generations replaced); `elites = 0` replaces whole generations as that
does, and its `prob_mut` is a probability a bit where `mutation` is one a parameter. Unlike that one it never
simulates a design twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.options import option, read_options
from agents.search.generations import Generations
from agents.search.mutation import StepMutation
from dse.search import Capabilities, SearchProblem
from dse.space import IndexMatrix

_MATINGS = 20  # attempts to fill a generation with designs never proposed


@dataclass(frozen=True, slots=True)
class Options:
    """Population, selection and variation."""

    population: int = option(20, low=2, meaning="individuals kept, and offspring a generation")
    tournament: int = option(3, low=1, meaning="individuals of which the best becomes a parent")
    crossover: float = option(0.9, low=0.0, high=1.0, meaning="probability that two parents are mixed")
    mutation: float = option(
        0.0, low=0.0, high=1.0, meaning="probability a parameter; 0 means 1 / parameters"
    )
    jump: float = option(
        0.2, low=0.0, high=1.0, meaning="share of mutations of ordered parameters to any value"
    )
    elites: float = option(0.5, low=0.0, high=1.0, meaning="share of the population that may live on")


class Genetic(Generations):
    """A population of told designs; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed)
        self.options = read_options(Options, options, algorithm="genetic")
        self._mutate = StepMutation(self.space, self.options.mutation, self.options.jump)
        self._population = np.zeros(0, dtype=np.int64)  # rows of the archive

    def state(self) -> dict[str, Any]:
        """Archive, generator, the unfinished generation and the population."""
        return {**super().state(), "population": self._population}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        super().load(state)
        self._population = state["population"]

    def _breed(self) -> IndexMatrix:
        """Children never proposed before; random designs where mating finds none."""
        missing = self.options.population
        found = [np.zeros((0, len(self.space)), dtype=np.int16)]
        for _ in range(_MATINGS if len(self._population) else 0):
            found.append(self._memory.propose(self._children(self.options.population), missing))
            missing -= len(found[-1])
            if not missing:
                break
        return np.concatenate([*found, self._memory.draw(missing)])

    def _learn(self, generation: IndexMatrix) -> None:
        """The next population: the best of children and elites, each under a preference of its own."""
        size = self.options.population
        elites = self._best(self._population, round(self.options.elites * size))
        children = self._memory.archive.find(generation)
        self._population = self._best(np.concatenate([elites, children]), size)

    def _children(self, n: int) -> IndexMatrix:
        """Mated and mutated designs (n, D) in canonical form."""
        rng = self._memory.rng
        scores = self._memory.scores(self._memory.weights(n), self._population)
        rivals = rng.integers(len(self._population), size=(n, 2, self.options.tournament))
        beaten = scores[np.arange(n)[:, None, None], rivals].argmin(axis=2)
        winners = np.take_along_axis(rivals, beaten[:, :, None], axis=2)[:, :, 0]
        mothers, fathers = self._memory.archive.designs[self._population[winners.T]]
        mixed = rng.random((n, 1)) < self.options.crossover
        from_father = mixed & (rng.random(mothers.shape) < 0.5)
        children = self._mutate(np.where(from_father, fathers, mothers), rng)
        return self.space.canonical(children.astype(np.int16))

    def _best(self, rows: NDArray[np.int64], n: int) -> NDArray[np.int64]:
        """Up to n of these rows: for each of n preferences the best that no other has taken."""
        n = min(n, len(rows))
        scores = self._memory.scores(self._memory.weights(n), rows)
        taken: list[int] = []
        for order in np.argsort(scores, axis=1, kind="stable").tolist():
            taken.append(next(row for row in order if row not in taken))
        return rows[taken]
