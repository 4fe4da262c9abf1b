"""Vector rewards made into numbers, and infos made into arrays."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.wrappers import LinearReward, MaskInfos
from dse.errors import ConfigError
from dse.testing.environment import sampled
from tests.dse.env.problems import environment, refining


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


def test_mask_infos_leave_one_array_of_booleans():
    env = MaskInfos(environment(granularity="all"))

    _, infos = env.reset(seed=0)

    assert infos["designer"].keys() == {"action_mask"}
    assert infos["designer"]["action_mask"].tolist() == env.unwrapped.action_mask("designer").tolist()


def test_the_mask_of_one_parameter_is_its_choices():
    env = MaskInfos(environment(granularity="parameter"))

    _, infos = env.reset(seed=0)

    assert {agent: info["action_mask"].shape for agent, info in infos.items()} == {
        agent: (env.action_space(agent).n,) for agent in env.possible_agents
    }


def test_the_mask_of_parameters_with_equally_many_choices_is_a_matrix():
    env = MaskInfos(refining(granularity="subsystem", moves="nudge"))

    _, infos = env.reset(seed=0)

    assert {info["action_mask"].shape for info in infos.values()} == {(2, 3)}


def test_masks_are_told_in_every_step_but_the_last():
    env = MaskInfos(refining(steps=2))
    env.reset(seed=0)

    *_, first = env.step(sampled(env))
    *_, last = env.step(sampled(env))

    assert all(info.keys() == {"action_mask"} for info in first.values())
    assert all(info == {} for info in last.values())


def test_mask_infos_hide_what_other_wrappers_add():
    env = MaskInfos(LinearReward(environment(), [0.5, 0.5]))
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step(sampled(env))

    assert all(isinstance(reward, float) for reward in rewards.values())
    assert all(info == {} for info in infos.values())
