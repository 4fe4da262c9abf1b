"""Conformance of a multi-agent environment with vector rewards, as checks that authors run on their own.

    from dse.testing.environment import check_environment

    def test_my_environment_conforms():
        check_environment(make_my_environment)

`make()` builds a fresh environment. The contract is PettingZoo's for parallel environments and MOMAland's
for several objectives: `reward_space(agent)` is a Box of shape (M,), rewards are float32 vectors inside it.
Scalarised, the environment must also pass PettingZoo's own tests, in parallel and in turns. Action masks, if
there are any, must be of the form that `action_space(agent).sample(mask)` takes. Every check raises
AssertionError.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, seed_test
from pettingzoo.utils import parallel_to_aec

from dse.env.wrappers import LinearReward

Make = Callable[[], Any]
_ADVICE = (
    "Action space for each agent probably",  # MultiDiscrete: an agent may own several parameters
    "We recommend agents to be named",  # names that say what an agent is
    "Agents have different observation space sizes",  # each sees its own parameters
    "Observations are different shapes",
)
"""Of PettingZoo's test in turns, what the contract leaves open."""


def check_environment(make: Make, *, episodes: int = 20) -> None:
    """All checks."""
    check_spaces(make())
    check_rewards(make(), episodes)
    check_masks(make(), episodes)
    check_state(make(), episodes)
    check_seeding(make, episodes)
    check_scalarised(make)
    check_turns(make)


def check_spaces(env: Any) -> None:
    """Every agent has its spaces, the same objects at every call, and they contain the first observation."""
    assert env.possible_agents, "an environment needs agents"
    observations, infos = env.reset(seed=1)
    assert set(observations) == set(infos) == set(env.agents) == set(env.possible_agents)
    for agent in env.possible_agents:
        assert env.action_space(agent) is env.action_space(agent)
        assert env.observation_space(agent) is env.observation_space(agent)
        assert env.observation_space(agent).contains(observations[agent]), f"{agent}: {observations[agent]}"
        rewards = env.reward_space(agent)
        assert isinstance(rewards, Box), f"{agent}: reward_space is {rewards!r}, expected a Box"
        assert len(rewards.shape) == 1, f"{agent}: reward_space has shape {rewards.shape}, expected (M,)"
        assert rewards.dtype == np.float32, f"{agent}: reward_space is {rewards.dtype}, expected float32"


def check_rewards(env: Any, episodes: int) -> None:
    """Every reward is a float32 vector inside its space; observations stay inside theirs."""
    for agent in env.possible_agents:
        env.action_space(agent).seed(7)
    for episode in range(episodes):
        env.reset(seed=episode)
        while env.agents:
            observations, rewards, *_ = env.step(sampled(env))
            for agent, reward in rewards.items():
                assert isinstance(reward, np.ndarray), f"{agent}: {reward!r} is no array"
                assert reward.dtype == np.float32, f"{agent}: rewards are {reward.dtype}, expected float32"
                assert env.reward_space(agent).contains(reward), f"{agent}: {reward} is outside its space"
                assert env.observation_space(agent).contains(observations[agent]), f"{agent}: observation"


def check_masks(env: Any, episodes: int) -> None:
    """While an episode goes on, masked actions can be drawn and taken, and every parameter has one left."""
    for agent in env.possible_agents:
        env.action_space(agent).seed(11)
    for episode in range(episodes):
        _, infos = env.reset(seed=episode)
        while env.agents:
            masks = {agent: infos[agent].get("action_mask") for agent in env.agents}
            for agent, mask in masks.items():
                parts = mask if isinstance(mask, tuple) else () if mask is None else (mask,)
                assert all(part.any() for part in parts), f"{agent}: a mask leaves nothing to choose"
            *_, infos = env.step(
                {agent: env.action_space(agent).sample(mask) for agent, mask in masks.items()}
            )


def check_state(env: Any, episodes: int) -> None:
    """`state()` stays inside `state_space`, and shows what actions do."""
    for agent in env.possible_agents:
        env.action_space(agent).seed(13)
    changed = False
    for episode in range(episodes):
        env.reset(seed=episode)
        before = env.state()
        while env.agents:
            env.step(sampled(env))
            assert env.state_space.contains(env.state()), f"state outside its space: {env.state()}"
            changed = changed or not np.array_equal(before, env.state())
    assert changed, f"the state was the same after {episodes} episodes of random actions"


def check_seeding(make: Make, episodes: int) -> None:
    """The seed of the first reset determines everything after it, resets without a seed included."""
    first, second = (list(played(make(), episodes)) for _ in range(2))
    assert first == second, "two environments with the same seed and actions went different ways"


def check_scalarised(make: Make) -> None:
    """PettingZoo's own tests pass once the rewards are numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        parallel_api_test(scalarised(make()), num_cycles=30)
        parallel_seed_test(lambda: scalarised(make()), num_cycles=10)


def check_turns(make: Make) -> None:
    """PettingZoo's conversion to an environment in which agents act in turn passes its tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for advice in _ADVICE:
            warnings.filterwarnings("ignore", advice)
        api_test(parallel_to_aec(scalarised(make())), num_cycles=30)
        seed_test(lambda: parallel_to_aec(scalarised(make())), num_cycles=10)


def scalarised(env: Any) -> LinearReward:
    """The environment with evenly weighted rewards."""
    n_objectives = env.reward_space(env.possible_agents[0]).shape[0]
    return LinearReward(env, [1.0 / n_objectives] * n_objectives)


def sampled(env: Any) -> dict[str, Any]:
    """A random action for each living agent, from the (seedable) action spaces."""
    return {agent: env.action_space(agent).sample() for agent in env.agents}


def played(env: Any, episodes: int) -> Any:
    """Everything seen in some episodes of random actions after one seeded reset, as comparable values."""
    for position, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(100 + position)
    for episode in range(episodes):
        observations, _ = env.reset(seed=3) if episode == 0 else env.reset()
        yield {agent: seen.tolist() for agent, seen in observations.items()}
        while env.agents:
            observations, rewards, terminations, truncations, _ = env.step(sampled(env))
            yield {agent: (observations[agent].tolist(), rewards[agent].tolist()) for agent in rewards}
            yield (terminations, truncations)
