"""What users get wrong, told with agent, value and space."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dse
from dse.env.errors import ActionError, EpisodeError
from dse.errors import ConfigError, InputError, LookupFailed
from tests.dse.env.problems import design_of, environment, problem, refining
from traces import Workload

MAKES = [environment, refining]
WRONG = {
    "too large": np.array([99, 0]),
    "negative": np.array([-1, 0]),
    "larger than any index": np.array([2**63, 0], dtype=np.uint64),
    "too short": np.array([0]),
    "too long": np.array([0, 0, 0]),
    "a number for two parameters": 0,
    "a matrix": np.array([[0, 0]]),
    "floats": np.array([0.0, 1.0]),
    "booleans": np.array([True, False]),
    "text": "fast",
    "nothing": None,
}


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_action_names_agent_value_and_space(make, wrong):
    env = make()
    env.reset(seed=0)

    with pytest.raises(ActionError) as told:
        env.step({**design_of(env), "core": wrong})

    assert f"action {wrong!r} of agent 'core'" in told.value.message
    assert str(env.action_space("core")) in told.value.message
    assert "'mode', 'colour'" in told.value.message


def test_a_wrong_action_changes_nothing():
    env = refining()
    env.reset(seed=0)
    before = env.state()

    with pytest.raises(ActionError):
        env.step({**design_of(env, depth=5), "core": np.array([99, 0])})

    assert np.array_equal(env.state(), before)


@pytest.mark.parametrize("scalar", [3, np.int64(3), np.int32(3), np.array(3), np.array([3]), [3]])
def test_a_number_or_an_array_of_one_is_an_action_for_one_parameter(scalar):
    env = environment(granularity="parameter")
    env.reset(seed=0)

    *_, infos = env.step({**design_of(env), "depth": scalar})

    assert infos["depth"]["design"]["depth"] == 4


def test_a_missing_action_names_agent_and_space():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(ActionError, match=re.escape("no action for 'core'")) as told:
        env.step({"queue": np.array([0, 0])})

    assert str(env.action_space("core")) in told.value.message


def test_actions_that_are_no_mapping_are_refused():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(ActionError, match="expected a mapping of 'queue', 'core'"):
        env.step([1, 2])


def test_an_unknown_agent_names_the_nearest():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(ActionError, match=r"unknown agent 'cores'\. Did you mean 'core'"):
        env.step({**design_of(env), "cores": np.array([0, 0])})


@pytest.mark.parametrize("ask", ["observation_space", "action_space", "reward_space", "action_mask"])
def test_spaces_of_unknown_agents_name_the_nearest(ask):
    with pytest.raises(LookupFailed, match="'queue'"):
        getattr(environment(), ask)("queues")


@pytest.mark.parametrize("make", MAKES)
def test_a_step_before_the_first_reset_is_refused(make):
    env = make()

    with pytest.raises(EpisodeError, match=r"before the first reset\(\)"):
        env.step(design_of(env))


@pytest.mark.parametrize("make", MAKES)
def test_a_step_after_the_end_is_refused(make):
    env = make()
    env.reset(seed=0)
    while env.agents:
        env.step(design_of(env))

    with pytest.raises(EpisodeError, match="after the end of an episode"):
        env.step(design_of(env))


def test_there_is_no_state_before_the_first_reset():
    with pytest.raises(EpisodeError, match="there is no episode yet"):
        environment().state()
    with pytest.raises(EpisodeError, match="there is no episode yet"):
        refining().action_mask("core")


def test_a_simulation_that_fails_leaves_the_episode_where_it_was():
    env = refining(poison=[-1])
    env.reset(seed=0)
    before = env.state()

    with pytest.raises(RuntimeError, match="depth 6 breaks the simulator"):
        env.step(design_of(env, depth=6))

    assert np.array_equal(env.state(), before)
    assert env.step(design_of(env, depth=5))[-1]["core"]["design"]["depth"] == 5


def test_a_workload_shorter_than_its_warm_up_is_refused():
    trace = problem().workloads[0].traces[0]

    with pytest.raises(InputError, match="warmup=500 is out of range"):
        dse.make("dram/design-v0", workload=Workload((trace,), warmup=500))


def test_a_workload_that_no_design_can_run_is_refused_when_the_environment_is_made():
    class Refusing(type(problem().simulator)):
        def check_workload(self, workload, baseline):
            raise InputError(f"{workload.name} is too long")

    with pytest.raises(InputError, match="load 0 is too long"):
        type(problem())(Refusing(), problem().workloads, ["time_ns"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"granularty": "all"}, "'granularity'"),
        ({"devise": "x"}, "'device'"),
        ({"reword": "linear"}, "'reward'"),
        ({"steps": 8}, "unknown option 'steps'"),
    ],
)
def test_an_unknown_option_names_the_nearest(options, expected):
    with pytest.raises(ConfigError, match=expected):
        dse.make("dram/design-v0", workload="synthetic:stream?n=200", **options)


def test_an_unknown_environment_names_the_nearest():
    with pytest.raises(LookupFailed, match="'dram/refine-v0'"):
        dse.make("dram/refin-v0")
