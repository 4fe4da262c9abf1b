"""Bounds agree with the numbers that one gets by hand, and with what the peers measured."""

from __future__ import annotations

import numpy as np
import pytest

from ext.dram_engine import DramEngine
from simulators.dram.config import ControllerConfig
from simulators.dram.memory.bounds import best_stream_gbps, gap, least_read_latency_cycles, most_activates
from simulators.dram.memory.devices import device, device_ids


@pytest.mark.parametrize(
    ("device_id", "gbps"),
    [
        ("ddr4-2400-8gb-x8", 64 / (4 * 0.833) * (1 - 421 / 9363)),  # four groups hide tCCD_L 6
        ("ddr4-2400-8gb-x16", 64 / (4 * 0.833) * (1 - 421 / 9363)),  # two groups: 6 / 2 < 4
        ("lpddr5-6400-8gb-x16", 32 / (2 * 1.25) * (1 - 167 / 3124)),  # REF to a two-clock ACT: tRFC - 1
        ("gddr6-12000-8gb-x128-dramsim3", 256 / (3 * 0.66) * (1 - 126 / 11862)),  # tCCD_S 3 > burst 2
        ("hbm2-2000-8gb", 16 * 32 / 2 * (1 - 349 / 3900)),
    ],
)
def test_the_best_stream_is_what_one_gets_by_hand(device_id, gbps):
    assert best_stream_gbps(device(device_id)) == pytest.approx(gbps, rel=1e-12)


# seq in the peers' results: cycles and bytes per request
@pytest.mark.parametrize(
    ("device_id", "cycles", "size"),
    [
        ("ddr3-1600-8gb-x8-ramulator", 4.2040, 64),
        ("lpddr5-6400-8gb-x16-ramulator", 2.1463, 32),
        ("gddr6-12000-8gb-x128-dramsim3", 3.0483, 256),
        ("lpddr4-2400-8gb-x64-dramsim3", 8.4142, 128),
        ("ddr4-2400-8gb-x8-ramulator", 4.344, 64),
    ],
)
def test_no_peer_streams_faster(device_id, cycles, size):
    chosen = device(device_id).arranged(channels=1)

    assert size / (cycles * chosen.tck_ns) <= best_stream_gbps(chosen)


def test_one_bank_group_is_held_to_the_long_distance():
    chosen = device("ddr4-2400-8gb-x8")

    alone = gap(chosen, "group", "RD", "RD")

    assert alone == 6
    assert gap(chosen, "rank", "RD", "RD") == 4


@pytest.mark.parametrize("device_id", device_ids())
def test_the_best_stream_lies_below_the_peak(device_id):
    chosen = device(device_id)

    without = best_stream_gbps(chosen, "NoRefresh")

    assert 0 < best_stream_gbps(chosen) <= without <= chosen.peak_bandwidth_gbps * (1 + 1e-12)
    assert best_stream_gbps(chosen, is_hot=True) <= best_stream_gbps(chosen)


def test_a_second_rank_reads_on_while_the_first_refreshes():
    chosen = device("ddr4-2400-8gb-x8")

    assert best_stream_gbps(chosen.arranged(ranks=2)) == pytest.approx(chosen.peak_bandwidth_gbps)


def test_pseudo_channels_share_the_column_bus():
    chosen = device("hbm3-6400-4hi")

    assert best_stream_gbps(chosen, "NoRefresh") == pytest.approx(16 * 2 * 32 / (2 * 0.625))


# dram.md, section 8: hit, closed and conflict of DDR4-2400U
def test_the_least_latency_is_the_sum_of_its_commands():
    chosen = device("ddr4-2400-8gb-x8")

    assert [least_read_latency_cycles(chosen, row) for row in ("hit", "closed", "conflict")] == [21, 38, 55]


def test_commands_of_several_clocks_are_counted_from_their_first():
    chosen = device("ddr5-4800-16gb-x8")

    assert least_read_latency_cycles(chosen) == 1 + 34 + 8
    assert least_read_latency_cycles(chosen, "closed") == 34 + 43
    assert least_read_latency_cycles(chosen, "conflict") == (34 - 1) + 34 + 43


# DDR4-2400: tRRD_S 4, tFAW 26
@pytest.mark.parametrize(
    ("cycles", "most"),
    [(0, 0), (1, 1), (4, 1), (5, 2), (13, 4), (26, 4), (27, 5), (31, 6), (39, 8), (52, 8), (53, 9)],
)
def test_activates_come_four_in_a_window(cycles, most):
    assert most_activates(device("ddr4-2400-8gb-x8"), cycles) == most


@pytest.mark.parametrize("device_id", device_ids())
def test_more_time_never_allows_fewer_activates(device_id):
    chosen = device(device_id)

    counts = [most_activates(chosen, cycles) for cycles in range(200)]

    assert counts == sorted(counts)
    assert counts[1] == 1


def streamed_gbps(chosen, refresh_policy, intervals):
    """Bandwidth of reads that go round pseudo channels and groups, column by column, bank by bank, by row.

    The queues hold more than comes in during a refresh, so that the other pseudo channel is read meanwhile.
    """
    queues = {"scheduler_buffer": "Shared", "request_buffer_size": 1024, "max_active_transactions": 4096}
    design = {**queues, "refresh_policy": refresh_policy, "port_width": 4, "command_mux": "ColumnsFirst"}
    config = ControllerConfig.build(chosen, design)
    sharing = chosen.ranks if chosen.pseudo_channels else 1
    reads = intervals * chosen.timings.refi // chosen.timings.burst * sharing
    sizes = (sharing, chosen.bank_groups, chosen.columns // chosen.burst_length, chosen.banks_per_group)
    rest, parts = np.arange(reads), []
    for size in sizes:
        parts.append(rest % size)
        rest = rest // size
    rank, group, column, bank = parts
    flat = (rank * chosen.bank_groups + group) * chosen.banks_per_group + bank
    none = np.zeros(reads, dtype=np.uint8)
    engine = DramEngine(
        config.vector(), config.row_array(), config.length_array(), np.zeros(reads, dtype=np.int64), None,
        flat.astype(np.uint8), (rest % chosen.rows).astype(np.int32), column.astype(np.int32), none, none,
    )  # fmt: skip
    engine.advance()
    return reads * chosen.burst_bytes / (engine.cycle * chosen.tck_ns)


@pytest.mark.parametrize("device_id", device_ids())
def test_a_stream_reaches_its_bound_and_never_crosses_it(device_id):
    chosen = device(device_id).arranged(channels=1)

    reached = streamed_gbps(chosen, "NoRefresh", intervals=2) / best_stream_gbps(chosen, "NoRefresh")

    assert 0.97 < reached <= 1


@pytest.mark.parametrize("device_id", device_ids())
def test_a_long_stream_with_refresh_reaches_its_bound_and_never_crosses_it(device_id):
    chosen = device(device_id).arranged(channels=1)

    reached = streamed_gbps(chosen, "AllBank", intervals=40) / best_stream_gbps(chosen)

    assert 0.9 < reached <= 1
