"""Memories of several channels and ranks, and the memory itself as a choice."""

from __future__ import annotations

import numpy as np
import pytest

import dse
import traces
from dse.errors import ConfigError, InputError, SpaceError
from simulators.dram.audit import CommandLog, Limits, Served, audit
from simulators.dram.power import COMPONENTS
from simulators.dram.schema import STALLS
from simulators.dram.session import COMMANDS, STALL_OWNERS
from traces import synthetic
from traces.trace import Trace

DDR4 = "ddr4-2400-8gb-x8"
ONE_OF_EACH = (
    "ddr3-1600-4gb-x8", "ddr4-3200-8gb-x8", "ddr5-4800-16gb-x8", "lpddr4-3200-8gb-x16", "lpddr5-6400-8gb-x16",
    "gddr6-14000-8gb-x16", "hbm2-2000-8gb", "hbm3-6400-4hi",
)  # fmt: skip


@pytest.fixture(scope="module")
def systems():
    return dse.make_simulator("dram", space="dram-system")


@pytest.fixture(scope="module")
def mixed():
    rng = np.random.default_rng(7)
    return Trace(
        arrival_cycle=np.cumsum(rng.integers(0, 6, size=6000)),
        address=rng.integers(0, 1 << 20, size=6000).astype(np.uint64) * np.uint64(64),
        is_write=rng.random(6000) < 0.3,
        source=rng.integers(0, 3, size=6000),
        clock_ns=0.833,
        name="mixed",
    )


def test_more_channels_serve_more(systems):
    dense = synthetic.stream(20_000, interval_cycles=1)

    served = [systems.run(systems.space.point(channels=n), dense).bandwidth_gbps for n in (1, 2, 4)]

    assert served[1] > 1.8 * served[0]
    assert served[2] > 1.8 * served[1]


@pytest.mark.parametrize("memory", ONE_OF_EACH)
def test_every_standard_obeys_the_same_physics(systems, mixed, memory):
    point = systems.space.point(memory=memory, channels=2)
    chosen = systems.device_of(point)

    m = systems.run(point, mixed)

    bursts = len(mixed) * 64 // chosen.burst_bytes
    fastest_ns = (chosen.timings.read_data + chosen.timings.burst) * chosen.tck_ns
    assert m.requests == m.row_hits + m.row_misses + m.row_conflicts == bursts
    assert m.served_bytes == m.transferred_bytes == 64 * len(mixed)
    assert 0 < m.bus_utilisation <= 1
    assert m.bandwidth_gbps <= chosen.peak_bandwidth_gbps
    assert m.read_latency_p50_ns >= fastest_ns
    assert m.energy_pj == pytest.approx(sum(m[f"energy_{part}_pj"] for part in COMPONENTS), rel=1e-12)
    assert sum(m[f"stall_{name}_fraction"] for name in STALLS) == pytest.approx(1, abs=1e-12)
    states = ("active_standby", "precharge_standby", "power_down", "self_refresh")
    assert sum(m[f"{state}_fraction"] for state in states) == pytest.approx(1)
    assert m.capacity_gib == chosen.capacity_bytes / 2**30


def test_ranks_that_idle_sleep_and_the_others_work():
    system = dse.make_simulator("dram", device=DDR4, ranks=4)
    one_row = synthetic.stream(5000, interval_cycles=40, footprint_bytes=1 << 13)

    awake = system.run(system.space.default(), one_row)
    asleep = system.run(system.space.point(self_refresh_timeout_cycles=4096), one_row)

    assert asleep.self_refresh_entries >= 3
    assert asleep.self_refresh_fraction > 0.6
    assert asleep.energy_pj < awake.energy_pj


def test_refreshing_bank_by_bank_is_counted_and_paid_apart():
    system = dse.make_simulator("dram", device="lpddr4-3200-8gb-x16")
    sparse = synthetic.uniform_random(4000, interval_cycles=200)

    at_once = system.run(system.space.default(), sparse)
    by_bank = system.run(system.space.point(refresh_policy="PerBank"), sparse)

    assert at_once.bank_refreshes == by_bank.refreshes == 0
    assert by_bank.bank_refreshes == pytest.approx(8 * at_once.refreshes, rel=0.05)
    assert by_bank.energy_refresh_pj > 0
    assert by_bank.read_latency_p99_ns < at_once.read_latency_p99_ns


def test_a_hot_memory_refreshes_twice_as_often():
    sparse = synthetic.uniform_random(4000, interval_cycles=200)
    cool, hot = (dse.make_simulator("dram", device=DDR4, temperature_c=c) for c in (60.0, 95.0))

    refreshes = [one.run(one.space.default(), sparse).refreshes for one in (cool, hot)]

    assert refreshes[1] == pytest.approx(2 * refreshes[0], rel=0.05)
    assert cool.build_id != hot.build_id


def test_buffered_writes_answer_reads_and_absorb_writes():
    system = dse.make_simulator("dram", space="dram-full", device=DDR4)
    n = 3000
    trace = Trace(
        arrival_cycle=np.arange(n),
        address=(np.arange(n) // 3 % 40) * 64 * 2048 * 16,  # two writes and a read of each line
        is_write=np.arange(n) % 3 < 2,
        clock_ns=0.833,
    )

    plain = system.run(system.space.default(), trace)
    matched = system.run(system.space.point(write_forwarding="On", write_coalescing="On"), trace)

    assert plain.forwarded_reads == plain.coalesced_writes == 0
    assert matched.forwarded_reads > 0
    assert matched.coalesced_writes > 0
    assert matched.requests == plain.requests == n
    assert matched.transferred_bytes < matched.served_bytes == plain.served_bytes


def test_a_memory_that_cannot_be_or_is_too_small_is_a_failed_run_of_a_batch(systems):
    far = Trace(arrival_cycle=[0], address=[3 << 30], is_write=[0], clock_ns=1.0)
    points = [
        systems.space.point(memory="gddr6-14000-8gb-x16"),
        systems.space.point(memory=DDR4, refresh_policy="SameBank"),
        systems.space.point(memory=DDR4),
    ]

    batch = systems.run_batch(points, [far])

    assert [bool(np.isnan(batch.values[i]).all()) for i in range(3)] == [True, True, False]
    assert "lies beyond the memory" in batch.notes[0][0][0]
    assert "SameBank" in batch.notes[1][0][0]


def test_a_batch_of_one_memory_refuses_what_it_cannot_serve():
    system = dse.make_simulator("dram", device=DDR4)
    far = Trace(arrival_cycle=[0], address=[1 << 40], is_write=[0], clock_ns=1.0)

    with pytest.raises(InputError, match="lies beyond"):
        system.run_batch([system.space.default()], [far])


@pytest.mark.parametrize(
    "options",
    [
        {"space": "dram-system"},
        {"device": "ddr5-4800-16gb-x8", "ranks": 2, "temperature_c": 90.0, "mitigation": "Rfm"},
        {"channels": 4, "address_mapping": "row:rank:column:bank:bank_group:channel;bank^=row"},
        {"beyond_capacity": "wrap", "controller": {"first_ready": "On", "bliss_clear_cycles": 500}},
    ],
)
def test_a_simulator_with_options_is_rebuilt_from_its_description(mixed, options):
    system = dse.make_simulator("dram", **options)

    again = dse.make_simulator("dram", **system.describe())

    assert again.build_id == system.build_id
    assert again.space == system.space
    assert again.run(again.space.default(), mixed) == system.run(system.space.default(), mixed)


def test_options_are_the_defaults_of_the_parameters_of_their_name():
    system = dse.make_simulator("dram", space="dram-system", device="hbm2-2000-8gb", channels=4)

    assert system.space.default()["memory"] == "hbm2-2000-8gb"
    assert system.space.default()["channels"] == 4


def test_a_mapping_written_as_a_text_joins_the_choices():
    text = "row:column:rank:bank:bank_group:channel"
    system = dse.make_simulator("dram", device=DDR4, address_mapping=text)

    assert system.space.default()["address_mapping"] == text
    assert "row-bank-column" in system.space.parameter("address_mapping").values


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"channels": 3}, InputError, "power of two"),
        ({"ranks": 8}, InputError, "from 1 to 4"),
        ({"controller": {"first_redy": "On"}}, ConfigError, "first_ready"),
        ({"controller": {"scheduler": "FrFcfs"}}, SpaceError, "is a parameter of design space"),
        ({"address_mapping": "row:bank"}, InputError, "missing"),
    ],
)
def test_an_impossible_option_says_what_is_wrong(options, error, words):
    with pytest.raises(error, match=words):
        dse.make_simulator("dram", **options)


def test_a_running_memory_cannot_become_another(systems, mixed):
    session = systems.open(systems.space.default(), mixed)
    session.advance(requests=100)

    with pytest.raises(SpaceError, match="channels=2 cannot be changed in a running memory"):
        session.retune(systems.space.point(channels=2))


def test_every_lost_cycle_has_one_owner(systems, mixed):
    session = systems.open(systems.space.point(channels=2), mixed)
    session.finish()

    owned = [cause for causes in STALL_OWNERS.values() for cause in causes]
    counters = session.measured().counters
    lost = sum(
        session.counters(name)[f"stall_{cause}"] for name in STALL_OWNERS for cause in STALL_OWNERS[name]
    )
    assert sorted(owned) == sorted(STALLS)
    assert lost == counters["elapsed_cycles"] * 2


def test_a_session_tells_its_memory_and_what_each_source_and_bank_did(systems, mixed):
    session = systems.open(systems.space.point(channels=2, ranks=2), mixed, record=True, log=True)
    session.finish()

    memory, log = session.device, session.command_log()
    assert (memory.channels, memory.ranks, session.config.n_ranks) == (2, 2, 2)
    assert session.delivered == len(mixed)
    assert (session.finish_cycles > session.accept_cycles).all()
    assert session.source_histograms().sum() == len(mixed)
    assert session.source_histograms().shape[0] == 3
    assert session.timeline()["requests"].sum() == len(mixed)
    assert session.bank_counts().shape[:2] == (2, 2 * memory.banks)
    assert session.bank_counts()[:, :, 0].sum() == session.measured().counters["n_act"]
    assert set(log["channel"]) == {0, 1}
    assert set(log["rank"]) == {0, 1}


def test_the_samples_are_served_by_every_standard(systems):
    sample = traces.sample("bfs").head(3000)
    points = [systems.space.point(memory=memory) for memory in ONE_OF_EACH]

    batch = systems.run_batch(points, [sample], threads=2)

    assert np.isfinite(batch.values).all()


@pytest.mark.parametrize("memory", ONE_OF_EACH)
def test_the_audit_accepts_what_a_design_of_any_memory_did(systems, mixed, memory):
    point = systems.space.point(
        memory=memory, channels=2, scheduler="GrpFrFcfs", self_refresh_timeout_cycles=1024
    )
    session = systems.open(point, mixed.head(2000), log=True)
    session.finish()

    log, stream = session.command_log(), systems.stream(mixed.head(2000), point=point)
    places = {name: log[name] for name in ("cycle", "channel", "rank", "bank", "row", "column", "request")}
    decoded, asked = stream.decoded, stream.requests
    served = Served(
        decoded.bank,
        decoded.row,
        decoded.column,
        asked.is_write,
        asked.arrival_cycle,
        channel=decoded.channel,
    )
    found = audit(
        CommandLog.of(command=np.array(COMMANDS)[log["command"]], **places),
        Limits.of(session.device, refresh="AllBank", postponed=1, pulledin=1),
        served,
    )

    assert found == []
