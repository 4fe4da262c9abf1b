"""The environment in which a design is changed a few times."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.refine import RefineEnv
from dse.errors import ConfigError
from dse.testing.environment import check_environment, sampled
from tests.dse.env.problems import actions_for, design_of, environment, problem, refining

KEEP = {"queue": np.array([9, 6]), "core": np.array([3, 3])}
REWARDS = ["improvement", "linear", "chebyshev", "penalised", "difference"]


def _played(env, episodes=1):
    """Rewards of one random episode, (steps, agents, R), and its last infos."""
    for position, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(position)
    rewards = []
    env.reset(seed=5)
    while env.agents:
        _, paid, terminated, truncated, infos = env.step(sampled(env))
        rewards.append(np.stack(list(paid.values())))
    return np.stack(rewards), terminated, truncated, infos


@pytest.mark.parametrize("moves", ["set", "nudge"])
@pytest.mark.parametrize("granularity", ["subsystem", "parameter", "all"])
def test_it_conforms_to_pettingzoo_and_momaland(moves, granularity):
    check_environment(lambda: refining(granularity=granularity, moves=moves, steps=3), episodes=5)


def test_it_conforms_from_random_starts_with_failing_designs():
    check_environment(lambda: refining(n_workloads=2, poison=[5, 6], start="random"), episodes=5)


def test_an_episode_is_truncated_after_its_steps_and_never_terminates():
    rewards, terminated, truncated, _ = _played(refining(steps=5))

    assert len(rewards) == 5
    assert all(truncated.values())
    assert not any(terminated.values())


def _worth(judge, row):
    """(agents, R) what `design` pays for a row."""
    judge.reset(seed=0)
    return np.stack(list(judge.step(actions_for(judge, row))[1].values()))


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("start", ["reference", "random"])
@pytest.mark.parametrize("poison", [(), (4, 5)])
def test_rewards_add_up_to_what_the_episode_gained(reward, start, poison):
    env = refining(steps=10, reward=reward, start=start, poison=poison)
    env.reset(seed=5)
    judge = environment(reward=reward, poison=poison)
    first = _worth(judge, env.core.rows[0])

    rewards, *_ = _played(env)

    gained = _worth(judge, env.core.rows[0]) - first
    assert rewards.sum(axis=0) == pytest.approx(gained, abs=1e-5)


def test_to_keep_changes_and_earns_nothing():
    env = refining()
    env.reset(seed=0)
    env.step(design_of(env, depth=4, mode="fast"))

    _, rewards, _, _, infos = env.step(KEEP)

    assert infos["core"]["design"] == {"buffers": 16, "mode": "fast", "colour": "red", "depth": 4}
    assert rewards["core"].tolist() == [0.0, 0.0]


def test_to_set_is_to_choose_the_position():
    env = refining()
    env.reset(seed=0)

    *_, infos = env.step({"queue": np.array([0, 6]), "core": np.array([1, 2])})

    assert infos["queue"]["design"] == {"buffers": 1, "mode": "fast", "colour": "blue", "depth": 2}


def test_a_nudge_moves_by_one_value_and_stays_at_the_ends():
    env = refining(moves="nudge")
    env.reset(seed=0)

    *_, once = env.step({"queue": np.array([2, 0]), "core": np.array([1, 1])})
    *_, twice = env.step({"queue": np.array([1, 0]), "core": np.array([1, 1])})

    assert (once["core"]["design"]["buffers"], once["core"]["design"]["depth"]) == (32, 1)
    assert twice["core"]["design"]["depth"] == 1


def test_an_infeasible_design_is_told_and_kept():
    env = refining()
    env.reset(seed=0)

    _, lost, _, _, infos = env.step(design_of(env, mode="unsafe"))
    *_, kept = env.step(KEEP)
    _, regained, *_ = env.step(design_of(env))

    assert not infos["core"]["feasible"]
    assert kept["core"]["design"]["mode"] == "unsafe"
    assert lost["core"] == pytest.approx(-regained["core"])


def test_a_random_start_is_feasible_and_follows_the_seed():
    starts = []
    for env in (refining(start="random"), refining(start="random")):
        for seed in (1, 2, None):
            env.reset(seed=seed)
            assert not env.problem.space.violations(env.core.rows).any()
            starts.append(env.core.rows[0].tolist())

    assert starts[:3] == starts[3:]
    assert starts[0] != starts[1]


def test_agents_see_how_much_of_the_episode_is_over():
    env = refining(steps=4)
    place = env.observation_names("core").index("progress")
    first, _ = env.reset(seed=0)

    seen = [env.step(KEEP)[0]["core"][place] for _ in range(4)]

    assert [first["core"][place], *seen] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_rewards_are_those_of_design_when_one_step_is_taken():
    one, many = environment(), refining()
    one.reset(seed=0)
    many.reset(seed=0)
    chosen = design_of(one, buffers=4, mode="fast", depth=3)

    assert many.step(chosen)[1]["core"] == pytest.approx(one.step(chosen)[1]["core"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"steps": 0}, "from 1 on"),
        ({"steps": 2.0}, "whole number"),
        ({"moves": "nudges"}, "'nudge'"),
        ({"start": "refrence"}, "'reference'"),
    ],
)
def test_unknown_options_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        RefineEnv(problem(), **options)
