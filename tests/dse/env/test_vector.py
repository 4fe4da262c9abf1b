"""Many environments at once are the single ones, one beside the other."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.env.errors import ActionError, EpisodeError
from dse.errors import ConfigError, LookupFailed
from dse.testing.vector import check_vector
from tests.dse.env.problems import environment, refining, vector

SINGLE = {"design": environment, "refine": refining}
N, STEPS = 5, 12


def _actions(env, rng, n):
    """Random actions of n members: agent to (n, parameters)."""
    return {
        agent: rng.integers(0, space.nvec if len(part) > 1 else space.n, (n, len(part)))
        for (agent, part), space in zip(env.owned.items(), env.core.actions.spaces.values(), strict=True)
    }


@pytest.mark.parametrize("reward", ["improvement", "chebyshev", "penalised", "difference"])
@pytest.mark.parametrize("kind", SINGLE)
def test_every_member_goes_as_an_environment_of_its_own(kind, reward):
    options = {"reward": reward, "preferences": "drawn", "budgets": {"served": (0.2, 0.9)}, "n_workloads": 3}
    if kind == "refine":
        options |= {"start": "random", "steps": 4}
    check_vector(lambda: SINGLE[kind](**options), lambda n: vector(kind, n, **options), n=N, steps=STEPS)


def test_what_all_members_need_is_simulated_in_one_batch():
    env = vector("design", 6)
    env.reset(seed=0)
    calls = []
    run_batch = env.problem.simulator.run_batch
    env.problem.simulator.run_batch = lambda rows, *rest: calls.append(len(rows)) or run_batch(rows, *rest)

    env.step(
        {
            "queue": np.stack([np.full(6, 2), np.arange(6)], axis=1),
            "core": np.tile([1, 0], (6, 1)),
        }
    )

    assert calls == [6]


def test_threads_change_no_result():
    def played(threads):
        env = dse.make_vec("dram/refine-v0", 4, workload="synthetic:stream?n=300", steps=3, threads=threads)
        rng = np.random.default_rng(0)
        env.reset(seed=1)
        return [env.step(_actions(env, rng, 4))[1]["scheduler"].tolist() for _ in range(4)]

    assert played(1) == played(3)


def test_spaces_hold_what_is_seen():
    env = vector("refine", N, preferences="drawn")
    seen, _ = env.reset(seed=0)
    for agent in env.possible_agents:
        env.action_space(agent).seed(3)
    for _ in range(STEPS):
        seen, rewards, *_ = env.step({agent: env.action_space(agent).sample() for agent in env.owned})
        for agent in env.possible_agents:
            assert env.observation_space(agent).contains(seen[agent])
            assert all(env.reward_space(agent).contains(one) for one in rewards[agent])
        assert all(env.state_space.contains(one) for one in env.state())


def test_masks_are_those_of_single_environments():
    env, alone = vector("refine", 2), refining()
    env.reset(seed=0)
    alone.reset(seed=0)

    masks = env.action_masks()

    for agent in env.possible_agents:
        assert np.array_equal(masks[agent], [alone.action_mask(agent)] * 2)


def test_agents_with_one_parameter_may_give_plain_numbers():
    env = vector("design", 3, granularity="parameter")
    env.reset(seed=0)

    *_, infos = env.step({agent: np.zeros(3, dtype=int) for agent in env.possible_agents})

    assert infos["final_info"]["design"].tolist() == [[0, 0, 0, 0]] * 3


def test_a_failed_simulation_leaves_all_episodes_where_they_were():
    env = vector("refine", 2, poison=[-1])
    env.reset(seed=0)
    before = env.state()

    with pytest.raises(RuntimeError, match="depth 6"):
        env.step({"queue": np.array([[9, 5], [9, 1]]), "core": np.array([[3, 3], [3, 3]])})

    assert np.array_equal(env.state(), before)


@pytest.mark.parametrize(
    "chosen", [np.zeros((2, 2)), np.zeros((3, 2), dtype=int), np.array([[0, 0], [0, 99]]), np.array([0, 0])]
)
def test_wrong_actions_name_agent_value_and_space(chosen):
    env = vector("design", 2)
    env.reset(seed=0)

    with pytest.raises(ActionError, match=r"agent 'queue' .* 2 rows of 2 positions below \[9, 6\]"):
        env.step({"queue": chosen, "core": np.zeros((2, 2), dtype=int)})


def test_bad_use_is_refused():
    env = vector("design", 2)
    with pytest.raises(EpisodeError, match=r"call reset\(\) first"):
        env.step({})
    with pytest.raises(LookupFailed, match="'queue'"):
        env.observation_space("quue")
    with pytest.raises(ConfigError, match="3 numbers for 2 environments"):
        env.reset(seed=[1, 2, 3])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"n_envs": 0}, "from 1 on"),
        ({"n_envs": 2, "single": True}, "single=True does not go with n_envs=2"),
        ({"n_envs": 2, "render_mode": "ansi"}, "render_mode='ansi' does not go"),
        ({"n_envs": 2, "threads": 0}, "threads=0"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        dse.make_vec("dram/design-v0", workload="synthetic:stream?n=200", **options)
