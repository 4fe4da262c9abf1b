"""NSGA-II (Deb et al., IEEE TEC 6, 2002) on value positions, through pymoo's selection, mating and survival.

What is ours: mutation that knows ordered parameters from choices, canonical form as the repair, and an
elimination of duplicates that never proposes a design twice in a run or one that the space forbids. A
generation is proposed in pieces of whatever size is asked for, so the search does not depend on the batch
size. pymoo's objects are rebuilt from plain columns on load: designs, costs, constraints, rank, crowding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.config import Config
from pymoo.core.duplicate import DuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.core.repair import Repair
from pymoo.core.termination import NoTermination
from pymoo.operators.crossover.ux import UniformCrossover

from agents.options import option, read_options
from agents.search.archive import Seen
from agents.search.mutation import StepMutation
from agents.search.rng import generator, generator_state, restore_generator
from agents.search.scalarize import Floats, failed
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import DesignSpace, IndexMatrix

_MATINGS = 20  # attempts to fill a generation with designs never proposed
_UNRANKED = -1  # pymoo leaves the rank of infeasible individuals unset


@dataclass(frozen=True, slots=True)
class Options:
    """Population and variation."""

    population: int = option(20, low=4, meaning="individuals kept, and offspring a generation")
    crossover: float = option(0.9, low=0.0, high=1.0, meaning="probability that two parents are mixed")
    mutation: float = option(
        0.0, low=0.0, high=1.0, meaning="probability a parameter; 0 means 1 / parameters"
    )
    jump: float = option(
        0.2, low=0.0, high=1.0, meaning="share of mutations of ordered parameters to any value"
    )


class Nsga2:
    """A population of designs; see the module text."""

    capabilities = Capabilities()
    name: ClassVar[str] = "nsga2"

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm=self.name)
        self.space = problem.space
        self._problem = problem
        self._rng = generator(seed)
        self._seen = Seen(self.space)
        self._algorithm = self._built()
        self._pending = np.zeros((0, len(self.space)), dtype=np.int16)
        self._told: list[dict[str, NDArray[Any]]] = []

    def ask(self, n: int) -> Proposal:
        """The rest of the current generation, up to n; a new generation if it is used up."""
        if not len(self._pending):
            self._pending = self._breed()
        rows, self._pending = self._pending[:n], self._pending[n:]
        return Proposal(indices=rows)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Collect results; when the generation is complete, survival selects the next population."""
        if not len(proposal):
            return
        self._learn(proposal.indices, results)

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Designs of others join the generation that is told next, or are one of their own."""
        keys = self.space.keys(indices)
        news = self._seen.fresh(indices) | np.isin(keys, self.space.keys(self._pending))
        self._seen.add(indices)
        self._pending = self._pending[~np.isin(self.space.keys(self._pending), keys)]
        if news.any():
            told = Results(results.costs[news], results.violations[news], results.cached[news])
            self._learn(indices[news], told)

    def _learn(self, indices: IndexMatrix, results: Results) -> None:
        """Note these results; when nothing of the generation is pending, survival selects."""
        self._told.append(_individuals(indices, results))
        if not len(self._pending):
            self._algorithm.tell(infills=_population(_joined(self._told)))
            self._told = []

    def state(self) -> dict[str, Any]:
        """The population's columns, the unfinished generation and the generator."""
        population = self._algorithm.pop if self._algorithm.is_initialized else None
        return {
            "population": {} if population is None else _columns(population),
            "told": list(self._told),
            "pending": self._pending,
            "seen": self._seen.rows(),
            "rng": generator_state(self._rng),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._seen.clear()
        self._seen.add(state["seen"])
        self._pending = state["pending"]
        self._told = list(state["told"])
        if state["population"]:
            self._algorithm.pop = _population(state["population"])
            self._algorithm.is_initialized, self._algorithm.n_iter = True, 1
        restore_generator(self._rng, state["rng"])

    def _breed(self) -> IndexMatrix:
        """One generation of designs never proposed before; random ones where mating finds none."""
        size = self.options.population
        if not self._algorithm.is_initialized:
            return self._seen.draw(size, self._rng)
        offspring = self._algorithm.ask()
        self._algorithm.termination.force_termination = False  # set by pymoo when mating finds nothing new
        rows = np.zeros((0, len(self.space)), dtype=np.int16)
        if offspring is not None and len(offspring):
            rows = offspring.get("X").astype(np.int16)
            self._seen.add(rows)
        return np.concatenate([rows, self._seen.draw(size - len(rows), self._rng)])

    def _selection(self, **variation: Any) -> Any:
        """The algorithm of pymoo with this variation."""
        return NSGA2(pop_size=self.options.population, **variation)

    def _built(self) -> Any:
        """The algorithm of pymoo, ready to be asked."""
        space, options = self.space, self.options
        Config.warnings["not_compiled"] = False
        algorithm = self._selection(
            crossover=UniformCrossover(prob=options.crossover),
            mutation=_Mutation(StepMutation(space, options.mutation, options.jump)),
            repair=_Canonical(space),
            eliminate_duplicates=_NeverTwice(self._seen),
        )
        shape = Problem(
            n_var=len(space), n_obj=self._problem.n_objectives,
            n_ieq_constr=self._problem.n_constraints + 1,
            xl=np.zeros(len(space), dtype=np.int64), xu=space.n_values - 1, vtype=int,
        )  # fmt: skip
        algorithm.setup(shape, termination=NoTermination())
        algorithm.random_state = self._rng
        algorithm.mating.n_max_iterations = _MATINGS
        return algorithm


class _Mutation(Mutation):  # type: ignore[misc]
    """Our mutation as pymoo's operator."""

    def __init__(self, mutate: StepMutation) -> None:
        super().__init__(prob=1.0)
        self._mutate = mutate

    def _do(self, problem: Any, X: Any, random_state: Any = None, **kwargs: Any) -> Any:
        return self._mutate(X, random_state)


class _Canonical(Repair):  # type: ignore[misc]
    """Parameters without effect at their default."""

    def __init__(self, space: DesignSpace) -> None:
        super().__init__()
        self._space = space

    def _do(self, problem: Any, X: Any, **kwargs: Any) -> Any:
        return self._space.canonical(X)


class _NeverTwice(DuplicateElimination):  # type: ignore[misc]
    """Drops designs proposed before, repeated among the offspring, or forbidden by the space."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen

    def do(self, pop: Any, *args: Any, return_indices: bool = False, to_itself: bool = True) -> Any:
        if not len(pop):
            return pop
        rows = pop.get("X").astype(np.int16)
        siblings = [other.get("X").astype(np.int16) for other in args[1:] if len(other)]
        every = np.concatenate([*siblings, rows])
        fresh = self._seen.fresh(every)[len(every) - len(rows) :]
        return pop[fresh & ~self._seen.space.violations(rows).any(axis=1)]


def _individuals(rows: IndexMatrix, results: Results) -> dict[str, NDArray[Any]]:
    """Columns X, F, G; the last constraint says that the simulation gave no costs."""
    lost = failed(results.costs)
    violations = np.where(np.isfinite(results.violations), results.violations, 1.0)
    feasible_costs: Floats = np.where(lost[:, None], 0.0, results.costs)
    return {"X": rows, "F": feasible_costs, "G": np.column_stack([violations, np.where(lost, 1e3, -1.0)])}


def _joined(parts: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _population(columns: dict[str, NDArray[Any]]) -> Any:
    """Individuals of pymoo with these columns; unranked ones keep rank and crowding unset."""
    population = Population.new(X=columns["X"], F=columns["F"], G=columns["G"])
    if "rank" in columns:
        for individual, rank, crowding in zip(population, columns["rank"], columns["crowding"], strict=True):
            if rank != _UNRANKED:
                individual.set("rank", int(rank))
                individual.set("crowding", float(crowding))
    return population


def _columns(population: Any) -> dict[str, NDArray[Any]]:
    """The columns that decide selection and survival."""
    ranks = [individual.get("rank") for individual in population]
    crowding = [individual.get("crowding") for individual in population]
    return {
        "X": np.asarray(population.get("X"), dtype=np.int16),
        "F": np.asarray(population.get("F"), dtype=np.float64),
        "G": np.asarray(population.get("G"), dtype=np.float64),
        "rank": np.array([_UNRANKED if rank is None else rank for rank in ranks], dtype=np.int64),
        "crowding": np.array([np.nan if value is None else value for value in crowding], dtype=np.float64),
    }
