"""The conformance suite notices environments that break the contract."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.wrappers import LinearReward
from dse.testing.environment import check_rewards, check_seeding, check_spaces
from tests.dse.env.problems import environment


class _Doubles(type(environment())):
    """Rewards in the wrong type."""

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        return observations, {agent: reward.astype(np.float64) for agent, reward in rewards.items()}, *rest


class _Unseeded(type(environment())):
    """Noise that no seed controls."""

    def step(self, actions):
        observations, rewards, *rest = super().step(actions)
        noise = np.float32(np.random.default_rng().normal())
        return observations, {agent: reward + noise for agent, reward in rewards.items()}, *rest


def test_rewards_of_the_wrong_type_are_noticed():
    with pytest.raises(AssertionError, match="float64"):
        check_rewards(_Doubles(environment().problem), episodes=2)


def test_numbers_instead_of_vectors_are_noticed():
    with pytest.raises(AssertionError, match="reward_space"):
        check_spaces(LinearReward(environment(), [1.0, 1.0]))


def test_randomness_outside_the_seed_is_noticed():
    with pytest.raises(AssertionError, match="same seed"):
        check_seeding(lambda: _Unseeded(environment().problem), episodes=3)
