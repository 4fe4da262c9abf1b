"""Runs side by side: each is what it would be alone."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.side_by_side import SideBySide
from dse.errors import ConfigError
from tests.dse.env.problems import vector

AGENTS = {"queue": 2, "core": 2}


def two(n=6, **options):
    return SideBySide(vector("design", n, reward="linear"), 2, **options)


def acted(n, seed=1):
    rng = np.random.default_rng(seed)
    return {
        f"{run}/{agent}": rng.integers(0, 2, (n, width))
        for run in range(2)
        for agent, width in AGENTS.items()
    }


def test_every_run_has_its_agents_and_its_members():
    env = two()

    assert env.possible_agents == [f"{run}/{agent}" for run in range(2) for agent in env._env.possible_agents]
    assert env.n_envs == 3


def test_a_run_sees_and_is_paid_what_it_is_alone():
    both, alone = two(), vector("design", 3, reward="linear")
    first, _ = both.reset(seed=0)
    expected, _ = alone.reset(seed=3)  # members are seeded one after the other
    actions = acted(3)

    seen, paid, terminated, truncated, infos = both.step(actions)
    mine = {agent: actions[f"1/{agent}"] for agent in AGENTS}
    seen_alone, paid_alone, terminated_alone, truncated_alone, infos_alone = alone.step(mine)

    for agent in AGENTS:
        np.testing.assert_array_equal(first[f"1/{agent}"], expected[agent])
        np.testing.assert_array_equal(seen[f"1/{agent}"], seen_alone[agent])
        np.testing.assert_array_equal(paid[f"1/{agent}"], paid_alone[agent])
        np.testing.assert_array_equal(
            infos["final_observation"][f"1/{agent}"], infos_alone["final_observation"][agent]
        )
    np.testing.assert_array_equal(terminated, terminated_alone)
    np.testing.assert_array_equal(truncated, truncated_alone)
    np.testing.assert_array_equal(both.infos["final_info"]["design"][3:], infos_alone["final_info"]["design"])


def test_masks_are_those_of_the_members():
    env = two()
    env.reset(seed=0)

    whole = env._env.action_masks()
    for agent in AGENTS:
        np.testing.assert_array_equal(env.action_masks()[f"1/{agent}"], whole[agent][3:])


def test_noise_says_nothing_and_is_the_same_again():
    def shown():
        env = two(noise=4, seed=7)
        first, _ = env.reset(seed=0)
        return [first, env.step(acted(3))[0]]

    for before, after in zip(shown(), shown(), strict=True):
        assert {name: seen.shape for name, seen in before.items()} == dict.fromkeys(before, (3, 4))
        for name, seen in before.items():
            np.testing.assert_array_equal(seen, after[name])
    first, second = shown()
    assert (first["0/core"] != second["0/core"]).all()
    assert (first["0/core"] != first["1/core"]).all()


def test_members_that_do_not_come_out_even_are_refused():
    with pytest.raises(ConfigError, match="5 members cannot be shared by 2 runs"):
        two(5)
