from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dse.errors import ConfigError
from dse.objective import Objective
from dse.search import Results, SearchProblem, parse_options
from tests.dse.fake import fake_space


@dataclass(frozen=True)
class Options:
    size: int
    rate: float = 0.5
    names: tuple[str, ...] = ()
    label: str | None = None


def test_options_take_their_defaults():
    assert parse_options(Options, {"size": 3, "rate": 1, "names": ["a"]}, "x") == Options(3, 1, ("a",))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 3, "rat": 1}, "unknown option 'rat'. Did you mean 'rate'?"),
        ({"size": "3"}, "option size='3' should be int"),
        ({"size": True}, "option size=True should be int"),
        ({}, "option 'size' is missing"),
    ],
)
def test_wrong_options_are_named(given, message):
    with pytest.raises(ConfigError) as caught:
        parse_options(Options, given, "agent 'x'")

    assert message in str(caught.value)


def test_a_row_without_costs_is_not_feasible():
    results = Results(
        np.array([[1.0], [np.nan], [1.0]]), np.array([[0.0], [0.0], [0.1]]), np.zeros(3, dtype=bool)
    )

    assert results.feasible.tolist() == [True, False, False]


def test_scaled_costs_are_zero_at_the_ideal_and_one_at_the_reference():
    problem = SearchProblem(
        fake_space(), (Objective("a"),) * 2, 1, np.array([10.0, 5.0]), np.array([0.0, 5.0])
    )

    assert problem.scaled(np.array([5.0, 6.0])).tolist() == [0.5, 1.0]
