from __future__ import annotations

import numpy as np
import pytest

from dse.errors import ConfigError, SpaceError
from dse.testing.searcher import drive
from dse.testing.toys import make_toy, tiny_toy


def test_a_sweep_varies_only_its_knobs(build):
    toy = make_toy(0)
    searcher = build("grid", toy.problem, knobs={"p1": [0, 2, 3], "p4": [1, 3]})

    log = drive(searcher, toy, 100)

    default = toy.problem.space.encode({})
    swept = [toy.problem.space.names.index(name) for name in ("p1", "p4")]
    assert len(log.indices) == 6
    assert (np.delete(log.indices, swept, axis=1) == np.delete(default, swept)).all()


def test_a_list_of_knobs_sweeps_all_their_values(build):
    toy = make_toy(0)

    log = drive(build("grid", toy.problem, knobs=["p4", "p5"]), toy, 100)

    assert len(log.indices) == 36


def test_lexicographic_order_turns_the_last_knob_fastest(build):
    toy = tiny_toy()

    log = drive(build("grid", toy.problem, order="lexicographic"), toy, 100)

    codes = toy.problem.space.keys(log.indices)
    assert (np.diff(codes) > 0).all()


def test_the_first_part_of_a_spread_sweep_covers_every_knob_evenly(build):
    toy = make_toy(0)

    log = drive(build("grid", toy.problem), toy, 360)

    free = [4, 5, 6, 7]
    counts = np.stack([np.bincount(log.indices[:, column], minlength=6) for column in free])
    assert counts.min() >= 40
    assert counts.max() <= 80


def test_designs_that_differ_only_in_dead_parameters_are_visited_once(build):
    toy = make_toy(0)

    log = drive(build("grid", toy.problem, knobs={"p0": [4, 5], "p3": [0, 2, 3]}), toy, 100)

    assert len(log.indices) == 4


@pytest.mark.parametrize(
    ("knobs", "said"),
    [({"p99": [1]}, "no parameter"), ([], "empty"), ({"p1": []}, "no value"), ("p1", "expected")],
)
def test_a_sweep_of_nothing_sensible_is_refused(knobs, said, build):
    with pytest.raises(ConfigError, match=said):
        build("grid", make_toy(0).problem, knobs=knobs)


def test_a_sweep_over_an_unknown_value_is_refused(build):
    with pytest.raises(SpaceError, match="p1=99"):
        build("grid", make_toy(0).problem, knobs={"p1": [99]})
