"""Whoever owns the parameters, it is the same space, the same encoding, and every value can be reached."""

from __future__ import annotations

import numpy as np
import pytest

import dse
from dse.env.moves import Nudges, SetOrKeep
from dse.env.ownership import GRANULARITIES, owners
from tests.dse.env.problems import actions_for, environment, refining

SPACES = [("dram", "dram"), ("dram", "dramgym"), ("soc", "soc-small"), ("soc", "soc")]


def _covering(space) -> np.ndarray:
    """Canonical rows in which every value of every parameter occurs where it has an effect."""
    rng = np.random.default_rng(0)
    found = []
    for column, n in enumerate(space.n_values.tolist()):
        rows = rng.integers(0, space.n_values, size=(400 * n, len(space))).astype(np.int16)
        rows[:, column] = np.arange(400 * n) % n
        rows = space.canonical(rows)
        values, first = np.unique(rows[:, column], return_index=True)
        assert len(values) == n, space.names[column]
        found.append(rows[first])
    return np.concatenate(found)


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize(("simulator", "name"), SPACES)
def test_every_parameter_has_one_owner(simulator, name, granularity):
    space = dse.make_simulator(simulator, space=name).space

    parts = owners(space, granularity)

    assert sorted(column for part in parts.values() for column in part.indices) == list(range(len(space)))
    assert all(part.parameters == tuple(space.names[c] for c in part.indices) for part in parts.values())


@pytest.mark.parametrize("make", [environment, refining])
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_every_value_of_every_parameter_is_reached_in_one_step(make, granularity):
    env = make(granularity=granularity)

    for row in _covering(env.problem.space):
        env.reset(seed=0)
        *_, infos = env.step(actions_for(env, row))
        assert infos[env.possible_agents[0]]["design"] == env.problem.space.from_indices(row).to_dict()


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_every_value_of_every_parameter_is_reached_in_nudges(granularity):
    env = refining(granularity=granularity, moves="nudge", steps=30)

    for row in _covering(env.problem.space):
        env.reset(seed=0)
        while env.agents:
            env.step(actions_for(env, np.sign(row - env.core.rows[0]) + 1))
        assert env.core.rows[0].tolist() == row.tolist()


@pytest.mark.parametrize("moves", [SetOrKeep, Nudges])
@pytest.mark.parametrize(("simulator", "name"), SPACES)
def test_every_value_of_a_shipped_space_is_reached(simulator, name, moves):
    space = dse.make_simulator(simulator, space=name).space
    rules, kind = space.row_rules, moves(space)

    for row in _covering(space):
        here = space.encode({})
        for _ in range(2 * int(space.n_values.max())):
            wanted = row if moves is SetOrKeep else np.sign(row - here) + 1
            here = rules.canonical(kind.applied(here[None], wanted[None])[0])
        assert here.tolist() == row.tolist()


def test_the_same_design_is_the_same_outcome_whoever_chose_it():
    paid = {}
    for granularity in GRANULARITIES:
        env = environment(granularity=granularity)
        env.reset(seed=0)
        row = env.problem.space.encode({"mode": "fast", "buffers": 4, "colour": "blue"})
        paid[granularity] = env.step(actions_for(env, row))[1][env.possible_agents[0]].tolist()

    assert paid["subsystem"] == paid["parameter"] == paid["all"]


def test_states_of_all_granularities_hold_the_same_numbers():
    states = []
    for granularity in GRANULARITIES:
        env = environment(granularity=granularity)
        env.reset(seed=0)
        env.step(actions_for(env, env.problem.space.encode({"mode": "fast", "depth": 5})))
        states.append(dict(zip(env.state_names(), env.state().tolist(), strict=True)))

    assert states[0] == states[1] == states[2]
