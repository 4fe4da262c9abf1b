"""Campaigns on programs: what `[[workloads]]` means to a simulator of cores."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.campaign import Campaign
from dse.campaign.config import WorkloadConfig
from dse.campaign.file import Source, check_config
from dse.campaign.kept_files import files_of
from dse.campaign.programs import check_keys, program_workload, read_programs
from dse.env.descriptor import FEATURES, PROGRAM_FEATURES, workload_descriptor
from dse.errors import ConfigError, InputError
from dse.executors.processes import ProcessExecutor
from simulators.soc.simulator import SocSimulator
from traces.errors import TraceError
from traces.instruction_workload import InstructionWorkload
from traces.intervals import head, representative


def programs(tmp_path, **item) -> InstructionWorkload:
    given = WorkloadConfig.model_validate(item)
    return program_workload(given, read_programs(given, tmp_path))


def test_a_list_is_one_program_a_core(tmp_path):
    found = programs(tmp_path, trace=["synthetic:chase?n=500", "synthetic:stream?n=396"])

    assert found.instructions == (500, 396)
    assert found.spaces == (0, 1)


def test_copies_run_in_memory_of_their_own(tmp_path):
    found = programs(tmp_path, trace="synthetic:chase?n=500", copies=3)

    assert found.name == "chase x 3"
    assert found.spaces == (0, 1, 2)
    assert not found.shares_memory


def test_threads_share_memory_within_their_copy(tmp_path):
    found = programs(tmp_path, trace="synthetic:locked?n=500&threads=2", copies=2)

    assert found.spaces == (0, 0, 1, 1)
    assert found.shares_memory


def test_of_a_file_no_more_is_read_than_will_run(tmp_path):
    trace = traces.load_instructions("synthetic:stream?n=5000")
    traces.write_instructions(trace, tmp_path / "mine.npz")

    found = programs(tmp_path, trace="mine.npz", start=100, length=900, warmup=50)

    assert len(found.programs[0]) == 1000
    assert (found.parts()[0].ip == trace.ip[100:1000]).all()


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("instructions", "arrival_scale", 2.0),
        ("instructions", "clock_mhz", 800.0),
        ("requests", "copies", 2),
    ],
)
def test_keys_of_the_other_kind_are_refused(kind, key, value):
    item = WorkloadConfig.model_validate({"trace": "sample:sort", key: value})

    with pytest.raises(ConfigError, match=key if kind == "instructions" else "no copies") as caught:
        check_keys(item, kind)

    assert caught.value.key == key


def config(**changes):
    return {
        "name": "small",
        "simulator": {"name": "soc"},
        "workloads": [{"trace": "synthetic:chase?n=3000"}],
        "objectives": [{"metric": "time_us"}, {"metric": "area_mm2"}],
        "agents": [{"name": "random"}],
        "budget": {"unique": 6, "batch": 6},
        **changes,
    }


def run(data, folder):
    return Campaign(data, base=folder).run(store=folder / "store.sqlite")


def test_a_campaign_runs_on_programs(tmp_path):
    result = run(config(), tmp_path)

    assert len(result.front) >= 1


@pytest.mark.parametrize(
    ("workload", "message"),
    [
        ({"trace": "sample:sort"}, r"accesses:sample:sort\?gap=3"),
        ({"trace": "synthetic:chase?n=3000", "arrival_scale": 2.0}, "remove arrival_scale"),
        ({"trace": "synthetic:chase?n=3000", "warmup": 3000}, "warmup=3000"),
    ],
)
def test_a_workload_that_cannot_be_is_refused_with_its_place(tmp_path, workload, message):
    with pytest.raises(InputError, match=message):
        run(config(workloads=[workload]), tmp_path)


@pytest.mark.parametrize(
    ("space", "workload", "others", "message"),
    [
        ("soc-software", {"trace": "sample:chase"}, {}, "workloads.*runs something else"),
        ("soc-software", {"trace": "sample:product-o2", "length": 9000}, {}, "only as a whole"),
        ("soc-software", {"trace": "sample:product-o2"}, {"fidelity": {"rungs": [0.1]}}, "fidelity.*whole"),
        ("soc", {"trace": "synthetic:chase?n=3000", "copies": 9}, {}, "9 programs, and the largest chip"),
        ("soc", {"trace": "synthetic:chase?n=3000", "copies": 3}, {}, r"baseline.*cores=1.*{cores = 4}"),
    ],
)
def test_what_no_design_can_run_is_refused_before_the_first_one(tmp_path, space, workload, others, message):
    simulator = {"name": "soc", "space": space}

    with pytest.raises(InputError, match=message):
        run(config(simulator=simulator, workloads=[workload], **others), tmp_path)

    assert not (tmp_path / "store.sqlite").exists()


def test_a_memory_controller_refuses_programs(tmp_path):
    refused = config(
        simulator={"name": "dram"}, workloads=[{"trace": "sample:quicksort"}],
        objectives=[{"metric": "elapsed_ns"}],
    )  # fmt: skip

    with pytest.raises(TraceError, match="holds instructions"):
        run(refused, tmp_path)


def test_the_file_behind_accesses_is_kept(tmp_path):
    traces.write(traces.sample("sort").head(100), tmp_path / "mine.npz")
    checked = check_config(config(workloads=[{"trace": "accesses:mine.npz?gap=3"}]))

    kept = files_of(checked, Source(), tmp_path)

    assert [(one.kind, one.name) for one in kept] == [("trace", "mine.npz")]


def test_worker_processes_run_programs():
    simulator = SocSimulator()
    work = InstructionWorkload((traces.load_instructions("synthetic:chase?n=2000"),))
    rows = simulator.space.sample(3, np.random.default_rng(0), feasible=True)
    expected = simulator.run_batch(rows, [work])

    executor = ProcessExecutor(simulator, [work], workers=1)
    try:
        found = executor.evaluate(rows)
    finally:
        executor.close()

    assert np.array_equal(found.values, expected.values)


# ---------------------------------------------------------------------------------------------------- pieces


def of_two_phases() -> InstructionWorkload:
    """One half computes, the other chases pointers, elsewhere in the program."""
    calm = traces.load_instructions("synthetic:matmul?n=200000")
    wild = traces.load_instructions("synthetic:chase?n=200000")
    names = ("branch", "taken", "operation", "sources", "destinations", "n_loads", "n_stores", "address")
    columns = {name: np.concatenate([getattr(calm, name), getattr(wild, name)]) for name in names}
    both = traces.InstructionTrace(ip=np.concatenate([calm.ip, wild.ip + 2**20]), **columns, name="both")
    return InstructionWorkload((both,))


def test_intervals_of_a_program_stand_for_its_phases():
    work = of_two_phases()

    pieces = representative(work, 0.25)

    starts = sorted(piece.start + piece.warmup for piece in pieces)
    assert starts[0] < 200_000 <= starts[-1]
    assert sum(piece.weight * piece.length for piece in pieces) == pytest.approx(len(work))
    assert sum(piece.length for piece in pieces) <= 0.25 * len(work) + 1
    assert all(piece.warmup in (0, piece.length // 2) for piece in pieces)


def test_the_head_of_a_program_is_its_first_instructions():
    (piece,) = head(of_two_phases(), 0.1)

    assert (piece.start, piece.length, piece.weight) == (0, 40_000, 10.0)


def test_a_campaign_screens_on_intervals_of_programs(tmp_path):
    screened = config(
        workloads=[{"trace": "synthetic:branchy?n=20000"}],
        fidelity={"rungs": [0.1]},
        budget={"unique": 6, "batch": 8},
    )

    result = run(screened, tmp_path)

    assert len(result.front) >= 1


# ------------------------------------------------------------------------------------------------ descriptor


def test_a_program_is_described_as_shortly_as_a_trace():
    found = workload_descriptor(of_two_phases())

    assert found.shape == (len(PROGRAM_FEATURES),) == (len(FEATURES),)
    assert ((found >= 0) & (found <= 1)).all()


def test_the_descriptor_tells_programs_apart():
    chase, branchy = (
        workload_descriptor(InstructionWorkload((traces.load_instructions(f"synthetic:{kind}?n=5000"),)))
        for kind in ("chase", "branchy")
    )

    share = PROGRAM_FEATURES.index("chained_load_share")
    assert chase[share] > 0.9
    assert not np.allclose(chase, branchy)
