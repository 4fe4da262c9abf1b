"""The engine on the lab bench: exact commands and gaps, worked out by hand from the timings of DDR4-2400."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ext.dram_engine import (
    COMMANDS,
    CONFIG_FIELDS,
    COUNTER_FIELDS,
    bin_upper_bounds,
    coarse_bin_upper_bounds,
    latency_bins,
)
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.constraints import COMMANDS as NAMES
from simulators.dram.memory.devices import device
from simulators.dram.twin.record import Counters
from tests.ext.dram_cases import Case, RequestArrays, device_config, log_rows, open_engine

DEVICE = "ddr4-2400-8gb-x8"
T = device(DEVICE).timings
READ_LATENCY = T.cl + T.burst


def run(*requests, source=None, **policies):
    """Requests are rows (arrival, bank, row, column, is_write); no refresh unless asked for."""
    arrays = (
        requests[0] if isinstance(requests[0], RequestArrays) else RequestArrays.of(*requests, source=source)
    )
    settings = {"scheduler_buffer": 2, "request_buffer_size": 32, "refresh_policy": 0} | policies
    engine = open_engine(Case(replace(device_config(DEVICE), **settings), arrays, warmup=0))
    engine.advance()
    return engine


def commands(engine):
    return [(cycle, command) for cycle, command, *_ in log_rows(engine)]


def stream(n, *, banks=1, gap=0, is_write=0):
    """n requests, one row per bank, over `banks` banks of different groups in turn."""
    k = np.arange(n)
    return RequestArrays.from_columns(
        k * gap, 0 * k, 4 * (k % banks), 0 * k, k // banks, 0 * k + is_write, 0 * k
    )


def test_a_read_of_a_closed_bank_activates_then_reads():
    engine = run((0, 0, 5, 0, 0))

    assert commands(engine) == [(0, "ACT"), (T.rcd, "RD")]
    assert engine.finish_cycles[0] == T.rcd + READ_LATENCY


def test_a_row_hit_needs_only_the_column_command():
    engine = run((0, 0, 5, 0, 0), (1000, 0, 5, 1, 0))

    assert commands(engine)[2:] == [(1000, "RD")]
    assert engine.finish_cycles[1] == 1000 + READ_LATENCY


def test_a_row_conflict_closes_the_row_first():
    engine = run((0, 0, 5, 0, 0), (1000, 0, 6, 0, 0))

    second_act = 1000 + T.rp
    assert commands(engine)[2:] == [(1000, "PRE"), (second_act, "ACT"), (second_act + T.rcd, "RD")]
    assert engine.counters()["row_conflicts"] == 1


def test_hits_in_one_bank_group_come_every_long_gap():
    engine = run(stream(20))

    reads = [cycle for cycle, command in commands(engine) if command == "RD"]
    assert np.diff(reads).tolist() == [T.ccd_l] * 19


def test_a_stream_over_two_bank_groups_fills_the_data_bus():
    engine = run(stream(200, banks=2))

    reads = [cycle for cycle, command in commands(engine) if command == "RD"]
    assert set(np.diff(reads)[20:].tolist()) == {T.burst}


def test_a_fifth_activate_waits_for_the_four_activate_window():
    engine = run(*[(0, 4 * (k % 4) + k // 4, 1, 0, 0) for k in range(8)])

    activates = [cycle for cycle, command in commands(engine) if command == "ACT"]
    assert activates[4] - activates[0] == max(T.faw, 4 * T.rrd_s)


def test_a_write_is_precharged_after_its_recovery():
    engine = run((0, 0, 5, 0, 1), (0, 0, 6, 0, 1))

    cycles = {name: cycle for cycle, name in reversed(commands(engine))}
    assert cycles["PRE"] - cycles["WR"] == T.write_close


def test_a_read_after_a_write_waits_for_the_bus_to_turn_around():
    engine = run((0, 0, 5, 0, 1), (0, 0, 5, 1, 0))

    (_, _), (write, _), (read, _) = commands(engine)
    assert read - write == T.cwl + T.burst + T.wtr_l


def test_a_write_after_a_read_waits_for_the_bus_to_turn_around():
    engine = run((0, 0, 5, 0, 0), (0, 0, 5, 1, 1))

    (_, _), (read, _), (write, _) = commands(engine)
    assert write - read == T.rtw


def test_closed_page_precharges_with_every_column_command():
    engine = run(stream(5), page_policy=2)

    assert [name for _, name in commands(engine)] == ["ACT", "RDA"] * 5
    assert np.diff([cycle for cycle, name in commands(engine) if name == "ACT"]).tolist() == [T.rc] * 4


def test_a_hit_overtakes_an_older_conflict_under_frfcfs():
    requests = (0, 0, 1, 0, 0), (1, 0, 2, 0, 0), (2, 0, 1, 1, 0)

    served = [log[7] for log in log_rows(run(*requests, scheduler=2)) if log[1] == "RD"]
    in_order = [log[7] for log in log_rows(run(*requests, scheduler=0)) if log[1] == "RD"]

    assert served == [0, 2, 1]
    assert in_order == [0, 1, 2]


def test_an_idle_rank_is_refreshed_once_an_interval():
    engine = run((0, 0, 1, 0, 0), (20 * T.refi + 5, 0, 1, 0, 0), refresh_policy=1, refresh_max_pulledin=0)

    refreshes = [cycle for cycle, name in commands(engine) if name == "REF"]
    assert len(refreshes) == 20
    assert set(np.diff(refreshes)[1:].tolist()) == {T.refi}


def test_pulling_in_pays_for_later_intervals_while_idle():
    engine = run((0, 0, 1, 0, 0), (T.refi * 3 // 2, 0, 1, 0, 0), refresh_policy=1, refresh_max_pulledin=4)

    refreshes = [cycle for cycle, name in commands(engine) if name == "REF"]
    assert np.diff(refreshes).tolist() == [T.rfc] * 4


def test_a_busy_rank_postpones_refreshes_and_owes_them():
    engine = run(stream(4000), refresh_policy=1, refresh_max_postponed=8)

    assert engine.counters()["n_ref"] == 0
    assert engine.counters()["refreshes_owed"] == engine.cycle // T.refi == 2


def test_precharge_power_down_closes_rows_and_wakes_for_a_request():
    engine = run((0, 0, 1, 0, 0), (1000, 0, 1, 0, 0), power_down_policy=2, power_down_timeout=16)

    names = [name for _, name in commands(engine)]
    assert names == ["ACT", "RD", "PREA", "PDE", "PDX", "ACT", "RD"]
    assert commands(engine)[4] == (1000, "PDX")
    assert commands(engine)[5] == (1000 + T.xp, "ACT")


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
    assert (*CONFIG_FIELDS, "rows", "lengths") == tuple(ControllerConfig.__dataclass_fields__)


def test_the_commands_are_those_of_the_constraints():
    assert COMMANDS == NAMES


@pytest.mark.parametrize("latency", [0, 1, 4095, 4096, 4159, 4160, 8191, 8192, 123_456_789, 1 << 40])
def test_the_upper_end_of_a_bin_is_within_a_64th_above_a_latency(latency):
    upper = int(bin_upper_bounds()[latency_bins([latency])[0]])

    assert latency <= upper <= latency + latency // 64
    assert latency_bins([upper]) == latency_bins([latency])
    assert latency_bins([upper + 1]) == latency_bins([latency]) + 1


def test_the_bounds_of_the_bins_increase():
    assert (np.diff(bin_upper_bounds()) > 0).all()


def test_the_coarse_bounds_increase_by_a_quarter_at_most():
    upper = coarse_bin_upper_bounds()

    assert upper[:8].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (np.diff(upper) > 0).all()
    assert (upper[9:] - upper[8:-1] <= upper[8:-1] // 4 + 1).all()


def test_reads_of_two_ranks_leave_the_bus_time_to_change_hands():
    requests = (0, 0, 5, 0, 0), (0, 16, 5, 0, 0), (1000, 0, 5, 1, 0), (1000, 16, 5, 1, 0)

    engine = run(*requests, n_ranks=2)

    reads = [cycle for cycle, name in commands(engine) if name == "RD"][2:]
    assert reads == [1000, 1000 + T.burst + T.rtrs]


def test_channels_work_side_by_side():
    k = np.arange(8)
    requests = RequestArrays.from_columns(0 * k, k % 4, 0 * k, 0 * k, k // 4, 0 * k, k)

    engine = run(requests, n_channels=4)

    log = engine.command_log()
    assert [log["cycle"][log["channel"] == c].tolist() for c in range(4)] == [[0, T.rcd, T.rcd + T.ccd_l]] * 4


def test_cycles_lost_to_activation_are_put_down_to_it():
    counters = run((0, 0, 5, 0, 0)).counters()

    assert counters["stall_command"] == 2
    assert counters["stall_activation"] == T.rcd - 1
    assert counters["stall_idle"] == counters["elapsed_cycles"] - T.rcd - 1
