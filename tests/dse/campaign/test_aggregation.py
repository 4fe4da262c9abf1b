from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.campaign.aggregation import Aggregation, Rule, check_aggregate
from dse.errors import ConfigError
from tests.dse.fake import fake_schema

SCHEMA = fake_schema()
TIMES = (2.0, 8.0, 4.0)


def aggregated(name, times=TIMES, weights=(1.0, 1.0, 1.0), *, maximised=False):
    values = np.ones((1, len(times), len(SCHEMA)))
    values[0, :, 0] = times
    rules = {"time_ns": Rule(name, maximised)}
    return float(Aggregation(SCHEMA, np.array(weights), rules).combined(values)[0, 0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mean", 14 / 3), ("geometric", 4.0), ("worst", 8.0), ("p50", 4.0), ("p90", 8.0), ("p1", 2.0)],
)
def test_a_metric_is_aggregated_by_the_rule(name, expected):
    assert aggregated(name) == pytest.approx(expected)


@pytest.mark.parametrize(("name", "expected"), [("worst", 2.0), ("p50", 4.0), ("p90", 2.0), ("p33", 8.0)])
def test_the_worst_side_of_a_maximised_metric_is_its_low_one(name, expected):
    assert aggregated(name, maximised=True) == expected


@pytest.mark.parametrize("name", ["mean", "geometric", "worst", "p50", "p80"])
def test_weights_count_as_repeated_workloads(name):
    repeated = aggregated(name, (2.0, 8.0, 8.0, 4.0, 4.0, 4.0), (1.0,) * 6)

    assert aggregated(name, weights=(1.0, 2.0, 3.0)) == pytest.approx(repeated)


@given(st.lists(st.floats(0.5, 100), min_size=1, max_size=6))
def test_all_rules_agree_on_equal_workloads_and_stay_in_range(times):
    names = ("mean", "geometric", "worst", "p90", "p50")

    assert all(aggregated(n, [times[0]] * 3) == pytest.approx(times[0]) for n in names)
    found = [aggregated(n, times, [1.0] * len(times)) for n in names]
    assert all(min(times) * 0.999 <= value <= max(times) * 1.001 for value in found)


def test_the_other_metrics_keep_their_own_rule():
    values = np.ones((1, 3, len(SCHEMA)))
    rules = {"time_ns": Rule("worst", False)}

    found = Aggregation(SCHEMA, np.ones(3), rules).combined(values)

    assert np.array_equal(found[:, 1:], SCHEMA.combined(values, np.ones(3))[:, 1:])


@pytest.mark.parametrize("name", ["mean", "geometric", "worst", "p90"])
def test_a_failed_workload_fails_the_design(name):
    assert np.isnan(aggregated(name, (1.0, np.nan, 2.0)))


@pytest.mark.parametrize("name", ["p0", "p101", "p9.5", "median", ""])
def test_an_unknown_rule_is_refused(name):
    with pytest.raises(ConfigError, match="p1 to p100"):
        check_aggregate(name)
