"""Accelerators on a chip: what they and programs cost each other, what is counted, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.errors import ConfigError, InputError, LookupFailed, SpaceError
from dse.executors.package import pack, unpack
from dse.testing.simulator import check_simulator
from ext.soc_fields import ACCELERATOR_COUNTS
from simulators.soc.accelerators import accelerators_of
from simulators.soc.activity import accelerator_activity
from simulators.soc.audit import ChipLog, audit
from simulators.soc.build import chip_of
from simulators.soc.graphs.array_task import footprint_bytes
from simulators.soc.graphs.network import network
from simulators.soc.options import Options
from simulators.soc.parameters import ACCELERATOR_PARAMETERS
from simulators.soc.programs import place_programs
from simulators.soc.reading import Reading
from simulators.soc.schema import COMPONENTS, soc_schema
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload

BLOCK = "transformer-block"
LARGE = {"array_rows": 64, "array_columns": 64, "dma_bytes": 64, "dma_lines": 64}
"""An array that computes faster than one channel brings what it needs."""
_OWN = [name for name in soc_schema().names if "accelerator" in name]


def load(spec: str):
    return traces.load_instructions(spec)


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator("soc-accelerator", network=BLOCK)


@pytest.fixture(scope="module")
def hungry():
    return load("synthetic:stream?n=60000")


@pytest.fixture(scope="module")
def modest():
    return load("synthetic:branchy?n=60000")


def changed(simulator, **values):
    return simulator.space.point(**(simulator.space.default().to_dict() | values))


@pytest.fixture
def tiny_file(tmp_path, monkeypatch):
    """A network of a single tile, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text("[[layers]]\nm = 8\nk = 64\nn = 8\n")
    return path


# --------------------------------------------------------------------------------------------------- bounds


def test_it_holds_to_what_every_simulator_promises(hungry):
    simulator = SocSimulator("soc-accelerator", network="lenet-5")
    two = InstructionWorkload((hungry.head(8_000), load("synthetic:gups?n=4000")))
    part = InstructionWorkload((hungry,), start=1_000, length=9_000)

    check_simulator(simulator, [two, part])


def test_a_program_beside_a_busy_accelerator_takes_longer(simulator, hungry, tiny_file):
    quiet = SocSimulator("soc-accelerator", network=tiny_file.name)
    point = changed(simulator, **LARGE)

    alone, beside = (one.run(point, hungry)["cycles"] for one in (quiet, simulator))

    assert beside > 1.3 * alone


def test_an_accelerator_beside_hungry_programs_takes_longer(simulator, hungry, modest):
    point = changed(simulator, **LARGE | {"dma_lines": 4})

    beside_hungry, beside_modest = (
        simulator.run(point, InstructionWorkload((work,) * 4))["accelerator_time_us"]
        for work in (hungry, modest)
    )

    assert beside_hungry > 1.15 * beside_modest


def test_more_channels_bring_lines_sooner(simulator, hungry):
    one, four = (simulator.run(changed(simulator, **LARGE, channels=n), hungry) for n in (1, 4))

    assert four["accelerator_time_us"] < 0.7 * one["accelerator_time_us"]
    assert four["accelerator_waiting_fraction"] < one["accelerator_waiting_fraction"]
    assert four["accelerator_read_latency_ns"] < one["accelerator_read_latency_ns"]
    assert four["cycles"] < one["cycles"]


@pytest.mark.parametrize("dma_bytes", [8, 64])
def test_a_dma_never_moves_more_than_a_line_in_its_time(simulator, modest, dma_bytes):
    point = changed(simulator, dma_bytes=dma_bytes, dma_lines=64, channels=4)
    clock_ghz = chip_of(point, simulator.options).accelerators.point.frequency_hz / 1e9

    found = simulator.run(point, modest)

    assert found["accelerator_read_gbps"] <= dma_bytes * clock_ghz
    assert found["accelerator_write_gbps"] <= dma_bytes * clock_ghz


def test_arrays_share_the_work(simulator, modest):
    one, two = (simulator.run(changed(simulator, accelerators=n, channels=4), modest) for n in (1, 2))

    assert two["accelerator_time_us"] < 0.6 * one["accelerator_time_us"]
    assert two["accelerator_macs"] == pytest.approx(one["accelerator_macs"])
    assert two["accelerator_area_mm2"] == pytest.approx(2 * one["accelerator_area_mm2"])


def test_arrays_without_a_row_of_tiles_are_idle_and_leak(modest, tiny_file):
    simulator = SocSimulator("soc-accelerator", network=tiny_file.name)
    point = changed(simulator, accelerators=4)

    built = chip_of(point, simulator.options)
    four, one = (simulator.run(changed(simulator, accelerators=n), modest) for n in (4, 1))

    assert (len(built.soc.accelerators), len(built.chip.accelerators)) == (4, 1)
    assert four["accelerator_macs"] == one["accelerator_macs"] == 8 * 64 * 8
    assert four["accelerator_area_mm2"] == pytest.approx(4 * one["accelerator_area_mm2"])
    assert four["energy_accelerator_uj"] > 3 * one["energy_accelerator_uj"]


# -------------------------------------------------------------------------------------------------- metrics


@pytest.mark.parametrize("accelerators", [1, 2])
def test_bytes_and_multiply_accumulates_are_those_of_the_tasks(simulator, modest, accelerators):
    point = changed(simulator, accelerators=accelerators)
    tasks = chip_of(point, simulator.options).accelerators.tasks

    found = simulator.run(point, modest)

    assert found["accelerator_read_bytes"] == 64 * sum(len(task.reads) for task in tasks)
    assert found["accelerator_written_bytes"] == 64 * sum(len(task.writes) for task in tasks)
    assert found["accelerator_macs"] == pytest.approx(sum(layer.macs for layer in network(BLOCK).layers))
    assert found["memory_reads"] >= found["accelerator_read_bytes"] / 64
    assert found["memory_writes"] >= found["accelerator_written_bytes"] / 64


def test_utilisation_is_work_over_room(simulator, modest):
    found = simulator.run(simulator.space.default(), modest)

    assert found["accelerator_slots"] == 16 * 16 * found["accelerator_cycles"]
    assert found["accelerator_utilisation"] == found["accelerator_macs"] / found["accelerator_slots"]
    assert 0 < found["accelerator_waiting_fraction"] < 1


def test_a_run_lasts_until_programs_and_accelerators_are_done(simulator, hungry, modest):
    long, short = (simulator.run(simulator.space.default(), work) for work in (modest.head(1_000), hungry))
    slow_program = simulator.run(changed(simulator, **LARGE), load("synthetic:stream?n=200000"))
    period_us = 1e-9 * chip_of(changed(simulator), simulator.options).chip.core_periods_fs[0]

    assert long["time_us"] == pytest.approx(long["accelerator_time_us"], rel=1e-3)
    assert short["accelerator_time_us"] <= short["time_us"] * (1 + 1e-9)
    assert slow_program["time_us"] > 1.1 * slow_program["accelerator_time_us"]
    assert slow_program["programs_time_us"] == pytest.approx(slow_program["time_us"], rel=1e-4)
    assert long["programs_time_us"] == pytest.approx(long["cycles"] * period_us)
    assert long["programs_time_us"] < 0.1 * long["time_us"]


def test_energies_add_up(simulator, hungry):
    found = simulator.run(changed(simulator, accelerators=2), hungry)

    parts = sum(found[f"energy_{name}_uj"] for name in COMPONENTS)
    assert parts == pytest.approx(found["energy_uj"], rel=1e-9)
    assert 0 < found["energy_accelerator_uj"] < found["energy_uj"]
    assert found["accelerator_power_w"] == found["energy_accelerator_uj"] / found["time_us"]
    assert 0 < found["accelerator_area_mm2"] < found["area_mm2"]


def test_the_power_model_is_told_what_the_tasks_do(simulator, modest):
    session = simulator.open(simulator.space.default(), modest)
    session.advance()
    built = session.built
    (task,) = built.accelerators.tasks
    reading = Reading.of(session._engine, session._dram, 1, built.chip.memory_period_fs, 1)

    (counts,) = accelerator_activity(built, reading)

    assert counts.macs == task.macs
    assert counts.buffer_reads == task.fed_lines
    assert counts.buffer_writes == len(task.reads)


def test_a_slower_point_takes_longer_and_less_energy(simulator, modest):
    slow, fast = (simulator.run(changed(simulator, accelerator_point=n), modest) for n in (1, 6))

    assert slow["accelerator_time_us"] > 1.5 * fast["accelerator_time_us"]
    assert slow["energy_accelerator_uj"] < fast["energy_accelerator_uj"]
    assert slow["accelerator_area_mm2"] == fast["accelerator_area_mm2"]


def test_wider_numbers_move_more_and_cost_more(modest):
    narrow, wide = (
        SocSimulator("soc-accelerator", network="lenet-5", number_format=name) for name in ("int8", "fp32")
    )

    found = [one.run(one.space.default(), modest) for one in (narrow, wide)]

    assert found[1]["accelerator_read_bytes"] > 3 * found[0]["accelerator_read_bytes"]
    assert found[1]["energy_accelerator_uj"] > found[0]["energy_accelerator_uj"]


def test_a_chip_without_accelerators_has_zeros(modest):
    simulator = SocSimulator()

    found = simulator.run(simulator.space.default(), modest)

    assert {found[name] for name in _OWN} == {0.0}


# -------------------------------------------------------------------------------------------------- session


def test_steps_and_snapshots_change_nothing(simulator, hungry):
    point = changed(simulator, accelerators=2)
    session = simulator.open(point, hungry)

    session.advance(cycles=30_000)
    state = session.snapshot()
    while not session.advance(cycles=50_000):
        pass
    by_steps = session.finish()
    session.restore(state)

    assert by_steps == simulator.run(point, hungry) == session.finish()


def test_the_subsystem_sees_itself(simulator, modest):
    session = simulator.open(simulator.space.default(), modest)

    session.advance(cycles=200_000)
    middle = session.counters("accelerator")
    session.advance()
    end = session.counters("accelerator")

    assert set(middle) == {"time_ns", "cycles", *ACCELERATOR_COUNTS}
    assert 0 < middle["read_lines"] < end["read_lines"]
    assert end["read_lines"] == len(session.built.accelerators.tasks[0].reads)


def test_cores_can_be_re_tuned_while_accelerators_run(simulator, hungry):
    session = simulator.open(simulator.space.default(), hungry)
    session.advance(cycles=50_000)

    session.retune(changed(simulator, core_point=1))
    found = session.finish()

    unchanged = simulator.run(simulator.space.default(), hungry)
    assert unchanged["programs_time_us"] + 10 < found["programs_time_us"] <= found["time_us"]
    assert found["accelerator_macs"] == pytest.approx(sum(layer.macs for layer in network(BLOCK).layers))
    parts = sum(found[f"energy_{name}_uj"] for name in COMPONENTS)
    assert parts == pytest.approx(found["energy_uj"], rel=1e-9)


@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
def test_governors_of_the_cores_leave_the_accelerators_at_work(hungry, governor):
    values = {"accelerators": 1, "dma_bytes": 64}
    fixed, governed = (
        SocSimulator("soc-small", network=BLOCK, governor_us=20.0, fixed=values | given)
        for given in ({}, {"governor": governor, "power_cap_w": 2.0, "idle_gate_us": 1})
    )

    before, after = (one.run(one.space.default(), hungry) for one in (fixed, governed))

    assert after["clock_changes"] > 0
    assert after["accelerator_macs"] == pytest.approx(before["accelerator_macs"])
    assert before["programs_time_us"] < after["programs_time_us"] <= after["time_us"]
    parts = sum(after[f"energy_{name}_uj"] for name in COMPONENTS)
    assert parts == pytest.approx(after["energy_uj"], rel=1e-9)


@pytest.mark.parametrize("change", [{"accelerators": 4}, {"dma_lines": 64}, {"accelerator_point": 1}])
def test_accelerators_stay_as_they_are_made(simulator, hungry, change):
    session = simulator.open(simulator.space.default(), hungry)

    with pytest.raises(SpaceError, match=f"{next(iter(change))}=.* cannot be changed in a running chip"):
        session.retune(changed(simulator, **change))


# --------------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize("placement", ["first-touch", "hashed"])
def test_pages_of_programs_and_matrices_lie_apart(hungry, placement):
    simulator = SocSimulator("soc-accelerator", network=BLOCK, page_placement=placement)
    session = simulator.open(simulator.space.default(), hungry)
    accelerators, pages = session.built.accelerators, session.built.pages
    frames = simulator._loader.prepared(InstructionWorkload((hungry,)), pages).programs.placement.frame

    first = min(int(lines.min()) for task in accelerators.tasks for lines in (task.reads, task.writes))
    last = max(int(lines.max()) for task in accelerators.tasks for lines in (task.reads, task.writes))

    assert int(frames.max()) < pages.n_frames
    assert 64 * first == pages.capacity_bytes
    assert 64 * last < pages.capacity_bytes + accelerators.reserved_bytes
    assert pages.capacity_bytes + accelerators.reserved_bytes == session.built.system.device.capacity_bytes


def test_large_pages_are_kept_whole():
    options = Options(network=BLOCK, page_kib=2048)
    built = chip_of(SocSimulator("soc-accelerator", network=BLOCK).space.default(), options)

    assert built.accelerators.reserved_bytes == 2 << 20 > footprint_bytes(network(BLOCK), 1)


def test_matrices_that_leave_no_room_are_refused(tmp_path):
    path = tmp_path / "vast.toml"
    path.write_text(f"[[layers]]\nm = {1 << 20}\nk = {1 << 14}\nn = 1\n")
    options = Options(network=str(path))
    design = SocSimulator("soc-accelerator", network=BLOCK).space.default().to_dict()

    with pytest.raises(InputError, match="the matrices of network 'vast' take 17180934144 bytes") as caught:
        accelerators_of(design, options, 8 << 30)

    assert caught.value.key == "network"


# -------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"space": "soc-accelerator"}, ConfigError, "nothing for them to run: expected network = one of"),
        ({"space": "soc-small", "network": BLOCK}, ConfigError, "the chip has no accelerators"),
        ({"space": "soc", "number_format": "fp16"}, ConfigError, "number_format='fp16': the chip has no acc"),
        ({"space": "soc-accelerator", "network": "lenet5"}, LookupFailed, "Did you mean 'lenet-5'"),
        ({"space": "soc-accelerator", "network": "none.toml"}, InputError, "cannot be read"),
        (
            {"space": "soc-accelerator", "network": BLOCK, "number_format": "fp61"},
            LookupFailed,
            "Did you mean 'fp16'",
        ),
        (
            {"space": "soc-accelerator", "network": BLOCK, "fixed": {"dma_lines": 8}},
            SpaceError,
            "'dma_lines' is a parameter",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else getattr(value, "__name__", None),
)
def test_what_cannot_be_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        SocSimulator(**options)


def test_any_space_can_have_accelerators_that_are_fixed(modest):
    simulator = SocSimulator("soc-small", network="lenet-5", fixed={"accelerators": 2, "dma_bytes": 8})

    built = chip_of(simulator.space.default(), simulator.options)

    assert not set(ACCELERATOR_PARAMETERS) & set(simulator.space.names)
    assert (built.accelerators.count, built.accelerators.array.dma_bytes) == (2, 8)
    assert simulator.run(simulator.space.default(), modest)["accelerator_macs"] > 0


def test_a_network_is_part_of_the_build_by_what_it_says(tiny_file):
    before = SocSimulator("soc-accelerator", network=tiny_file.name)
    tiny_file.write_text(tiny_file.read_text().replace("64", "65"))

    after = SocSimulator("soc-accelerator", network=tiny_file.name)

    assert before.describe() == after.describe()
    assert before.build_id != after.build_id


def test_another_process_needs_no_file(tiny_file, modest, tmp_path, monkeypatch):
    simulator = SocSimulator("soc-accelerator", network=tiny_file.name)
    packed = pack(simulator, [InstructionWorkload((modest,))])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    bench = unpack(packed)

    point = simulator.space.default()
    assert bench.simulator.run(point, modest) == simulator.run(point, modest)


def test_a_design_whose_memory_is_full_is_a_failed_run_that_says_why():
    simulator = SocSimulator("soc-accelerator", network="lenet-5", page_kib=2048)
    scattered = load("synthetic:random?n=60000&size_mib=32768")

    batch = simulator.run_batch([simulator.space.default()], [scattered])

    assert np.isnan(batch.values).all()
    assert "there is memory for 4095" in batch[0][0].notes[0]  # of 4096 pages


def test_a_network_that_moves_too_much_is_refused(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(f"[[layers]]\nm = {1 << 18}\nk = 1200\nn = 1\n")

    with pytest.raises(InputError, match="'long' on 16 x 16 cells moves more than 4194304 lines"):
        SocSimulator("soc-accelerator", network=str(path))


def test_a_warm_up_is_refused_before_a_campaign_and_in_a_run(simulator, hungry):
    """A search would find the designs whose accelerators are done before the measurement begins."""
    warmed = InstructionWorkload((hungry,), warmup=1_000)

    with pytest.raises(InputError, match="remove warmup"):
        simulator.check_workload(warmed, simulator.space.default())
    batch = simulator.run_batch([simulator.space.default()], [warmed])

    assert np.isnan(batch.values).all()
    assert "remove warmup" in batch[0][0].notes[0]


def test_without_accelerators_the_programs_are_everything(modest):
    simulator = SocSimulator()

    found = simulator.run(simulator.space.default(), modest)

    assert found["programs_time_us"] == found["time_us"]


def test_the_audit_finds_nothing_wrong_with_designs_of_the_preset(hungry):
    simulator = SocSimulator("soc-accelerator", network="lenet-5")
    points = simulator.space.points(simulator.space.sample(6, np.random.default_rng(8), feasible=True))
    trace = hungry.head(4_000)

    found = [_violations(chip_of(point, simulator.options), trace) for point in points]

    assert found == [[]] * 6


def _violations(built, trace):
    engine, _ = built.open(place_programs([trace], built.pages), [len(trace)], record=True)
    engine.advance()
    engine.advance(engine.time + 200_000_000)  # what is under way comes home
    log = ChipLog.of(engine)
    assert len(log.accelerators) == len(built.accelerators.tasks)
    return audit(built.chip, [trace], log)
