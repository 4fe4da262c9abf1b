"""An episode can be taken back to a snapshot, by planners for example."""

from __future__ import annotations

import numpy as np
import pytest

from dse.env.wrappers import LinearReward
from dse.errors import InputError
from tests.dse.env.problems import design_of, environment, refining


def _rest(env, rng, steps):
    """What is seen in so many steps of random actions, resets without a seed included."""
    found = []
    for _ in range(steps):
        if not env.agents:
            env.reset()
        actions = {a: rng.integers(0, env.action_space(a).nvec) for a in env.possible_agents}
        observations, rewards, *_ = env.step(actions)
        found.append([(observations[a].tolist(), rewards[a].tolist()) for a in env.possible_agents])
    return found


@pytest.mark.parametrize("make", [environment, refining])
def test_from_a_snapshot_everything_comes_again(make):
    env = make(n_workloads=3, preferences="drawn", budgets={"served": (0.2, 0.9)})
    env.reset(seed=4)
    _rest(env, np.random.default_rng(0), 3)
    env.reset()
    kept = env.snapshot()
    first = _rest(env, np.random.default_rng(1), 12)

    env.restore(kept)

    assert _rest(env, np.random.default_rng(1), 12) == first


def test_another_environment_goes_on_from_it():
    env, other = refining(start="random"), refining(start="random")
    env.reset(seed=9)
    env.step({"queue": np.array([9, 3]), "core": np.array([1, 3])})

    other.restore(env.snapshot())

    assert _rest(other, np.random.default_rng(2), 10) == _rest(env, np.random.default_rng(2), 10)


def test_an_episode_that_was_over_is_over_again():
    env = environment()
    env.reset(seed=0)
    env.step(design_of(env))
    kept = env.snapshot()
    env.reset()

    env.restore(kept)

    assert env.agents == []


def test_wrapped_environments_have_snapshots_too():
    env = LinearReward(environment(), [0.5, 0.5])
    env.reset(seed=0)

    env.restore(env.snapshot())

    assert env.agents == env.possible_agents


@pytest.mark.parametrize(
    "state", [b"", b"marl-dse episode 1\n", b"marl-dse episode 1\n\5\0\0\0\0\0\0\0{abc}"]
)
def test_other_bytes_are_refused(state):
    env = environment()

    with pytest.raises(InputError, match="snapshot"):
        env.restore(state)


def test_a_snapshot_of_another_environment_is_refused():
    env, other = environment(), refining()
    env.reset(seed=0)

    with pytest.raises(InputError, match=r"refine_v0 cannot go on .*design_v0"):
        other.restore(env.snapshot())
