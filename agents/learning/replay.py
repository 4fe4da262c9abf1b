"""What off-policy learners share: they replay every design they were told of, whoever proposed it.

An episode is one design, so a value is a regression on outcomes: there is nothing to bootstrap from and no
target network. A step of the optimiser draws designs from the archive (a share of them from the latest:
combined experience replay, Zhang and Sutton, arXiv 1712.01275) and fresh preferences between the objectives,
and scores all of the former under each of the latter (augmented Chebyshev over scaled costs, constraints
dominating): relabelling, by which one simulation teaches every preference. What is learned is the normal
score of a design's rank among those it was drawn with: it has no unit, no failed design and no outlier upsets
it, and infeasible designs come below feasible ones.

Acting: each design draws a preference of its own and takes values by the probabilities that the learner
gives, with a floor under each, which rises from round to round of sampling until enough designs are new.
Designs that the rules of the space forbid are known without a simulation: they are replayed, too, below all
feasible ones. When hardly any first sample is new, the learner has collapsed: it starts again from fresh
weights and learns from the archive anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.options import option
from agents.search.memory import Memory
from agents.search.scalarize import Floats, normal_scores
from agents.search.values import barred_values, with_effect
from agents.torch_state import (
    adam_state,
    arrays,
    descend,
    one_thread,
    put_back,
    restore_adam,
    torch_generator,
)
from dse.search import Proposal, Results, SearchProblem
from dse.space import IndexMatrix

_ROUNDS = 6  # of sampling to find new designs
_CHUNK = 32  # steps whose minibatches are drawn at once
_FEW = 512  # designs; while no more were told since the last start, `updates` counts in full
_LEAST = 1e-12  # of a probability in a logarithm: its gradient stays finite
_WINDOW = 32  # designs told between two looks for a collapse, and the unit of `updates`


@dataclass(frozen=True, slots=True)
class OffPolicyOptions:
    """Network, learning, exploration and restart."""

    hidden: int = option(64, low=1, meaning="width of both hidden layers of each network")
    learning_rate: float = option(1e-2, low=1e-6, high=1.0, meaning="step size of Adam")
    updates: int = option(8, low=1, meaning="steps of the optimiser for 32 designs, of the first 512")
    late_updates: int = option(2, low=1, meaning="the least that this falls to with more designs")
    minibatch: int = option(64, low=2, meaning="designs replayed a step")
    floor: float = option(
        0.05, low=0.0, high=1.0, meaning="probability spread evenly over a parameter's values"
    )
    restart: float = option(0.1, low=0.0, high=1.0, meaning="start again when less of the samples is new")


@dataclass(frozen=True, slots=True)
class ReplayOptions(OffPolicyOptions):
    """Those, and what is replayed."""

    preferences: int = option(8, low=1, meaning="preferences under which a step scores them")
    replay: int = option(0, low=0, meaning="latest designs that are replayed; 0 means all")
    recent: float = option(
        0.25, low=0.0, high=1.0, meaning="share of a minibatch that comes from the last 32 designs"
    )


@dataclass(frozen=True, slots=True, eq=False)
class Minibatch:
    """R designs replayed under K preferences.

    observed: (K, O). positions: (R, D) int64. live: (R, D), 1.0 where a parameter has an effect.
    outcomes: (K, R), normal scores; more is better.
    """

    observed: Tensor
    positions: Tensor
    live: Tensor
    outcomes: Tensor


class OffPolicy(ABC):
    """A searcher that learns from its archive; a subclass says what it learns and how it acts.

    Its constructor ends with `_start()`.
    """

    def __init__(
        self, problem: SearchProblem, seed: np.random.SeedSequence, options: OffPolicyOptions
    ) -> None:
        self.space = problem.space
        self._learning = options
        self._memory = Memory(problem, seed)
        self._allowed = torch.from_numpy(~barred_values(self.space))
        self._even = self._allowed / self._allowed.sum(dim=1, keepdim=True)
        self._counts = {"updates": 0, "restarts": 0}
        self._diagnostics = {"entropy": 1.0, "unique_share": 1.0}
        self._full_entropy = max(np.log(2.0), float(self._allowed.sum(dim=1).log().sum()))
        self._due = 0.0

    @abstractmethod
    def _fresh(self, generator: torch.Generator) -> list[Tensor]:
        """New weights, all that the optimiser moves."""

    @abstractmethod
    def _losses(self, steps: int) -> Iterator[Tensor]:
        """What so many steps of the optimiser lower, one after the other."""

    @abstractmethod
    def _probabilities(self, observed: Tensor) -> Tensor:
        """(B, D, V) probability of each value, given observations (B, O); without the floor."""

    def ask(self, n: int) -> Proposal:
        """Up to n new designs, each sampled under a preference of its own (`context`)."""
        with one_thread(), torch.no_grad():
            designs, weights = self._sample_new(n)
        rest = self._memory.draw(n - len(designs))
        designs = np.concatenate([designs, rest])
        return Proposal(designs, np.concatenate([weights, self._memory.weights(len(rest))]))

    def tell(self, proposal: Proposal, results: Results) -> None:
        """Remember the results and learn from all there are."""
        self.hear(proposal.indices, results)

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """The same with designs of others, which are learned from like its own."""
        before = len(self._memory.archive)
        self._memory.hear(indices, results)
        new = len(self._memory.archive) - before
        self._age += new
        self._due += new * self._steps_a_window() / _WINDOW
        with one_thread():
            self._restart_if_collapsed()
            while self._due >= 1.0:
                steps = min(int(self._due), _CHUNK)
                self._due -= steps
                for loss in self._losses(steps):
                    self._update(loss)

    def diagnostics(self) -> dict[str, float]:
        """Losses of the last step; entropy of the last designs asked for (share of the most); unique_share
        (new designs among the first samples, looked at every 32 designs); updates and restarts so far."""
        return {**self._diagnostics, **{name: float(count) for name, count in self._counts.items()}}

    def state(self) -> dict[str, Any]:
        """Networks, optimiser, archive, generator, counters."""
        return {
            **self._memory.state(),
            "networks": arrays(self._weights),
            "adam": adam_state(self._adam),
            "progress": {"age": self._age, "due": self._due, "sampled": self._sampled, "new": self._new},
            "diagnostics": dict(self._diagnostics),
            "counts": dict(self._counts),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state()` was taken (bitwise on the same machine and torch build)."""
        self._start()
        put_back(self._weights, state["networks"])
        restore_adam(self._adam, state["adam"])
        self._memory.load(state)
        progress = state["progress"]
        self._age, self._due = progress["age"], progress["due"]
        self._sampled, self._new = progress["sampled"], progress["new"]
        self._diagnostics, self._counts = dict(state["diagnostics"]), dict(state["counts"])

    # -- acting ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        """Fresh weights and a fresh optimiser."""
        seed = np.random.SeedSequence(int(self._memory.rng.integers(1 << 63)))
        self._weights = self._fresh(torch_generator(seed))
        self._adam = torch.optim.Adam(self._weights, lr=self._learning.learning_rate, fused=True)
        self._age, self._sampled, self._new = 0, 0, 0

    def _restart_if_collapsed(self) -> None:
        """Look at the first samples of the last designs; what was learned from stays in the archive."""
        if self._sampled < _WINDOW:
            return
        self._diagnostics["unique_share"] = self._new / self._sampled
        self._sampled, self._new = 0, 0
        if self._diagnostics["unique_share"] < self._learning.restart:
            self._counts["restarts"] += 1
            self._start()

    def _observe(self, weights: Floats) -> Tensor:
        """(B, O): the preference, centred; a constant where there is only one objective."""
        n_objectives = self._memory.problem.n_objectives
        if n_objectives == 1:
            return torch.ones(len(weights), 1)
        return torch.from_numpy((weights * n_objectives - 1.0).astype(np.float32))

    def _sample_new(self, n: int) -> tuple[IndexMatrix, Floats]:
        """Up to n designs that are new and allowed, and their preferences."""
        weights = self._memory.weights(n)
        chances = self._probabilities(self._observe(weights))
        self._diagnostics["entropy"] = self._entropy_share(chances).item()
        open_, floor = np.arange(n), self._learning.floor
        found = [np.zeros((0, len(self.space)), dtype=np.int16)]
        order = [open_[:0]]
        for turn in range(_ROUNDS):
            mixed = chances[open_] * (1.0 - floor) + self._even * floor
            rows = self._sample(mixed.numpy())
            new = self._memory.seen.fresh(rows)
            if turn == 0:
                self._sampled, self._new = self._sampled + n, self._new + int(new.sum())
            new &= self._note_forbidden(rows, new)
            self._memory.seen.add(rows[new])
            found.append(rows[new])
            order.append(open_[new])
            open_ = open_[~new]
            if not len(open_):
                break
            floor = min(1.0, 2.0 * max(floor, 1.0 / 64.0))
        return np.concatenate(found), weights[np.concatenate(order)]

    def _entropy_share(self, probabilities: Tensor) -> Tensor:
        """Entropy of designs drawn by probabilities (B, D, V), as a share of the most; mean over B."""
        logarithms = probabilities.clamp_min(_LEAST).log()
        entropy: Tensor = -(probabilities * logarithms).sum(dim=(1, 2)).mean() / self._full_entropy
        return entropy

    def _sample(self, probabilities: Floats) -> IndexMatrix:
        """One canonical design (n, D) of distributions (n, D, V)."""
        cumulative = probabilities.cumsum(axis=2, dtype=np.float64)
        luck = self._memory.rng.random((*cumulative.shape[:2], 1))
        # the last sum may lie off 1 by rounding: compare with shares of it
        positions = (luck * cumulative[:, :, -1:] >= cumulative).sum(axis=2)
        return self.space.canonical(positions.astype(np.int16))

    def _note_forbidden(self, rows: IndexMatrix, new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mask (n,) of what the space allows; what it forbids is remembered as violated, if it is new."""
        violations = self.space.violations(rows)
        forbidden = violations.any(axis=1)
        noted = rows[new & forbidden]
        if len(noted):
            nothing = np.full((len(noted), self._memory.problem.n_objectives), np.nan)
            self._memory.archive.add(noted, nothing, violations[new & forbidden])
            self._memory.seen.add(noted)
        return np.asarray(~forbidden)

    # -- learning -------------------------------------------------------------------------------------------

    def _steps_a_window(self) -> float:
        """A design teaches the less, the more were told since the last start."""
        options = self._learning
        share = min(1.0, _FEW / max(1, self._age))
        return float(max(options.late_updates, options.updates * share))

    def _update(self, loss: Tensor) -> None:
        """One step of the optimiser."""
        descend(self._adam, loss)
        self._counts["updates"] += 1

    def _live(self, designs: IndexMatrix) -> Tensor:
        """(n, D), 1.0 where a parameter has an effect in its design."""
        return torch.from_numpy(with_effect(self.space, designs).astype(np.float32))


class Replay(OffPolicy):
    """A searcher that replays designs and their outcomes under fresh preferences."""

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, options: ReplayOptions) -> None:
        super().__init__(problem, seed, options)
        self._replay_options = options

    @abstractmethod
    def _loss(self, batch: Minibatch) -> Tensor:
        """What a step of the optimiser lowers."""

    def _losses(self, steps: int) -> Iterator[Tensor]:
        return map(self._loss, self._minibatches(steps))

    def _minibatches(self, steps: int) -> Iterator[Minibatch]:
        """One a step; all are drawn at once, which is quicker."""
        options, memory = self._replay_options, self._memory
        n, n_objectives = len(memory.archive), memory.problem.n_objectives
        first = max(0, n - options.replay) if options.replay else 0
        earliest = np.full(options.minibatch, first)
        earliest[: round(options.recent * options.minibatch)] = max(first, n - _WINDOW)
        rows = memory.rng.integers(earliest, n, size=(steps, options.minibatch))
        n_preferences = options.preferences if n_objectives > 1 else 1
        weights = memory.weights(steps * n_preferences)
        scores = memory.scores(weights.reshape(steps, n_preferences, n_objectives), rows[:, None])
        designs = memory.archive.designs[rows.ravel()]
        parts = (
            self._observe(weights).view(steps, n_preferences, -1),
            torch.from_numpy(designs.astype(np.int64)).view(steps, options.minibatch, -1),
            self._live(designs).view(steps, options.minibatch, -1),
            torch.from_numpy(normal_scores(scores).astype(np.float32)),
        )
        return (Minibatch(*one) for one in zip(*parts, strict=True))
