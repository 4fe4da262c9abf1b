"""Hypervolume along a run."""

from __future__ import annotations

import numpy as np
import pytest

from dashboards.progress import RunProgress, unit_costs
from dse.front import HypervolumeTrace


def _random(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs, three in ten of them of designs that do not count, and charges."""
    rng = np.random.default_rng(4)
    costs = rng.uniform(0, 1.3, (n, 2))
    costs[rng.random(n) <= 0.3] = np.nan
    return costs, np.ones(n)


def test_the_end_of_the_curve_is_the_hypervolume_of_all_feasible_designs():
    costs, charge = _random(300)
    progress = RunProgress(2)

    progress.extend(costs, charge)

    counted = costs[np.isfinite(costs).all(axis=1)]
    assert progress.curve[1][-1] == pytest.approx(HypervolumeTrace([1.0, 1.0]).add(counted))


def test_pieces_give_the_same_curve_as_the_whole():
    costs, charge = _random(304)
    whole, pieces = RunProgress(2), RunProgress(2)

    whole.extend(costs, charge)
    for start in range(0, 304, 8):
        pieces.extend(costs[start : start + 8], charge[start : start + 8])

    assert [column.tolist() for column in whole.curve] == [column.tolist() for column in pieces.curve]


def test_the_curve_never_falls():
    progress = RunProgress(2)

    progress.extend(*_random(500))

    assert (np.diff(progress.curve[1]) >= 0).all()


def test_a_long_run_is_looked_at_less_often_and_ends_the_same():
    rng = np.random.default_rng(8)
    costs = 1 / (1 + np.arange(30_000)[:, None] * rng.uniform(0.9, 1.1, (30_000, 2)))  # ever better
    progress = RunProgress(2)

    progress.extend(costs, np.ones(30_000))

    spent, volumes = progress.curve
    assert len(spent) < 30_000 / 8
    assert np.diff(spent[-20:]).max() <= 30_000 / 500
    assert (spent[-1], volumes[-1]) == (30_000, pytest.approx(HypervolumeTrace([1.0, 1.0]).add(costs)))


def test_designs_that_do_not_count_are_charged_and_add_nothing():
    progress = RunProgress(2)

    progress.extend(np.array([[np.nan, np.nan], [np.nan, np.nan]]), np.array([1.0, 0.25]))

    spent, volumes = progress.curve
    assert spent.tolist() == [1.25]
    assert volumes.tolist() == [0.0]


def test_a_run_without_designs_has_an_empty_curve():
    assert [len(column) for column in RunProgress(3).curve] == [0, 0]


def test_costs_are_scaled_to_the_box():
    scaled = unit_costs(np.array([[10.0, 5.0], [20.0, 7.0]]), np.array([10.0, 5.0]), np.array([20.0, 5.0]))

    assert scaled.tolist() == [[0.0, 0.0], [1.0, 2.0]]
