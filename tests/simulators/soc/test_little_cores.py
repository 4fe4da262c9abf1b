"""Chips with little cores, and which program runs where."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.errors import InputError, SpaceError
from ext.soc_fields import LOST
from simulators.soc.build import LITTLE, chip_of
from simulators.soc.mapping import independent_share
from simulators.soc.options import Options
from simulators.soc.power.area import soc_parts
from simulators.soc.power.dvfs import core_points
from simulators.soc.schema import COMPONENTS
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload
from traces.instructions import InstructionTrace

OPTIONS = Options()


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator(space="soc")


@pytest.fixture(scope="module")
def two() -> InstructionWorkload:
    """The second has ten times the instructions."""
    specs = ("synthetic:chase?n=3000", "synthetic:matmul?n=30000")
    return InstructionWorkload(tuple(map(traces.load_instructions, specs)))


def design(simulator, **values):
    return simulator.space.default().replace(**values)


def built(simulator, n_programs=1, **values):
    return chip_of(design(simulator, **values), OPTIONS, n_programs)


def core_mm2(chip, k):
    return sum(part.area_mm2 for name, part in soc_parts(chip.soc).items() if name.startswith(f"core{k}."))


# -------------------------------------------------------------------------------------------------- silicon


def test_the_last_cores_are_little(simulator):
    chip = built(simulator, 4, cores=4, little_cores=2).chip

    assert [core.in_order for core in chip.cores] == [False, False, True, True]
    assert [core.width for core in chip.cores] == [4, 4, 2, 2]
    assert chip.core_periods_fs[0] < chip.core_periods_fs[2] == chip.core_periods_fs[3]


def test_a_little_core_has_the_clock_and_the_voltage_of_small_logic(simulator):
    found = built(simulator, cores=2, little_cores=1, core_point=5).points.cores

    assert found == (core_points("performance", 22)[4], core_points("embedded", 22)[4])


def test_a_little_core_is_small(simulator):
    chip = built(simulator, cores=2, little_cores=1)

    assert core_mm2(chip, 1) < core_mm2(chip, 0) / 4


def test_a_little_core_is_what_it_is_whatever_the_big_ones_are(simulator):
    small = built(simulator, 2, cores=2, little_cores=1, rob=64, l1d_kib=64, l1d_ways=16, l2_kib=2048)
    large = built(simulator, 2, cores=2, little_cores=1, width=8, rob=512, l2_prefetcher="spp")

    assert small.chip.cores[1] == large.chip.cores[1]
    assert small.soc.cores[1] == large.soc.cores[1]


def test_a_little_core_is_not_wider_than_a_big_one(simulator):
    assert [core.width for core in built(simulator, 2, cores=2, little_cores=1, width=1).chip.cores] == [1, 1]


def test_what_a_little_core_is_is_in_the_space(simulator):
    known = {"load_queue": 8, "store_queue": 8}  # narrower than any big core's

    for name, value in LITTLE.items():
        assert known.get(name) == value or value in simulator.space.parameter(name).values


@pytest.mark.parametrize(
    ("cores", "little", "allowed"), [(1, 1, 0), (2, 1, 1), (2, 2, 0), (4, 4, 0), (8, 4, 1)]
)
def test_the_first_core_is_a_big_one(simulator, cores, little, allowed):
    row = simulator.space.encode({"cores": cores, "little_cores": little})

    assert simulator.space.violations(row[None, :]).any() != bool(allowed)


def test_little_cores_can_be_fixed_where_cores_follow_from_the_programs(two):
    small = SocSimulator(fixed={"little_cores": 1}, space="soc-small")

    session = small.open(small.space.default(), two)

    assert [core.in_order for core in session.built.chip.cores] == [False, True]


def test_more_little_cores_than_a_workload_leaves_room_for_are_refused():
    small = SocSimulator(fixed={"little_cores": 1}, space="soc-small")
    program = traces.load_instructions("synthetic:chase?n=1000")

    with pytest.raises(InputError, match="little_cores=1 of cores=1: the first core is a big one"):
        small.run(small.space.default(), program)


# ------------------------------------------------------------------------------------------------------ runs


def test_shares_and_energies_of_unlike_cores_add_up(simulator, two):
    found = simulator.run(design(simulator, cores=2, little_cores=1), two)

    assert sum(found[f"cpi_{name}_fraction"] for name in LOST) == pytest.approx(1, abs=1e-12)
    assert found["cpi_end_fraction"] > 0.3
    parts = sum(found[f"energy_{name}_uj"] for name in COMPONENTS)
    assert parts == pytest.approx(found["energy_uj"], rel=1e-9)


def test_cycles_are_those_of_the_core_that_ran_the_longest(simulator, two):
    session = simulator.open(design(simulator, cores=2, little_cores=1), two)
    found = session.finish()

    first, second = session.core_counts()
    periods = session.built.chip.core_periods_fs
    assert first["cycles"] * periods[0] < second["cycles"] * periods[1]
    assert found["cycles"] == second["cycles"]
    assert found["time_us"] == pytest.approx(second["cycles"] * periods[1] * 1e-9, rel=1e-6)


def test_a_little_core_is_slower_and_takes_less_energy(simulator):
    program = traces.load_instructions("synthetic:matmul?n=30000")
    other = traces.load_instructions("synthetic:chase?n=100")
    big, little = (
        simulator.run(design(simulator, cores=2, little_cores=n), InstructionWorkload((other, program)))
        for n in (0, 1)
    )

    assert little["time_us"] > big["time_us"]
    assert little["energy_core_uj"] < big["energy_core_uj"]


@pytest.mark.parametrize("governor", ["ondemand", "power-cap"])
def test_governors_and_steps_go_with_little_cores(governor):
    quick = SocSimulator(space="soc", governor_us=10)
    specs = ("synthetic:chase?n=6000&size_kib=4096", "synthetic:gups?n=20000")
    work = InstructionWorkload(tuple(map(traces.load_instructions, specs)), warmup=1_000)
    point = design(quick, cores=4, little_cores=2, governor=governor, power_cap_w=1.5, idle_gate_us=1)
    session, other = quick.open(point, work), quick.open(point, work)

    session.advance(requests=9_000)
    other.restore(session.snapshot())
    while not session.advance(cycles=7_777):
        pass

    whole = quick.run(point, work)
    assert whole["governor_epochs"] > 1
    assert session.finish() == other.finish() == whole


# --------------------------------------------------------------------------------------------------- mapping


def registers(sources, destinations):
    n = len(sources)
    zeros = np.zeros(n, np.uint8)

    def table(rows, width):
        return np.array([[row, *[0] * (width - 1)] for row in rows], np.uint8)

    return InstructionTrace(
        ip=np.arange(n), branch=zeros, taken=np.zeros(n, np.bool_), operation=zeros,
        sources=table(sources, 4), destinations=table(destinations, 2), n_loads=zeros, n_stores=zeros,
        address=np.zeros(0, np.uint64),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sources", "destinations", "share"),
    [
        ([1, 1, 1, 1], [1, 1, 1, 1], 0.0),
        ([0, 0, 0, 0], [1, 1, 1, 1], 0.75),
        ([0, 1, 0, 1], [1, 2, 1, 2], 0.5),
        ([0, 0, 0, 0], [0, 0, 0, 0], 0.75),
    ],
)
def test_what_is_beside_the_longest_chain_need_not_wait(sources, destinations, share):
    assert independent_share(registers(sources, destinations)) == share


def test_the_most_demanding_program_gets_the_big_core(simulator, two):
    in_order, demanding = (
        simulator.open(design(simulator, cores=2, little_cores=1, program_mapping=how), two)
        for how in ("in-order", "demanding-first")
    )
    for session in (in_order, demanding):
        session.advance()

    retired = [[core["retired"] for core in session.core_counts()] for session in (in_order, demanding)]
    assert retired == [[3_000, 30_000], [30_000, 3_000]]
    assert demanding.finish()["time_us"] < in_order.finish()["time_us"]


def test_programs_keep_their_order_where_all_cores_are_alike(simulator, two):
    found = simulator.space

    assert found.point(cores=2, program_mapping="demanding-first") == found.point(cores=2)


def test_a_program_does_not_change_its_core_while_it_runs(simulator, two):
    session = simulator.open(design(simulator, cores=2, little_cores=1), two)

    with pytest.raises(SpaceError, match=r"program_mapping=.* cannot be changed in a running chip"):
        session.retune(design(simulator, cores=2, little_cores=1, program_mapping="demanding-first"))
