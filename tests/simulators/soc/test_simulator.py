"""The face of the SoC simulator: what it takes, what it refuses, and that it is a pure function."""

from __future__ import annotations

import json

import numpy as np
import pytest

import traces
from dse.errors import ConfigError, InputError, LookupFailed, SpaceError
from dse.executors.package import pack, unpack
from dse.registry import make_simulator
from dse.testing.simulator import check_simulator
from ext.soc_fields import LOST
from simulators.dram.schema import STALLS
from simulators.soc.schema import COMPONENTS
from simulators.soc.simulator import SocSimulator
from traces.errors import TraceError
from traces.instruction_workload import InstructionWorkload


def load(spec: str):
    return traces.load_instructions(spec)


@pytest.fixture(scope="module")
def simulator() -> SocSimulator:
    return SocSimulator()


@pytest.fixture(scope="module")
def matmul():
    return load("synthetic:matmul?n=20000")


def test_it_holds_to_what_every_simulator_promises(simulator, matmul):
    two = InstructionWorkload((matmul, load("synthetic:gups?n=8000")))
    threads = InstructionWorkload(traces.load_threads("synthetic:locked?n=4000&threads=2"), (0, 0))
    warmed = InstructionWorkload((matmul,), start=1000, length=9000, warmup=3000)

    check_simulator(simulator, [two, threads, warmed])


def test_the_registry_builds_it():
    found = make_simulator("soc", space="soc", node_nm=32)

    assert found.space.name == "soc"
    assert found.workload_kind == "instructions"
    assert json.loads(json.dumps(found.describe())) == {"space": "soc", "node_nm": 32}


def test_options_are_part_of_the_build():
    assert SocSimulator().build_id == SocSimulator().build_id
    assert SocSimulator().build_id != SocSimulator(node_nm=45).build_id


def test_shares_of_cycles_add_up(simulator, matmul):
    both = InstructionWorkload((matmul, load("synthetic:chase?n=3000")))

    found = simulator.run(simulator.space.default(), both)

    assert sum(found[f"cpi_{name}_fraction"] for name in LOST) == pytest.approx(1, abs=1e-12)
    assert sum(found[f"dram_stall_{name}_fraction"] for name in STALLS) == pytest.approx(1, abs=1e-12)
    assert found["cpi_end_fraction"] > 0
    parts = sum(found[f"energy_{name}_uj"] for name in COMPONENTS)
    assert parts == pytest.approx(found["energy_uj"], rel=1e-12)


def test_a_warm_up_is_simulated_but_not_measured(simulator, matmul):
    point = simulator.space.default()

    cold = simulator.run(point, matmul)
    warm = simulator.run(point, InstructionWorkload((matmul,), warmup=10_000))

    assert cold["instructions"] == 20_000
    assert 9_000 < warm["instructions"] <= 10_000
    assert warm["l1d_mpki"] < cold["l1d_mpki"]


def test_instructions_limits_every_program(matmul):
    simulator = SocSimulator(instructions=5_000)

    assert simulator.run(simulator.space.default(), matmul)["instructions"] == 5_000


def test_a_warm_up_beyond_that_limit_is_a_failed_run(matmul):
    simulator = SocSimulator(instructions=5_000)
    point = simulator.space.default()

    batch = simulator.run_batch([point], [InstructionWorkload((matmul,), warmup=5_000)])

    assert np.isnan(batch.values).all()
    assert "warm-up of workload" in batch[0][0].notes[0]


def test_a_warm_up_that_leaves_nothing_is_refused(simulator):
    tiny = load("synthetic:matmul?n=20000").head(30)

    with pytest.raises(InputError, match="leaves nothing to measure"):
        simulator.run(simulator.space.default(), InstructionWorkload((tiny,), warmup=29))


def test_more_programs_than_cores_is_a_failed_run_that_says_why(matmul):
    simulator = SocSimulator(space="soc")
    design = simulator.space.default().to_dict() | {"cores": 1}
    point = simulator.space.point(**design)

    batch = simulator.run_batch([point], [matmul, [matmul, matmul]])

    assert np.isfinite(batch.values[0, 0]).all()
    assert np.isnan(batch.values[0, 1]).all()
    assert "the workload has 2 programs" in batch[0][1].notes[0]


def test_a_memory_that_is_too_small_is_a_failed_run_that_says_why():
    simulator = SocSimulator(page_kib=2048)
    scattered = load("synthetic:random?n=60000&size_mib=32768")

    batch = simulator.run_batch([simulator.space.default()], [scattered])

    assert np.isnan(batch.values).all()
    assert "there is memory for 4096" in batch[0][0].notes[0]


def test_idle_cores_cost_area_and_leakage(matmul):
    simulator = SocSimulator(space="soc")
    design = simulator.space.default().to_dict()

    one, four = (simulator.run(simulator.space.point(**(design | {"cores": n})), matmul) for n in (1, 4))

    assert four["area_mm2"] > 1.5 * one["area_mm2"]
    assert four["leakage_uj"] > one["leakage_uj"]


def test_threads_of_one_address_space_have_one_copy_of_their_data(simulator):
    threads = traces.load_threads("synthetic:producer_consumer?n=20000&threads=2&size_kib=16")

    together = simulator.run(simulator.space.default(), InstructionWorkload(threads, (0, 0)))
    apart = simulator.run(simulator.space.default(), InstructionWorkload(threads))

    assert together["memory_reads"] < 0.75 * apart["memory_reads"]
    assert together["lines_from_cores"] > 0
    assert apart["lines_from_cores"] == 0


def test_memory_requests_are_refused_with_what_to_write_instead(simulator):
    with pytest.raises(TraceError, match=r"'sort' holds memory requests.*accesses:SPEC\?gap=3"):
        simulator.run(simulator.space.default(), traces.sample("sort"))


def test_memory_requests_run_as_instructions_when_asked_to(simulator):
    asked = load("accesses:sample:sort?gap=3").head(8_000)

    assert simulator.run(simulator.space.default(), asked)["memory_reads"] > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"space": "soc-smal"}, LookupFailed, "soc-small"),
        ({"node_nm": 7}, ConfigError, "node_nm=7"),
        ({"fixed": {"robb": 3}}, ConfigError, "rob"),
        ({"device": "ddr9"}, LookupFailed, "ddr9"),
        ({"fixed": {"rob": 128}}, SpaceError, "'rob' is a parameter"),
    ],
)
def test_options_that_cannot_be_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        SocSimulator(**options)


# ------------------------------------------------------------------------------------------------- software


@pytest.fixture(scope="module")
def compiler() -> SocSimulator:
    return SocSimulator(space="soc-software")


def test_the_design_chooses_how_the_program_is_compiled(compiler):
    work = load("sample:product-o2")
    design = compiler.space.default().to_dict()

    slow, fast = (
        compiler.run(compiler.space.point(**(design | {"optimisation": level})), work)
        for level in ("o0", "avx2")
    )

    assert slow["instructions"] > 3 * fast["instructions"]
    assert slow["time_us"] > fast["time_us"]


def test_only_the_versions_of_that_program_are_replaced(compiler):
    chase = load("sample:chase").head(2_000)
    work = InstructionWorkload((load("sample:product-o3"), chase))
    design = compiler.space.default().to_dict() | {"optimisation": "o2", "tile": 0}

    found = compiler.run(compiler.space.point(**design), work)

    assert found["instructions"] == len(load("sample:product-o2")) + 2_000


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (InstructionWorkload((load("sample:chase"),)), "runs something else"),
        (InstructionWorkload((load("sample:product-o2"),), length=1000), "only as a whole"),
    ],
)
def test_a_workload_that_no_compiler_can_change_is_refused(compiler, work, message):
    with pytest.raises(InputError, match=message):
        compiler.run(compiler.space.default(), work)


# ------------------------------------------------------------------------------------------------ executors


def test_another_process_builds_the_same(simulator, matmul):
    works = [
        InstructionWorkload((matmul, matmul), warmup=100, name="twice"),
        InstructionWorkload(traces.load_threads("synthetic:locked?n=1000&threads=2"), (0, 0), length=500),
    ]

    bench = unpack(pack(simulator, works))

    assert [work.hash for work in bench.workloads] == [work.hash for work in works]
    assert bench.workloads[0].name == "twice"
    point = simulator.space.default()
    assert bench.simulator.run(point, bench.workloads[1]) == simulator.run(point, works[1])
