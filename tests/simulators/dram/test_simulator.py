"""The simulator's face: metrics that obey physics, batches, sessions, and clear refusals."""

from __future__ import annotations

import numpy as np
import pytest

import dse
import traces
from dse.errors import ConfigError, LookupFailed, SpaceError
from simulators.dram.memory.devices import device
from simulators.dram.power import COMPONENTS
from traces import synthetic
from traces.workload import Workload

DDR4 = "ddr4-2400-8gb-x8"


@pytest.fixture(scope="module")
def system():
    return dse.make_simulator("dram", device=DDR4)


@pytest.fixture(scope="module")
def mixed():
    """Random reads and writes at about half of the peak bandwidth."""
    rng = np.random.default_rng(7)
    return traces.Trace(
        arrival_cycle=np.cumsum(rng.integers(2, 16, size=20_000)),
        address=rng.integers(0, 1 << 24, size=20_000).astype(np.uint64) * np.uint64(64),
        is_write=rng.random(20_000) < 0.3,
        clock_ns=0.833,
        name="mixed",
    )


def _random_points(system, n, seed=3):
    rows = system.space.sample(n, np.random.default_rng(seed))
    return [system.space.from_indices(row) for row in rows]


def test_the_call_of_the_readme_works(tmp_path):
    stream = synthetic.stream(1000, seed=1)
    path = tmp_path / "stream.stl.gz"
    traces.write(stream, path)
    system = dse.make_simulator(
        "dram", space="dramgym", device="ddr3-1600-1gb-x8-dimm", address_mapping="row-bank-column"
    )
    point = system.space.point(
        page_policy="Open", scheduler="FrFcfs", scheduler_buffer="Bankwise", request_buffer_size=8,
        resp_queue="Fifo", refresh_policy="AllBank", refresh_max_postponed=1, refresh_max_pulledin=1,
        arbiter="Fifo", max_active_transactions=128,
    )  # fmt: skip
    trace = traces.read(path, clock_mhz=800)

    metrics = system.run(point, trace)
    many = system.run_batch([point, system.space.default()], [trace], threads=2)

    assert metrics.elapsed_ns > 0
    assert many[0][0] == metrics
    assert many[0].energy_pj == metrics.energy_pj


def test_energy_is_power_times_time_and_the_sum_of_its_parts(system, mixed):
    for point in _random_points(system, 30):
        m = system.run(point, mixed.head(2000))

        assert m.energy_pj == pytest.approx(m.average_power_mw * m.elapsed_ns, rel=1e-12)
        assert m.energy_pj == pytest.approx(sum(m[f"energy_{part}_pj"] for part in COMPONENTS), rel=1e-12)
        charged_pj = m.energy_pj + m.refresh_owed_energy_pj
        assert m.energy_per_bit_pj == pytest.approx(charged_pj / (8 * 64 * m.requests), rel=1e-12)
        assert m.total_energy_pj > m.energy_pj


def test_no_design_beats_the_bus_or_the_latency_of_an_empty_memory(system, mixed):
    memory = device(DDR4)
    fastest_ns = (memory.timings.cl + memory.timings.burst) * memory.tck_ns
    for point in _random_points(system, 30):
        m = system.run(point, mixed.head(2000))

        assert m.bus_utilisation <= 1
        assert m.bandwidth_gbps <= memory.peak_bandwidth_gbps
        assert m.read_latency_p50_ns >= fastest_ns
        assert (
            m.read_latency_p50_ns <= m.read_latency_p95_ns <= m.read_latency_p99_ns <= m.read_latency_max_ns
        )
        assert m.read_latency_mean_ns >= m.read_latency_accepted_mean_ns
        assert m.row_hits + m.row_misses + m.row_conflicts == m.requests == len(mixed.head(2000))
        states = m.active_standby_fraction + m.precharge_standby_fraction + m.power_down_fraction
        assert states == pytest.approx(1)


def test_threads_and_order_do_not_change_a_result(system, mixed):
    points = _random_points(system, 12)

    one = system.run_batch(points, [mixed.head(3000)], threads=1)
    two = system.run_batch(points[::-1], [mixed.head(3000)], threads=4)

    assert np.array_equal(one.values, two.values[::-1])


def test_a_matrix_of_positions_and_a_list_of_points_are_the_same_batch(system, mixed):
    rows = system.space.sample(5, np.random.default_rng(0))

    by_rows = system.run_batch(rows, [mixed.head(500)])
    by_points = system.run_batch([system.space.from_indices(row) for row in rows], [mixed.head(500)])

    assert np.array_equal(by_rows.values, by_points.values)


def test_a_faster_memory_does_not_get_more_load(mixed):
    point_of = {name: dse.make_simulator("dram", device=name) for name in (DDR4, "ddr4-3200-8gb-x8")}

    spans = [s.run(s.space.default(), mixed).offered_span_ns for s in point_of.values()]

    assert spans[0] == pytest.approx(spans[1], rel=1e-4)


def test_an_arrival_scale_of_two_halves_the_offered_load(system, mixed):
    full = system.run(system.space.default(), mixed)
    half = system.run(system.space.default(), Workload((mixed,), arrival_scale=2.0))

    assert half.offered_load == pytest.approx(full.offered_load / 2, rel=1e-3)


def test_power_down_saves_energy_and_costs_latency_when_the_memory_idles(system):
    sparse = synthetic.uniform_random(2000, seed=1, interval_cycles=200)
    awake = system.run(system.space.default(), sparse)
    asleep = system.run(
        system.space.point(power_down_policy="ActivePowerDown", power_down_timeout_cycles=16), sparse
    )

    assert asleep.energy_pj < awake.energy_pj
    assert asleep.read_latency_mean_ns > awake.read_latency_mean_ns
    assert asleep.power_down_fraction > 0.3


def test_requests_of_the_warm_up_are_simulated_but_not_counted_in_latency(system, mixed):
    whole = system.run(system.space.default(), mixed.head(4000))
    cut = system.run(system.space.default(), Workload((mixed.head(4000),), warmup=2000))

    assert cut.elapsed_ns == whole.elapsed_ns
    assert cut.energy_pj == whole.energy_pj
    assert cut.read_latency_mean_ns != whole.read_latency_mean_ns


def test_a_short_run_says_so(system, mixed):
    metrics = system.run(system.space.default(), mixed.head(100))

    assert any("refresh intervals" in note for note in metrics.notes)


def test_a_session_advanced_in_steps_ends_like_an_uninterrupted_run(system, mixed):
    session = system.open(system.space.default(), mixed)
    while not session.advance(requests=777):
        session.counters("refresh")

    assert session.finish() == system.run(system.space.default(), mixed)


def test_a_session_taken_back_to_a_snapshot_repeats_itself(system, mixed):
    session = system.open(system.space.default(), mixed)
    session.advance(cycles=20_000)
    state = session.snapshot()
    first = session.finish()

    session.restore(state)

    assert session.finish() == first


def test_a_running_controller_can_be_retuned_but_its_data_cannot_move(system, mixed):
    session = system.open(system.space.default(), mixed)
    session.advance(requests=10_000)
    session.retune(system.space.point(page_policy="Closed"))

    assert session.finish().auto_precharges > 0
    with pytest.raises(SpaceError, match="address_mapping"):
        session.retune(system.space.point(address_mapping="bank-row-column"))


@pytest.mark.parametrize("space", ["dram", "dram-full", "dram-system"])
def test_every_subsystem_has_counters(space, mixed):
    system = dse.make_simulator("dram", space=space)
    session = system.open(system.space.default(), mixed.head(100))
    session.finish()

    for subsystem in system.space.subsystems:
        assert len(session.counters(subsystem.name)) > 1


def test_a_simulator_is_rebuilt_from_its_description(system, mixed):
    again = dse.make_simulator(system.name, **system.describe())

    assert again.build_id == system.build_id
    assert again.run(again.space.default(), mixed.head(100)) == system.run(
        system.space.default(), mixed.head(100)
    )


def test_different_devices_and_mappings_have_different_identities():
    identities = {
        dse.make_simulator("dram", device=name, address_mapping=mapping).build_id
        for name in (DDR4, "ddr4-3200-8gb-x8")
        for mapping in ("row-bank-column", "bank-row-column")
    }

    assert len(identities) == 4


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"device": "ddr4-2400"}, LookupFailed, "ddr4-2400-8gb-x8"),
        ({"space": "drams"}, LookupFailed, "dram"),
        ({"address_mapping": "row-column"}, LookupFailed, "row-bank-column"),
        ({"devise": DDR4}, ConfigError, "device"),
    ],
)
def test_a_wrong_option_names_the_nearest(options, error, words):
    with pytest.raises(error, match=words):
        dse.make_simulator("dram", **options)


def test_a_design_with_a_value_outside_the_space_is_refused(system):
    with pytest.raises(SpaceError, match="request_buffer_size"):
        system.space.point(request_buffer_size=7)
