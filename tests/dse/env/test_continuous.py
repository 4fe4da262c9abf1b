"""Real numbers as actions: an even binning reaches every value, the published one three of each parameter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import dse
from dse.env.continuous import ContinuousEnv, binned
from dse.env.design import DesignCore
from dse.env.errors import ActionError
from dse.errors import ConfigError
from simulators.dram.space import space
from tests.dse.env.problems import problem

GRID = np.linspace(-1.0, 1.0, 2001)


def reached(n_values, binning):
    return np.unique(binned(GRID[:, None], np.array([n_values]), binning)).tolist()


@pytest.mark.parametrize(
    ("n_values", "expected"), [(2, [0, 1]), (3, [0, 1, 2]), (4, [0, 2, 3]), (8, [0, 4, 7])]
)
def test_the_published_binning_reaches_three_values(n_values, expected):
    assert reached(n_values, "published") == expected


@pytest.mark.parametrize("n_values", range(1, 12))
def test_the_even_binning_reaches_all_values_equally(n_values):
    positions = binned(np.random.default_rng(0).uniform(-1, 1, (20_000, 1)), np.array([n_values]))

    counts = np.bincount(positions[:, 0], minlength=n_values)
    np.testing.assert_allclose(counts / 20_000, 1 / n_values, atol=0.02)  # more than five standard errors


def test_the_published_binning_reaches_26_244_of_the_442_368_designs_of_dramgym():
    gym = space("dramgym-published")
    each = [reached(n, "published") for n in gym.n_values.tolist()]

    assert (gym.raw_size, len(list(itertools.product(*each)))) == (442_368, 26_244)


def test_a_uniform_action_is_a_quarter_half_quarter_of_what_the_published_binning_reaches():
    positions = binned(np.random.default_rng(0).uniform(-1, 1, (20_000, 1)), np.array([8]), "published")

    shares = np.bincount(positions[:, 0], minlength=8) / 20_000
    np.testing.assert_allclose(shares[[0, 4, 7]], [0.25, 0.5, 0.25], atol=0.02)


def test_numbers_beyond_the_ends_are_the_ends():
    assert binned(np.array([-7.0, 7.0]), np.array([4, 4])).tolist() == [0, 3]


def continuous(n=3, **options):
    return ContinuousEnv(DesignCore(problem(), n, granularity="all"), name="continuous", **options)


def test_the_design_is_that_of_the_positions():
    env = continuous()
    env.reset(seed=1)
    agent = env.possible_agents[0]
    acted = np.random.default_rng(1).uniform(-1, 1, (3, 4)).astype(np.float32)

    *_, infos = env.step({agent: acted})

    expected = env.problem.space.canonical(binned(acted, env.problem.space.n_values))
    assert env.single_action_space(agent).shape == (4,)
    assert env.action_space(agent).shape == (3, 4)
    assert infos["final_info"]["design"].tolist() == expected.tolist()


@pytest.mark.parametrize("acted", [np.zeros((3, 3)), np.zeros(4), np.full((3, 4), np.nan)])
def test_actions_of_another_shape_or_without_a_value_are_refused(acted):
    env = continuous()
    env.reset(seed=1)

    with pytest.raises(ActionError, match=r"expected an array \(3, 4\) of numbers"):
        env.step({env.possible_agents[0]: acted})


def test_an_unknown_binning_is_named():
    with pytest.raises(ConfigError, match=r"binning='evn'.*even"):
        continuous(binning="evn")


def test_the_registered_environment_has_it_for_vectors_only():
    given = {"workload": "synthetic:stream?n=20", "granularity": "all", "binning": "even"}

    assert isinstance(dse.make("dram/design-v0", n_envs=2, **given), ContinuousEnv)
    with pytest.raises(ConfigError, match="n_envs"):
        dse.make("dram/design-v0", **given)
