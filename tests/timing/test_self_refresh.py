"""Self-refresh is entered after a long rest, from power-down too, and left for a request and one refresh."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


def test_a_quiet_rank_refreshes_itself_until_a_request_comes(bench):
    bench.set(self_refresh_timeout=300)
    bench.read(at=0)
    bench.read(at=2000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PREA", "SRE", "SRX", "ACT", "RD"]
    assert log.gap(1, 2) == 300
    assert log.cycles[4] == 2000
    assert log.gap(4, 5) == bench.t.xs
    assert log.result.counters.sr_cycles == log.gap(3, 4)
    assert log.result.counters.stall_self_refresh > 0


def test_reads_wait_for_the_dll_after_self_refresh(bench):
    bench.set(self_refresh_timeout=300)
    bench.read(at=0)
    bench.read(at=2000)

    log = bench.run()

    assert log.at("RD")[1] - log.at("SRX")[0] == bench.t.xsdll


def test_one_refresh_follows_self_refresh_whatever_the_policy(bench):
    bench.set(self_refresh_timeout=300, refresh_policy=policies.ALL_BANK)
    bench.read(at=0)
    bench.read(at=3 * bench.t.refi)

    log = bench.run()

    assert log.commands[-4:] == ["SRX", "REF", "ACT", "RD"]
    assert log.at("REF") == [log.at("SRX")[0] + bench.t.xs]


def test_a_rank_that_refreshes_bank_by_bank_owes_a_refresh_of_all_banks_too(lpddr5_bench):
    bench = lpddr5_bench.set(self_refresh_timeout=100, refresh_policy=policies.PER_BANK)
    bench.read(at=0)
    bench.read(at=5000)

    log = bench.run()

    assert log.commands[log.commands.index("SRX") + 1] == "REF"


def test_the_refresh_clock_does_not_tick_in_self_refresh(bench):
    bench.set(self_refresh_timeout=300, refresh_policy=policies.ALL_BANK, t_refi=1000)
    bench.read(at=0)
    bench.read(at=5200)

    log = bench.run()

    assert log.result.counters.n_ref == 1
    assert log.result.counters.refreshes_owed == 0


def test_a_rank_goes_from_power_down_to_self_refresh(bench):
    bench.set(
        power_down_policy=policies.PRECHARGE_POWER_DOWN, power_down_timeout=50, self_refresh_timeout=500
    )
    bench.read(at=0)
    bench.read(at=3000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PREA", "PDE", "PDX", "SRE", "SRX", "ACT", "RD"]
    assert log.gap(1, 4) == 500
    assert log.gap(4, 5) == bench.t.xp


@pytest.mark.parametrize("timeout", [0, 100_000])
def test_without_a_timeout_or_enough_rest_there_is_no_self_refresh(bench, timeout):
    bench.set(self_refresh_timeout=timeout)
    bench.read(at=0)
    bench.read(at=5000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "RD"]


def test_a_refresh_put_off_before_self_refresh_is_owed_after_it(bench):
    bench.set(
        self_refresh_timeout=300, refresh_policy=policies.ALL_BANK, refresh_max_postponed=1, t_refi=1000
    )
    for row in range(10):
        bench.read(row=row, at=900)
    for row in range(30):
        bench.read(row=row, at=5000)

    log = bench.run()

    after_exit, forced = log.at("REF")[:2]
    assert log.at("SRE")[0] < 2000
    assert after_exit == log.at("SRX")[0] + bench.t.xs
    assert forced - after_exit < 1000 + bench.t.rc + bench.t.rp
    assert log.result.counters.refreshes_owed == 1
