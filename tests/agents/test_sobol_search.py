from __future__ import annotations

import numpy as np
import pytest

from dse.parameter import Parameter
from dse.space import Constraint, DesignSpace
from dse.testing.searcher import drive
from dse.testing.toys import make_toy


def cubes():
    """Six choices of four values each; one value of the first is forbidden."""
    parameters = [Parameter(f"p{d}", (0, 1, 2, 3), 0, "all", "choice") for d in range(6)]
    return DesignSpace("cubes", parameters, (Constraint("no_three", {"p0": (3,)}),))


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_the_points_do_not_depend_on_the_batch_size(batch, build):
    toy = make_toy(2)

    expected = drive(build("sobol", toy.problem), toy, 200, batch=32).indices
    found = drive(build("sobol", toy.problem), toy, 200, batch=batch).indices

    assert np.array_equal(found, expected)


def test_sixteen_points_hold_every_pair_of_values_of_some_parameters_once(build):
    toy = make_toy(0, n_parameters=6, space=cubes())

    rows = build("sobol", toy.problem).ask(16).indices

    balanced = [
        (a, b) for a in range(1, 6) for b in range(1, a) if len(np.unique(rows[:, [a, b]], axis=0)) == 16
    ]
    assert balanced  # a (0, 4, 2)-net in base 2; sixteen random points manage that in one of 10^5 tries


def test_values_come_equally_often_and_forbidden_ones_never(build):
    toy = make_toy(0, n_parameters=6, space=cubes())

    rows = build("sobol", toy.problem).ask(64).indices

    assert set(rows[:, 0].tolist()) == {0, 1, 2}
    for column in range(1, 6):
        assert np.bincount(rows[:, column]).tolist() == pytest.approx([16] * 4, abs=2)


def test_two_seeds_give_two_sequences(build):
    toy = make_toy(2)

    one, other = (build("sobol", toy.problem, seed).ask(32).indices for seed in (1, 2))

    assert not np.array_equal(one, other)
