"""MOMAland's own test, its conversion to turns and its wrappers, over every registered environment.

The `utils.aec_wrappers` of MOMAland 0.2.0 import a module that gymnasium removed in 1.0, so that wrappers are
tested in parallel only. `CentraliseAgent` takes all agents to have as many actions as the first one, which
is not so here; granularity "all" is what makes one agent of many.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from momaland.test import api_test
from momaland.utils.conversions import mo_aec_to_parallel, mo_parallel_to_aec
from momaland.utils.parallel_wrappers import LinearizeReward, NormalizeReward

from tests.dse.env.registered import NAMES, made

pytestmark = pytest.mark.parametrize("name", NAMES)
ADVICE = (
    "Action space for each agent probably",  # MultiDiscrete: an agent may own several parameters
    "We recommend agents to be named",  # names that say what an agent is
    "Agents have different observation space sizes",  # each sees its own parameters
    "Observations are different shapes",
)


@pytest.mark.parametrize("reward", [{}, {"reward": "linear"}], ids=["vector", "number"])
@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
def test_momalands_test_passes(name, granularity, reward):
    env = made(name, granularity=granularity, **reward)

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for advice in ADVICE:
            warnings.filterwarnings("ignore", advice)
        api_test(mo_parallel_to_aec(env), num_cycles=20)


def test_turns_lead_back_to_the_environment(name):
    env = made(name)

    assert mo_aec_to_parallel(mo_parallel_to_aec(env)) is env


def test_rewards_can_be_linearised(name):
    env = made(name)
    n = env.reward_space(env.possible_agents[0]).shape[0]
    weights = np.arange(1, n + 1) / 10
    linear = LinearizeReward(made(name), dict.fromkeys(env.possible_agents, weights))
    env.reset(seed=1)
    linear.reset(seed=1)
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}

    _, vectors, *_ = env.step(actions)
    _, numbers, *_ = linear.step(actions)

    assert numbers == {agent: pytest.approx(weights @ vector) for agent, vector in vectors.items()}


def test_rewards_can_be_normalised(name):
    env = wrapped = made(name)
    for agent in env.possible_agents:
        for position in range(env.n_objectives):
            wrapped = NormalizeReward(wrapped, agent, position)
    wrapped.reset(seed=1)

    _, rewards, *_ = wrapped.step({agent: env.action_space(agent).sample() for agent in env.agents})

    assert all(
        np.isfinite(reward).all() and reward.shape == (env.n_objectives,) for reward in rewards.values()
    )
