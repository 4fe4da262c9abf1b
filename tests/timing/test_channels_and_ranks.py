"""Several channels, several ranks, two command buses, and commands of several clocks."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


def test_two_channels_issue_commands_in_the_same_cycle(bench):
    bench.arrange(channels=2).set(port_width=2)
    bench.read(channel=0)
    bench.read(channel=1)

    log = bench.run()

    assert log.cycles == [0, 0, bench.t.rcd, bench.t.rcd]
    assert log.of(channel=1) == ["ACT", "RD"]


@pytest.mark.parametrize(("width", "finished"), [(1, 1), (2, 0)])
def test_a_source_takes_as_many_responses_in_a_cycle_as_its_port_is_wide(bench, width, finished):
    bench.arrange(channels=2).set(port_width=width, batching_window=10)
    bench.read(channel=0)
    bench.read(channel=1)

    log = bench.run()

    first, second = log.result.finish
    assert second - first == finished


def test_a_reordering_arbiter_keeps_the_order_of_a_source_over_all_channels(bench):
    bench.arrange(channels=2).set(arbiter=policies.ARBITER_REORDER)
    bench.read(channel=0, row=1, at=0)
    bench.read(channel=0, row=2, at=0)
    bench.read(channel=1, at=0)

    log = bench.run()

    assert log.result.finish.tolist() == sorted(log.result.finish.tolist())


def _open_two_ranks(bench):
    bench.arrange(ranks=2)
    other = bench.bank_of(rank=1)
    bench.read(bank=0, at=0)
    bench.read(bank=other, at=0)
    return other


@pytest.mark.parametrize("kind", ["read", "write"])
def test_bursts_of_two_ranks_keep_the_rank_switch_apart(bench, kind):
    other = _open_two_ranks(bench)
    request = getattr(bench, kind)
    request(bank=0, column=8, at=200)
    request(bank=other, column=8, at=200)

    log = bench.run()

    first, second = log.cycles[-2:]
    assert second - first == bench.t.burst + bench.t.rtrs


def test_a_read_of_another_rank_need_not_wait_for_the_write_recovery_of_the_first(bench):
    other = _open_two_ranks(bench)
    bench.write(bank=0, column=8, at=200)
    bench.read(bank=other, column=8, at=200)

    log = bench.run()

    apart = bench.t.cwl + bench.t.burst + bench.t.rtrs - bench.t.cl
    assert log.at("RD")[-1] - log.at("WR")[0] == max(1, apart)


def test_ranks_have_activate_windows_of_their_own(bench):
    bench.arrange(ranks=2)
    for number in range(8):
        bench.read(bank=bench.bank_of(number % 2, 4 * (number // 2)))

    log = bench.run()

    assert log.at("ACT")[7] - log.at("ACT")[0] < bench.t.faw


def test_ranks_are_refreshed_in_turn(bench):
    bench.arrange(ranks=4).set(refresh_policy=policies.ALL_BANK)
    bench.read(bank=bench.bank_of(rank=0), at=0)
    bench.read(bank=bench.bank_of(rank=0), at=2 * bench.t.refi)

    log = bench.run()

    quarter = bench.t.refi / 4
    turns = [(e.rank, round(e.cycle / quarter)) for e in log.result.log if e.command == "REF"]
    assert turns[:4] == [(3, 1), (1, 2), (2, 3), (0, 4)]
    assert turns[4] == (3, 5)


def test_one_rank_sleeps_while_the_other_works(bench):
    bench.arrange(ranks=2).set(power_down_policy=policies.PRECHARGE_POWER_DOWN, power_down_timeout=40)
    for number in range(20):
        bench.read(column=8 * number, at=10 * number)

    log = bench.run()

    assert log.of(rank=1) == ["PDE"]
    assert log.of(rank=0) == ["ACT"] + ["RD"] * 20


def test_two_command_buses_issue_a_row_and_a_column_command_together(hbm2_bench):
    bench = hbm2_bench
    bench.read(bank=0, at=0)
    bench.read(bank=0, column=4, at=200)
    bench.read(bank=4, at=200)

    log = bench.set(port_width=2, batching_window=5).run()

    assert [entry.command for entry in log.result.log if entry.cycle == 205] == ["RD", "ACT"]


def test_pseudo_channels_share_the_command_bus_but_not_the_data_bus(hbm2_bench):
    bench = hbm2_bench
    other = bench.bank_of(rank=1)
    for bank in (0, other):
        bench.read(bank=bank, at=0)
    for number in range(8):
        bench.read(bank=0 if number % 2 else other, column=4 * number, at=200)

    log = bench.set(port_width=8, batching_window=20).run()

    reads = log.at("RD")[-8:]
    assert reads[-1] - reads[0] < 8 * bench.t.ccd_l / 2 + bench.t.ccd_l


def test_a_command_of_two_clocks_keeps_the_bus_from_the_next(ddr5_bench):
    bench = ddr5_bench
    bench.read(bank=0, at=0)
    bench.read(bank=4, row=1, at=0)
    bench.read(bank=0, column=16, at=500)
    bench.read(bank=4, row=2, at=501)

    log = bench.run()

    late = [(entry.cycle, entry.command) for entry in log.result.log if entry.cycle >= 500]
    assert late[:2] == [(500, "RD"), (502, "PRE")]
