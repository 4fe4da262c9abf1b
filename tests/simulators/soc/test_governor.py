"""Governors: what they decide, what that costs, and that nothing else depends on them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import traces
from dse.errors import ConfigError
from simulators.soc.build import at_level
from simulators.soc.governor import UP_THRESHOLD, expected_w, highest_load, on_demand, within_cap
from simulators.soc.measure import Interval
from simulators.soc.schema import COMPONENTS
from simulators.soc.session import SocSession
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload

CAP_W = 1.5


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator(space="soc")


@pytest.fixture(scope="module")
def waiting() -> InstructionWorkload:
    """Every load waits for the one before: 1.1 ms."""
    return InstructionWorkload((traces.load_instructions("synthetic:chase?n=40000&size_kib=16384"),))


@pytest.fixture(scope="module")
def streaming() -> InstructionWorkload:
    """As fast as the memory goes: 1.1 ms."""
    return InstructionWorkload((traces.load_instructions("synthetic:stream?n=2000000"),), warmup=20_000)


@pytest.fixture(scope="module")
def computing() -> InstructionWorkload:
    """Mispredicts, and waits for no memory: 0.4 ms, 1.9 W."""
    return InstructionWorkload((traces.load_instructions("synthetic:branchy?n=1000000"),), warmup=20_000)


def design(simulator, **values):
    return simulator.space.default().replace(**values)


def capped(simulator, **values):
    return design(simulator, governor="power-cap", **({"power_cap_w": CAP_W} | values))


def observed(session: SocSession, cycles: int):
    """An epoch of so many cycles: what happened, and what it drew."""
    session.advance(cycles=cycles)
    (interval,) = session._intervals()
    return interval


def drawn(session: SocSession, interval: Interval):
    return interval.report(session._mixes, session._package)


# ---------------------------------------------------------------------------------------------- decisions


def test_a_program_that_waits_is_no_load(simulator, waiting):
    epoch = observed(simulator.open(simulator.space.default(), waiting), 200_000)

    assert highest_load(epoch.built, epoch.reading) < 0.1


def test_a_program_whose_page_walks_wait_for_memory_is_little_load(simulator):
    program = traces.load_instructions("synthetic:gups?n=60000")
    epoch = observed(simulator.open(simulator.space.default(), program), 200_000)
    (core,) = epoch.reading.cores

    assert core["lost_translation"] > 0.5 * core["cycles"]
    assert highest_load(epoch.built, epoch.reading) < 0.4


def test_a_program_that_computes_is_full_load(simulator, computing):
    epoch = observed(simulator.open(simulator.space.default(), computing), 200_000)

    assert highest_load(epoch.built, epoch.reading) > UP_THRESHOLD
    assert on_demand(epoch.built, epoch.reading) == 12


@pytest.mark.parametrize("level", [6, 9])
def test_the_load_hardly_depends_on_the_clock_at_which_it_was_seen(simulator, streaming, level):
    fast, slow = (simulator.open(design(simulator, core_point=point), streaming) for point in (12, level))
    for session in (fast, slow):
        session.advance(requests=200_000)
    (at_highest,), (below,) = fast._intervals(), slow._intervals()

    found = highest_load(at_level(at_highest.built, level), below.reading)

    # A slower core fills the memory's queues a little less, and so waits a little less
    assert found == pytest.approx(highest_load(at_highest.built, at_highest.reading), abs=0.03)


@pytest.mark.parametrize(("level", "wanted"), [(2, 2), (3, 1), (12, 1)])
def test_a_single_point_is_not_worth_a_standstill(simulator, waiting, level, wanted):
    epoch = observed(simulator.open(simulator.space.default(), waiting), 200_000)
    no_load = dict.fromkeys(epoch.reading.cores[0], 0)

    assert on_demand(at_level(epoch.built, level), replace(epoch.reading, cores=(no_load,))) == wanted


def test_what_was_drawn_is_what_the_present_point_is_expected_to_draw(simulator, computing):
    session = simulator.open(simulator.space.default(), computing)
    epoch = observed(session, 200_000)

    found = drawn(session, epoch)

    assert expected_w(epoch.built, found, 12) == pytest.approx(found.power_w, rel=1e-12)


def test_a_program_that_computes_draws_at_another_point_what_was_expected(simulator, computing):
    session = simulator.open(simulator.space.default(), computing)
    fast = drawn(session, observed(session, 600_000))
    slow = simulator.open(design(simulator, core_point=4), computing)

    found = drawn(slow, observed(slow, 600_000))

    # Leakage is expected at the temperatures of the epoch
    assert expected_w(session.built, fast, 4) == pytest.approx(found.power_w, rel=0.05)


def test_the_highest_point_that_keeps_to_the_cap_is_chosen(simulator, computing):
    session = simulator.open(simulator.space.default(), computing)
    epoch = observed(session, 200_000)
    found = drawn(session, epoch)

    level = within_cap(epoch.built, found, CAP_W)

    assert 1 < level < 12
    assert expected_w(epoch.built, found, level) <= CAP_W < expected_w(epoch.built, found, level + 1)


def test_a_cap_that_no_point_keeps_means_the_lowest(simulator, computing):
    session = simulator.open(simulator.space.default(), computing)
    epoch = observed(session, 200_000)

    assert within_cap(epoch.built, drawn(session, epoch), 0.1) == 1


# --------------------------------------------------------------------------------------------------- runs


def test_without_a_governor_there_are_no_epochs(simulator, waiting):
    found = simulator.run(simulator.space.default(), waiting)

    assert found["governor_epochs"] == found["clock_changes"] == found["epochs_over_cap_fraction"] == 0
    assert found["core_clock_ghz"] == pytest.approx(4.646, abs=1e-3)


def test_a_cap_is_kept_to_better_than_without_a_governor(simulator, computing):
    free = simulator.run(simulator.space.default(), computing)
    found = simulator.run(capped(simulator), computing)

    assert free["power_w"] > 1.2 * CAP_W
    assert abs(found["power_w"] - CAP_W) < abs(free["power_w"] - CAP_W) / 2
    assert 0 < found["epochs_over_cap_fraction"] < 1  # the first one, which began at the highest point
    assert found["time_us"] > free["time_us"]


def test_a_cap_that_is_never_reached_changes_nothing(simulator, waiting):
    free = simulator.run(simulator.space.default(), waiting)
    found = simulator.run(capped(simulator, power_cap_w=16.0), waiting)

    assert found["governor_epochs"] > 5
    assert found["clock_changes"] == found["epochs_over_cap"] == 0
    assert found["time_us"] == free["time_us"]
    assert found["energy_uj"] == free["energy_uj"]


def test_on_demand_saves_energy_where_a_program_waits_and_loses_little_time(simulator, streaming):
    free = simulator.run(simulator.space.default(), streaming)
    found = simulator.run(design(simulator, governor="ondemand"), streaming)

    assert found["energy_uj"] < 0.9 * free["energy_uj"]
    assert found["time_us"] < 1.1 * free["time_us"]
    assert found["core_clock_ghz"] < 0.7 * free["core_clock_ghz"]


def test_on_demand_leaves_a_program_that_computes_alone(simulator, computing):
    free = simulator.run(simulator.space.default(), computing)
    found = simulator.run(design(simulator, governor="ondemand"), computing)

    assert found["clock_changes"] == 0
    assert found["time_us"] == free["time_us"]


def test_the_cores_stand_still_while_a_governor_changes_their_voltage(simulator, waiting):
    session = simulator.open(design(simulator, governor="ondemand"), waiting)
    session.advance(cycles=460_000)  # 99 us of an epoch of 100

    before = session.core_counts()[0]["retired"]
    session.advance(cycles=46_000)
    first = session.core_counts()[0]["retired"] - before

    assert session.built.level < 12
    assert first < 0.3 * before / 10  # of the 10 us after the change, nothing ran
    assert session.finish()["energy_regulators_uj"] > 0


def test_no_governor_goes_above_the_point_of_the_design(simulator, computing):
    found = simulator.run(capped(simulator, core_point=7, power_cap_w=16.0), computing)

    assert (
        found["core_clock_ghz"] == simulator.run(design(simulator, core_point=7), computing)["core_clock_ghz"]
    )


def test_a_run_shorter_than_an_epoch_says_so(simulator):
    short = traces.load_instructions("synthetic:matmul?n=20000")

    found = simulator.run(capped(simulator), short)

    assert found["governor_epochs"] == 0
    assert any("first epoch of 100 us" in note for note in found.notes)


def test_the_epoch_is_an_option(waiting):
    quick = SocSimulator(space="soc", governor_us=50)

    found = quick.run(capped(quick, power_cap_w=16.0), waiting)

    assert found["governor_epochs"] == found["time_us"] // 50
    assert quick.build_id != SocSimulator(space="soc").build_id


def test_an_epoch_of_nothing_is_refused():
    with pytest.raises(ConfigError, match="governor_us=0"):
        SocSimulator(space="soc", governor_us=0)


@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
def test_the_warm_up_is_not_governed(simulator, governor):
    work = InstructionWorkload(
        (traces.load_instructions("synthetic:chase?n=30000&size_kib=16384"),), warmup=25_000
    )
    session = simulator.open(design(simulator, governor=governor, power_cap_w=1.0), work)

    session.counters("core")

    assert session.time_fs > 300e9
    assert session.built.level == 12


# ------------------------------------------------------------------------------------ nothing else matters


@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
@pytest.mark.parametrize("step", [{"cycles": 77_777}, {"requests": 3_333}])
def test_steps_change_nothing(simulator, waiting, governor, step):
    point = design(simulator, governor=governor, power_cap_w=1.0)
    session = simulator.open(point, waiting)

    while not session.advance(**step):
        pass

    assert session.finish() == simulator.run(point, waiting)


@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
@pytest.mark.parametrize("cycles", [200_000, 500_000, 3_000_000])
def test_a_snapshot_goes_on_in_another_session(simulator, waiting, governor, cycles):
    point = design(simulator, governor=governor, power_cap_w=1.0)
    session, other = simulator.open(point, waiting), simulator.open(point, waiting)
    session.advance(cycles=cycles)

    other.restore(session.snapshot())

    assert other.built.level == session.built.level
    assert other.finish() == session.finish() == simulator.run(point, waiting)


def test_threads_change_nothing(simulator, waiting, computing):
    points = [capped(simulator, power_cap_w=watts) for watts in (1.0, 1.5)]
    points.append(design(simulator, governor="ondemand"))

    one, several = (simulator.run_batch(points, [waiting, computing], threads=n) for n in (1, 3))

    np.testing.assert_array_equal(one.values, several.values)


def test_energies_of_the_parts_add_up(simulator, computing):
    point = capped(simulator, cores=4, idle_gate_us=10, llc_gated_share=0.5)

    found = simulator.run(point, computing)

    parts = sum(found[f"energy_{name}_uj"] for name in COMPONENTS)
    assert found["clock_changes"] > 0
    assert parts == pytest.approx(found["energy_uj"], rel=1e-9)


# ------------------------------------------------------------------------------------------------- live


def test_a_cap_can_be_lowered_while_the_chip_runs(simulator, computing):
    session = simulator.open(capped(simulator, power_cap_w=16.0), computing)
    session.advance(cycles=600_000)
    assert session.built.level == 12

    session.retune(capped(simulator, power_cap_w=1.0))
    session.advance(cycles=800_000)

    assert session.built.level < 9


def test_a_governor_goes_on_from_where_the_cores_are(simulator, waiting):
    session = simulator.open(design(simulator, governor="ondemand"), waiting)
    session.advance(cycles=1_000_000)
    level = session.built.level

    session.retune(design(simulator, governor="ondemand", uncore_point=5))

    assert level < 12
    assert session.built.level == level


def test_without_its_governor_the_chip_goes_to_the_point_of_the_design(simulator, waiting):
    session = simulator.open(design(simulator, governor="ondemand"), waiting)
    session.advance(cycles=1_000_000)

    session.retune(design(simulator, core_point=11))

    assert session.built.level == 11
    assert session.finish()["governor_epochs"] == 1  # before
