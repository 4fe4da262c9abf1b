"""The comparison of two designs adds up, is sorted by size, and names what the metrics name."""

from __future__ import annotations

import math

import pytest

from simulators.dram.replay.difference import Row, difference
from simulators.dram.replay.recording import by_source, record, time_by_cause
from simulators.dram.simulator import DramSimulator
from tests.simulators.dram.recordings import TCK_NS, recording
from traces.synthetic import uniform_random
from traces.workload import Workload


@pytest.fixture(scope="module")
def pair():
    """Open and closed pages under two sources of random requests."""
    simulator = DramSimulator()
    workload = Workload.of([uniform_random(n=400, seed=1), uniform_random(n=300, seed=2)])
    points = [simulator.space.point(page_policy=policy) for policy in ("Open", "Closed")]
    return [record(simulator, point, workload) for point in points]


def section(found, title):
    return next(one for one in found if one.title == title)


@pytest.mark.parametrize("side", ["first", "second"])
@pytest.mark.parametrize("title", ["elapsed time by cause", "energy by component"])
def test_the_rows_of_a_section_add_up_to_its_total(pair, title, side):
    found = section(difference(*pair), title)

    assert sum(getattr(row, side) for row in found.rows) == pytest.approx(getattr(found.total, side))


def test_the_totals_are_the_metrics(pair):
    first, second = pair
    found = difference(first, second)

    elapsed, energy = section(found, "elapsed time by cause"), section(found, "energy by component")
    assert elapsed.total.first == pytest.approx(first.metrics["elapsed_ns"])
    assert energy.total.second == second.metrics["total_energy_pj"]


def test_rows_that_add_up_are_sorted_by_the_size_of_their_difference(pair):
    found = difference(*pair)

    for title in ("elapsed time by cause", "energy by component", "latency", "latency by source"):
        sizes = [abs(row.difference) for row in section(found, title).rows]
        assert sizes == sorted(sizes, reverse=True)


def test_rows_of_several_units_are_sorted_by_their_share(pair):
    shares = [abs(row.relative) for row in section(difference(*pair), "traffic").rows]

    assert shares == sorted(shares, reverse=True)


def test_every_metric_is_compared_once_or_split(pair):
    found = difference(*pair)

    names = [row.name for one in found for row in one.rows]
    schema = pair[0].metrics.schema
    components = {s.name for s in schema if s.name.startswith("energy_") and s.unit == "pJ"} - {"energy_pj"}
    shares = {s.name for s in schema if s.group == "stall"}
    assert set(schema.names) - set(names) == components | shares
    compared = [name for name in names if name in schema]
    assert len(compared) == len(set(compared))


def test_a_design_does_not_differ_from_itself(pair):
    found = difference(pair[0], pair[0])

    assert all(row.difference == 0 for one in found for row in one.rows)


@pytest.mark.parametrize(
    ("before", "after", "relative"),
    [(4.0, 5.0, 0.25), (0.0, 3.0, math.inf), (0.0, 0.0, 0.0), (2.0, 0.0, -1.0)],
)
def test_a_difference_is_also_a_share_of_the_first(before, after, relative):
    assert Row("x", "ns", before, after).relative == relative


def test_time_by_cause_is_the_mean_over_the_channels():
    made = recording(counters={"stall_idle": 30, "stall_command": 90}, finish=(60,), channels=2)

    assert time_by_cause(made) == {"idle": pytest.approx(15 * TCK_NS), "command": pytest.approx(45 * TCK_NS)}


def test_each_source_has_its_own_latency_and_bandwidth():
    requests = ((0, 0, 0, 0), (0, 0, 1, 0), (10, 0, 1, 0), (20, 1, 1, 0))
    made = recording(requests=requests, finish=(50, 60, 90, 100))

    first, second = by_source(made)

    assert (first.reads, first.writes, second.reads, second.writes) == (1, 0, 2, 1)
    assert first.read_latency_mean_ns == pytest.approx(50 * TCK_NS)
    assert second.read_latency_mean_ns == pytest.approx(70 * TCK_NS)
    assert second.read_latency_p95_ns == pytest.approx(80 * TCK_NS)
    assert second.write_latency_mean_ns == pytest.approx(80 * TCK_NS)
    assert second.bandwidth_gbps == pytest.approx(3 * 64 / (100 * TCK_NS))
    assert math.isnan(first.write_latency_mean_ns)
