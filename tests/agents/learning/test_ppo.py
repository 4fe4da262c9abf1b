"""PPO for teams: it learns what can be learnt, sees what it may see, and goes on exactly where it was."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from agents.learning.ppo import Ppo
from dse.env.rollout import Runner, returns_of, train
from dse.errors import ConfigError
from tests.dse.env.problems import vector


class Guess:
    """Two agents see a sign, each its own; an action pays where it names the sign. An episode is `steps`.

    It has what `Ppo` and `Runner` use of a `VectorEnv`. forbid: the second choice of agent "two" is masked.
    """

    possible_agents = ("one", "two")

    def __init__(self, n_envs=32, steps=1, forbid=False, blind=False):
        self.n_envs, self._steps, self._forbid, self._blind = n_envs, steps, forbid, blind
        self.state_space = Box(0.0, 1.0, (2,), dtype=np.float32)

    def single_observation_space(self, agent):
        return Box(0.0, 1.0, (1 if agent == "one" else 3,), dtype=np.float32)

    def single_action_space(self, agent):
        return Discrete(2) if agent == "one" else MultiDiscrete([3, 2])

    def reward_space(self, agent):
        return Box(-1.0, 1.0, (1,), dtype=np.float32)

    def reset(self, seed=None, options=None):
        self._random = np.random.default_rng(seed)
        self._time = 0
        self._draw()
        return self._seen(), {}

    def action_masks(self):
        masks = {"one": np.ones((self.n_envs, 2), bool), "two": np.ones((self.n_envs, 5), bool)}
        if self._forbid:
            masks["two"][:, [1, 4]] = False
        return masks

    def state(self):
        return self._signs.astype(np.float32)

    def step(self, actions):
        right = actions["one"][:, 0] == self._signs[:, 0]
        both = (actions["two"] == self._signs[:, 1:]).all(axis=1)
        rewards = {"one": right, "two": both}
        self.taken = actions
        self._time += 1
        over = np.full(self.n_envs, self._time % self._steps == 0)
        last = self._seen(), self.state()
        self._draw()
        infos = {"ended": over, "final_observation": last[0], "final_state": last[1]} if over.any() else {}
        paid = {agent: reward.astype(np.float32)[:, None] for agent, reward in rewards.items()}
        return self._seen(), paid, over, np.zeros(self.n_envs, bool), infos

    def _draw(self):
        self._signs = self._random.integers(0, 2, (self.n_envs, 2))

    def _seen(self):
        signs = np.zeros_like(self._signs) if self._blind else self._signs
        two = np.zeros((self.n_envs, 3), dtype=np.float32)
        two[:, 2] = signs[:, 1]
        return {"one": signs[:, :1].astype(np.float32), "two": two}


def learner(env, seed=1, **options):
    return Ppo(env, np.random.SeedSequence(seed), **options)


@pytest.mark.parametrize("critic", ["own", "state"])
def test_what_is_seen_is_used(critic):
    env = Guess()
    team = learner(env, critic=critic, learning_rate=3e-3)
    train(env, team, 8_000, seed=1, horizon=8)

    found = returns_of(env, team, seed=99)
    assert {agent: returns.mean() for agent, returns in found.items()} == {"one": 1.0, "two": 1.0}


def test_what_is_not_seen_is_not():
    env = Guess(n_envs=256, blind=True)
    team = learner(env, learning_rate=3e-3)
    train(env, team, 20_000, seed=1, horizon=4)

    assert returns_of(env, team, seed=99)["one"].mean() == pytest.approx(0.5, abs=0.1)


def test_masked_choices_are_not_taken():
    env = Guess(n_envs=500, forbid=True)
    team = learner(env)
    observations, _ = env.reset(seed=1)

    for greedy in (False, True):
        taken = team.act(observations, env.action_masks(), greedy=greedy)
        assert taken["one"].shape == (500, 1)
        assert taken["two"].shape == (500, 2)
        assert not (taken["two"][:, 0] == 1).any()
        assert not taken["two"][:, 1].any()
    assert set(team.act(observations, env.action_masks())["two"][:, 0].tolist()) == {0, 2}


def test_returns_end_with_the_episode():
    """With lambda = 1 and no discount they are the rewards that are left, whatever the critics think."""
    env = Guess(steps=4)
    team = learner(env, discount=1.0, trace=1.0)
    rollout = Runner(env, 1).collect(team, 8)
    returns = team._returns.unscaled(team._batch(rollout).returns.unsqueeze(2)).view(2, 8, env.n_envs)

    for agent, found in zip(env.possible_agents, returns.numpy(), strict=True):
        rewards = rollout.rewards[agent][..., 0].reshape(2, 4, env.n_envs)
        left = rewards[:, ::-1].cumsum(axis=1)[:, ::-1].reshape(8, env.n_envs)
        np.testing.assert_allclose(found, left, atol=1e-5)


@pytest.mark.parametrize("critic", ["own", "state"])
def test_it_goes_on_exactly_where_it_was(critic):
    env = vector("refine", 4, steps=3, reward="linear")
    whole, copy = learner(env, critic=critic), learner(env, seed=2, critic=critic)
    runner = Runner(env, 1)
    whole.learn(runner.collect(whole, 6))
    rollout = runner.collect(whole, 6)
    observations = {agent: seen[0] for agent, seen in rollout.observations.items()}
    masks = {agent: mask[0] for agent, mask in rollout.masks.items()}

    copy.load(whole.state())
    for team in (whole, copy):
        team.learn(rollout)

    assert whole.diagnostics() == copy.diagnostics()
    for mine, other in zip(whole.state()["networks"], copy.state()["networks"], strict=True):
        np.testing.assert_array_equal(mine, other)
    expected = whole.act(observations, masks)
    for agent, taken in copy.act(observations, masks).items():
        np.testing.assert_array_equal(taken, expected[agent])


@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
def test_every_granularity_learns(granularity):
    env = vector("design", 16, reward="linear", granularity=granularity)
    team = learner(env)
    before = [weights.copy() for weights in team.state()["networks"]]
    train(env, team, 64, seed=1, horizon=2)

    after = team.state()["networks"]
    assert any((old != new).any() for old, new in zip(before, after, strict=True))
    assert 0.0 < team.diagnostics()["entropy"] <= 1.0


def test_agents_that_see_nothing_still_act():
    env = vector("refine", 4, steps=3, reward="linear", observe=[])
    team = learner(env)
    train(env, team, 24, seed=1, horizon=3)

    assert returns_of(env, team)[env.possible_agents[0]].shape == (4, 1)


def test_rewards_that_are_vectors_are_refused():
    with pytest.raises(ConfigError, match=r"has 2 components.*reward='linear'"):
        learner(vector("refine", 2, steps=3))


def test_an_unknown_option_is_named():
    with pytest.raises(ConfigError, match=r"learner 'ppo'.*discuont.*discount"):
        learner(vector("refine", 2, reward="linear"), discuont=0.5)
