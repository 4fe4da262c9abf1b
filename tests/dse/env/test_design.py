"""The environment in which one step is a complete design."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.env.design import DesignEnv
from dse.errors import ConfigError, SpaceError
from dse.testing.environment import check_environment, sampled
from tests.dse.env.problems import environment, problem, trace


@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
def test_it_conforms_to_pettingzoo_and_momaland(granularity):
    check_environment(lambda: environment(granularity=granularity))


def test_it_conforms_with_several_workloads_and_failing_designs():
    check_environment(lambda: environment(n_workloads=3, poison=[5, 6]))


def test_every_subsystem_is_an_agent():
    env = environment()

    assert env.possible_agents == [part.name for part in env.problem.space.subsystems]


def test_one_parameter_makes_a_discrete_action():
    env = environment(granularity="parameter")

    assert env.action_space("depth").n == 6


def test_actions_make_up_the_design_that_is_reported():
    env = environment()
    env.reset(seed=0)

    *_, infos = env.step({"queue": np.array([0, 3]), "core": np.array([1, 2])})

    assert infos["queue"]["design"] == {"buffers": 1, "mode": "fast", "colour": "blue", "depth": 4}


def test_the_baseline_earns_nothing():
    env = environment()
    env.reset(seed=0)
    row = env.problem.baseline_row
    baseline = {agent: row[list(part.indices)] for agent, part in env.owned.items()}

    _, rewards, *_ = env.step(baseline)

    assert rewards["core"].tolist() == [0.0, 0.0]


def test_a_forbidden_design_is_punished_and_has_no_metrics():
    env = environment()
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step({"queue": np.array([0, 0]), "core": np.array([2, 0])})

    assert (rewards["core"] <= -env.core.penalty).all()
    assert infos["core"]["metrics"] == {}
    assert infos["core"]["violations"]["safe"] == 1.0


def test_a_design_that_fails_is_punished():
    env = environment(poison=[6])
    env.reset(seed=0)

    _, rewards, *_ = env.step({"queue": np.array([0, 5]), "core": np.array([0, 0])})

    assert (rewards["core"] < 0).all()


def test_an_episode_is_one_step():
    env = environment()
    env.reset(seed=0)

    _, _, terminations, truncations, _ = env.step(sampled(env))

    assert all(terminations.values())
    assert not any(truncations.values())
    assert env.agents == []


def test_preference_weights_are_shown_to_every_agent():
    env = environment()

    observations, _ = env.reset(seed=0, options={"weights": [3, 1]})

    assert all(np.isin(np.float32([0.75, 0.25]), seen).all() for seen in observations.values())


def test_a_workload_can_be_chosen():
    env = environment(n_workloads=3)

    _, infos = env.reset(options={"workload": 2})

    assert infos["core"]["workload"] == env.problem.workloads[2].name


def test_all_workloads_are_drawn():
    env = environment(n_workloads=3)
    env.reset(seed=0)

    seen = {env.reset()[0]["core"].tobytes() for _ in range(40)}

    assert len(seen) == 3


def test_state_holds_every_agents_parameters():
    env = environment()
    env.reset(seed=0)
    env.step(sampled(env))

    state = env.state()

    assert env.state_space.contains(state)
    assert state[-len(env.problem.space.names) :].max() <= 1.0


def test_a_missing_action_is_named():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(SpaceError, match="'core'"):
        env.step({"queue": np.array([0, 0])})


def test_an_action_out_of_range_says_what_is_allowed():
    env = environment()
    env.reset(seed=0)

    with pytest.raises(SpaceError, match="expected 2 positions below"):
        env.step({"queue": np.array([0, 6]), "core": np.array([0, 0])})


@pytest.mark.parametrize("options", [{"weights": [1, -1]}, {"weights": [0, 0]}, {"workload": 7}])
def test_unusable_options_are_refused(options):
    with pytest.raises(ConfigError):
        environment().reset(options=options)


def test_an_unknown_granularity_names_the_nearest():
    with pytest.raises(ConfigError, match="subsystem"):
        DesignEnv(problem(), granularity="subsystems")


def test_dse_make_builds_the_dram_environment():
    env = dse.make("dram/design-v0", workload=trace(), objectives=["read_latency_p95_ns", "energy_pj"])
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step(sampled(env))

    assert set(rewards) == {
        "page_policy",
        "scheduler",
        "front_end",
        "refresh",
        "address_mapping",
        "power_down",
    }
    assert set(infos["refresh"]["design"]) == set(env.problem.space.names)


def test_dse_make_takes_the_name_of_a_workload_and_options_of_the_simulator():
    env = dse.make(
        "dram/design-v0", workload="synthetic:stream?n=200", space="dramgym", device="ddr3-1600-1gb-x8-dimm"
    )

    assert env.problem.simulator.space.name == "dramgym"


def test_a_chip_is_designed_by_agents_too():
    env = dse.make("soc/design-v0", workload="synthetic:chase?n=3000", space="soc-small")

    observations, _ = env.reset(seed=0)
    actions = {agent: env.action_space(agent).sample() for agent in env.possible_agents}
    _, rewards, *_ = env.step(actions)

    assert set(env.possible_agents) >= {"core", "l1", "l2", "llc", "interconnect", "memory_controller"}
    assert all(env.observation_space(agent).contains(seen) for agent, seen in observations.items())
    assert all(reward.shape == (3,) for reward in rewards.values())


def test_threads_of_a_program_share_memory_in_an_environment():
    env = dse.make("soc/design-v0", workload=["synthetic:locked?n=1000&threads=2"])

    assert env.problem.workloads[0].shares_memory
