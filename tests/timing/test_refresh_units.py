"""Refresh bank by bank and by the same bank of every group: order, holding, postponing, pulling in."""

from __future__ import annotations

from itertools import pairwise

import pytest

from simulators.dram.twin import policies


def _idle_until(bench, end, bank=0):
    bench.read(bank=bank, at=0)
    bench.read(bank=bank, column=16, at=end)


def test_each_bank_is_refreshed_once_in_an_interval(lpddr5_bench):
    bench = lpddr5_bench.set(refresh_policy=policies.PER_BANK)
    _idle_until(bench, 2 * bench.t.refi + 10, bank=15)

    log = bench.run()

    step = bench.t.refi // 16
    assert log.at("REFPB")[:3] == [step, 2 * step, 3 * step]
    banks = [entry.bank for entry in log.result.log if entry.command == "REFPB"]
    assert sorted(banks[:16]) == sorted(banks[16:32]) == list(range(16))


def test_only_the_bank_that_is_refreshed_waits(lpddr5_bench):
    bench = lpddr5_bench.set(refresh_policy=policies.PER_BANK)
    step = bench.t.refi // 16
    bench.read(bank=0, at=step + 1)
    bench.read(bank=8, at=step + 1)

    log = bench.run()

    refresh = log.at("REFPB")[0]
    activates = {entry.bank: entry.cycle for entry in log.result.log if entry.command == "ACT"}
    assert log.result.log[0].bank == 0
    assert activates[0] == refresh + bench.first_to_first(bench.t.rfcpb, "REFPB", "ACT")
    assert activates[8] == refresh + bench.first_to_first(bench.t.pbr2act, "REFPB", "ACT")


def test_an_idle_bank_is_refreshed_before_one_with_requests(lpddr5_bench):
    bench = lpddr5_bench.set(refresh_policy=policies.PER_BANK, request_buffer_size=64)
    step = bench.t.refi // 16
    for row in range(8):
        bench.read(bank=0, row=row, at=step - 20)

    log = bench.run()

    assert next(entry.bank for entry in log.result.log if entry.command == "REFPB") == 1


def _busy_everywhere(bench, rounds):
    """Conflicts in every bank from the start."""
    bench.set(request_buffer_size=1024, max_active_transactions=1024, port_width=16)
    for number in range(rounds * bench.config.n_banks):
        bench.read(bank=number % bench.config.n_banks, row=number // bench.config.n_banks)


@pytest.mark.parametrize("postponed", [0, 1])
def test_busy_banks_postpone_as_many_units_as_allowed(lpddr5_bench, postponed):
    bench = lpddr5_bench.set(refresh_policy=policies.PER_BANK, refresh_max_postponed=postponed)
    _busy_everywhere(bench, rounds=62)

    log = bench.run()

    step = bench.t.refi // 16
    first = log.at("REFPB")[0]
    assert (1 + 16 * postponed) * step <= first < (2 + 16 * postponed) * step


def test_an_idle_rank_pulls_units_in_back_to_back(lpddr5_bench):
    bench = lpddr5_bench.set(refresh_policy=policies.PER_BANK, refresh_max_pulledin=1)
    step = bench.t.refi // 16
    _idle_until(bench, 20 * step + 1, bank=15)

    log = bench.run()

    refreshes = [cycle for cycle in log.at("REFPB") if cycle <= 20 * step]
    assert {second - first for first, second in pairwise(refreshes[:17])} == {bench.t.pbr2pbr}
    assert len(refreshes) == 20 + 16


def test_a_bank_set_is_closed_and_refreshed_together(ddr5_bench):
    bench = ddr5_bench.set(refresh_policy=policies.SAME_BANK)
    step = bench.t.refi // bench.config.banks_per_group
    for group in range(3):
        bench.read(bank=2 * group, at=step - 200)
    bench.read(bank=0, at=step + 1000)

    log = bench.run()

    closes = [entry.bank for entry in log.result.log if entry.command == "PRE"][:3]
    refresh = next(entry for entry in log.result.log if entry.command == "REFSB")
    assert closes == [0, 2, 4]
    assert (refresh.bank, refresh.row, refresh.request) == (0, -1, -1)
    assert refresh.cycle >= step
    assert log.result.counters.row_conflicts == 0


def test_the_other_banks_of_the_groups_go_on(ddr5_bench):
    bench = ddr5_bench.set(refresh_policy=policies.SAME_BANK)
    step = bench.t.refi // bench.config.banks_per_group
    bench.read(bank=2, at=step + 1)
    bench.read(bank=3, at=step + 1)

    log = bench.run()

    refresh = log.at("REFSB")[0]
    activates = {entry.bank: entry.cycle for entry in log.result.log if entry.command == "ACT"}
    assert refresh == step
    assert activates[2] == refresh + bench.first_to_first(bench.t.rfcsb, "REFSB", "ACT")
    assert activates[3] == refresh + bench.first_to_first(bench.t.refsbrd, "REFSB", "ACT")


@pytest.mark.parametrize("policy", [policies.PER_BANK, policies.SAME_BANK])
def test_commands_put_off_past_the_end_are_owed(lpddr5_bench, policy):
    bench = lpddr5_bench.set(refresh_policy=policy, refresh_max_postponed=8)
    _busy_everywhere(bench, rounds=20)

    counters = bench.run().result.counters

    units = 16 if policy == policies.PER_BANK else 4
    # While the last requests are served, banks without any are refreshed.
    done = counters.n_refpb + counters.n_refsb
    assert counters.refreshes_owed + done == counters.elapsed_cycles // (bench.t.refi // units)
    assert done <= 1
