"""Which request is served next: each scheduler, and what the choice between banks adds to it."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


def test_fcfs_serves_the_whole_channel_in_order_of_arrival(bench):
    bench.set(scheduler=policies.FCFS)
    bench.read(bank=0, row=1)
    bench.read(bank=0, row=2)
    bench.read(bank=4, row=1)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PRE", "ACT", "RD", "ACT", "RD"]
    assert log.served == [0, 1, 2]


def _hits_behind_a_miss(bench, hits):
    bench.read(row=1)
    bench.read(row=2)
    for number in range(hits):
        bench.read(row=1, column=8 * (number + 1))


@pytest.mark.parametrize("cap", [1, 2, 4])
def test_a_cap_bounds_how_many_hits_go_before_an_older_miss(bench, cap):
    bench.set(scheduler=policies.FR_FCFS_CAP, row_hit_cap=cap)
    _hits_behind_a_miss(bench, hits=6)

    log = bench.run()

    assert log.served.index(1) == cap


def test_without_a_cap_all_hits_go_before_an_older_miss(bench):
    _hits_behind_a_miss(bench, hits=6)

    log = bench.run()

    assert log.served[-1] == 1


def test_grouping_closes_a_row_with_hits_of_the_other_direction(bench):
    bench.set(scheduler=policies.GRP_FR_FCFS)
    bench.read(row=1)
    bench.write(row=1, column=8)
    bench.read(row=2)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PRE", "ACT", "RD", "PRE", "ACT", "WR"]


def test_reads_go_first_while_few_writes_wait(bench):
    bench.set(scheduler=policies.GRP_FR_FCFS_WM, scheduler_buffer=policies.SHARED, request_buffer_size=64)
    bench.read(row=1)
    bench.write(row=1, column=8)
    bench.read(row=1, column=16)

    log = bench.run()

    assert log.served == [0, 2, 1]


def test_writes_are_drained_from_the_high_to_the_low_watermark(bench):
    bench.set(
        scheduler=policies.GRP_FR_FCFS_WM,
        scheduler_buffer=policies.SHARED,
        request_buffer_size=64,
        write_high_watermark=5,
        write_low_watermark=2,
    )
    for number in range(8):
        bench.read(row=1, column=8 * number)
    for number in range(6):
        bench.write(row=1, column=8 * (20 + number))
    for number in range(8):
        bench.read(row=1, column=8 * (40 + number))

    log = bench.run()

    kinds = [command for command in log.commands if command in ("RD", "WR")]
    first = kinds.index("WR")
    assert kinds[first : first + 5] == ["WR"] * 4 + ["RD"]
    assert kinds[-2:] == ["WR"] * 2


def test_a_source_served_often_in_a_row_is_set_back(bench):
    bench.set(scheduler=policies.BLISS, bliss_streak=2)
    for number in range(5):
        bench.read(row=1, column=8 * number, source=0)
    bench.read(row=1, column=80, source=1, at=2)

    log = bench.run()

    assert log.served == [0, 1, 5, 2, 3, 4]


def test_the_blacklist_is_forgotten_at_every_clearing_interval(bench):
    bench.set(scheduler=policies.BLISS, bliss_streak=1, bliss_clear=200)
    bench.read(row=1, source=0, at=0)
    bench.read(row=1, column=8, source=0, at=195)
    bench.read(row=1, column=16, source=1, at=196)
    bench.read(row=1, column=24, source=0, at=400)
    bench.read(row=1, column=32, source=1, at=400)

    log = bench.run()

    assert log.served == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("scheduler", range(policies.FCFS, policies.BLISS + 1))
def test_no_scheduler_overtakes_an_older_request_to_the_same_line(bench, scheduler):
    bench.set(scheduler=scheduler)
    bench.read(row=1)
    bench.write(row=2, column=8)
    bench.read(row=2, column=8)
    bench.write(row=2, column=8)

    log = bench.run()

    assert log.served == [0, 1, 2, 3]


@pytest.mark.parametrize("scheduler", range(policies.BLISS + 1))
@pytest.mark.parametrize("buffer_size", [1, 2, 16])
def test_chains_of_reads_and_writes_to_few_lines_never_lock_up(bench, scheduler, buffer_size):
    bench.set(scheduler=scheduler, request_buffer_size=buffer_size, write_high_watermark=1)
    for number in range(60):
        add = bench.write if number % 3 else bench.read
        add(row=number % 2, column=8 * (number % 4 // 2), source=number % 2)
    controller = bench.open()

    controller.advance(until_cycle=20_000)

    assert controller.is_finished


def _turnaround_before_a_hit(bench):
    """A read hit that waits for write data elsewhere, before a miss of the same bank."""
    bench.read(bank=0, row=1, at=0)
    bench.write(bank=4, row=1, at=0)
    bench.write(bank=4, row=1, column=8, at=200)
    bench.read(bank=0, row=1, column=8, at=202)
    bench.read(bank=0, row=2, at=203)


def test_first_ready_closes_a_row_while_its_hit_cannot_go_yet(bench):
    _turnaround_before_a_hit(bench)
    late = bench.run().at("PRE")[0]

    bench.set(first_ready=1)
    early = bench.run().at("PRE")[0]

    assert early < late


def test_a_row_opened_for_a_request_serves_one_hit_before_it_is_closed(bench):
    bench.set(first_ready=1)
    bench.read(row=1)
    bench.read(row=2)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PRE", "ACT", "RD"]


@pytest.mark.parametrize(("mux", "commands"), [(0, ["PRE", "RD"]), (1, ["RD", "PRE"])])
def test_the_multiplexer_chooses_between_an_old_row_and_a_young_column_command(bench, mux, commands):
    bench.set(command_mux=mux)
    bench.read(bank=0, row=1, at=0)
    bench.read(bank=4, row=1, at=0)
    bench.read(bank=0, row=1, column=8, at=200)
    bench.read(bank=0, row=2, at=201)
    bench.read(bank=4, row=1, column=8, at=200 + bench.t.rtp)

    log = bench.run()

    both = [entry.command for entry in log.result.log if 200 < entry.cycle < 212]
    assert both == commands
    assert 200 + bench.t.rtp in log.cycles
