"""Designs as the columns that models learn from."""

from __future__ import annotations

import numpy as np
import pytest

from dse.parameter import Parameter
from dse.space import DesignSpace
from dse.surrogate import encoded, in_logarithm, n_columns

SPACE = DesignSpace(
    "mixed",
    [
        Parameter.choice("policy", ["a", "b", "c"], "a", "left"),
        Parameter.choice("switch", [False, True], False, "left"),
        Parameter.integer("level", 2, 10, 2, "right", step=4),
        Parameter.power_of_two("size", 1, 256, 4, "right"),
        Parameter.choice("fixed", ["only"], "only", "right"),
    ],
)


@pytest.mark.parametrize(
    ("design", "columns"),
    [
        ({}, [1, 0, 0, 0, 0, 0.25]),
        ({"policy": "c", "switch": True}, [0, 0, 1, 1, 0, 0.25]),
        ({"policy": "b", "level": 6, "size": 256}, [0, 1, 0, 0, 0.5, 1]),
    ],
)
def test_a_design_becomes_numbers_from_0_to_1(design, columns):
    rows = SPACE.rows([design])

    assert encoded(SPACE, rows).tolist() == [columns]


def test_powers_of_two_keep_their_distances_when_some_are_left_out():
    space = SPACE.restrict({"size": [1, 2, 256]})

    sizes = encoded(space, space.rows([{"size": size} for size in (1, 2, 256)]))[:, -1]

    assert sizes.tolist() == [0.0, 0.125, 1.0]


def test_the_number_of_columns_is_known_beforehand():
    assert n_columns(SPACE) == encoded(SPACE, SPACE.rows([])).shape[1] == 6


def test_different_designs_have_different_columns():
    rows = np.indices(SPACE.n_values).reshape(len(SPACE), -1).T.astype(np.int16)

    assert len(np.unique(encoded(SPACE, rows), axis=0)) == len(rows)


@pytest.mark.parametrize(
    ("values", "logarithm"),
    [
        ([1.0, 11.0], True),
        ([1.0, 10.0], False),
        ([0.0, 11.0], False),
        ([-1.0, 11.0], False),
        ([1.0, 11.0, np.nan, np.inf], True),
        ([np.nan], False),
    ],
)
def test_wide_positive_metrics_are_learnt_in_their_logarithm(values, logarithm):
    assert in_logarithm(np.array(values)[:, None]).tolist() == [logarithm]
