"""Rollouts tell what happened, lessons come when they are due, and returns are those of whole episodes."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.rollout import Runner, returns_of, train
from dse.errors import ConfigError
from tests.dse.env.problems import refining, vector


class Scripted:
    """Draws actions from its own generator; keeps what it saw and learnt from."""

    def __init__(self, env, seed=0):
        self.env, self.random = env, np.random.default_rng(seed)
        self.seen, self.rollouts, self.greedy = [], [], []

    def act(self, observations, masks, *, greedy=False):
        self.seen.append(observations)
        self.greedy.append(greedy)
        spaces = {agent: self.env.single_action_space(agent) for agent in observations}
        limits = {
            agent: np.atleast_1d(getattr(space, "nvec", getattr(space, "n", 0)))
            for agent, space in spaces.items()
        }
        n = self.env.n_envs
        return {agent: self.random.integers(0, most, (n, len(most))) for agent, most in limits.items()}

    def learn(self, rollout):
        self.rollouts.append(rollout)


@pytest.fixture
def env():
    return vector("refine", 3, steps=4, reward="linear")


def test_a_rollout_is_what_single_environments_say(env):
    learner = Scripted(env)
    rollout = Runner(env, seed=5).collect(learner, 6)

    single = refining(steps=4, reward="linear")
    for member in range(env.n_envs):
        observations, _ = single.reset(seed=5 + member)
        for step in range(rollout.shape[0]):
            for agent, seen in observations.items():
                np.testing.assert_array_equal(rollout.observations[agent][step, member], seen)
                np.testing.assert_array_equal(rollout.masks[agent][step, member], single.action_mask(agent))
            np.testing.assert_array_equal(rollout.states[step, member], single.state())
            actions = {agent: taken[step, member] for agent, taken in rollout.actions.items()}
            after, rewards, terminated, truncated, _ = single.step(actions)
            for agent, seen in after.items():
                np.testing.assert_array_equal(rollout.following[agent][step, member], seen)
                np.testing.assert_array_equal(rollout.rewards[agent][step, member], rewards[agent])
                assert rollout.terminated[step, member] == terminated[agent]
                assert rollout.truncated[step, member] == truncated[agent]
            np.testing.assert_array_equal(rollout.following_states[step, member], single.state())
            observations = after if single.agents else single.reset()[0]


def test_rollouts_go_on_where_the_last_one_ended(env):
    learner = Scripted(env)
    runner = Runner(env, seed=1)
    first, second = runner.collect(learner, 3), runner.collect(learner, 3)

    whole = Runner(vector("refine", 3, steps=4, reward="linear"), seed=1).collect(Scripted(env), 6)

    for agent, seen in whole.observations.items():
        np.testing.assert_array_equal(
            np.concatenate([first.observations[agent], second.observations[agent]]), seen
        )


def test_training_takes_no_more_steps_than_asked_for(env):
    learner, told = Scripted(env), []
    train(env, learner, 40, seed=1, horizon=4, told=lambda steps, rollout: told.append((steps, rollout)))

    assert [steps for steps, _ in told] == [12, 24, 36]
    assert [rollout for _, rollout in told] == learner.rollouts
    assert all(rollout.shape == (4, 3) for rollout in learner.rollouts)


def test_too_few_steps_for_a_lesson_are_refused(env):
    with pytest.raises(ConfigError, match=r"n_steps=11: a rollout of 4 steps of 3 members has 12"):
        train(env, Scripted(env), 11, seed=1, horizon=4)


def test_returns_are_sums_over_one_episode_of_each_member(env):
    learner = Scripted(env)
    found = returns_of(env, learner, seed=7)
    rollout = Runner(vector("refine", 3, steps=4, reward="linear"), seed=7).collect(Scripted(env), 4)

    assert learner.greedy == [True] * 4
    for agent, returns in found.items():
        np.testing.assert_allclose(returns, rollout.rewards[agent].sum(axis=0), rtol=1e-6)


def test_returns_of_a_workload_that_was_asked_for():
    env = vector("refine", 2, n_workloads=3, steps=1, reward="linear")
    returns_of(env, learner := Scripted(env), options={"workload": 2})

    agent = env.possible_agents[0]
    expected, _ = env.reset(options={"workload": 2})
    np.testing.assert_array_equal(learner.seen[0][agent], expected[agent])
