"""`Core`: n episodes of one environment side by side, as arrays. What users hold is a face over it.

`BaseEnv` (PettingZoo) shows a core of one, `VectorEnv` one of many. Who owns what, what actions mean,
contexts, rewards, observations and masks are parts of their own; a subclass says how an episode goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import getitem
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from dse.env.context import Budgets, Context, Contexts
from dse.env.masks import Form, Mask, Masks
from dse.env.moves import Actions, Moves, Numbers
from dse.env.observation import Vector, View
from dse.env.ownership import owners
from dse.env.problem import DesignProblem
from dse.parameter import Value
from dse.space import IndexMatrix
from dse.subsystem import Subsystem

Members = NDArray[np.intp]
Paid = NDArray[np.float64]


class Core:
    """What all environments over a design problem share; members are numbered from 0.

    n: how many. n_steps: the longest episode (0: it depends). acting: what actions mean. live: names of the
    parameters that agents own (all if None). granularity: who the agents are (see `ownership`). preferences,
    budgets, n_held_out: see `context.Contexts`. observe: see `observation.View`. Raises ConfigError or
    LookupFailed for what does not exist.

    rows: (n, D) designs. steps: (n,) taken. works: (n,) numbers of workloads. weights: (n, M). drawn: n
    contexts.
    """

    ends_by = "termination"
    """ "termination" or "truncation"."""
    reward_space: Box
    """Of every agent's reward vector (R,)."""

    def __init__(
        self,
        problem: DesignProblem,
        acting: Moves,
        n: int,
        *,
        n_steps: int,
        granularity: str,
        preferences: str = "even",
        budgets: Budgets | None = None,
        n_held_out: int = 0,
        live: Sequence[str] | None = None,
        observe: Sequence[str] | None = None,
    ) -> None:
        self.problem, self.n, self.n_steps = problem, n, n_steps
        self.owned: dict[str, Subsystem] = owners(problem.space, granularity, live)
        self.contexts = Contexts(problem, n_held_out=n_held_out, preferences=preferences, budgets=budgets)
        self.actions = Actions(problem.space, self.owned, acting.choices)
        self.masks = Masks(problem.space, self.owned, acting)
        self._moves = acting
        self._fixed = np.ones(len(problem.space), dtype=np.bool_)
        for part in self.owned.values():
            self._fixed[list(part.indices)] = False
        self._all_owned = not self._fixed.any()
        self._values = [parameter.values for parameter in problem.space.parameters]
        self._randoms = [np.random.default_rng() for _ in range(n)]
        self.drawn: list[Context | None] = [None] * n
        self.rows = np.zeros((n, len(problem.space)), dtype=np.int16)
        self.steps = np.zeros(n, dtype=np.int64)
        self.works = np.zeros(n, dtype=np.intp)
        self.weights = np.zeros((n, len(problem.objectives)))
        self._seen = np.zeros((n, self.contexts.size))
        self._observe = observe
        self.view = self._view()

    # -- what users of a core call ---------------------------------------------------------------------------

    def seed(self, member: int, seed: int) -> None:
        """Determine all that the member draws from now on."""
        self._randoms[member] = np.random.default_rng(seed)

    def begin(self, members: Members, options: Mapping[str, Any]) -> None:
        """Begin episodes: draw contexts (`Contexts.draw`), and look at the designs that they start from."""
        chosen = members.tolist()
        contexts = [self.contexts.draw(self._randoms[member], options) for member in chosen]
        rows = np.stack([self._first_row(self._randoms[member]) for member in chosen])
        self._look(members, contexts, rows)
        self._take(members, contexts, rows, np.zeros(len(chosen), dtype=np.int64))

    def step(self, asked: Numbers) -> Paid:
        """All members take a step; rewards (n, agents, R), or (n, 1, R) where all agents share them.

        asked: (n, D) numbers of actions. Nothing has changed if it raises.
        """
        moved = self._moves.applied(self.rows, asked)
        if not self._all_owned:
            moved = np.where(self._fixed, self.rows, moved)
        rows = self.problem.space.canonical(moved)
        paid = self._paid(rows)
        self.rows = rows
        self.steps += 1
        return paid

    @property
    def longest(self) -> int:
        """The most steps that an episode has."""
        return self.n_steps

    def ends(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) which episodes are terminated, (n,) which are truncated."""
        over, none = self.steps >= self.n_steps, np.zeros(self.n, dtype=np.bool_)
        return (over, none) if self.ends_by == "termination" else (none, over)

    def states(self) -> Vector:
        """(n, S): see `View.states`."""
        raise NotImplementedError

    def mask(self, agent: str, member: int) -> Mask:
        """See `Masks.mask`."""
        return self.masks.mask(agent, self._kept_row(member))

    def mask_forms(self, member: int) -> dict[str, Form]:
        """See `Masks.forms`."""
        return self.masks.forms(self._kept_row(member))

    def design(self, member: int) -> dict[str, Value]:
        """Name to value of the member's design."""
        values: Iterable[Value] = map(getitem, self._values, self.rows[member].tolist())
        return dict(zip(self.problem.space.names, values, strict=True))

    def info(self, member: int) -> dict[str, Any]:
        """What came of the last step of a member."""
        raise NotImplementedError

    def infos(self) -> dict[str, Any]:
        """The same of all members, as arrays."""
        raise NotImplementedError

    def table(self, member: int) -> str:
        """What came of it, as text."""
        raise NotImplementedError

    def snapshot(self, member: int) -> dict[str, Any]:
        """The state of a member's episode: values that JSON takes, and bytes."""
        context = self.context(member)
        return {
            "random": self._randoms[member].bit_generator.state,
            "row": self.rows[member].tolist(),
            "step": int(self.steps[member]),
            "workload": context.workload,
            "weights": context.weights.tolist(),
            "bounds": [one.to_dict() for one in context.bounds],
        }

    def restore(self, member: int, state: Mapping[str, Any]) -> None:
        """Go back to a snapshot of an equal environment."""
        contexts = [self.contexts.rebuilt(state["workload"], state["weights"], state["bounds"])]
        rows, members = np.array([state["row"]], dtype=np.int16), np.array([member])
        self._look(members, contexts, rows)
        self._take(members, contexts, rows, np.array([state["step"]]))
        self._randoms[member].bit_generator.state = state["random"]

    def context(self, member: int) -> Context:
        """The context of a member that was begun."""
        context = self.drawn[member]
        assert context is not None
        return context

    def close(self) -> None:
        """Nothing is held open."""

    # -- what an episode is: for the environments ------------------------------------------------------------

    def _view(self) -> View:
        raise NotImplementedError

    def _first_row(self, random: np.random.Generator) -> IndexMatrix:
        """The design (D,) that an episode starts from."""
        return self.problem.baseline_row

    def _kept_row(self, member: int) -> IndexMatrix:
        """The design that an agent may take the others to keep to."""
        row: IndexMatrix = self.rows[member]
        return row

    def _look(self, members: Members, contexts: Sequence[Context], rows: IndexMatrix) -> None:
        """Note what designs are worth in their contexts. Nothing has changed if it raises."""
        raise NotImplementedError

    def _paid(self, rows: IndexMatrix) -> Paid:
        """The rewards of a step to designs (n, D)."""
        raise NotImplementedError

    def _take(
        self, members: Members, contexts: Sequence[Context], rows: IndexMatrix, steps: NDArray[np.int64]
    ) -> None:
        """Members stand there from now on."""
        for member, context in zip(members.tolist(), contexts, strict=True):
            self.drawn[member] = context
            self.works[member], self.weights[member] = context.workload, context.weights
            self._seen[member] = self.contexts.vector(context)
        self.rows[members], self.steps[members] = rows, steps
