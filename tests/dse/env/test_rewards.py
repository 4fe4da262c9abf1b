"""What a design is worth, by each reward mode."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dse.env.rewards import REWARDS, TARGET_CAP
from dse.errors import ConfigError
from dse.testing.environment import check_rewards, sampled
from tests.dse.env.problems import actions_for, design_of, environment, problem

TARGETS = {"time_ns": 50.0, "energy_pj": 40.0}


def _options(reward):
    return {"reward": reward, "targets": TARGETS} if reward in ("target", "product") else {"reward": reward}


def _paid(env, weights=None, **values):
    """What the agent core is paid for the default design with these values."""
    env.reset(seed=0, options={"weights": weights})
    return env.step(design_of(env, **values))[1]["core"]


def _improvement(**values):
    return _paid(environment(), **values)


@pytest.mark.parametrize("reward", REWARDS)
def test_rewards_are_float32_vectors_inside_their_space(reward):
    check_rewards(environment(poison=[5], preferences="drawn", **_options(reward)), episodes=60)


@pytest.mark.parametrize("reward", [name for name in REWARDS if name not in ("target", "product")])
def test_the_baseline_earns_nothing(reward):
    assert _paid(environment(reward=reward)) == pytest.approx(0.0)


def test_linear_is_the_weighted_sum_of_the_improvements():
    paid = _paid(environment(reward="linear"), weights=[3, 1], buffers=4)

    assert paid == pytest.approx([0.75 * _improvement(buffers=4)[0] + 0.25 * _improvement(buffers=4)[1]])


def test_chebyshev_pays_more_for_what_is_farther_from_the_ideal():
    env = environment(reward="chebyshev")
    fast, frugal = {"buffers": 256}, {"buffers": 1}

    wants_time = _paid(env, weights=[9, 1], **fast), _paid(env, weights=[9, 1], **frugal)
    wants_energy = _paid(env, weights=[1, 9], **fast), _paid(env, weights=[1, 9], **frugal)

    assert wants_time[0] > wants_time[1]
    assert wants_energy[0] < wants_energy[1]


def test_chebyshev_is_the_augmented_distance_from_the_ideal():
    better = _improvement(buffers=4).astype(np.float64)

    paid = _paid(environment(reward="chebyshev", ideal=[1.0, 2.0]), buffers=4)

    apart = 0.5 * (np.array([1.0, 2.0]) - better)
    assert paid == pytest.approx([1.0 + 0.05 * 1.5 - apart.max() - 0.05 * apart.sum()])


def test_penalised_pays_nothing_for_what_an_infeasible_design_improves():
    env = environment(objectives=("time_ns", "energy_pj", "served >= 0.8"), reward="penalised")

    assert _paid(env, buffers=1) == pytest.approx([-2.0 * (1.0 + (0.8 - 0.6) / 0.8)])
    assert _paid(env, buffers=32) == pytest.approx([_improvement(buffers=32).mean()])


def test_more_penalty_costs_an_infeasible_design_more():
    mild, harsh = (_paid(environment(penalty=penalty), mode="unsafe") for penalty in (1.0, 4.0))

    assert harsh - mild == pytest.approx([-6.0, -6.0])  # the rule of the space, and a bound nobody measured


def test_target_is_the_published_ratio():
    env = environment(reward="target", targets=TARGETS)
    env.reset(seed=0)

    _, rewards, _, _, infos = env.step(design_of(env, buffers=4))

    metrics = infos["core"]["metrics"]
    expected = [aim / abs(aim - metrics[name]) for name, aim in TARGETS.items()]
    assert rewards["core"] == pytest.approx(expected)


def test_the_pole_of_the_target_ratio_is_cut_off():
    asked = problem()
    measured = asked.baseline_metrics(0)
    aims = {name: measured[name] for name in TARGETS}

    assert _paid(environment(reward="target", targets=aims)).tolist() == [TARGET_CAP, TARGET_CAP]


def test_the_target_ratio_takes_no_penalty():
    assert _paid(environment(reward="target", targets=TARGETS), mode="unsafe").tolist() == [0.0, 0.0]


def test_difference_compares_with_the_agents_own_part_of_the_baseline():
    env = environment(reward="difference")
    env.reset(seed=0)

    _, rewards, *_ = env.step(design_of(env, buffers=4, depth=4, mode="fast", colour="blue"))

    whole = _improvement(buffers=4, depth=4, mode="fast", colour="blue")
    assert rewards["queue"] == pytest.approx(whole - _improvement(mode="fast", colour="blue"), abs=1e-6)
    assert rewards["core"] == pytest.approx(whole - _improvement(buffers=4, depth=4), abs=1e-6)


def test_difference_gives_no_credit_to_who_changed_nothing():
    env = environment(reward="difference")
    env.reset(seed=0)

    _, rewards, *_ = env.step(design_of(env, buffers=4))

    assert rewards["core"].tolist() == [0.0, 0.0]
    assert rewards["queue"] == pytest.approx(_improvement(buffers=4))


def test_difference_counts_the_designs_that_it_adds():
    env = environment(reward="difference")
    chosen = design_of(env, buffers=4, mode="fast")

    counts = []
    for _ in range(2):
        env.reset(seed=0)
        env.step(chosen)
        counts.append((env.problem.simulations, env.core.reward.simulations))

    assert counts == [(4, 2), (4, 2)]  # the baseline, the design, and it without either agent's part


def test_a_design_without_effect_costs_no_simulation():
    env = environment(reward="difference")
    env.reset(seed=0)

    env.step(actions_for(env, np.array([4, 0, 2, 1])))  # the colour of a slow core is dead

    assert env.problem.simulations == 1


def test_all_rewards_of_a_step_have_memory_of_their_own():
    env = environment()
    env.reset(seed=0)
    _, rewards, *_ = env.step(sampled(env))

    rewards["core"][:] = 99.0

    assert (rewards["queue"] != 99.0).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reward": "chebychev"}, "'chebyshev'"),
        ({"reward": "target"}, "one for each objective"),
        ({"reward": "target", "targets": {"time_ns": 1.0}}, "one for each objective"),
        ({"reward": "target", "targets": {"time_ns": 0.0, "energy_pj": 1.0}}, "above 0"),
        ({"targets": TARGETS}, 'belongs to reward="target"'),
        ({"ideal": 1.0}, 'belongs to reward="chebyshev"'),
        ({"penalty": -1.0}, "from 0 on"),
        ({"reward": "chebyshev", "ideal": [1.0]}, "or 2 of them"),
        ({"reward": "chebyshev", "ideal": math.nan}, "above 0"),
    ],
)
def test_terms_that_do_not_fit_are_refused(options, expected):
    with pytest.raises(ConfigError, match=expected):
        environment(**options)
