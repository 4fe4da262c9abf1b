"""The process whose variance splits over the parameters, on functions with known indices."""

from __future__ import annotations

import numpy as np
import pytest

from agents.analysis.anova import AnovaProcess, centred_kernel
from tests.agents.known_function import exact_indices

LEVELS = (16, 16, 16)
ISHIGAMI = [(0,), (1,), (2,), (0, 2)]


def ishigami(rows):
    """Ishigami and Homma 1990 on 16 levels of each input: the third one acts through the first alone."""
    x = np.linspace(-np.pi, np.pi, 16)[rows]
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def fitted(function, n_values, n, ordinal, seed=0):
    every = np.indices(n_values).reshape(len(n_values), -1).T
    rows = every[np.random.default_rng(seed).permutation(len(every))[:n]]
    return AnovaProcess.fit(rows, function(rows), ordinal, n_values)


@pytest.fixture(scope="module")
def ishigami_process():
    return fitted(ishigami, LEVELS, 300, [True] * 3)


@pytest.mark.parametrize("ordinal", [True, False])
@pytest.mark.parametrize("n_values", [1, 2, 5])
def test_a_kernel_sums_to_zero_over_the_values(n_values, ordinal):
    kernel = centred_kernel(n_values, ordinal)

    assert kernel.sum(axis=0) == pytest.approx(np.zeros(n_values), abs=1e-12)
    assert np.linalg.eigvalsh(kernel).min() > -1e-12


@pytest.mark.parametrize("group", ISHIGAMI, ids=str)
def test_the_indices_of_ishigamis_function_are_found(ishigami_process, group):
    first, total = ishigami_process.indices([group], 0, np.random.default_rng(0))

    # 300 of 4,096 points: the fit explains more than 98 % of the variance.
    assert (first[0, 0], total[0, 0]) == pytest.approx(exact_indices(ishigami, LEVELS, group), abs=0.02)


def test_an_additive_function_has_no_interactions():
    def additive(rows):
        return 3.0 * rows[:, 0] + np.array([0.0, 5.0, -2.0, 1.0])[rows[:, 1]] + (rows[:, 2] == 1)

    process = fitted(additive, (4, 4, 3), 40, [True, False, False])
    first, total = process.indices([(0,), (1,), (2,)], 0, np.random.default_rng(0))

    assert first[0] == pytest.approx(total[0], abs=0.01)
    assert first[0].sum() == pytest.approx(1.0, abs=0.01)


def test_equal_roles_get_equal_indices():
    def symmetric(rows):
        return (rows[:, 0] - 1.0) * (rows[:, 1] - 1.0) + rows[:, 0] + rows[:, 1]

    process = fitted(symmetric, (4, 4, 2), 32, [True, True, False])
    first, total = process.indices([(0,), (1,)], 0, np.random.default_rng(0))

    # All 32 points are known, so only the smoothing of the fit is left.
    assert first[0, 0] == pytest.approx(first[0, 1], abs=0.01)
    assert total[0, 0] == pytest.approx(total[0, 1], abs=0.01)


def test_a_fit_to_every_point_returns_them():
    process = fitted(ishigami, (6, 6, 6), 216, [True] * 3)

    assert process.predict(process.rows) == pytest.approx(process.target, abs=1e-2)
