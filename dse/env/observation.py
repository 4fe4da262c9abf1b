"""What agents see: one vector of everything, of which each agent gets the shared part and its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from dse.env.own_metrics import Shares
from dse.env.ownership import slices, subsystems_of
from dse.errors import ConfigError, did_you_mean, listed
from dse.space import DesignSpace, IndexMatrix
from dse.subsystem import Subsystem

Vector = NDArray[np.float32]
Seen = tuple[str, float, float]
"""Name of a number that all agents see, and its ends."""


class View:
    """Observations of agents, float32; `names` says what each number of a state is.

    First what all see (`shared`, in blocks that an environment gives), then what is the agent's own: metrics
    of the subsystems of its parameters (0..1, see `own_metrics`) and the positions of its parameters (0..1).

    observe: patterns of names that agents may see, such as "workload:*" (None: all); what matches none
    of them is in the state only. ConfigError for a pattern that no name matches.
    """

    def __init__(
        self,
        space: DesignSpace,
        parts: Mapping[str, Subsystem],
        shares: Shares,
        shared: Sequence[Seen],
        observe: Sequence[str] | None = None,
    ) -> None:
        self._shares, self._n_shared = shares, len(shared)
        self._columns = np.array([column for part in parts.values() for column in part.indices])
        self._steps = np.maximum(space.n_values[self._columns] - 1, 1).astype(np.float64)
        own = [(f"own:{name}", 0.0, 1.0) for name in shares.names]
        positions = [(f"position:{space.names[column]}", 0.0, 1.0) for column in self._columns]
        numbers = [*shared, *own, *positions]
        self.names = tuple(name for name, _, _ in numbers)
        self._picks = self._picked(space, parts, _matching(self.names, observe))
        self._all_picks = np.concatenate([*self._picks.values()])
        self._pieces = dict(zip(parts, slices([len(pick) for pick in self._picks.values()]), strict=True))
        low, high = np.array([ends for _, *ends in numbers], dtype=np.float32).T
        self.state_space = Box(low, high, dtype=np.float32)
        self.spaces = {
            agent: Box(low[pick], high[pick], dtype=np.float32) for agent, pick in self._picks.items()
        }

    def names_of(self, agent: str) -> tuple[str, ...]:
        """What each number of the agent's observation is."""
        return tuple(self.names[position] for position in self._picks[agent])

    def states(self, blocks: Sequence[NDArray[np.float64]], rows: IndexMatrix) -> Vector:
        """(n, S) everything, in the order of `names`.

        blocks: (n, ...), the shared ones and, last, the own metrics of all subsystems. rows: designs (n, D).
        """
        positions = rows.take(self._columns, axis=1) / self._steps
        return np.concatenate([*blocks, positions], axis=1, dtype=np.float32)

    def observations(self, states: Vector) -> dict[str, Vector]:
        """Each agent's part of states (n, S), or of one state (S,)."""
        if states.ndim > 1:
            return {agent: states.take(pick, axis=1) for agent, pick in self._picks.items()}
        picked = states.take(self._all_picks)  # numpy takes as long for one agent as for all
        return {agent: picked[part] for agent, part in self._pieces.items()}

    def _picked(
        self, space: DesignSpace, parts: Mapping[str, Subsystem], allowed: set[int]
    ) -> dict[str, NDArray[np.intp]]:
        first_position, picks = self._n_shared + len(self._shares), {}
        for agent, part in parts.items():
            known = [c for name in subsystems_of(space, part) for c in self._shares.columns(name)]
            own = range(first_position, first_position + len(part))
            picked = [*range(self._n_shared), *(self._n_shared + column for column in known), *own]
            picks[agent] = np.array([place for place in picked if place in allowed], dtype=np.intp)
            first_position += len(part)
        return picks


def _matching(names: Sequence[str], patterns: Sequence[str] | None) -> set[int]:
    """Positions of the names that match one of the patterns; all without patterns."""
    if patterns is None:
        return set(range(len(names)))
    if isinstance(patterns, str):
        raise ConfigError(f"observe={patterns!r}: expected a list of patterns", key="observe")
    found: set[int] = set()
    for pattern in patterns:
        matched = {place for place, name in enumerate(names) if fnmatchcase(name, pattern)}
        if not matched:
            hint = did_you_mean(pattern, names) or f" The numbers are {listed(names, 80)}."
            message = f"observe: no number of an observation matches {pattern!r}.{hint}"
            raise ConfigError(message, key="observe")
        found |= matched
    return found
