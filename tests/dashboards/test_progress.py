"""Hypervolume along a run."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.progress import RunProgress, unit_costs
from dse.front import HypervolumeTrace


def _random(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return rng.uniform(0, 1.3, (n, 2)), rng.random(n) > 0.3


def test_the_end_of_the_curve_is_the_hypervolume_of_all_feasible_designs():
    costs, feasible = _random(300)
    progress = RunProgress(2)

    progress.extend(costs, feasible)

    assert progress.curve[1][-1] == pytest.approx(HypervolumeTrace([1.0, 1.0]).add(costs[feasible]))


def test_pieces_give_the_same_curve_as_the_whole():
    costs, feasible = _random(304)
    whole, pieces = RunProgress(2), RunProgress(2)

    whole.extend(costs, feasible)
    for start in range(0, 304, 8):
        pieces.extend(costs[start : start + 8], feasible[start : start + 8])

    assert [column.tolist() for column in whole.curve] == [column.tolist() for column in pieces.curve]


def test_the_curve_never_falls():
    progress = RunProgress(2)

    progress.extend(*_random(500))

    assert (np.diff(progress.curve[1]) >= 0).all()


def test_failed_and_infeasible_designs_count_but_add_nothing():
    progress = RunProgress(2)

    progress.extend(np.array([[np.nan, np.nan], [0.1, 0.1]]), np.array([True, False]))

    designs, volumes = progress.curve
    assert designs.tolist() == [2]
    assert volumes.tolist() == [0.0]


def test_a_run_without_designs_has_an_empty_curve():
    assert [len(column) for column in RunProgress(3).curve] == [0, 0]


def test_costs_are_scaled_to_the_box():
    scaled = unit_costs(np.array([[10.0, 5.0], [20.0, 7.0]]), np.array([10.0, 5.0]), np.array([20.0, 5.0]))

    assert scaled.tolist() == [[0.0, 0.0], [1.0, 2.0]]
