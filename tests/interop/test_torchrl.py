"""TorchRL's wrapper around the parallel environments, and around those in which agents act in turn.

The binary part of torchrl 0.11.1 does not load with torch 2.13.0; what needs it (prioritised replay) is not
used here.
"""

from __future__ import annotations

import pytest
import torch
from pettingzoo.utils import parallel_to_aec
from torchrl.envs import PettingZooWrapper
from torchrl.envs.utils import check_env_specs

from dse.env.wrappers import MaskInfos
from tests.dse.env.problems import environment
from tests.dse.env.registered import NAMES, SHORT, made

pytestmark = pytest.mark.filterwarnings("ignore:PettingZoo in TorchRL is tested using")


@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
@pytest.mark.parametrize("name", NAMES)
def test_the_specifications_hold(name, granularity):
    env = made(name, granularity=granularity, reward="linear")

    check_env_specs(PettingZooWrapper(MaskInfos(env), return_state=True, seed=1))


@pytest.mark.parametrize("name", NAMES)
def test_the_specifications_hold_in_turns(name):
    env = parallel_to_aec(MaskInfos(made(name, granularity="parameter", reward="linear")))

    check_env_specs(PettingZooWrapper(env, use_mask=True, seed=1))


@pytest.mark.parametrize("name", NAMES)
def test_a_rollout_has_what_the_environment_gives(name):
    env = made(name, granularity="parameter", reward="linear")
    wrapped = PettingZooWrapper(MaskInfos(env), return_state=True, seed=1)

    rollout = wrapped.rollout(1, auto_reset=True)

    agent = env.possible_agents[0]
    actions = {name: rollout[name, "action"].squeeze().numpy() for name in env.possible_agents}
    again = made(name, granularity="parameter", reward="linear")
    again.reset(seed=1)
    observations, rewards, *_ = again.step(actions)
    assert rollout["next", agent, "observation"].squeeze().tolist() == observations[agent].tolist()
    assert rollout["next", agent, "reward"].squeeze().item() == rewards[agent].item()
    assert rollout["next", "state"].squeeze().tolist() == again.state().tolist()


@pytest.mark.parametrize("name", NAMES)
def test_episodes_follow_each_other(name):
    options, length = SHORT[name.partition("/")[2]]
    env = made(name, granularity="parameter", reward="linear", **options)
    wrapped = PettingZooWrapper(MaskInfos(env), seed=1)

    rollout = wrapped.rollout(2 * length, break_when_any_done=False)

    ends = rollout["next", "done"].flatten().nonzero().flatten().tolist()
    assert ends == [length - 1, 2 * length - 1]


def test_random_actions_keep_to_the_masks():
    env = environment(granularity="parameter", reward="linear")
    wrapped = PettingZooWrapper(MaskInfos(env), seed=1)
    masked = [agent for agent in env.possible_agents if not env.action_mask(agent).all()]

    rollout = wrapped.rollout(60, break_when_any_done=False)

    assert masked
    for agent in masked:
        allowed = torch.as_tensor(env.action_mask(agent).copy())
        assert allowed[rollout[agent, "action"].flatten()].all()
