"""What can be worked out on paper: latencies, widths, bandwidths and occupancies of the SoC engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulators.soc.config import CacheConfig, MemoryConfig, NocConfig, PredictorConfig
from tests.simulators.soc.chip_bench import (
    CHIP,
    CORE,
    HEAP,
    PERIOD_FS,
    DramChoice,
    Step,
    chased,
    ended,
    independent,
    ipc,
    opened,
    program,
    with_core,
)
from traces.instructions import Branch, Operation

L1, L2, LLC, MEMORY = CORE.data.latency, CORE.second.latency, CHIP.bank.latency, CHIP.memory.latency
# Between the second level and the last: to the next edge of the uncore, there, and back. To memory: as much
# there and back again.
TO_LLC, TO_MEMORY = 3, 2
OF_LLC = L1 + L2 + TO_LLC + LLC
OF_MEMORY = OF_LLC + TO_MEMORY + MEMORY


# ------------------------------------------------------------------------------------------------- latencies


@pytest.mark.parametrize(
    ("kib", "cycles"), [(16, L1), (128, L1 + L2), (1024, OF_LLC)], ids=["in L1", "in L2", "in LLC"]
)
def test_a_pointer_chase_takes_the_sum_of_the_latencies_of_the_levels_that_it_passes(kib, cycles):
    lines = kib * 16
    engine = ended(CHIP, chased(lines, 2 * lines), record=True)

    second_round = np.diff(engine.times[0][lines:, 2])

    assert set(second_round.tolist()) == {cycles}


def test_a_pointer_chase_beyond_the_last_level_takes_that_of_memory_too():
    engine = ended(CHIP, chased(4096, 4096), record=True)

    assert set(np.diff(engine.times[0][1:, 2]).tolist()) == {OF_MEMORY}


def test_without_a_last_level_memory_is_nearer_by_it():
    engine = ended(replace(CHIP, banks=0, bank_nodes=()), chased(4096, 4096), record=True)

    assert set(np.diff(engine.times[0][1:, 2]).tolist()) == {OF_MEMORY - LLC - 2}


@pytest.mark.parametrize("hops", [1, 2, 3, 5])
@pytest.mark.parametrize(("router", "link"), [(1, 1), (3, 2)])
def test_each_hop_of_a_mesh_costs_a_router_and_a_link_there_and_back(hops, router, link):
    """Zero load: out of the node, hops links, between them a router each; the line's 9 flits one a cycle."""
    mesh = NocConfig(topology="mesh", nodes=6, columns=6, width=8, router_latency=router, link_latency=link)
    chip = replace(CHIP, noc=mesh, core_nodes=(0,), bank_nodes=(hops,), port_nodes=(0,))
    lines = 8192

    engine = ended(chip, chased(lines, 2 * lines), record=True)

    way = hops * (router + link) + 1
    serialised = 72 // 8 - 1
    without = OF_LLC - 2  # of two messages that took a cycle each
    expected = without + 2 * way + serialised
    assert set(np.diff(engine.times[0][lines:, 2]).tolist()) == {expected}


@pytest.mark.parametrize(("depth", "penalty", "latency"), [(3, 1, 1), (10, 4, 1), (3, 1, 9)])
def test_a_mispredicted_branch_costs_the_way_through_the_core_and_the_penalty(depth, penalty, latency):
    chip = with_core(
        depth=depth, penalty=penalty, latencies=(latency,), predictor=PredictorConfig("not-taken")
    )
    trace = program([Step(branch=Branch.CONDITIONAL)] * 400)

    engine = ended(chip, trace, record=True)

    issue = 1
    assert set(np.diff(engine.times[0][10:, 3]).tolist()) == {depth + issue + latency + penalty}


# --------------------------------------------------------------------------------------------------- widths


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_independent_instructions_run_at_the_width(width):
    """From instruction 96 on: the first line of code has come by then."""
    engine = ended(with_core(width=width, issue_width=width), program([Step()] * 4096), record=True)

    times = engine.times[0]
    assert times[-1, 3] - times[95, 3] == 4000 // width


@pytest.mark.parametrize("issue_width", [1, 2, 3])
def test_issue_slots_bound_what_retires(issue_width):
    engine = ended(with_core(width=8, issue_width=issue_width), program([Step()] * 6096), record=True)

    times = engine.times[0]
    assert times[-1, 3] - times[95, 3] == pytest.approx(6000 / issue_width, abs=2)


@pytest.mark.parametrize("ports", [1, 2, 3])
def test_load_ports_bound_loads_that_hit(ports):
    chip = with_core(width=8, issue_width=8, load_ports=ports)
    trace = program([Step(2, load=HEAP)] * 6600)

    times = ended(chip, trace, record=True).times[0]

    assert times[-1, 3] - times[599, 3] == pytest.approx(6000 / ports, abs=2)


@pytest.mark.parametrize("latency", [1, 3, 20])
def test_a_chain_of_operations_runs_at_their_latency(latency):
    chip = with_core(latencies=(1, latency))
    trace = program([Step(1, 1, operation=Operation.MULTIPLY)] * 1000)

    times = ended(chip, trace, record=True).times[0]

    assert set(np.diff(times[:, 2]).tolist()) == {latency}


def test_one_store_a_cycle_goes_to_the_cache():
    times = ended(CHIP, program([Step(store=HEAP)] * 4600), record=True).times[0]

    assert times[-1, 3] - times[599, 3] == pytest.approx(4000, abs=CORE.store_queue)


@pytest.mark.parametrize("places", [2, 3, 4])
def test_a_short_store_queue_bounds_stores(places):
    """A store has its place from dispatch over issue, completion and retirement until its line is there."""
    trace = program([Step(store=HEAP)] * 4096)

    times = ended(with_core(store_queue=places), trace, record=True).times[0]

    held = 1 + 1 + L1
    assert times[-1, 0] - times[1095, 0] == pytest.approx(3000 * held / places, rel=0.002)


# ------------------------------------------------------------------------------------- memory parallelism


@pytest.mark.parametrize("registers", [1, 2, 4, 8])
def test_miss_registers_bound_the_lines_under_way(registers):
    """Each serves a line in the time of a whole miss; a freed one is taken in the same cycle."""
    chip = with_core(second=replace(CORE.second, registers=registers))

    times = ended(chip, independent(2200), record=True).times[0]

    each = (times[-1, 3] - times[199, 3]) / 2000
    assert each == pytest.approx(OF_MEMORY / registers, rel=0.002)


@pytest.mark.parametrize("every", [4, 8, 16])
def test_the_reorder_buffer_bounds_the_lines_under_way(every):
    """It holds rob / every loads. The next ones enter as the first of them retire: a miss and what lies
    between dispatch and issue later, and as the width lets them."""
    chip = with_core(rob=64, second=replace(CORE.second, registers=64))

    times = ended(chip, independent(64 * 100, every=every), record=True).times[0]

    window = (times[-64, 0] - times[64 * 9, 0]) / 90
    assert OF_MEMORY + 1 <= window <= OF_MEMORY + 1 + 64 / CORE.width


def test_lines_under_way_are_throughput_times_latency():
    """Little's law: misses not answered, counted in every cycle, against the answers and their times."""
    chip = with_core(replace(CHIP, memory=MemoryConfig("fixed", 100, 9)))
    engine = opened(chip, independent(3000, every=3))
    under_way, cycles = 0, 0
    is_over = False
    while not is_over:
        is_over = engine.advance((cycles + 1) * PERIOD_FS)
        counts = engine.cache_counts(0)[2]
        misses = sum(counts[f"misses_{kind}"] for kind in ("load", "store", "fetch", "walk", "prefetch"))
        under_way += misses - engine.core_counts(0)["answered"]
        cycles += 1

    core = engine.core_counts(0)
    occupancy, throughput = under_way / cycles, core["answered"] / cycles
    latency = core["answer_latency"] / core["answered"] + L1 + L2  # the answer's, from the issue of the load
    assert occupancy > 5
    assert occupancy == pytest.approx(throughput * latency, rel=0.001)


@pytest.mark.parametrize("interval", [10, 30])
def test_a_memory_gives_a_line_every_interval(interval):
    chip = replace(CHIP, memory=MemoryConfig("fixed", 100, interval))

    times = ended(chip, independent(3000), record=True).times[0]

    assert times[-1, 3] - times[999, 3] == pytest.approx(2000 * interval, rel=0.01)


@pytest.mark.parametrize(
    ("name", "channels", "share"),
    [("ddr4-3200-8gb-x8", 1, 0.85), ("ddr5-4800-16gb-x8", 1, 0.8), ("ddr4-3200-8gb-x8", 2, 0.8)],
)
def test_a_stream_of_lines_is_bound_by_the_bandwidth_of_dram(name, channels, share):
    """Refresh takes 5 % of the peak, new rows and the beginning more; 128 lines under way are few for two
    channels. Never more than the peak."""
    dram = DramChoice(name, channels)
    chip = replace(
        with_core(rob=512, load_queue=256, data=replace(CORE.data, registers=128)),
        bank=replace(CHIP.bank, registers=128),
    )
    chip = with_core(chip, second=replace(CORE.second, registers=128))

    engine = ended(chip, independent(60_000), dram=dram)

    bytes_a_second = 64 * engine.uncore_counts()["memory_reads"] / (engine.time * 1e-15)
    peak = dram.system.device.peak_bandwidth_gbps * 1e9
    assert share <= bytes_a_second / peak <= 1.0


# ---------------------------------------------------------------------------------------------------- caches


def test_lru_misses_less_with_more_ways():
    trace = program(
        [Step(1, 1, load=HEAP + 64 * int(k)) for k in np.random.default_rng(1).integers(0, 600, 4000)]
    )
    misses = []
    for ways in (1, 2, 4, 8, 16):
        engine = ended(with_core(data=CacheConfig(16, ways, 4, 4)), trace)
        misses.append(engine.cache_counts(0)[1]["misses_load"])

    assert misses == sorted(misses, reverse=True)
    assert misses[-1] < 0.8 * misses[0]


def test_ipc_is_what_was_retired_in_the_cycles_counted():
    engine = ended(CHIP, independent(1000), record=True)

    assert ipc(engine) == 1000 / engine.times[0][-1, 3]
