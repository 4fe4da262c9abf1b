"""`GraphSimulator` keeps the contract of a simulator; its options and its design spaces."""

from __future__ import annotations

import random

import numpy as np
import pytest

import dse
from dse.errors import InputError, LookupFailed, SpaceError
from dse.executors.package import pack, unpack
from dse.parameter import Parameter
from dse.space import DesignSpace
from dse.testing.simulator import check_simulator
from simulators.soc.graphs.simulator import MOST_FRAMES, GraphSimulator
from simulators.soc.graphs.space import graph_space
from tests.ext.phase_cases import random_graph
from tests.oracles.farsi_sheets import SHEETS
from tests.simulators.soc.graphs.test_phases import _frames
from traces.workload import Workload


@pytest.mark.parametrize(
    "options",
    [{}, {"graphs": ["audio-chain", "sensor-fusion"]}, {"sheets": f"{SHEETS}#audio_decoder", "buses": 1}],
    ids=["default", "two graphs", "sheets"],
)
def test_it_conforms(options):
    simulator = dse.make_simulator("soc-farsi", **options)

    check_simulator(simulator, [Workload.of(_frames(0)), Workload.of(_frames(0, 500, 90_000))])


def test_a_worker_builds_it_without_the_sheets():
    simulator = GraphSimulator(sheets=f"{SHEETS}#edge_detection", memories=2)

    bench = unpack(pack(simulator, [Workload.of(_frames(0))]))

    assert bench.simulator.build_id == simulator.build_id
    assert "edge_detection" not in str(simulator.describe().get("sheets"))


def test_threads_change_nothing():
    simulator = GraphSimulator()
    rows = simulator.space.sample(301, np.random.default_rng(3))

    one, four = (simulator.run_batch(rows, [_frames(0, 100)], threads=n) for n in (1, 4))

    assert np.array_equal(one.values, four.values)


def test_the_space_has_a_place_and_a_memory_for_each_task():
    simulator = GraphSimulator("audio-chain", cores=2, memories=3)
    space = simulator.space

    assert space.parameter("pe_decimate").values[:4] == ("core0", "core1", "x1", "x2")
    assert space.parameter("memory_decimate").values == ("memory0", "memory1", "memory2")
    assert "pe_microphones" not in space.names  # a source computes nothing
    assert "memory_playback" not in space.names  # a sink writes nothing


def test_unrolling_goes_to_the_iterations_of_the_loop():
    space = GraphSimulator(sheets=f"{SHEETS}#hpvm_cava").space

    values = space.parameter("pe_gamut_map_fxp_cloned").values

    assert values[2:] == ("x1", "x2", "x4", "x8", "x16", "x32", "x64", "x128", "x151")


def test_a_task_without_an_accelerator_stays_on_the_cores():
    space = GraphSimulator("sensor-fusion").space

    assert space.parameter("pe_plan_path").values == ("core0", "core1")


def test_the_mapping_alone_is_a_space_with_the_blocks_at_their_defaults():
    whole, mapping = (
        GraphSimulator("audio-chain", space=name) for name in ("soc-farsi", "soc-farsi-mapping")
    )
    chosen = {"pe_decimate": "x4", "memory_decimate": "memory1"}

    same = [one.run(one.space.point(**chosen), _frames(0)) for one in (whole, mapping)]

    assert len(mapping.space) < len(whole.space)
    assert same[0] == same[1]


def test_a_space_of_ones_own_may_have_fewer_parameters():
    own = DesignSpace("own", [Parameter.choice("pe_decimate", ("core1", "x8"), "x8", "mapping")])

    simulator = GraphSimulator("audio-chain", space=own)

    assert simulator.run(simulator.space.default(), _frames(0)).accelerators == 1


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (Parameter.choice("pe_nothing", ("core0", "core1"), "core0", "mapping"), "pe_nothing"),
        (Parameter.choice("pe_decimate", ("core0", "x3"), "core0", "mapping"), "pe_decimate='x3'"),
    ],
)
def test_a_space_of_other_parameters_is_refused(parameter, words):
    with pytest.raises(SpaceError, match=words):
        GraphSimulator("audio-chain", space=DesignSpace("own", [parameter]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cores": 0}, "cores=0: expected 1 to 8"),
        ({"memories": 9}, "memories=9: expected 1 to 8"),
        ({"buses": "3"}, "buses='3': expected 1 to 8"),
        ({"graphs": ["audio-chain", "audio-chain"]}, "a graph is there twice"),
        ({"graphs": "audio-chain", "sheets": f"{SHEETS}#hpvm_cava"}, "different hardware libraries"),
    ],
)
def test_a_platform_that_cannot_be_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        GraphSimulator(**options)


def test_an_unknown_space_names_the_nearest():
    with pytest.raises(LookupFailed, match="Did you mean 'soc-farsi'"):
        GraphSimulator(space="soc-fasri")


def test_too_many_frames_are_refused():
    many = _frames(*range(MOST_FRAMES + 1))

    with pytest.raises(InputError, match="each is a frame"):
        GraphSimulator().run_batch([GraphSimulator().space.default()], [many])


def test_two_tasks_of_one_name_in_the_space_are_refused(chain):
    tables = chain.to_dict()
    tables["tasks"] += [{"name": "a b", "instructions": 1}, {"name": "a_b", "instructions": 1}]

    with pytest.raises(InputError, match="two tasks would be called 'a_b'"):
        GraphSimulator([tables])


def test_a_session_can_be_stepped_copied_and_taken_back():
    simulator = GraphSimulator("transformer-block")
    point = simulator.space.default()
    whole = simulator.run(point, _frames(0, 10))
    session = simulator.open(point, _frames(0, 10))

    session.advance(cycles=3)
    saved = session.snapshot()
    session.advance(requests=5)
    session.restore(saved)

    assert session.counters("cores")["phases"] == 3
    assert session.finish() == whole


def test_a_running_system_can_be_given_other_clocks():
    simulator = GraphSimulator("audio-chain")
    slow = simulator.space.point(pe_decimate="x1", pe_echo_cancel="x1")
    fast = simulator.space.point(pe_decimate="x1", pe_echo_cancel="x1", accelerator_clock=800)
    session = simulator.open(slow, _frames(0))

    session.retune(fast)

    assert session.point == fast
    assert session.finish().latency_ms == simulator.run(fast, _frames(0)).latency_ms


@pytest.mark.parametrize(
    "other", [{"pe_decimate": "x2"}, {"pe_decimate": "core1"}, {"memory0_kind": "dram"}, {"bus0_width": 8}]
)
def test_a_running_system_keeps_its_blocks_and_its_mapping(other):
    simulator = GraphSimulator("audio-chain")
    session = simulator.open(simulator.space.point(pe_decimate="x1"), _frames(0))

    with pytest.raises(SpaceError, match="a running system keeps"):
        session.retune(simulator.space.point(**{"pe_decimate": "x1"} | other))


def test_a_subsystem_that_is_none_is_named():
    session = GraphSimulator().open(GraphSimulator().space.default(), _frames(0))

    with pytest.raises(LookupFailed, match="Did you mean 'cores'"):
        session.counters("core")


def test_waiting_counters_of_all_parts_add_up():
    simulator = GraphSimulator("sensor-fusion")
    session = simulator.open(simulator.space.default(), _frames(0))
    session.advance()

    parts = [
        session.counters(name)["held_up_s"] for name in ("cores", "accelerators", "memories", "interconnect")
    ]

    assert sum(parts) == pytest.approx(session.counters("mapping")["held_up_s"])


def test_every_value_of_a_random_platform_can_be_simulated():
    graph = random_graph(random.Random(5), "random", 10)
    simulator = GraphSimulator([graph.to_dict()])
    space = graph_space("soc-farsi", simulator.platform)

    batch = simulator.run_batch(space.sample(500, np.random.default_rng(5)), [_frames(0)])

    assert np.isfinite(batch.values).all()
