"""The engine on the lab bench: exact commands and gaps, worked out by hand from the timings of DDR4-2400."""

from __future__ import annotations

import numpy as np
import pytest

from ext.dram_engine import CONFIG_FIELDS, COUNTER_FIELDS, DramEngine, bin_upper_bounds, latency_bins
from simulators.dram.config import ControllerConfig
from simulators.dram.record import Counters
from tests.ext.dram_cases import RequestArrays, device_timings, log_rows

T = device_timings("ddr4-2400-8gb-x8")
READ_LATENCY = T["t_cl"] + T["t_burst"]
WRITE_RECOVERY = T["t_cwl"] + T["t_burst"] + T["t_wr"]


def run(*requests, source=None, **policies):
    """Requests are rows (arrival, bank, row, column, is_write); no refresh unless asked for."""
    arrays = (
        requests[0] if isinstance(requests[0], RequestArrays) else RequestArrays.of(*requests, source=source)
    )
    settings = {"scheduler_buffer": 2, "request_buffer_size": 32, "refresh_policy": 0} | policies
    config = ControllerConfig(**T, **settings)
    engine = DramEngine(config.vector(), *arrays.arrays(), log=True, record=True)
    engine.advance()
    return engine


def commands(engine):
    return [(cycle, command) for cycle, command, *_ in log_rows(engine)]


def stream(n, *, banks=1, gap=0, is_write=0):
    """n requests, one row per bank, over `banks` banks of different groups in turn."""
    k = np.arange(n)
    return RequestArrays.from_columns(k * gap, 4 * (k % banks), 0 * k, k // banks, 0 * k + is_write, 0 * k)


def test_a_read_of_a_closed_bank_activates_then_reads():
    engine = run((0, 0, 5, 0, 0))

    assert commands(engine) == [(0, "ACT"), (T["t_rcd"], "RD")]
    assert engine.finish_cycles[0] == T["t_rcd"] + READ_LATENCY


def test_a_row_hit_needs_only_the_column_command():
    engine = run((0, 0, 5, 0, 0), (1000, 0, 5, 1, 0))

    assert commands(engine)[2:] == [(1000, "RD")]
    assert engine.finish_cycles[1] == 1000 + READ_LATENCY


def test_a_row_conflict_closes_the_row_first():
    engine = run((0, 0, 5, 0, 0), (1000, 0, 6, 0, 0))

    second_act = 1000 + T["t_rp"]
    assert commands(engine)[2:] == [(1000, "PRE"), (second_act, "ACT"), (second_act + T["t_rcd"], "RD")]
    assert engine.counters()["row_conflicts"] == 1


def test_hits_in_one_bank_group_come_every_long_gap():
    engine = run(stream(20))

    reads = [cycle for cycle, command in commands(engine) if command == "RD"]
    assert np.diff(reads).tolist() == [T["t_ccd_l"]] * 19


def test_a_stream_over_two_bank_groups_fills_the_data_bus():
    engine = run(stream(200, banks=2))

    reads = [cycle for cycle, command in commands(engine) if command == "RD"]
    assert set(np.diff(reads)[20:].tolist()) == {T["t_burst"]}


def test_a_fifth_activate_waits_for_the_four_activate_window():
    engine = run(*[(0, 4 * (k % 4) + k // 4, 1, 0, 0) for k in range(8)])

    activates = [cycle for cycle, command in commands(engine) if command == "ACT"]
    assert activates[4] - activates[0] == max(T["t_faw"], 4 * T["t_rrd_s"])


def test_a_write_is_precharged_after_its_recovery():
    engine = run((0, 0, 5, 0, 1), (0, 0, 6, 0, 1))

    cycles = {name: cycle for cycle, name in reversed(commands(engine))}
    assert cycles["PRE"] - cycles["WR"] == WRITE_RECOVERY


def test_a_read_after_a_write_waits_for_the_bus_to_turn_around():
    engine = run((0, 0, 5, 0, 1), (0, 0, 5, 1, 0))

    (_, _), (write, _), (read, _) = commands(engine)
    assert read - write == T["t_cwl"] + T["t_burst"] + T["t_wtr_l"]


def test_a_write_after_a_read_waits_for_the_bus_to_turn_around():
    engine = run((0, 0, 5, 0, 0), (0, 0, 5, 1, 1))

    (_, _), (read, _), (write, _) = commands(engine)
    assert write - read == T["t_rtw"]


def test_closed_page_precharges_with_every_column_command():
    engine = run(stream(5), page_policy=2)

    assert [name for _, name in commands(engine)] == ["ACT", "RDA"] * 5
    assert np.diff([cycle for cycle, name in commands(engine) if name == "ACT"]).tolist() == [T["t_rc"]] * 4


def test_a_hit_overtakes_an_older_conflict_under_frfcfs():
    requests = (0, 0, 1, 0, 0), (1, 0, 2, 0, 0), (2, 0, 1, 1, 0)

    served = [log[5] for log in log_rows(run(*requests, scheduler=2)) if log[1] == "RD"]
    in_order = [log[5] for log in log_rows(run(*requests, scheduler=0)) if log[1] == "RD"]

    assert served == [0, 2, 1]
    assert in_order == [0, 1, 2]


def test_an_idle_rank_is_refreshed_once_an_interval():
    engine = run(
        (0, 0, 1, 0, 0), (20 * T["t_refi"] + 5, 0, 1, 0, 0), refresh_policy=1, refresh_max_pulledin=0
    )

    refreshes = [cycle for cycle, name in commands(engine) if name == "REF"]
    assert len(refreshes) == 20
    assert set(np.diff(refreshes)[1:].tolist()) == {T["t_refi"]}


def test_pulling_in_pays_for_later_intervals_while_idle():
    engine = run(
        (0, 0, 1, 0, 0), (T["t_refi"] * 3 // 2, 0, 1, 0, 0), refresh_policy=1, refresh_max_pulledin=4
    )

    refreshes = [cycle for cycle, name in commands(engine) if name == "REF"]
    assert np.diff(refreshes).tolist() == [T["t_rfc"]] * 4


def test_a_busy_rank_postpones_refreshes_and_owes_them():
    engine = run(stream(4000), refresh_policy=1, refresh_max_postponed=8)

    assert engine.counters()["n_ref"] == 0
    assert engine.counters()["refreshes_owed"] == engine.cycle // T["t_refi"] == 2


def test_precharge_power_down_closes_rows_and_wakes_for_a_request():
    engine = run((0, 0, 1, 0, 0), (1000, 0, 1, 0, 0), power_down_policy=2, power_down_timeout=16)

    names = [name for _, name in commands(engine)]
    assert names == ["ACT", "RD", "PREA", "PDE", "PDX", "ACT", "RD"]
    assert commands(engine)[4] == (1000, "PDX")
    assert commands(engine)[5] == (1000 + T["t_xp"], "ACT")


def test_requests_at_an_idle_rank_wait_for_company():
    engine = run((100, 0, 1, 0, 0), (130, 0, 1, 1, 0), batching_window=64)

    assert commands(engine)[0] == (100 + 64, "ACT")


def test_waiting_for_company_ends_when_the_buffer_is_full():
    requests = [(100 + 10 * k, 0, 1, k, 0) for k in range(4)]

    engine = run(*requests, batching_window=64, request_buffer_size=3)

    assert commands(engine)[0] == (130, "ACT")


def test_an_idle_gap_of_a_million_cycles_costs_no_commands():
    engine = run((0, 0, 1, 0, 0), (1_000_000, 0, 1, 1, 0))

    assert commands(engine)[2:] == [(1_000_000, "RD")]


def test_the_arbiter_accepts_no_more_than_its_transactions():
    engine = run(stream(10), max_active_transactions=1)

    assert (engine.accept_cycles[1:] == engine.finish_cycles[:-1]).all()


def test_a_reordering_arbiter_returns_responses_in_the_order_of_the_source():
    requests = (0, 0, 1, 0, 0), (1, 0, 2, 0, 0), (2, 0, 1, 1, 0)

    engine = run(*requests, arbiter=2)

    assert (np.diff(engine.finish_cycles) > 0).all()


def test_counters_carry_the_names_of_the_twin():
    assert tuple(Counters.__dataclass_fields__) == COUNTER_FIELDS


def test_the_configuration_vector_is_that_of_the_simulator():
    assert tuple(ControllerConfig.__dataclass_fields__) == CONFIG_FIELDS


@pytest.mark.parametrize("latency", [0, 1, 4095, 4096, 4159, 4160, 8191, 8192, 123_456_789, 1 << 42])
def test_the_upper_end_of_a_bin_is_within_a_64th_above_a_latency(latency):
    upper = int(bin_upper_bounds()[latency_bins([latency])[0]])

    assert latency <= upper <= latency + latency // 64
    assert latency_bins([upper]) == latency_bins([latency])
    assert latency_bins([upper + 1]) == latency_bins([latency]) + 1


def test_the_bounds_of_the_bins_increase():
    assert (np.diff(bin_upper_bounds()) > 0).all()
