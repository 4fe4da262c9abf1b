"""`ContinuousEnv`: a `VectorEnv` whose agents act with real numbers, which are binned to positions of values.

For learners with a Gaussian policy. With `binning="even"` every value of a parameter has an equal part of
[-1, 1]. "published" is what the public single-agent environment of DRAMGym does (arXiv 2211.16385): numbers
are rounded before they are binned, so that only -1, 0 and 1 are left and at most three values of a parameter
can be chosen. It is here to repeat what was published; nothing else should use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, MultiDiscrete, Space
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from dse.env.core import Core
from dse.env.errors import ActionError
from dse.env.moves import Numbers
from dse.env.vector import Stepped, VectorEnv
from dse.errors import ConfigError, did_you_mean, listed

BINNINGS = ("even", "published")


def binned(numbers: NDArray[np.floating[Any]], n_values: Numbers, binning: str = "even") -> Numbers:
    """Positions (..., P) of real numbers (..., P), for parameters with n_values (P,) values.

    Numbers beyond -1 and 1 count as these.
    """
    inside = np.clip(numbers, -1.0, 1.0)
    if binning == "published":
        inside = np.round(inside)
    positions: Numbers = np.floor((inside + 1.0) / 2.0 * n_values).astype(np.int64)
    return np.minimum(positions, n_values - 1)


class ContinuousEnv(VectorEnv):
    """A `VectorEnv` with actions float32 (n, parameters) in [-1, 1]; see the module text.

    There are masks as ever, but binning knows nothing of them: a forbidden design is paid like one. Raises
    ConfigError for an unknown binning.
    """

    def __init__(self, core: Core, *, name: str, binning: str = "even") -> None:
        super().__init__(core, name=name)
        if binning not in BINNINGS:
            hint = did_you_mean(binning, BINNINGS)
            raise ConfigError(
                f"binning={binning!r}: expected one of {listed(BINNINGS)}.{hint}", key="binning"
            )
        self.binning = binning
        self.n_choices = {agent: _choices(space) for agent, space in core.actions.spaces.items()}
        """Agent to (parameters,): how many values each has."""
        self._boxes = {
            agent: Box(-1.0, 1.0, choices.shape, dtype=np.float32)
            for agent, choices in self.n_choices.items()
        }
        self._batched = {
            agent: (seen, batch_space(self._boxes[agent], core.n))
            for agent, (seen, _) in self._batched.items()
        }

    def single_action_space(self, agent: str) -> Space[Any]:
        """Of one member."""
        return self._boxes[self._known(agent)]

    def step(self, actions: Mapping[str, Any]) -> Stepped:
        """As `VectorEnv.step`; ActionError for what are not numbers of that shape, too."""
        positions = {
            agent: binned(self._checked(agent, actions), choices, self.binning)
            for agent, choices in self.n_choices.items()
        }
        return super().step(positions)

    def _checked(self, agent: str, actions: Mapping[str, Any]) -> NDArray[np.float64]:
        wanted = self.n_envs, len(self.n_choices[agent])
        given = np.asarray(actions.get(agent, ()), dtype=np.float64)
        if given.shape != wanted or np.isnan(given).any():
            raise ActionError(
                f"action of agent {agent!r}: got {given.shape}, expected an array {wanted} of numbers"
            )
        return given


def _choices(space: Space[Any]) -> Numbers:
    numbers: Any = space.nvec if isinstance(space, MultiDiscrete) else [space.n]  # type: ignore[attr-defined]
    return np.asarray(numbers, dtype=np.int64)
