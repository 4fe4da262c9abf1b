"""Refresh is forced, postponed and pulled in as configured; power-down is entered and left in time."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies


def _steady(bench, until, interval=40):
    for at in range(0, until, interval):
        bench.read(column=8 * (at // interval % 128), at=at)


def test_a_refresh_without_leeway_closes_all_rows_at_its_deadline(bench):
    bench.set(refresh_policy=policies.ALL_BANK)
    _steady(bench, bench.t.refi + 1000)

    log = bench.run()

    assert log.at("PREA")[0] >= bench.t.refi
    assert log.at("REF")[0] - log.at("PREA")[0] == bench.t.rp


def test_nothing_is_issued_while_a_refresh_runs(bench):
    bench.set(refresh_policy=policies.ALL_BANK)
    _steady(bench, bench.t.refi + 2000)

    log = bench.run()

    refresh = log.at("REF")[0]
    assert min(cycle for cycle in log.cycles if cycle > refresh) == refresh + bench.t.rfc


def test_a_busy_controller_postpones_as_often_as_allowed(bench):
    bench.set(refresh_policy=policies.ALL_BANK, refresh_max_postponed=2, request_buffer_size=64, t_refi=1500)
    for request in range(1200):
        bench.read(bank=request % 16, row=request // 16, at=request)

    log = bench.run()

    assert 3 * 1500 <= log.at("REF")[0] < 4 * 1500


def test_an_idle_controller_pulls_refreshes_in(bench):
    bench.set(refresh_policy=policies.ALL_BANK, refresh_max_pulledin=3)
    bench.read(at=0)
    bench.read(at=bench.t.refi + 5 * bench.t.rfc)

    log = bench.run()

    burst = [cycle for cycle in log.at("REF") if cycle < bench.t.refi + 5 * bench.t.rfc]
    assert len(burst) == 4
    assert burst[1] - burst[0] == bench.t.rfc


def test_refresh_put_off_past_the_end_is_owed(bench):
    bench.set(refresh_policy=policies.ALL_BANK, refresh_max_postponed=8, t_refi=1500)
    for request in range(600):
        bench.read(bank=request % 16, row=request // 16, at=request)

    log = bench.run()

    assert log.at("REF") == []
    assert log.result.counters.refreshes_owed == log.cycles[-1] // 1500


def test_an_idle_rank_powers_down_after_the_timeout_and_wakes_for_a_request(bench):
    bench.set(power_down_policy=policies.ACTIVE_POWER_DOWN, power_down_timeout=100)
    bench.read(at=0)
    bench.read(column=8, at=1000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PDE", "PDX", "RD"]
    assert log.gap(1, 2) == 100
    assert log.cycles[3] == 1000
    assert log.gap(3, 4) == bench.t.xp


def test_precharge_power_down_closes_the_rows_first(bench):
    bench.set(power_down_policy=policies.PRECHARGE_POWER_DOWN, power_down_timeout=64)
    bench.read(at=0)
    bench.read(column=8, at=1000)

    log = bench.run()

    assert log.commands == ["ACT", "RD", "PREA", "PDE", "PDX", "ACT", "RD"]
    assert log.result.counters.precharge_pd_cycles == log.cycles[4] - log.cycles[3]


def test_power_down_is_left_for_a_refresh(bench):
    bench.set(
        refresh_policy=policies.ALL_BANK,
        power_down_policy=policies.PRECHARGE_POWER_DOWN,
        power_down_timeout=0,
    )
    bench.read(at=0)
    bench.read(at=bench.t.refi + 2000)

    log = bench.run()

    wake = log.at("PDX")[0]
    assert wake == bench.t.refi
    assert log.at("REF")[0] == wake + bench.t.xp


@pytest.mark.parametrize("timeout", [0, 1, 500])
def test_states_account_for_every_cycle_at_most_once(bench, timeout):
    bench.set(power_down_policy=policies.ACTIVE_POWER_DOWN, power_down_timeout=timeout)
    _steady(bench, 4000, interval=700)

    counters = bench.run().result.counters

    assert counters.active_pd_cycles <= counters.active_cycles <= counters.elapsed_cycles
