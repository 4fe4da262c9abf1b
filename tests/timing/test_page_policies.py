"""Rows that are closed by a timeout or after so many column commands."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


@pytest.mark.parametrize("timeout", [50, 120])
def test_an_idle_row_is_closed_after_the_timeout(bench, timeout):
    bench.set(page_policy=policies.TIMEOUT, page_timeout=timeout)
    bench.read(at=0)
    bench.read(row=1, at=1000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PRE", "ACT", "RD"]
    assert log.gap(1, 2) == timeout
    assert log.result.log[2].request == -1
    assert log.result.counters.row_conflicts == 0


def test_a_short_timeout_still_waits_for_the_precharge_to_be_legal(bench):
    bench.set(page_policy=policies.TIMEOUT, page_timeout=0)
    bench.read(at=0)
    bench.read(row=1, at=1000)

    log = bench.run()

    assert log.gap(0, 2) == bench.t.ras


def test_a_hit_within_the_timeout_keeps_the_row_open(bench):
    bench.set(page_policy=policies.TIMEOUT, page_timeout=100)
    bench.read(at=0)
    bench.read(column=8, at=80)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD"]


def test_a_row_is_closed_with_the_column_command_that_reaches_the_cap(bench):
    bench.set(page_policy=policies.CLOSED_CAP, row_hit_cap=3)
    for column in range(4):
        bench.read(column=8 * column)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD", "RDA", "ACT", "RD"]
