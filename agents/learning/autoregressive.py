"""A joint policy in which each subsystem sees what those before it chose (autoregressive).

The idea of the Multi-Agent Transformer (Wen et al., arXiv 2205.14953) without a transformer: one perceptron a
subsystem sees the preference and the choices of all earlier subsystems. The likelihood of a design is the
product of theirs, so the policy can hold "this page policy with that scheduler", which a product of
independent policies cannot. Subsystems are ordered so that what switches a parameter off comes first where
possible; a parameter without effect is not shown to those after it.

What earlier choices forbid has probability zero where the space says so by values (`forbids`); constraints
given as conditions (`requires`) are not known before the design is complete, and the design is then learned
from as one that the space forbids. Each subsystem clips its own likelihood ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agents.learning.networks import outputs, perceptrons
from agents.learning.policies import LAST_GAIN, SubsystemPolicies, gumbel
from agents.learning.policy_search import Part, PolicyOptions, PolicySearch
from agents.options import option, read_options
from agents.search.scalarize import Floats
from dse.rules import Clause
from dse.search import SearchProblem
from dse.space import DesignSpace, IndexMatrix

Mask = NDArray[np.bool_]


_LOUDNESS = 3.0  # of the inputs for choices; at 1 the policies learn too late to answer them


@dataclass(frozen=True, slots=True)
class Options(PolicyOptions):
    """Those of every searcher with policies, but less imitation (one design would drown what the choices
    tell), and whether the choices are shown."""

    imitation: float = option(0.1, low=0.0, meaning="pull towards the best known design of each preference")
    see: bool = option(True, meaning="whether subsystems see what those before them chose")


class Order:
    """Subsystems and columns in the order in which they are chosen, and the rules that each choice completes.

    rank: (D,) the place of each column's subsystem. agents: subsystem numbers in order.
    """

    def __init__(self, space: DesignSpace) -> None:
        owner = np.zeros(len(space), dtype=np.int64)
        for agent, subsystem in enumerate(space.subsystems):
            owner[list(subsystem.indices)] = agent
        self.agents = _switches_first(space, owner)
        self.rank = np.argsort(self.agents)[owner]
        columns = [column for agent in self.agents for column in space.subsystems[agent].indices]
        place = np.argsort(columns)
        self.forbids: list[list[Clause]] = [[] for _ in columns]
        self.kills: list[list[Clause]] = [[] for _ in columns]
        for clause in space.forbidden_clauses:
            if isinstance(clause, Clause) and len(clause.columns) > 1:
                self.forbids[max(clause.columns, key=place.__getitem__)].append(clause)
        for clause in space.dead_clauses:
            self.kills[max((*clause.columns, clause.target), key=place.__getitem__)].append(clause)

    def bar(self, column: int, rows: IndexMatrix, barred: Mask) -> Mask:
        """(B, V) values of the column that cannot follow: `barred`, and what earlier choices forbid.

        Where nothing would be left, as before: the design will be one that the space forbids.
        """
        found = barred.copy()
        for clause in self.forbids[column]:
            own = clause.columns.index(column)
            others = zip(clause.columns, clause.tables, strict=True)
            hit = np.logical_and.reduce([table[rows[:, c]] for c, table in others if c != column])
            found[:, : len(clause.tables[own])] |= hit[:, None] & clause.tables[own]
        return np.where(found.all(axis=1, keepdims=True), barred, found)

    def kill(self, column: int, rows: IndexMatrix, live: Mask, defaults: IndexMatrix) -> None:
        """Switch off, in place, what has no effect now that the column is chosen."""
        for clause in self.kills[column]:
            dead = clause.matches(rows)
            rows[dead, clause.target] = defaults[clause.target]
            live[dead, clause.target] = False


class ChainedPolicies(SubsystemPolicies):
    """Policies that see the values that earlier ones chose: an input for each value of each parameter.

    What they see, (B, O + inputs), is the observations followed by 1.0 for each value chosen with effect.
    """

    def __init__(self, space: DesignSpace, n_observed: int, hidden: int, *, see: bool) -> None:
        super().__init__(space, n_observed, hidden)
        self._space, self.order = space, Order(space)
        sizes = space.n_values.astype(np.int64)
        self._first = torch.from_numpy(np.cumsum(sizes) - sizes)
        self._n_inputs = int(sizes.sum())
        self._defaults = space.encode(space.default())
        place = np.argsort(self.order.agents)
        earlier = see & (np.repeat(self.order.rank, sizes)[None, :] < place[:, None])
        always = np.ones((self.n_agents, n_observed), dtype=np.bool_)
        visible = np.concatenate([always, earlier], axis=1).astype(np.float32)
        self._visible = torch.from_numpy(visible).unsqueeze(1)

    def initialise(self, generator: torch.Generator) -> None:
        """Draw fresh weights: orthogonal layers, heads near uniform."""
        seen = self._n_observed + self._n_inputs
        sizes = (seen, self._hidden, self._hidden, self._width * self._n_values)
        self.weights = perceptrons(self.n_agents, sizes, LAST_GAIN, generator)

    def logits(self, observed: Tensor) -> Tensor:
        """(A, B, P * V) preferences of all agents, given what is seen (B, O + inputs)."""
        return outputs(self.weights, observed * self._visible)

    def seen(self, observed: Tensor, designs: Tensor, live: Tensor) -> Tensor:
        """(B, O + inputs) of observations (B, O) and designs (B, D), shown where `live` (B, D) is 1.0."""
        shown = torch.zeros(len(designs), self._n_inputs).scatter_(1, designs + self._first, _LOUDNESS * live)
        return torch.cat([observed, shown], dim=1)

    def barred_in(self, designs: IndexMatrix) -> Tensor:
        """(B, S, V) values that cannot follow earlier choices of the designs (B, D); never their own."""
        barred = np.repeat(self._barred.numpy()[None], len(designs), axis=0)
        for column, slot in enumerate(self.slot.tolist()):
            if self.order.forbids[column]:
                barred[:, slot] = self.order.bar(column, designs, barred[:, slot])
            np.put_along_axis(barred[:, slot], designs[:, column, None].astype(np.int64), False, axis=1)
        return torch.from_numpy(barred)

    def draw(self, observed: Tensor, generator: torch.Generator) -> Tensor:
        """(B, D) value positions, chosen subsystem by subsystem under observations (B, O)."""
        n = len(observed)
        noise = gumbel((n, *self._barred.shape), generator).view(n, self.n_agents, self._width, -1)
        barred = self._barred.view(self.n_agents, self._width, -1)
        rows = np.repeat(self._defaults[None], n, axis=0)
        live = np.zeros(rows.shape, dtype=np.bool_)
        for agent in self.order.agents:
            chosen = torch.from_numpy(rows.astype(np.int64))
            seen = self.seen(observed, chosen, torch.from_numpy(live.astype(np.float32)))
            own = [weight[agent : agent + 1] for weight in self.weights]
            logits = outputs(own, (seen * self._visible[agent]).unsqueeze(0)).view(n, self._width, -1)
            scores = (logits + noise[:, agent]).masked_fill(barred[agent], -np.inf).numpy()
            for place, column in enumerate(self._space.subsystems[agent].indices):
                self._choose(column, rows, live, scores[:, place])
        return torch.from_numpy(rows.astype(np.int64))

    def _choose(self, column: int, rows: IndexMatrix, live: Mask, scores: NDArray[np.float32]) -> None:
        """Give the column the allowed value with the highest score (B, V), in place."""
        if self.order.forbids[column]:
            scores = np.where(self.order.bar(column, rows, np.isneginf(scores)), -np.inf, scores)
        rows[:, column] = scores.argmax(axis=1)
        live[:, column] = True
        self.order.kill(column, rows, live, self._defaults)


class Autoregressive(PolicySearch):
    """Subsystems that choose one after the other; see the module text."""

    options: Options
    _policies: ChainedPolicies

    def __init__(self, problem: SearchProblem, seed: np.random.SeedSequence, **options: Any) -> None:
        super().__init__(problem, seed, read_options(Options, options, algorithm="autoregressive"))

    def _make_policies(self, space: DesignSpace, n_observed: int) -> SubsystemPolicies:
        return ChainedPolicies(space, n_observed, self.options.hidden, see=self.options.see)

    def _part(self, designs: IndexMatrix, weights: Floats) -> Part:
        part, slot = super()._part(designs, weights), self._policies.slot
        seen = self._policies.seen(part.observed, part.positions[:, slot], part.live[:, slot])
        return replace(part, observed=seen, barred=self._policies.barred_in(designs))

    def _log_probabilities(self, part: Part) -> Tensor:
        return self._policies.log_probabilities(part.observed, part.barred)


def _switches_first(space: DesignSpace, owner: NDArray[np.int64]) -> list[int]:
    """Subsystem numbers in their order, but those that switch others' parameters off before these."""
    waits: dict[int, set[int]] = {agent: set() for agent in range(len(space.subsystems))}
    for clause in space.dead_clauses:
        waits[int(owner[clause.target])] |= {int(owner[column]) for column in clause.columns}
    ordered: list[int] = []
    while len(ordered) < len(waits):
        left = [agent for agent in waits if agent not in ordered]
        ready = [agent for agent in left if waits[agent] - {agent} <= set(ordered)]
        ordered.append((ready or left)[0])
    return ordered
