"""A chip while it runs: observed, stopped, re-tuned, copied."""

from __future__ import annotations

import pytest

import traces
from dse.errors import LookupFailed, SpaceError
from dse.simulator import Session
from ext.soc_fields import LOST
from simulators.soc.session import STALL_OWNERS, SocSession
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator(space="soc")


@pytest.fixture(scope="module")
def work() -> InstructionWorkload:
    programs = [traces.load_instructions(f"synthetic:{kind}?n=30000") for kind in ("stream", "gups")]
    return InstructionWorkload(tuple(programs), warmup=2_000)


@pytest.fixture
def session(simulator, work) -> SocSession:
    return simulator.open(changed(simulator, cores=2, core_point=8), work)


def changed(simulator, **values):
    return simulator.space.point(**(simulator.space.default().to_dict() | values))


def test_it_is_a_session(session):
    assert isinstance(session, Session)


def test_steps_change_nothing(simulator, work, session):
    while not session.advance(cycles=777):
        pass
    by_steps = session.finish()

    assert by_steps == simulator.run(session.point, work)


def test_steps_of_instructions_change_nothing(simulator, work, session):
    steps = 0
    while not session.advance(requests=5_000):
        steps += 1

    assert 8 <= steps <= 11
    assert session.finish() == simulator.run(session.point, work)


def test_going_on_after_the_end_changes_nothing(simulator, work, session):
    session.advance()

    assert session.advance(cycles=10_000)
    assert session.finish() == simulator.run(session.point, work)


def test_every_lost_cycle_has_one_owner():
    owned = [cause for causes in STALL_OWNERS.values() for cause in causes]

    assert sorted(owned) == sorted(LOST)


def test_every_subsystem_sees_itself(simulator, session):
    session.advance(requests=10_000)

    for part in simulator.space.subsystems:
        counted = session.counters(part.name)
        assert counted["time_ns"] > 0
        assert len(counted) > 1


def test_counters_of_the_software_are_those_of_the_program(session):
    session.advance()

    assert session.counters("software")["retired"] == session.counters("core")["retired"]


def test_each_core_can_be_looked_at(session):
    session.advance()

    first, second = session.core_counts()
    assert first["retired"] + second["retired"] == session.counters("core")["retired"]
    assert 0 < first["cycles"] < second["cycles"]


def test_each_program_has_its_own_instructions_a_cycle(session):
    found = session.finish()

    ipcs = [counts["retired"] / counts["cycles"] for counts in session.core_counts()]
    assert [found["ipc_program0"], found["ipc_program1"]] == ipcs
    assert found["ipc_worst_core"] == min(ipcs)
    assert found["ipc_program2"] == 0


def test_counters_begin_after_the_warm_up(session):
    assert session.counters("core")["retired"] == 0


def test_an_unknown_subsystem_is_refused(session):
    with pytest.raises(LookupFailed, match="Did you mean 'l2'"):
        session.counters("l3")


def test_a_snapshot_continues_where_it_was_taken(session):
    session.advance(cycles=3_000)
    state = session.snapshot()
    first = session.finish()

    session.restore(state)

    assert session.finish() == first


def test_a_snapshot_goes_over_to_another_session(simulator, work, session):
    session.advance(cycles=3_000)
    session.retune(changed(simulator, cores=2, core_point=3))
    session.advance(cycles=2_000)
    other = simulator.open(changed(simulator, cores=2, core_point=8), work)

    other.restore(session.snapshot())

    assert other.point == session.point
    assert other.finish() == session.finish()


def test_other_bytes_are_no_snapshot(session):
    with pytest.raises(ValueError, match="not a snapshot of a session"):
        session.restore(b"something else")


def test_a_slower_clock_takes_longer_and_the_change_costs_energy(simulator, work, session):
    session.advance(cycles=2_000)
    session.retune(changed(simulator, cores=2, core_point=1))
    slowed = session.finish()

    fast = simulator.run(changed(simulator, cores=2, core_point=8), work)

    assert slowed["time_us"] > fast["time_us"] + 10  # cores stand still while the voltage changes
    assert slowed["energy_regulators_uj"] > 0
    assert fast["energy_regulators_uj"] == 0


def test_retuning_to_the_same_design_changes_little(simulator, work, session):
    session.advance(cycles=2_000)
    session.retune(session.point)

    assert session.finish()["time_us"] == simulator.run(session.point, work)["time_us"]


def test_retuning_after_the_end_changes_nothing(simulator, work, session):
    session.advance()
    session.retune(changed(simulator, cores=2, core_point=1))

    assert session.finish() == simulator.run(changed(simulator, cores=2, core_point=8), work)


def test_a_prefetcher_can_be_throttled(simulator):
    program = traces.load_instructions("synthetic:stream?n=60000")
    eager = {"l2_prefetcher": "next_line", "l2_prefetch_degree": 8}
    session = simulator.open(changed(simulator, **eager), program)
    session.advance(cycles=5_000)

    session.retune(changed(simulator, **eager | {"l2_prefetch_degree": 1}))

    throttled, unthrottled = session.finish(), simulator.run(changed(simulator, **eager), program)
    assert throttled["time_us"] > unthrottled["time_us"]


@pytest.mark.parametrize("change", [{"rob": 64}, {"channels": 4}, {"cores": 4}, {"l2_kib": 2048}])
def test_what_is_made_of_silicon_stays(simulator, session, change):
    with pytest.raises(SpaceError, match=f"{next(iter(change))}=.* cannot be changed in a running chip"):
        session.retune(changed(simulator, **({"cores": 2, "core_point": 8} | change)))
