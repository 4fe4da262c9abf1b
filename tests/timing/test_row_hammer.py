"""RowHammer mitigations: which activates they answer, with which command, and what waits for it."""

from __future__ import annotations

import pytest

from simulators.dram.twin import policies
from simulators.dram.twin.mitigations import splitmix64

ALWAYS = 1 << 20


def _hammer(bench, times, *rows, bank=0, gap=200):
    """ACTs of the rows in turn, each by a read that closes its row."""
    bench.set(page_policy=policies.CLOSED)
    for number in range(times):
        bench.read(bank=bank, row=rows[number % len(rows)], at=gap * number)


def test_para_refreshes_the_neighbours_of_activated_rows_by_chance(bench):
    bench.set(mitigation=policies.PARA, para_threshold=ALWAYS)
    _hammer(bench, 2, 7)

    log = bench.run()

    assert log.commands == ["ACT", "RDA", "VRR", "ACT", "RDA"]
    victim = log.result.log[2]
    assert (victim.bank, victim.row, victim.request) == (0, 7, -1)
    assert log.gap(0, 2) == bench.t.rc


def test_a_victim_refresh_holds_its_bank_for_two_row_cycles(bench):
    bench.set(mitigation=policies.PARA, para_threshold=ALWAYS)
    _hammer(bench, 2, 7, 8, gap=0)

    log = bench.run()

    assert log.at("ACT")[1] - log.at("VRR")[0] == 2 * bench.t.rc


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_para_draws_the_same_lot_for_the_same_activate(bench, seed):
    threshold = ALWAYS // 3
    bench.set(mitigation=policies.PARA, para_threshold=threshold, mitigation_seed=seed)
    _hammer(bench, 30, 1)
    bench.read(row=1, at=200 * 30)

    log = bench.run()

    activates = log.at("ACT")
    answered = [sum(cycle < victim for cycle in activates) - 1 for victim in log.at("VRR")]
    assert answered == [k for k in range(30) if splitmix64(seed ^ k) >> 44 < threshold]


def test_graphene_refreshes_the_neighbours_of_a_row_at_every_multiple_of_the_threshold(bench):
    bench.set(mitigation=policies.GRAPHENE, graphene_threshold=3, graphene_entries=4)
    _hammer(bench, 13, 5, 6)

    log = bench.run()

    rows = [entry.row for entry in log.result.log if entry.command == "VRR"]
    assert rows == [5, 6, 5, 6]


def test_graphene_forgets_its_counts_after_a_refresh_window(bench):
    bench.set(mitigation=policies.GRAPHENE, graphene_threshold=3, graphene_entries=4, refresh_window=300)
    _hammer(bench, 12, 5)

    log = bench.run()

    assert "VRR" not in log.commands


def test_a_row_without_an_entry_replaces_one_that_was_seen_no_more_often_than_the_spilled(bench):
    bench.set(mitigation=policies.GRAPHENE, graphene_threshold=3, graphene_entries=1)
    # 1 enters (1); 2 spills (1), then replaces it with count 2; the third of row 2 makes 3.
    _hammer(bench, 1, 1)
    for number, row in enumerate([2, 2, 2], start=1):
        bench.read(row=row, at=200 * number)
    bench.read(row=9, at=2000)

    log = bench.run()

    assert [entry.row for entry in log.result.log if entry.command == "VRR"] == [2]


def test_rfm_waits_for_an_idle_set_of_banks(ddr5_bench):
    bench = ddr5_bench.set(mitigation=policies.RFM, raa_initial=4, raa_maximum=100)
    _hammer(bench, 5, 1, 2, gap=300)

    log = bench.run()

    assert log.commands == ["ACT", "RDA"] * 4 + ["RFMSB"] + ["ACT", "RDA"]
    assert log.result.log[8].bank == 0
    assert log.result.counters.n_rfmsb == 1


def test_rfm_is_forced_at_the_maximum(ddr5_bench):
    bench = ddr5_bench.set(mitigation=policies.RFM, raa_initial=2, raa_maximum=6, request_buffer_size=64)
    for row in range(20):
        bench.read(row=row)

    log = bench.run()

    assert log.commands.index("RFMSB") == log.commands.index("ACT") + 6 * 3 - 1
    assert log.result.counters.stall_row_hammer > 0


def test_no_bank_is_activated_beyond_the_maximum_while_another_set_is_served_first(ddr5_bench):
    bench = ddr5_bench.set(mitigation=policies.RFM, raa_initial=2, raa_maximum=4, request_buffer_size=64)
    for row in range(12):
        bench.read(bank=0, row=row)
        bench.read(bank=1, row=row)

    log = bench.run()

    counts = {0: 0, 1: 0}
    for entry in log.result.log:
        if entry.command == "ACT":
            counts[entry.bank] += 1
            assert counts[entry.bank] <= 4
        elif entry.command == "RFMSB":
            counts[entry.bank] = max(0, counts[entry.bank] - 2)


def test_a_refresh_lowers_the_rolling_count(ddr5_bench):
    bench = ddr5_bench.set(
        mitigation=policies.RFM, raa_initial=4, raa_maximum=8, refresh_policy=policies.ALL_BANK
    )
    step = bench.t.refi
    _hammer(bench, 3, 1, gap=300)
    for number in range(3):
        bench.read(row=1, at=step + 2000 + 300 * number)

    log = bench.run()

    assert log.result.counters.n_ref == 1
    assert log.result.counters.n_rfmsb == 0


def test_prac_counts_every_row_exactly_and_asks_for_one_rfm(ddr5_bench):
    bench = ddr5_bench.set(mitigation=policies.PRAC, prac_threshold=3)
    _hammer(bench, 7, 1, 2, gap=400)
    bench.read(bank=4, at=100)

    log = bench.run()

    before = [entry.row for entry in log.result.log[: log.commands.index("RFM")] if entry.command == "ACT"]
    assert before.count(1) == 3
    assert log.result.counters.n_rfm == 2


def test_prac_closes_all_rows_and_holds_the_whole_rank(ddr5_bench):
    bench = ddr5_bench.set(mitigation=policies.PRAC, prac_threshold=2)
    bench.read(bank=0, row=1, at=0)
    bench.read(bank=0, row=2, at=400)
    bench.read(bank=0, row=1, at=800)
    bench.read(bank=8, row=3, at=801)

    log = bench.run()

    rfm = log.commands.index("RFM")
    assert log.commands[rfm - 1] == "PREA"
    assert log.gap(rfm, rfm + 1) == bench.first_to_first(bench.t.rfm, "RFM", "ACT")
    assert log.result.counters.stall_row_hammer > 0


def test_no_mitigation_answers_nothing(ddr5_bench):
    _hammer(ddr5_bench, 10, 1)

    log = ddr5_bench.run()

    assert log.commands == ["ACT", "RDA"] * 10
