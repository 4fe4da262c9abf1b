"""One agent that owns everything, as a Gymnasium environment."""

from __future__ import annotations

import warnings
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import dse
from dse.env.single import SingleAgent
from dse.errors import ConfigError
from tests.dse.env.problems import environment, refining

REWARDS = ["improvement", "linear", "chebyshev", "penalised", "difference"]


@pytest.fixture
def checked():
    """Gymnasium's checker, over an environment that is registered with it for as long as the test runs."""

    def check(make) -> None:
        gymnasium.register("tests/single-v0", entry_point=lambda **options: SingleAgent(make(**options)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(gymnasium.make("tests/single-v0", disable_env_checker=True).unwrapped)

    yield check
    gymnasium.registry.pop("tests/single-v0", None)


@pytest.mark.parametrize("reward", REWARDS)
def test_gymnasiums_checker_passes_on_design(checked, reward):
    checked(partial(environment, 2, "all", reward=reward, preferences="drawn"))


@pytest.mark.parametrize("moves", ["set", "nudge"])
def test_gymnasiums_checker_passes_on_refine(checked, moves):
    checked(partial(refining, granularity="all", moves=moves, start="random"))


def test_the_action_is_a_position_for_each_parameter():
    env = SingleAgent(environment(granularity="all"))

    assert env.action_space == gymnasium.spaces.MultiDiscrete([9, 3, 3, 6])


def test_the_reward_is_the_vector_weighted_by_the_preference():
    env = SingleAgent(environment(granularity="all"))
    env.reset(seed=0, options={"weights": [3, 1]})

    _, reward, terminated, truncated, info = env.step(np.array([2, 1, 2, 3]))

    assert isinstance(reward, float)
    assert reward == pytest.approx(info["reward_vector"] @ np.array([0.75, 0.25]))
    assert (terminated, truncated) == (True, False)


def test_a_scalar_mode_is_paid_as_it_is():
    env = SingleAgent(environment(granularity="all", reward="chebyshev"))
    env.reset(seed=0)

    _, reward, _, _, info = env.step(np.array([2, 1, 2, 3]))

    assert [reward] == pytest.approx(info["reward_vector"].tolist())
    assert env.reward_space.shape == (1,)


def test_masks_cover_every_parameter():
    env = SingleAgent(environment(granularity="all"))
    env.reset(seed=0)

    assert env.action_masks().astype(int).tolist() == [1] * 9 + [1, 1, 0] + [1] * 3 + [1] * 6


def test_several_agents_are_refused():
    with pytest.raises(ConfigError, match='granularity="all"'):
        SingleAgent(environment())


def test_dse_make_builds_a_single_agent():
    env = dse.make("dram/design-v0", workload="synthetic:stream?n=200", single=True, render_mode="ansi")

    env.reset(seed=0)
    env.step(env.action_space.sample())

    assert isinstance(env, gymnasium.Env)
    assert "read_latency_p95_ns" in env.render()


def test_a_single_agent_that_owns_only_a_part_is_refused():
    with pytest.raises(ConfigError, match="must be 'all'"):
        dse.make("dram/design-v0", workload="synthetic:stream?n=200", single=True, granularity="parameter")
