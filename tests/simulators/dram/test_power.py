"""Energy by the JEDEC IDD method, against sums done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.dram.devices import device
from simulators.dram.power import COMPONENTS, Activity, EventEnergy, energy_pj, refresh_owed_pj, state_cycles

DDR3 = EventEnergy.of(device("ddr3-1600-1gb-x8-dimm"))
IDLE = Activity(
    elapsed_cycles=10_000,
    activates=0,
    precharges=0,
    reads=0,
    writes=0,
    refreshes=0,
    refreshes_owed=0,
    active_cycles=0,
)
COUNTERS = {
    "n_act": 7, "n_pre": 1, "n_prea": 1, "n_prea_banks": 3, "n_rd": 10, "n_rda": 2, "n_wr": 5, "n_wra": 1,
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
    open_all_the_time = replace(IDLE, elapsed_cycles=cycles, active_cycles=cycles)
    counts = replace(open_all_the_time, reads=10_000, refreshes=5, activates=84, precharges=77)

    assert energy_pj(DDR3, counts)["total"] == pytest.approx(86.3805e6, rel=1e-9)


def test_a_rank_that_does_nothing_draws_precharge_standby():
    parts = energy_pj(DDR3, IDLE)

    assert parts["total"] == parts["precharge_standby"] == pytest.approx(10_000 * 1.25 * 8 * 1.5 * 45)


def test_the_components_add_up_to_the_total():
    parts = energy_pj(DDR3, Activity.of(COUNTERS, 1000, refreshes_owed=2))

    assert sum(parts[name] for name in COMPONENTS) == pytest.approx(parts["total"])


def test_auto_precharge_and_precharge_all_count_the_banks_they_close():
    activity = Activity.of(COUNTERS, 1000, refreshes_owed=0)

    assert activity.precharges == 1 + 3 + 2 + 1


def test_the_states_of_the_rank_fill_the_run():
    cycles = state_cycles(DDR3, Activity.of(COUNTERS, 1000, refreshes_owed=0))

    assert sum(cycles.values()) == 1000
    assert cycles["active_standby"] == 500 - 100 + 88 - 10


def test_a_refresh_that_outlasts_the_run_is_cut_at_its_end():
    cycles = state_cycles(DDR3, replace(IDLE, elapsed_cycles=30, refreshes=1))

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
