"""The tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011), through Optuna's sampler.

Two densities over whole designs, one of the good designs known and one of all others, are compared on samples
of the former (Optuna's multivariate form, so that parameters that go together are kept together). Several
objectives: good are the first fronts and, of the last that does not fit, the part with the most hypervolume
(Ozaki et al., GECCO 2020). Constraints: what violates counts as good only while too little is feasible. A
design that is asked for but not told yet counts as a bad one (constant liar), so that a batch spreads.

What is ours: of the samples only new and allowed designs are compared, and the first designs are random.
Optuna's study is made of the archive, which is what is saved, beside the state of the sampler's generator;
Optuna itself saves nothing but by pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from agents.options import option, read_options
from agents.search.archive import usable
from agents.search.memory import Memory
from agents.search.scalarize import failed
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import DesignSpace, IndexMatrix

WorthAsking = Callable[[dict[str, NDArray[Any]]], NDArray[np.bool_]]

_TRIES = 4  # samples of the model for each design to propose
_FAILED = 1e6  # violation of a design without costs: above any other


@dataclass(frozen=True, slots=True)
class Options:
    """First designs, samples and the end."""

    start: int = option(20, low=1, meaning="random designs before the model is asked")
    samples: int = option(24, low=1, meaning="samples of the good designs' density, of which one is taken")
    most: int = option(1000, low=1, meaning="designs after which it ends: time grows with them")


class Tpe:
    """Densities of good and bad designs; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="tpe")
        self.space, self._problem = problem.space, problem
        for_memory, for_sampler = seed.spawn(2)
        self._memory = Memory(problem, for_memory)
        self._distributions = _distributions(self.space)
        self._told = 0
        self._lies: list[int] = []
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._sampler = _Sampler(
            self._worth_asking,
            n_startup_trials=1,
            n_ei_candidates=self.options.samples,
            seed=int(for_sampler.generate_state(1)[0]),
            multivariate=True,
            constant_liar=True,
        )
        self._begin()

    def ask(self, n: int) -> Proposal:
        """Up to n new designs; none after `most` of them."""
        n = min(n, self.options.most - self._told)
        missing = self.options.start - len(self._memory.archive)
        if missing > 0:
            return Proposal(self._memory.draw(min(n, missing)))
        rows = [row for _ in range(n) if len(row := self._sample())]
        return Proposal(np.concatenate([*rows, self._memory.draw(n - len(rows))]))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Replace the lies about these designs by their results."""
        for number in self._lies:
            self._study.tell(number, state=TrialState.FAIL)
        self._lies = []
        self._told += len(proposal)
        self.hear(proposal.indices, results)

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Designs of others are learned from like its own."""
        before = len(self._memory.archive)
        self._memory.hear(indices, results)
        self._learn(before)

    def state(self) -> dict[str, Any]:
        """Archive, generators and how many designs it was told."""
        luck: Any = self._sampler._rng.rng.get_state(legacy=False)
        inner = luck["state"]
        sampler = {"key": inner["key"].copy(), "pos": int(inner["pos"])}
        return {**self._memory.state(), "sampler": sampler, "told": self._told}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken."""
        self._memory.load(state)
        self._told = state["told"]
        sampler = state["sampler"]
        luck = {"key": np.array(sampler["key"], dtype=np.uint32), "pos": sampler["pos"]}
        self._sampler._rng.rng.set_state(
            {"bit_generator": "MT19937", "state": luck, "has_gauss": 0, "gauss": 0.0}
        )
        self._begin()
        self._learn(0)

    def _begin(self) -> None:
        """An empty study. Its first trial stays open: it is the one for which samples are drawn."""
        directions = [StudyDirection.MINIMIZE] * self._problem.n_objectives
        self._study = optuna.create_study(directions=directions, sampler=self._sampler)
        self._study.ask()
        self._open = self._study.get_trials(deepcopy=False)[0]
        self._lies = []

    def _sample(self) -> IndexMatrix:
        """(1, D) a new design by the model, which holds it for a bad one until it is told; (0, D): none."""
        for _ in range(_TRIES):
            drawn = self._sampler.sample_relative(self._study, self._open, self._distributions)
            rows = self._rows({name: np.array([position]) for name, position in drawn.items()})
            chosen = self._memory.propose(rows, 1)
            if len(chosen):
                self._lies.append(len(self._study.get_trials(deepcopy=False)))
                self._add(chosen[0], TrialState.RUNNING)
                break
        return chosen

    def _worth_asking(self, samples: dict[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Mask (n,) of sampled positions, n a parameter, that make a new and allowed design."""
        rows = self._rows(samples)
        return np.asarray(self._memory.seen.fresh(rows) & usable(self.space, rows))

    def _rows(self, samples: dict[str, NDArray[Any]]) -> IndexMatrix:
        """(n, D) canonical designs of sampled positions, n a parameter."""
        columns = [samples.get(name, np.zeros(1)) for name in self.space.names]
        return self.space.canonical(np.stack(np.broadcast_arrays(*columns), axis=1).astype(np.int16))

    def _learn(self, first: int) -> None:
        """Add the archive's designs from this one on."""
        archive = self._memory.archive
        costs = self._problem.scaled(archive.costs[first:])
        lost = failed(costs)
        violation = np.minimum(archive.violation[first:], _FAILED)
        for row, cost, none, total in zip(archive.designs[first:], costs, lost, violation, strict=True):
            values = np.zeros_like(cost) if none else cost
            self._add(row, TrialState.COMPLETE, values.tolist(), {"violation": float(total)})

    def _add(
        self,
        row: NDArray[np.int16],
        state: TrialState,
        values: list[float] | None = None,
        constraints: dict[str, float] | None = None,
    ) -> None:
        positions = dict(zip(self.space.names, row.tolist(), strict=True))
        self._study.add_trial(
            optuna.create_trial(
                state=state,
                values=values,
                params={name: positions[name] for name in self._distributions},
                distributions=self._distributions,
                constraints=constraints,
            )
        )


class _Sampler(optuna.samplers.TPESampler):
    """Optuna's, but samples that are not worth asking for lose the comparison."""

    def __init__(
        self, worth_asking: Callable[[dict[str, NDArray[Any]]], NDArray[np.bool_]], **how: Any
    ) -> None:
        super().__init__(**how)
        self._worth_asking = worth_asking

    def _compute_acquisition_func(self, samples: Any, mpe_below: Any, mpe_above: Any) -> Any:
        found = super()._compute_acquisition_func(samples, mpe_below, mpe_above)
        return np.where(self._worth_asking(samples), found, -np.inf)


def _distributions(space: DesignSpace) -> dict[str, BaseDistribution]:
    """Positions of every parameter that has a choice."""
    return {
        parameter.name: IntDistribution(0, len(parameter) - 1)
        if parameter.ordinal
        else CategoricalDistribution(range(len(parameter)))
        for parameter in space.parameters
        if len(parameter) > 1
    }
