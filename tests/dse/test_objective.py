from __future__ import annotations

import numpy as np
import pytest

from dse.errors import ConfigError
from dse.objective import Objective, check_objectives
from tests.dse.fake import fake_schema


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time_ns", Objective("time_ns")),
        ("max:served", Objective("served", "max")),
        ("served >= 0.98", Objective("served", None, None, 0.98)),
        ("time_ns<=1e3", Objective("time_ns", None, 1000.0)),
    ],
)
def test_an_objective_is_read_from_text(text, expected):
    assert Objective.parse(text) == expected


@pytest.mark.parametrize("text", ["", "time ns", "time_ns < 3", "best:time_ns", "time_ns <= 1.2.3"])
def test_text_that_is_no_objective_is_refused(text):
    with pytest.raises(ConfigError):
        Objective.parse(text)


def test_costs_of_a_maximised_metric_are_negative():
    objective = Objective("served").resolved(fake_schema())

    assert objective.costs(np.array([0.5])).tolist() == [-0.5]


def test_a_violation_is_relative_to_the_bound():
    bound = Objective("served", "max", at_least=0.8)

    assert bound.violation(np.array([0.4, 0.8, 1.0, np.nan])) == pytest.approx([0.5, 0.0, -0.25, 1.0])


def test_power_alone_is_no_fair_objective():
    with pytest.raises(ConfigError, match="power_mw needs a constraint on served"):
        check_objectives((Objective("power_mw"),), fake_schema())


def test_power_beside_a_constraint_on_the_load_is_fair():
    checked = check_objectives((Objective("power_mw"), Objective("served", at_least=0.9)), fake_schema())

    assert [objective.direction for objective in checked] == ["min", "max"]


def test_only_bounds_leave_nothing_to_optimise():
    with pytest.raises(ConfigError, match="no objective to optimise"):
        check_objectives((Objective("served", at_least=0.9),), fake_schema())


def test_a_metric_without_direction_needs_one():
    with pytest.raises(ConfigError, match="depth_used"):
        Objective("depth_used").resolved(fake_schema())
