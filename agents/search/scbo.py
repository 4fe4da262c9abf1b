"""SCBO: scalable constrained Bayesian optimisation (Eriksson and Poloczek, AISTATS 2021) on designs.

Gaussian processes of the objective and of each bounded metric are asked only near the best design, in a trust
region that grows while designs get better and shrinks while they do not; too small a region starts again
elsewhere. Each design of a batch is the best of the candidates under functions drawn from the processes
(Thompson sampling): of those that should be feasible the one with the least cost, and if there are none, the
one that should violate least.

Every candidate is a real design: the best one with a few parameters changed. The region's length says how
many at most, and how far an ordered parameter moves; a choice has no distance. Several objectives are one in
each batch, by a random preference (augmented Chebyshev). As in the paper the cost is learned as the normal
score of its rank, and violations by a logarithm of both signs (`bilog`). A design that failed has neither;
when there are such designs, failing is learned as one more constraint. Rules of the space are not learned: no
candidate breaks them.

The processes learn from the designs nearest to the best one, at most `learned`, none older than the region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.models.thompson import thompson_samples
from agents.options import option, read_options
from agents.search.archive import usable
from agents.search.memory import Memory
from agents.search.scalarize import Floats, chebyshev, failed, normal_scores
from dse.search import Capabilities, Proposal, Results, SearchProblem
from dse.space import IndexMatrix
from dse.surrogate import encoded

_FIRST, _LEAST, _MOST = 0.8, 2.0**-5, 1.6  # lengths of a region; the least is one step of one parameter
_MOST_CHANGED = 20  # parameters
_BETTER = 1e-3  # share by which a batch has to be better
_SUCCESSES = 3  # batches in a row after which the region grows


@dataclass(frozen=True, slots=True)
class Options:
    """First designs, candidates, models and the end."""

    start: int = option(20, low=2, meaning="random designs at the start of each region")
    batch: int = option(
        8, low=1, meaning="most designs under one preference, between two looks at the models"
    )
    candidates: int = option(1000, low=1, meaning="designs compared for each batch")
    learned: int = option(256, low=2, meaning="designs that the processes learn from; time grows cubically")
    steps: int = option(20, low=1, meaning="steps, at most, that tune a process to what it learns from")
    most: int = option(1000, low=1, meaning="designs after which it ends")


class Scbo:
    """A trust region; see the module text."""

    capabilities = Capabilities()

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        self.options = read_options(Options, options, algorithm="scbo")
        self.space, self._problem = problem.space, problem
        self._memory = Memory(problem, seed)
        self._sizes = self.space.n_values
        self._ordinal = np.array([parameter.ordinal for parameter in self.space.parameters])
        self._n_varied = max(1, int((self._sizes > 1).sum()))
        self._bounds = np.zeros((0, problem.n_constraints - len(self.space.constraints)))
        self._told = 0
        self._batch: tuple[Floats, float] | None = None
        self._restart()

    def ask(self, n: int) -> Proposal:
        """Up to n new designs, at most `batch`, under one preference; none after `most` of them."""
        n = min(n, self.options.most - self._told)
        missing = self.options.start - (len(self._memory.archive) - self._first)
        if missing > 0:
            return Proposal(self._memory.draw(min(n, missing)))
        weights = self._memory.weights(1)[0]
        rows = np.arange(self._first, len(self._memory.archive))
        scores = self._memory.scores(weights, rows)
        best = int(np.argmin(scores))
        candidates = self._candidates(self._memory.archive.designs[rows[best]])
        if not len(candidates):
            self._restart()
            return Proposal(self._memory.draw(min(n, self.options.start)))
        self._batch = (weights, float(scores[best]))
        chosen = candidates[
            self._picked(weights, rows[best], candidates, min(n, len(candidates), self.options.batch))
        ]
        self._memory.seen.add(chosen)
        return Proposal(chosen)

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results; the region grows or shrinks by what the batch was worth."""
        before = len(self._memory.archive)
        self.hear(proposal.indices, results)
        self._told += len(proposal)
        if self._batch is None or before == len(self._memory.archive):
            return
        weights, best = self._batch
        self._batch = None
        new = self._memory.scores(weights, slice(before, None)).min()
        self._resize(bool(new < best - _BETTER * abs(best)), len(proposal))

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Designs of others are learned from like its own."""
        before = len(self._memory.archive)
        self._memory.hear(indices, results)
        rows = self._memory.archive.find(indices)
        new = rows >= before
        added = np.zeros((len(self._memory.archive) - before, self._bounds.shape[1]))
        added[rows[new] - before] = results.violations[new, len(self.space.constraints) :]
        self._bounds = np.concatenate([self._bounds, added])

    def state(self) -> dict[str, Any]:
        """Archive with what each bound was missed by, generator, region."""
        region = {
            "first": self._first,
            "length": self._length,
            "successes": self._successes,
            "failures": self._failures,
        }
        return {**self._memory.state(), "bounds": self._bounds.copy(), "region": region, "told": self._told}

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        self._memory.load(state)
        self._bounds, self._told, region = state["bounds"], state["told"], state["region"]
        self._first, self._length = region["first"], region["length"]
        self._successes, self._failures = region["successes"], region["failures"]
        self._batch = None

    def _restart(self) -> None:
        """A new region, which looks back at no design."""
        self._first = len(self._memory.archive)
        self._length, self._successes, self._failures = _FIRST, 0, 0
        self._batch = None

    def _resize(self, success: bool, n: int) -> None:
        """Twice the length after some batches that were better, half of it after a number of designs that
        were not (the paper's: as many as there are parameters)."""
        self._successes = self._successes + 1 if success else 0
        self._failures = 0 if success else self._failures + n
        if self._successes >= _SUCCESSES:
            self._length, self._successes = min(2.0 * self._length, _MOST), 0
        if self._failures >= max(4, self._n_varied):
            self._length, self._failures = 0.5 * self._length, 0
        if self._length < _LEAST:
            self._restart()

    def _candidates(self, centre: IndexMatrix) -> IndexMatrix:
        """(C, D) different new and allowed designs of the region around a design (D,)."""
        rng, shape = self._memory.rng, (2 * self.options.candidates, len(self.space))
        most = int(np.ceil(min(1.0, self._length) * min(self._n_varied, _MOST_CHANGED)))
        order = np.where(self._sizes > 1, rng.random(shape), 2.0).argsort(axis=1).argsort(axis=1)
        changed = order < rng.integers(1, most, size=(shape[0], 1), endpoint=True)
        reach = np.maximum(1, np.round(0.5 * self._length * (self._sizes - 1)).astype(np.int64))
        reach = np.where(self._ordinal, reach, self._sizes)
        low, high = np.maximum(0, centre - reach), np.minimum(self._sizes - 1, centre + reach)
        moved = rng.integers(low, high, size=shape, endpoint=True)
        rows = self.space.canonical(np.where(changed, moved, centre).astype(np.int16))
        return rows[self._memory.seen.fresh(rows) & usable(self.space, rows)][: self.options.candidates]

    def _picked(self, weights: Floats, centre: int, candidates: IndexMatrix, n: int) -> list[int]:
        """The best candidate under each of n functions, n different ones."""
        archive, rows = self._memory.archive, self._nearest(centre)
        lost = failed(archive.costs[rows])
        measured = rows[~lost]
        scores = chebyshev(self._problem.scaled(archive.costs[measured]), weights)
        asked = encoded(self.space, candidates)
        cost = self._drawn(measured, -normal_scores(scores), asked, n)
        bounds = [(measured, bilog(bound)) for bound in self._bounds[measured].T]
        if lost.any():
            bounds.append((rows, np.where(lost, 1.0, -1.0)))
        violation = sum(
            (np.maximum(self._drawn(*bound, asked, n), 0.0) for bound in bounds), np.zeros_like(cost)
        )
        chosen: list[int] = []
        for cost_of, violation_of in zip(cost, violation, strict=True):
            order = np.lexsort((cost_of, violation_of)).tolist()
            chosen.append(next(candidate for candidate in order if candidate not in chosen))
        return chosen

    def _drawn(self, rows: NDArray[np.int64], learned: Floats, asked: Floats, n: int) -> Floats:
        """(n, C) functions given what these rows of the archive taught, at encoded designs."""
        x = encoded(self.space, self._memory.archive.designs[rows])
        return thompson_samples(x, learned, asked, n, self._memory.rng, self.options.steps)

    def _nearest(self, centre: int) -> NDArray[np.int64]:
        """Rows of the archive that the processes learn from, none older than the region."""
        designs = encoded(self.space, self._memory.archive.designs[self._first :])
        far = np.abs(designs - designs[centre - self._first]).sum(axis=1)
        nearest = np.sort(np.argsort(far, kind="stable")[: self.options.learned])
        return np.asarray(nearest + self._first)


def bilog(bound: Floats) -> Floats:
    """(n,) what a bound is missed by, in its median size, by a logarithm that keeps the sign."""
    finite = np.nan_to_num(bound, posinf=np.finfo(np.float64).max, neginf=np.finfo(np.float64).min)
    size = float(np.median(np.abs(finite))) if len(finite) else 1.0
    return np.asarray(np.sign(finite) * np.log1p(np.abs(finite) / (size or 1.0)))
