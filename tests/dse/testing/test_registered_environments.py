"""Every registered environment conforms, by the suite that ships."""

from __future__ import annotations

import inspect

import pytest

import dse
from dse.env.factories import _ASKED_HERE, environment_options
from dse.env.live import REWARDS as LIVE_REWARDS
from dse.env.refine import RefineCore
from dse.env.rewards import REWARDS
from dse.registry import names, resolve
from dse.testing.environment import check_environment
from dse.testing.vector import check_vector

WORKLOADS = {
    "dram": {"workload": ["synthetic:stream?n=150", "synthetic:bursty?n=150&seed=1"]},
    "soc": {"workload": ["synthetic:chase?n=500"]},
}


def _made(name: str, **options):
    family = name.partition("/")[0]
    return dse.make(name, **WORKLOADS[family], **options)


@pytest.mark.parametrize("name", names("environment"))
def test_it_conforms(name):
    check_environment(lambda: _made(name), episodes=2)


@pytest.mark.parametrize("name", names("environment"))
def test_many_of_it_go_as_single_ones(name):
    check_vector(lambda: _made(name), lambda n: _made(name, n_envs=n, threads=2), steps=6)


def _with_rewards():
    """Environments and the rewards that they have beside the default one."""
    for name in names("environment"):
        for reward in LIVE_REWARDS if "/live-" in name else REWARDS:
            if reward not in ("improvement", "saved"):
                yield name, reward


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["parameter", "all"])
@pytest.mark.parametrize(("name", "reward"), list(_with_rewards()))
def test_it_conforms_with_every_reward_and_granularity(name, granularity, reward):
    given = {"granularity": granularity, "reward": reward, "preferences": "drawn"}
    if reward in ("target", "product"):
        given["targets"] = {one.metric: 10.0 for one in _made(name).problem.objectives}

    check_environment(lambda: _made(name, **given), episodes=2)


@pytest.mark.parametrize("name", names("environment"))
def test_its_options_and_its_simulators_have_different_names(name):
    build = resolve("simulator", name.partition("/")[0])
    own = {*environment_options(RefineCore), *_ASKED_HERE}

    assert own & set(inspect.signature(build).parameters) == set()


@pytest.mark.parametrize("name", names("environment"))
def test_held_out_workloads_are_made_too(name):
    held_out = {"dram": "synthetic:uniform_random?n=150", "soc": "synthetic:stream?n=500"}
    env = _made(name, held_out=held_out[name.partition("/")[0]])

    _, infos = env.reset(options={"held_out": True})

    assert [info["workload"] for info in infos.values()] == [env.contexts.held_out[0]] * len(infos)
