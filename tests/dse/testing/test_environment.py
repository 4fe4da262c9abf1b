"""The conformance suite notices environments that break the contract."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.wrappers import LinearReward
from dse.testing.environment import (
    check_masks,
    check_rewards,
    check_seeding,
    check_spaces,
    check_state,
    check_turns,
)
from tests.dse.env.problems import environment, refining


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


class _Stuck(type(refining())):
    """A mask that leaves an agent nothing."""

    def _masks(self):
        return {agent: tuple(0 * part for part in mask) for agent, mask in super()._masks().items()}


class _Flat(type(refining())):
    """Masks of a form that no action space takes."""

    def _masks(self):
        return {agent: self.action_mask(agent) for agent in self.agents}


class _Blind(type(environment())):
    """A state that shows nothing."""

    def state(self):
        return 0 * super().state()


def test_rewards_of_the_wrong_type_are_noticed():
    with pytest.raises(AssertionError, match="float64"):
        check_rewards(_Doubles(environment().problem), episodes=2)


def test_numbers_instead_of_vectors_are_noticed():
    with pytest.raises(AssertionError, match="reward_space"):
        check_spaces(LinearReward(environment(), [1.0, 1.0]))


def test_randomness_outside_the_seed_is_noticed():
    with pytest.raises(AssertionError, match="same seed"):
        check_seeding(lambda: _Unseeded(environment().problem), episodes=3)


def test_a_mask_that_leaves_nothing_is_noticed():
    with pytest.raises(AssertionError, match="nothing to choose"):
        check_masks(_Stuck(refining().problem), episodes=1)


@pytest.mark.parametrize(
    "check", [lambda: check_masks(_flat(), episodes=1), lambda: check_turns(_flat)], ids=["masks", "turns"]
)
def test_a_mask_that_the_action_space_does_not_take_is_noticed(check):
    with pytest.raises(AssertionError):
        check()


def test_a_state_that_shows_nothing_is_noticed():
    with pytest.raises(AssertionError, match="the state was the same"):
        check_state(_Blind(environment().problem), episodes=3)


def _flat():
    return _Flat(refining().problem)
