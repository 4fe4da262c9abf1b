"""Exact commands and gaps of single requests and pairs: each rule at the cycle in which it becomes legal."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


def test_a_read_of_a_closed_bank_activates_then_reads(bench):
    bench.read()

    log = bench.run()

    assert log.commands == ["ACT", "RD"]
    assert log.gap(0, 1) == bench.t.rcd


def test_the_latency_of_a_closed_read_is_rcd_plus_cl_plus_burst(bench):
    bench.read(at=10)

    log = bench.run()

    assert log.result.finish[0] - 10 == bench.t.rcd + bench.t.cl + bench.t.burst


def test_a_row_hit_needs_no_activate(bench):
    bench.read(column=0)
    bench.read(column=8)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD"]
    assert log.gap(1, 2) == bench.t.ccd_l


def test_a_row_conflict_closes_the_row_first(bench):
    bench.read(bank=0, row=1)
    bench.read(bank=0, row=2)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PRE", "ACT", "RD"]
    assert log.gap(0, 2) == max(bench.t.ras, bench.t.rcd + bench.t.rtp)
    assert log.gap(2, 3) == bench.t.rp


def test_a_precharge_waits_for_write_recovery(bench):
    bench.write(row=1)
    bench.write(row=2)

    log = bench.run()

    assert log.commands == ["ACT", "WR", "PRE", "ACT", "WR"]
    assert log.gap(1, 2) == bench.t.cwl + bench.t.burst + bench.t.wr


@pytest.mark.parametrize(("bank", "gap"), [(1, "rrd_l"), (4, "rrd_s")])
def test_activates_are_spaced_by_bank_group(bench, bank, gap):
    bench.read(bank=0)
    bench.read(bank=bank)

    log = bench.run()

    first, second = log.at("ACT")
    assert second - first == getattr(bench.t, gap)


def test_a_fifth_activate_waits_for_the_four_activate_window(bench):
    for bank in (0, 4, 8, 12, 1):
        bench.read(bank=bank)

    log = bench.run()

    activates = log.at("ACT")
    assert activates[4] - activates[0] == bench.t.faw


@pytest.mark.parametrize(("bank", "gap"), [(1, "ccd_l"), (4, "ccd_s")])
def test_reads_of_open_rows_are_spaced_by_bank_group(bench, bank, gap):
    bench.read(bank=0, at=0)
    bench.read(bank=bank, at=0)
    bench.read(bank=0, column=8, at=200)
    bench.read(bank=bank, column=8, at=200)

    log = bench.run()

    first, second = log.at("RD")[2:]
    assert second - first == getattr(bench.t, gap)


@pytest.mark.parametrize(("bank", "gap"), [(1, "wtr_l"), (4, "wtr_s")])
def test_a_read_after_a_write_waits_for_the_end_of_write_data(bench, bank, gap):
    bench.read(bank=bank, at=0)
    bench.write(bank=0, at=200)
    bench.read(bank=bank, column=8, at=230)

    log = bench.run()

    turnaround = log.at("RD")[1] - log.at("WR")[0]
    assert turnaround == bench.t.cwl + bench.t.burst + getattr(bench.t, gap)


def test_a_write_after_a_read_waits_for_the_bus_to_turn(bench):
    bench.write(bank=4, at=0)
    bench.read(bank=0, at=50)
    bench.read(bank=0, column=8, at=200)
    bench.write(bank=4, column=8, at=201)

    log = bench.run()

    assert log.at("WR")[1] - log.at("RD")[1] == bench.t.rtw


def test_a_stream_of_row_hits_in_ddr3_fills_the_bus(ddr3_bench):
    for column in range(50):
        ddr3_bench.read(column=8 * column)

    log = ddr3_bench.run()

    reads = log.at("RD")
    assert reads[-1] - reads[0] == 49 * ddr3_bench.t.burst


def test_closed_page_precharges_with_every_column_command(bench):
    bench.set(page_policy=policies.CLOSED)
    bench.read(row=1)
    bench.read(row=1, column=8)

    log = bench.run()

    assert log.commands == ["ACT", "RDA", "ACT", "RDA"]
    assert log.gap(0, 2) == bench.t.rc


def test_open_adaptive_closes_a_row_only_when_the_next_request_needs_another(bench):
    bench.set(page_policy=policies.OPEN_ADAPTIVE)
    bench.read(row=1)
    bench.read(row=1, column=8)
    bench.read(row=2)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RDA", "ACT", "RD"]


def test_closed_adaptive_keeps_a_row_open_only_while_it_is_wanted(bench):
    bench.set(page_policy=policies.CLOSED_ADAPTIVE)
    bench.read(row=1)
    bench.read(row=1, column=8)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RDA"]


def test_first_ready_serves_a_row_hit_before_an_older_conflict(bench):
    bench.read(row=1)
    bench.read(row=2)
    bench.read(row=1, column=8)

    log = bench.run()

    served = [entry.request for entry in log.result.log if entry.command == "RD"]
    assert served == [0, 2, 1]


def test_fifo_serves_a_bank_in_order_of_arrival(bench):
    bench.set(scheduler=policies.FIFO)
    bench.read(row=1)
    bench.read(row=2)
    bench.read(row=1, column=8)

    log = bench.run()

    served = [entry.request for entry in log.result.log if entry.command == "RD"]
    assert served == [0, 1, 2]


def test_grouping_serves_hits_of_the_last_direction_first(bench):
    bench.set(scheduler=policies.FR_FCFS_GRP)
    bench.read(column=0)
    bench.write(column=8)
    bench.read(column=16)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD", "WR"]


def test_grouping_never_overtakes_an_older_request_to_the_same_address(bench):
    bench.set(scheduler=policies.FR_FCFS_GRP)
    bench.read(column=0)
    bench.write(column=8)
    bench.read(column=8)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "WR", "RD"]
