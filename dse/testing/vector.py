"""Conformance of many environments that step together, as a check that authors run on their own.

    from dse.testing.vector import check_vector

    def test_my_environments_conform():
        check_vector(make_one, make_many, n=3)

`make_one()` builds an environment as `dse.testing.environment` checks it; `make_many(n)` builds n of them as
`dse.env.vector.VectorEnv` has them. Member i must go, bit for bit, as the environment with the seed
`seed + i` goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete

Make = Callable[[], Any]


def check_vector(make_one: Make, make_many: Callable[[int], Any], *, n: int = 3, steps: int = 12) -> None:
    """All checks: `steps` random steps of n members beside n environments of their own."""
    many, alone = make_many(n), [make_one() for _ in range(n)]
    assert many.n_envs == n, f"{many.n_envs} environments, expected {n}"
    assert many.possible_agents == alone[0].possible_agents, "other agents than those of one environment"
    generator = np.random.default_rng(1)
    seen, _ = many.reset(seed=7)
    firsts = [env.reset(seed=7 + member)[0] for member, env in enumerate(alone)]
    _check_same(seen, firsts, "first observation")
    for _ in range(steps):
        actions = {agent: _drawn(env_space, n, generator) for agent, env_space in _spaces(many).items()}
        seen, rewards, terminated, truncated, infos = many.step(actions)
        assert all(many.observation_space(agent).contains(one) for agent, one in seen.items())
        own = [env.step({a: rows[member] for a, rows in actions.items()}) for member, env in enumerate(alone)]
        _check_same(rewards, [one[1] for one in own], "reward")
        over = terminated | truncated
        for member, env in enumerate(alone):
            assert bool(over[member]) == (not env.agents), f"member {member}: over at another step"
        if over.any():
            ended = np.flatnonzero(over).tolist()
            _check_same(infos["final_observation"], {m: own[m][0] for m in ended}, "last observation")
            assert np.array_equal(infos["ended"], over), "infos name other members as ended"
        nexts = [alone[m].reset()[0] if over[m] else own[m][0] for m in range(n)]
        _check_same(seen, nexts, "observation")


def _spaces(many: Any) -> dict[str, Any]:
    return {agent: many.single_action_space(agent) for agent in many.possible_agents}


def _drawn(space: Any, n: int, generator: np.random.Generator) -> Any:
    """(n,) or (n, parameters) random actions."""
    if isinstance(space, Discrete):
        return generator.integers(0, space.n, n)
    return generator.integers(0, space.nvec, (n, len(space.nvec)))


def _check_same(found: Any, expected: Any, what: str) -> None:
    """Agent to (n, ...) beside member to agent to (...)."""
    members = expected.items() if isinstance(expected, dict) else enumerate(expected)
    for member, one in members:
        for agent, value in one.items():
            assert np.array_equal(found[agent][member], value), (
                f"{what} of agent {agent!r}, member {member}: {found[agent][member]}, alone {value}"
            )
