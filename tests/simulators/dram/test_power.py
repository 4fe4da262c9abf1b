"""Energy by the JEDEC IDD method, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.dram.memory.devices import device
from simulators.dram.power import (
    COMPONENTS,
    Activity,
    EventEnergy,
    energy_pj,
    refresh_owed_pj,
    state_cycles,
)

DDR3 = EventEnergy.of(device("ddr3-1600-1gb-x8-dimm"))
IDLE = Activity(
    rank_cycles=10_000,
    activates=0,
    precharges=0,
    reads=0,
    writes=0,
    refreshes=0,
    refreshes_owed=0,
    active_cycles=0,
)
COUNTERS = {
    "elapsed_cycles": 1000, "refreshes_owed": 2, "sr_cycles": 0, "n_refpb": 0, "n_refsb": 0, "n_vrr": 0,
    "n_rfm": 0, "n_rfmsb": 0, "n_act": 7, "n_pre": 1, "n_prea": 1, "n_prea_banks": 3, "n_rd": 10,
    "n_rda": 2, "n_wr": 5, "n_wra": 1,
    "n_ref": 1, "active_cycles": 500, "active_pd_cycles": 100, "precharge_pd_cycles": 50,
}  # fmt: skip


@pytest.mark.parametrize(
    ("component", "by_hand_pj"),
    [
        ("activate_pj", 8 * 1.5 * (70 - 45) * 28 * 1.25),
        ("precharge_pj", 8 * 1.5 * (70 - 45) * (38 - 28) * 1.25),
        ("read_pj", 8 * 1.5 * (140 - 45) * 4 * 1.25),
        ("write_pj", 8 * 1.5 * (145 - 45) * 4 * 1.25),
        ("refresh_pj", 8 * 1.5 * (170 - 45) * 88 * 1.25),
    ],
)
def test_a_command_costs_its_loop_current_above_the_background(component, by_hand_pj):
    assert getattr(DDR3, component) == pytest.approx(by_hand_pj, rel=1e-12)


def test_all_chips_of_the_rank_draw_the_background():
    assert DDR3.active_standby_mw == pytest.approx(8 * 1.5 * 45)
    assert DDR3.precharge_power_down_mw == pytest.approx(8 * 1.5 * 12)


def test_the_stream_of_dramsys_4_is_rebuilt_from_its_counts():
    # DRAMSys 4.0, design oat:PagePolicy, trace stream: 86.3805 uJ in 50712.5 ns with 10,000 reads. The only
    # small whole numbers of refreshes, activates and precharges that give this energy are 5, 84 and 77.
    cycles = round(50712.5 / 1.25)
    open_all_the_time = replace(IDLE, rank_cycles=cycles, active_cycles=cycles)
    counts = replace(open_all_the_time, reads=10_000, refreshes=5, activates=84, precharges=77)

    assert energy_pj(DDR3, counts)["total"] == pytest.approx(86.3805e6, rel=1e-9)


def test_a_rank_that_does_nothing_draws_precharge_standby():
    parts = energy_pj(DDR3, IDLE)

    assert parts["total"] == parts["precharge_standby"] == pytest.approx(10_000 * 1.25 * 8 * 1.5 * 45)


def test_the_components_add_up_to_the_total():
    parts = energy_pj(DDR3, Activity.of(COUNTERS))

    assert sum(parts[name] for name in COMPONENTS) == pytest.approx(parts["total"])


def test_auto_precharge_and_precharge_all_count_the_banks_they_close():
    activity = Activity.of(COUNTERS)

    assert activity.precharges == 1 + 3 + 2 + 1


def test_the_states_of_the_rank_fill_the_run():
    cycles = state_cycles(DDR3, Activity.of(COUNTERS))

    assert sum(cycles.values()) == 1000
    assert cycles["active_standby"] == 500 - 100 + 88 - 10


def test_a_refresh_that_outlasts_the_run_is_cut_at_its_end():
    cycles = state_cycles(DDR3, replace(IDLE, rank_cycles=30, refreshes=1))

    assert cycles["active_standby"] == 30
    assert cycles["precharge_standby"] == 0


def test_a_refresh_owed_costs_as_much_as_one_done():
    activity = replace(IDLE, refreshes=1, refreshes_owed=3)

    assert refresh_owed_pj(DDR3, activity) == pytest.approx(3 * energy_pj(DDR3, activity)["refresh"])


def test_power_down_draws_less_than_standby():
    awake = energy_pj(DDR3, IDLE)["total"]
    asleep = energy_pj(DDR3, replace(IDLE, precharge_power_down_cycles=9_000))["total"]

    assert asleep < awake


def test_the_pump_rail_of_ddr4_is_drawn_in_every_state():
    with_pump = device("ddr4-2400-8gb-x8")
    without = replace(with_pump, currents_ma=replace(with_pump.currents_ma, vpp_v=0.0))

    gap_mw = EventEnergy.of(with_pump).precharge_standby_mw - EventEnergy.of(without).precharge_standby_mw

    assert gap_mw == pytest.approx(8 * 2.5 * 3.0)


def test_every_rank_draws_its_background():
    one = energy_pj(DDR3, Activity.of(COUNTERS | {"active_cycles": 0, "active_pd_cycles": 0}))
    four = energy_pj(DDR3, Activity.of(COUNTERS | {"active_cycles": 0, "active_pd_cycles": 0}, ranks=4))

    gap_pj = four["precharge_standby"] - one["precharge_standby"]
    assert gap_pj == pytest.approx(3 * 1000 * 1.25 * DDR3.precharge_standby_mw)


@pytest.mark.parametrize(("kind", "parts"), [("n_refpb", 16), ("n_refsb", 4)])
def test_refreshing_all_banks_in_parts_costs_as_much_as_at_once(kind, parts):
    memory = device("ddr4-2400-8gb-x8")
    shared = EventEnergy.of(replace(memory, currents_ma=replace(memory.currents_ma, idd5pb=0.0)))
    nothing = COUNTERS | {"n_ref": 0}

    at_once = energy_pj(shared, Activity.of(nothing | {"n_ref": 1}))["refresh"]
    in_parts = energy_pj(shared, Activity.of(nothing | {kind: parts}))["refresh"]

    assert in_parts == pytest.approx(at_once)


@pytest.mark.parametrize(
    ("policy", "event"),
    [("AllBank", "refresh_pj"), ("PerBank", "refresh_bank_pj"), ("SameBank", "refresh_set_pj")],
)
def test_what_is_owed_is_owed_in_commands_of_the_policy(policy, event):
    owed = replace(IDLE, refreshes_owed=3, refresh_policy=policy)

    assert refresh_owed_pj(DDR3, owed) == pytest.approx(3 * getattr(DDR3, event))


def test_refreshing_the_neighbours_of_a_row_is_two_activates_and_two_precharges():
    parts = energy_pj(DDR3, replace(IDLE, victim_refreshes=5))

    assert parts["mitigation"] == pytest.approx(5 * 2 * (DDR3.activate_pj + DDR3.precharge_pj))


def test_self_refresh_draws_less_than_power_down_and_its_refreshes():
    memory = device("ddr4-2400-8gb-x8")
    events = EventEnergy.of(memory)
    run = replace(IDLE, rank_cycles=1_000_000)
    refreshes = 1_000_000 // memory.timings.refi

    asleep = energy_pj(events, replace(run, self_refresh_cycles=1_000_000))["total"]
    awake = energy_pj(events, replace(run, refreshes=refreshes))["total"]

    assert asleep < awake


def test_a_memory_without_a_listed_self_refresh_current_pays_for_its_refreshes():
    memory = device("ddr4-2400-8gb-x8")
    unlisted = replace(memory, currents_ma=replace(memory.currents_ma, idd6=0.0))

    estimate_mw = EventEnergy.of(unlisted).self_refresh_mw

    assert estimate_mw > EventEnergy.of(memory).precharge_power_down_mw


def test_refreshes_of_banks_add_active_time_only_while_no_bank_is_open():
    busy = replace(IDLE, active_cycles=10_000, bank_refreshes=5)
    quiet = replace(IDLE, bank_refreshes=5)

    assert state_cycles(DDR3, busy)["active_standby"] == 10_000
    assert state_cycles(DDR3, quiet)["active_standby"] == 5 * DDR3.refresh_bank_active_cycles
