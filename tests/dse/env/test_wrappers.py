"""Vector rewards made into numbers."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.wrappers import LinearReward
from dse.errors import ConfigError
from dse.testing.environment import sampled
from tests.dse.env.problems import environment


def test_the_reward_is_the_weighted_sum_of_the_vector():
    env = LinearReward(environment(), [2.0, -1.0])
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step(sampled(env))

    assert rewards["core"] == pytest.approx(float(infos["core"]["reward_vector"] @ np.array([2.0, -1.0])))


def test_agents_may_weigh_differently():
    env = LinearReward(environment(), {"queue": [1.0, 0.0], "core": [0.0, 1.0]})
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step({"queue": np.array([0, 3]), "core": np.array([1, 2])})

    assert [rewards["queue"], rewards["core"]] == pytest.approx(infos["core"]["reward_vector"].tolist())


def test_the_reward_space_bounds_the_sum():
    env = LinearReward(environment(), [0.5, -0.5])
    env.reset(seed=0)

    _, rewards, *_ = env.step(sampled(env))

    assert env.reward_space("core").contains(np.asarray(rewards["core"], dtype=np.float32))


@pytest.mark.parametrize("weights", [[1.0], [1.0, float("nan")], {"queue": [1.0, 1.0]}])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ConfigError, match="weights"):
        LinearReward(environment(), weights)
