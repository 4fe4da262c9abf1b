"""Workloads, preferences and budgets of an episode."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse.errors import ConfigError, LookupFailed
from dse.testing.environment import check_environment, sampled
from tests.dse.env.problems import design_of, environment

BUDGETS = {"served": (0.5, 0.9)}


def _seen(env, options=None, kind="weight"):
    observations, _ = env.reset(options=options)
    names = env.observation_names("core")
    return [float(v) for n, v in zip(names, observations["core"], strict=True) if n.startswith(kind + ":")]


def test_it_conforms_with_everything_drawn():
    check_environment(
        lambda: environment(n_workloads=4, n_held_out=1, preferences="drawn", budgets=BUDGETS), episodes=8
    )


def test_held_out_workloads_are_not_drawn():
    env = environment(n_workloads=4, n_held_out=2)
    env.reset(seed=0)

    seen = {env.reset()[1]["core"]["workload"] for _ in range(60)}

    assert seen == {"load 0", "load 1"}


def test_held_out_workloads_are_drawn_when_asked_for():
    env = environment(n_workloads=4, n_held_out=2)
    env.reset(seed=0)

    seen = {env.reset(options={"held_out": True})[1]["core"]["workload"] for _ in range(60)}

    assert seen == {"load 2", "load 3"} == set(env.contexts.held_out)


@pytest.mark.parametrize("chosen", [1, "load 3"])
def test_a_held_out_workload_is_chosen_by_number_or_name(chosen):
    env = environment(n_workloads=4, n_held_out=2)

    _, infos = env.reset(options={"held_out": True, "workload": chosen})

    assert infos["core"]["workload"] == "load 3"


def test_an_agent_can_tell_a_held_out_workload_by_its_descriptor():
    env = environment(n_workloads=2, n_held_out=1)

    drawn, held_out = _seen(env, kind="workload"), _seen(env, {"held_out": True}, "workload")

    assert drawn != held_out


def test_preferences_are_even_unless_drawn():
    assert _seen(environment()) == [0.5, 0.5]


def test_drawn_preferences_differ_and_sum_to_one():
    env = environment(preferences="drawn")

    first, second = _seen(env), _seen(env)

    assert first != second
    assert sum(first) == pytest.approx(1.0)


def test_given_weights_take_the_place_of_drawn_ones():
    assert _seen(environment(preferences="drawn"), {"weights": [3, 1]}) == [0.75, 0.25]


def test_drawing_preferences_does_not_change_which_workloads_are_drawn_first():
    plain, drawn = environment(n_workloads=3), environment(n_workloads=3, preferences="drawn")

    names = [[env.reset(seed=seed)[1]["core"]["workload"] for seed in range(20)] for env in (plain, drawn)]

    assert names[0] == names[1]


def test_a_budget_is_seen_as_the_improvement_that_it_asks_for():
    env = environment(objectives=("time_ns", "energy_pj <= 26"))
    baseline = env.problem.baseline_metrics(0)["energy_pj"]

    assert _seen(env, kind="budget") == pytest.approx([math.log(baseline / 26)], rel=1e-5)


def test_a_budget_for_one_episode_decides_what_is_feasible():
    env = environment()
    chosen = design_of(env, buffers=8)

    told = []
    for budget in (0.95, 0.85):
        env.reset(options={"budgets": {"served": budget}})
        told.append(env.step(chosen)[-1]["core"])

    assert [info["feasible"] for info in told] == [False, True]
    assert list(told[0]["violations"]) == ["safe", "served >= 0.95"]
    assert env.problem.simulations == 2  # the baseline and the design: budgets cost no simulation


def test_drawn_budgets_lie_between_their_ends():
    env = environment(budgets=BUDGETS)
    drawn = set()
    for _ in range(30):
        env.reset()
        *_, infos = env.step(sampled(env))
        drawn.add(float(list(infos["core"]["violations"])[1].split()[-1]))

    assert len(drawn) > 20
    assert min(drawn) >= 0.5
    assert max(drawn) <= 0.9


def test_contexts_follow_the_seed():
    envs = [environment(n_workloads=3, preferences="drawn", budgets=BUDGETS) for _ in range(2)]
    for env in envs:
        env.reset(seed=4)

    first, second = ([env.reset()[0]["core"].tolist() for _ in range(5)] for env in envs)

    assert first == second


def test_other_keys_of_options_are_ignored():
    env = environment()

    observations, _ = env.reset(seed=0, options={"colour": "red"})

    assert np.array_equal(observations["core"], env.reset(seed=0)[0]["core"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"held_out": True}, "without held_out="),
        ({"workload": 1.0}, "expected 0 to 0"),
        ({"workload": -1}, "expected 0 to 0"),
        ({"budgets": {"servd": 1.0}}, "'served'"),
        ({"budgets": {"time_ns": 1.0}}, "The bounds are 'served >= 0.5'"),
        ({"budgets": {"served": "much"}}, "not a number"),
        ({"weights": [1.0]}, "expected 2 numbers"),
    ],
)
def test_unusable_options_of_reset_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        environment().reset(options=options)


def test_an_unknown_workload_names_the_nearest():
    with pytest.raises(LookupFailed, match="'load 0'"):
        environment().reset(options={"workload": "load0"})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"preferences": "dawn"}, "'drawn'"),
        ({"budgets": {"served": (0.9, 0.5)}}, "lowest, highest"),
        ({"budgets": {"energy_pj": (1, 2)}}, "that one objective bounds"),
        ({"n_held_out": 1}, "at least one must be left"),
    ],
)
def test_contexts_that_cannot_be_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        environment(**options)
