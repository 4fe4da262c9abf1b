"""What an action does to a design: a table of moves, and the check of what agents ask for.

Every move is one whole number a parameter. `choices` (D,) says how many there are; `applied` makes the next
design of all of them; `leads_to` says which value each choice of one parameter would give, so that masks can
be told. Whatever the move, every value of every parameter is reachable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import ge
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete
from numpy.typing import NDArray

from dse.env.errors import ActionError
from dse.errors import ConfigError, did_you_mean, listed
from dse.space import DesignSpace, IndexMatrix
from dse.subsystem import Subsystem

Numbers = NDArray[np.int64]


class Moves(Protocol):
    """What the actions of an environment mean."""

    choices: Numbers

    def applied(self, rows: IndexMatrix, actions: Numbers) -> Numbers:
        """Designs (n, D) that actions (n, D) within `choices` make of `rows` (n, D); not canonical yet."""
        ...

    def leads_to(self, column: int, position: int) -> Numbers:
        """(choices[column],): position of the value that each choice gives, where it is `position` now."""
        ...


class Positions:
    """An action is the position of the value: the whole design is chosen at once."""

    def __init__(self, space: DesignSpace) -> None:
        self.choices: Numbers = space.n_values

    def applied(self, rows: IndexMatrix, actions: Numbers) -> Numbers:
        """`actions` themselves."""
        return actions

    def leads_to(self, column: int, position: int) -> Numbers:
        """Each position itself."""
        return np.arange(self.choices[column])


class SetOrKeep:
    """An action is the position of the value as in `Positions`; one more, the last, keeps what is."""

    def __init__(self, space: DesignSpace) -> None:
        self.keep: Numbers = space.n_values
        self.choices: Numbers = space.n_values + 1

    def applied(self, rows: IndexMatrix, actions: Numbers) -> Numbers:
        """What was set, and the rest as it was."""
        return np.where(actions == self.keep, rows, actions)

    def leads_to(self, column: int, position: int) -> Numbers:
        """Each position, then the one that is."""
        positions: Numbers = np.append(np.arange(self.keep[column]), position)
        return positions


class Nudges:
    """0: the value before, 1: the same, 2: the next one. Beyond an end there is nothing: the value stays."""

    def __init__(self, space: DesignSpace) -> None:
        self._last: Numbers = space.n_values - 1
        self.choices: Numbers = np.full(len(space), 3)

    def applied(self, rows: IndexMatrix, actions: Numbers) -> Numbers:
        """Every value moved by at most one position."""
        moved: Numbers = np.minimum(np.maximum(rows + actions - 1, 0), self._last)
        return moved

    def leads_to(self, column: int, position: int) -> Numbers:
        """The neighbours and the value between them."""
        moved: Numbers = np.clip(position + np.array([-1, 0, 1]), 0, self._last[column])
        return moved


MOVES: dict[str, Callable[[DesignSpace], Moves]] = {"set": SetOrKeep, "nudge": Nudges}


def moves_of(name: str, space: DesignSpace) -> Moves:
    """The moves of that name over `space`; ConfigError if unknown."""
    if name not in MOVES:
        hint = did_you_mean(name, MOVES)
        raise ConfigError(f"moves {name!r}: expected one of {listed(MOVES)}.{hint}", key="moves")
    return MOVES[name](space)


class Actions:
    """The action spaces of agents, and their actions made into rows of the space.

    parts: agent to its parameters. Parameters that nobody owns get the number 0.
    """

    def __init__(self, space: DesignSpace, parts: Mapping[str, Subsystem], choices: Numbers) -> None:
        self._choices, self._parts = choices, parts
        self._columns = {agent: np.array(part.indices) for agent, part in parts.items()}
        self._all = [column for part in parts.values() for column in part.indices]
        self._limits: list[int] = choices[self._all].tolist()
        self._shapes = {agent: (len(part),) for agent, part in parts.items()}
        self._width = len(space)
        self.spaces = {agent: self._space(agent) for agent in parts}

    def row(self, actions: Mapping[str, Any]) -> Numbers:
        """(1, D) what every agent asks for; ActionError naming agent, action and space."""
        self._check_agents(actions)
        asked: list[int] = []
        for agent, shape in self._shapes.items():
            action = np.asarray(actions[agent])
            if action.dtype.kind not in "iu" or (action.shape or (1,)) != shape:
                raise self._wrong(agent, actions[agent])
            asked += action.tolist() if action.shape else (int(action),)
        if min(asked) < 0 or any(map(ge, asked, self._limits)):
            self._refuse_numbers(actions)
        row = [0] * self._width
        for column, number in zip(self._all, asked, strict=True):
            row[column] = number
        return np.array([row], dtype=np.int64)

    def rows(self, actions: Mapping[str, Any], n: int) -> Numbers:
        """(n, D) of actions (n, parameters), or (n,) of agents with one parameter; ActionError as `row`."""
        self._check_agents(actions)
        rows = np.zeros((n, self._width), dtype=np.int64)
        for agent, columns in self._columns.items():
            action = np.asarray(actions[agent])
            if action.shape == (n,) and len(columns) == 1:
                action = action[:, None]
            if action.dtype.kind not in "iu" or action.shape != (n, len(columns)):
                raise self._wrong(agent, actions[agent], n)
            rows[:, columns] = action
        asked = rows[:, self._all]
        if (asked < 0).any() or (asked >= self._limits).any():
            self._refuse_numbers(actions, n)
        return rows

    def _check_agents(self, actions: Mapping[str, Any]) -> None:
        if not isinstance(actions, Mapping):
            raise ActionError(
                f"actions {actions!r}: expected a mapping of {listed(self._parts)} to an action"
            )
        if actions.keys() != self._parts.keys():
            self._refuse_agents(actions)

    def _space(self, agent: str) -> Discrete[Any] | MultiDiscrete[Any]:
        limits = self._choices[self._columns[agent]]
        return Discrete(int(limits[0])) if len(limits) == 1 else MultiDiscrete(limits)

    def _wrong(self, agent: str, action: Any, n: int | None = None) -> ActionError:
        limits = self._choices[self._columns[agent]]
        given = np.asarray(action)
        rows = "" if n is None else f"{n} rows of "
        return ActionError(
            f"action {action!r} of agent {agent!r} (shape {given.shape}, {given.dtype}) is not in "
            f"{self.spaces[agent]}: expected {rows}{len(limits)} positions below {limits.tolist()}, whole "
            f"numbers (parameters {listed(self._parts[agent].parameters)})",
            key=agent,
        )

    def _refuse_numbers(self, actions: Mapping[str, Any], n: int | None = None) -> None:
        for agent, columns in self._columns.items():
            numbers = np.asarray(actions[agent]).reshape(-1, len(columns))
            if (numbers < 0).any() or (numbers >= self._choices[columns]).any():
                raise self._wrong(agent, actions[agent], n)

    def _refuse_agents(self, actions: Mapping[str, Any]) -> None:
        for agent in actions:
            if agent not in self._parts:
                hint = did_you_mean(agent, self._parts) or f" The agents are {listed(self._parts)}."
                raise ActionError(f"action {actions[agent]!r} of unknown agent {agent!r}.{hint}", key=agent)
        missing = [agent for agent in self._parts if agent not in actions]
        raise ActionError(
            f"no action for {listed(missing)}: every agent acts in every step. The action space of "
            f"{missing[0]!r} is {self.spaces[missing[0]]}",
            key=missing[0],
        )
