"""Requests at an idle rank gather for the batching window, and a sleeping rank sleeps on meanwhile."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


@pytest.mark.parametrize("window", [0, 1, 50, 300])
def test_the_first_request_of_an_idle_rank_waits_for_the_window(bench, window):
    bench.set(batching_window=window)
    bench.read(at=10)

    log = bench.run()

    assert log.at("ACT") == [10 + window]


def test_requests_that_gathered_are_served_together(bench):
    bench.set(batching_window=100)
    bench.read(row=1, at=0)
    bench.read(row=2, at=40)
    bench.read(row=1, column=8, at=80)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD", "PRE", "ACT", "RD"]
    assert log.cycles[0] == 100


def test_requests_that_come_while_the_rank_is_busy_do_not_wait(bench):
    bench.set(batching_window=100)
    bench.read(column=0, at=0)
    bench.read(column=8, at=101)

    log = bench.run()

    assert log.cycles == [100, 100 + bench.t.rcd, 100 + bench.t.rcd + bench.t.ccd_l]


def test_gathering_ends_when_the_next_request_has_no_room(bench):
    bench.set(batching_window=1000, scheduler_buffer=policies.SHARED, request_buffer_size=2)
    for at in (0, 10, 20):
        bench.read(column=8 * at, at=at)

    log = bench.run()

    assert log.at("ACT") == [20]


def test_a_rank_that_sleeps_sleeps_through_the_window(bench):
    bench.set(batching_window=200, power_down_policy=policies.ACTIVE_POWER_DOWN, power_down_timeout=0)
    bench.read(at=0)
    bench.read(column=8, at=1000)

    log = bench.run()

    assert log.at("PDX")[-1] == 1200
    assert log.at("RD")[1] == 1200 + bench.t.xp


def test_an_idle_rank_goes_to_sleep_while_requests_gather(bench):
    bench.set(batching_window=500, power_down_policy=policies.ACTIVE_POWER_DOWN, power_down_timeout=300)
    bench.read(at=100)

    log = bench.run()

    assert log.commands == ["PDE", "PDX", "ACT", "RD"]
    assert log.cycles[:2] == [300, 600]
