"""Running chips side by side: what an epoch counts, re-tuning, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.env.own_metrics import OWN_METRICS
from dse.errors import InputError, SpaceError
from dse.testing.live import check_live, check_snapshots, check_sums, random_plan
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload


def work(*kinds: str, n: int = 2000, warmup: int = 300) -> InstructionWorkload:
    programs = [traces.load_instructions(f"synthetic:{kind}?n={n}") for kind in kinds]
    return InstructionWorkload(tuple(programs), warmup=warmup)


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator()


def test_the_soc_simulator_holds_to_what_live_simulators_must(simulator):
    check_live(simulator, [work("stream", n=1000, warmup=200)], epoch_ns=200.0)


@pytest.mark.slow
def test_so_it_does_with_all_parameters_and_several_programs():
    check_live(SocSimulator(space="soc"), [work("stream", "gups", n=3000)], epoch_ns=3000.0)


@pytest.mark.slow
@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
def test_epochs_of_a_governed_chip_add_up_to_its_run(governor):
    simulator, waiting = SocSimulator(space="soc", governor_us=10.0), work("gups", n=16000)
    values = {"governor": governor, "power_cap_w": 1.0, "core_point": 10}
    point = simulator.space.point(**(simulator.space.default().to_dict() | values))
    plan = [(1500.0, np.stack([simulator.space.encode(point)] * 3))] * 60

    check_sums(simulator, waiting, plan)
    check_snapshots(simulator, waiting, plan)

    assert simulator.run(point, waiting).clock_changes > 0


@pytest.mark.slow
def test_epochs_of_accelerators_add_up_to_their_run():
    simulator = SocSimulator(space="soc-accelerator", network="lenet-5")

    check_sums(simulator, work("stream", warmup=0), random_plan(simulator, 2_000.0, np.random.default_rng(0)))


def test_what_subsystems_see_of_themselves_is_counted_in_epochs(simulator):
    names = {part.strip() for own in OWN_METRICS["soc"].values() for name in own for part in name.split("/")}

    assert names <= set(simulator.live_schema.names)


def test_an_epoch_lasts_as_long_as_asked_after_the_warm_up(simulator):
    fleet = simulator.fleet(1)
    fleet.begin(0, simulator.space.encode(simulator.space.default()), work("stream"))
    column = simulator.live_schema.index("time_us")

    times = [fleet.advance(150.25)[1][0, column] for _ in range(4)]

    assert np.allclose(times, 0.15025, rtol=1e-12)


def test_what_is_made_with_the_chip_cannot_be_re_tuned(simulator):
    row = simulator.space.encode(simulator.space.default())
    fleet = simulator.fleet(1)
    fleet.begin(0, row, work("stream"))
    column = simulator.space.names.index("rob")
    moved = row[None].copy()
    moved[0, column] = (moved[0, column] + 1) % 3

    with pytest.raises(SpaceError, match=r"rob=.* of member 0 cannot be changed while it runs"):
        fleet.retune(moved)


def test_a_design_that_cannot_run_the_workload_leaves_the_member_as_it_was():
    simulator = SocSimulator(space="soc")
    fleet = simulator.fleet(1)
    row = simulator.space.encode(simulator.space.default())
    fleet.begin(0, row, work("stream"))
    fleet.advance(100.0)
    kept = fleet.snapshot(0)
    one_core = simulator.space.point(**(simulator.space.default().to_dict() | {"cores": 1}))

    with pytest.raises(InputError, match="cores"):
        fleet.begin(0, simulator.space.encode(one_core), work("stream", "gups"))

    assert fleet.snapshot(0) == kept
