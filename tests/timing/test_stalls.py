"""Every cycle of every channel is put down to one cause: what the most urgent command waited for."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from simulators.dram.twin import policies


def _stalls(log):
    counters = asdict(log.result.counters)
    return {
        name.removeprefix("stall_"): count
        for name, count in counters.items()
        if name.startswith("stall_") and count
    }


def test_one_read_waits_for_its_row_and_then_nothing_is_left_to_do(bench):
    bench.read(at=10)

    log = bench.run()

    # Cycle 10 starts idle, but the request that comes in it is activated at once.
    assert _stalls(log) == {
        "idle": 10 + bench.t.cl + bench.t.burst - 1,
        "command": 2,
        "activation": bench.t.rcd - 1,
    }


@pytest.mark.parametrize(
    ("second", "cause", "gap"),
    [
        ({"bank": 4}, "activate_spacing", "rrd_s"),
        ({"bank": 1}, "activate_spacing", "rrd_l"),
    ],
)
def test_a_second_activate_waits_for_the_first(bench, second, cause, gap):
    bench.set(port_width=2, batching_window=5)
    bench.read(bank=0)
    bench.read(**second)

    stalls = _stalls(bench.run())

    assert stalls[cause] == getattr(bench.t, gap) - 1
    assert stalls["batching"] == 4


def test_a_conflict_waits_for_the_row_cycle(bench):
    bench.set(port_width=2)
    bench.read(row=1)
    bench.read(row=2)

    log = bench.run()

    assert _stalls(log)["row_cycle"] == (log.gap(1, 2) - 1) + (bench.t.rp - 1)


def _hits_after_200(bench, first, second):
    """Two open rows of different groups, then one request to each, listed together."""
    bench.set(batching_window=5, port_width=2)
    bench.read(bank=0)
    bench.read(bank=4)
    first(bank=0, column=8, at=200)
    second(bank=4, column=8, at=200)


def test_bursts_wait_for_the_data_bus(bench):
    _hits_after_200(bench, bench.read, bench.read)

    assert _stalls(bench.run())["data_bus"] == bench.t.ccd_s - 1


def test_a_write_waits_for_the_bus_to_turn(bench):
    _hits_after_200(bench, bench.read, bench.write)

    assert _stalls(bench.run())["turnaround"] == bench.t.rtw - 1


def test_hits_of_one_group_wait_for_it(bench):
    bench.read(column=0, at=0)
    bench.read(column=8, at=0)

    assert _stalls(bench.run())["bank_group"] == bench.t.ccd_l - 1


def test_a_fifth_activate_waits_for_the_window(wide_bench):
    bench = wide_bench.set(port_width=5)
    for bank in (0, 4, 1, 5, 2):
        bench.read(bank=bank)

    assert _stalls(bench.run())["four_activates"] > 0


def test_reads_of_two_ranks_wait_for_the_switch(bench):
    bench.arrange(ranks=2).set(port_width=2)
    for at in (0, 200):
        for rank in (0, 1):
            bench.read(bank=bench.bank_of(rank), column=at // 8, at=at)

    assert _stalls(bench.run())["rank_switch"] >= bench.t.burst + bench.t.rtrs - 1


def test_requests_wait_for_a_refresh_and_for_waking_up(bench):
    bench.set(
        refresh_policy=policies.ALL_BANK,
        power_down_policy=policies.PRECHARGE_POWER_DOWN,
        power_down_timeout=100,
    )
    bench.read(at=0)
    bench.read(row=1, at=500)
    bench.read(row=2, at=bench.t.refi + 20)

    stalls = _stalls(bench.run())

    assert stalls["power_down"] == bench.t.xp - 1
    assert stalls["refresh"] > bench.t.rfc - 30


def test_commands_of_two_clocks_wait_for_the_command_bus(ddr5_bench):
    bench = ddr5_bench.set(batching_window=5, port_width=2)
    bench.read(bank=0)
    bench.read(bank=4)
    bench.read(bank=0, column=16, at=500)
    bench.read(bank=4, row=1, at=500)

    assert _stalls(bench.run())["command_bus"] >= 1


@pytest.mark.parametrize("channels", [1, 2, 4])
@pytest.mark.parametrize("scheduler", [policies.FR_FCFS, policies.FCFS, policies.BLISS])
def test_the_causes_add_up_to_the_cycles_of_all_channels(bench, channels, scheduler):
    bench.arrange(channels=channels, ranks=2).set(
        scheduler=scheduler,
        refresh_policy=policies.ALL_BANK,
        power_down_policy=policies.ACTIVE_POWER_DOWN,
        power_down_timeout=30,
        self_refresh_timeout=400,
        batching_window=20,
    )
    for number in range(80):
        gap = 150 if number > 60 else 4
        bench.read(channel=number % channels, bank=number * 7 % 32, row=number % 3, at=number * gap)

    log = bench.run()

    assert sum(_stalls(log).values()) == log.result.counters.elapsed_cycles * channels
