"""What Gymnasium and PettingZoo ship to check environments, over every registered one.

`dse.testing.environment` runs PettingZoo's tests of the interface and of seeds, in parallel and in turns.
"""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import render_test, state_test
from pettingzoo.utils import parallel_to_aec

from dse.testing.environment import scalarised
from tests.dse.env.registered import NAMES, SHORT, made

pytestmark = pytest.mark.parametrize("name", NAMES)


def test_gymnasiums_checker_passes(name):
    identity = f"tests/{name.replace('/', '-')}"
    gymnasium.register(identity, entry_point=lambda **options: made(name, single=True, **options))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(identity, disable_env_checker=True).unwrapped)

    del gymnasium.registry[identity]


def test_gymnasium_steps_several_at_once(name):
    options, _ = SHORT[name.partition("/")[2]]

    def recorded():
        return gymnasium.wrappers.RecordEpisodeStatistics(made(name, single=True, **options))

    envs = gymnasium.vector.SyncVectorEnv([recorded] * 3)
    envs.reset(seed=1)
    envs.action_space.seed(1)
    finished = 0
    for _ in range(10):
        observations, rewards, _, _, infos = envs.step(envs.action_space.sample())
        finished += int(infos.get("_episode", np.zeros(3)).sum())

    assert observations.shape == (3, *envs.single_observation_space.shape)
    assert np.isfinite(rewards).all()
    assert finished > 0
    assert [mask.dtype for mask in envs.call("action_masks")] == [np.bool_] * 3


@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
def test_pettingzoos_test_of_states_passes(name, granularity):
    env = scalarised(made(name, granularity=granularity))

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        state_test(parallel_to_aec(env), env)


def test_pettingzoos_test_of_pictures_passes(name):
    def rendering(render_mode):
        wanted = None if render_mode == "human" else render_mode  # the test begins with it, offered or not
        return parallel_to_aec(scalarised(made(name, render_mode=wanted)))

    render_test(rendering)
