"""Energy, power and area by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ext import soc_phases
from simulators.soc.graphs import hardware
from simulators.soc.graphs.engine import designs_of, tables_of
from simulators.soc.graphs.hardware import LIBRARIES, Scaling
from simulators.soc.graphs.measure import Phases, task_pj
from simulators.soc.graphs.placement import Decoder
from simulators.soc.graphs.simulator import GraphSimulator
from tests.simulators.soc.graphs.test_phases import _frames, _run, _simulator


def test_cores_cost_an_energy_an_instruction(chain):
    metrics = _run(_simulator(chain), {})

    assert metrics.energy_cores_mj == pytest.approx(3e6 * 10e-9)
    assert metrics.area_cores_mm2 == 1.0


def test_accelerators_cost_their_energy_and_their_area_times_unrolling(chain):
    metrics = _run(_simulator(chain), {"pe_a": "x8", "pe_b": "x1"})

    assert metrics.energy_accelerators_mj == pytest.approx(2 * 1e6 * 1e-9)
    assert metrics.area_accelerators_mm2 == pytest.approx(9 * 0.25)
    assert metrics.accelerators == 2
    assert metrics.blocks == 1 + 2 + 1 + 1


def test_a_core_that_computes_nothing_is_not_built(chain):
    metrics = _run(_simulator(chain), {f"pe_{task}": "x1" for task in "abc"})

    assert metrics.area_cores_mm2 == 0
    assert metrics.energy_leakage_mj == 0


def test_leakage_lasts_as_long_as_the_run(chain):
    metrics = _run(_simulator(chain), {})

    assert metrics.energy_leakage_mj == pytest.approx(2.0 * 3e-3)


def test_dram_costs_energy_and_no_area_on_the_chip(chain):
    metrics = _run(_simulator(chain), {"memory0_kind": "dram"})

    moved = 2 * (4000 + 2000 + 1000)
    assert metrics.energy_memory_mj == pytest.approx(moved * 162.5e-9)
    assert metrics.area_memory_mm2 == 0


def test_buses_cost_an_energy_a_byte_and_hop(chain):
    moved = 2 * (4000 + 2000 + 1000)
    near, far = (_run(_simulator(chain), {"memory0_bus": bus}) for bus in ("bus0", "bus1"))

    assert near.energy_interconnect_mj == pytest.approx(moved * 8e-9)
    assert far.energy_interconnect_mj == pytest.approx(2 * moved * 8e-9)


@pytest.mark.parametrize("graph", ["image-pipeline", "transformer-block"])
def test_parts_add_up_to_the_total(graph):
    simulator = GraphSimulator(graph)
    rows = simulator.space.sample(300, np.random.default_rng(2))

    batch = simulator.run_batch(rows, [_frames(0, 3000)])

    for total, unit in (("energy", "mj"), ("area", "mm2")):
        names = [f"{total}_{unit}"]
        parts = [
            name
            for name in simulator.schema.names
            if name.startswith(f"{total}_") and name.endswith(unit) and name not in names
        ]
        columns = [simulator.schema.index(name) for name in parts]
        whole = batch.values[:, 0, simulator.schema.index(names[0])]
        assert np.allclose(batch.values[:, 0, columns].sum(axis=1), whole, rtol=1e-9)


def test_the_power_of_a_short_run_is_its_mean(chain):
    metrics = _run(_simulator(chain), {"pe_a": "x1"})

    assert metrics.elapsed_ms < 10
    assert metrics.peak_power_mw == pytest.approx(metrics.power_mw, rel=1e-9)


def test_the_highest_window_is_that_of_the_work_between_pauses(chain):
    """Frames of 3 ms, 20 ms apart: a window is a frame and the pause after it, the last frame joins one."""
    metrics = _run(_simulator(chain), {}, 0, 20_000, 40_000)

    dynamic_mj = metrics.energy_mj - metrics.energy_leakage_mj
    leakage_mw = 2.0
    last = 2 / 3 * dynamic_mj / 23e-3
    assert metrics.peak_power_mw == pytest.approx(last + leakage_mw, rel=1e-6)


def test_the_energies_of_the_tasks_add_up_to_what_is_not_leakage():
    simulator = GraphSimulator(["audio-chain", "sensor-fusion"])
    rows = simulator.space.sample(100, np.random.default_rng(6))
    batch = simulator.run_batch(rows, [_frames(0, 1000, 2000)])
    arrivals = np.array([0.0, 1e-3, 2e-3])

    designs = Decoder(simulator.problem, simulator.space).decode(rows)
    tables = tables_of(simulator.problem, arrivals)
    found = Phases(*soc_phases.simulate(tables, designs_of(tables, designs)), arrivals)
    energies = task_pj(simulator.problem, designs, found)

    total, leakage = (
        batch.values[:, 0, simulator.schema.index(name)] for name in ("energy_mj", "energy_leakage_mj")
    )
    assert np.allclose(3 * energies.sum(axis=1) * 1e-9, total - leakage, rtol=1e-9)


def test_the_distance_to_the_budget_counts_only_what_is_over_it(chain):
    metrics = _run(_simulator(chain), {})

    over = metrics.latency_ms / 2.0 - 1.0
    assert metrics.area_mm2 < 3.0
    assert metrics.budget_distance == pytest.approx(over)


def test_twice_the_frames_take_twice_the_dynamic_energy(chain):
    simulator = _simulator(chain)

    one, two = (_run(simulator, {}, *arrivals) for arrivals in ((0,), (0, 50_000)))

    assert two.energy_cores_mj == pytest.approx(2 * one.energy_cores_mj)
    assert two.energy_memory_mj == pytest.approx(2 * one.energy_memory_mj)


def test_sram_has_the_costs_of_the_table_at_its_points():
    cost = hardware.sram_cost(np.array([2.0**20]), Scaling())

    assert cost.read_pj_per_byte == pytest.approx(0.44553 * 1000 / 64)
    assert cost.area_mm2 == pytest.approx(5.52142)


def test_sram_above_256_mib_comes_in_banks_of_that_size():
    sizes = 2.0 ** np.array([28, 30])

    cost = hardware.sram_cost(sizes, Scaling(memory_area=0.5))

    assert cost.area_mm2[1] == pytest.approx(4 * cost.area_mm2[0])
    assert cost.leakage_mw[1] == pytest.approx(4 * cost.leakage_mw[0])
    assert cost.read_pj_per_byte[1] == cost.read_pj_per_byte[0]


def test_no_sram_costs_nothing():
    cost = hardware.sram_cost(np.array([0.0]), Scaling())

    assert cost.area_mm2.tolist() == cost.leakage_mw.tolist() == cost.read_pj_per_byte.tolist() == [0.0]


@pytest.mark.parametrize(
    ("live", "capacity"), [(0, 0), (1, 8192), (8192, 8192), (8193, 16384), (2**21, 2**21)]
)
def test_sram_comes_in_powers_of_two(live, capacity):
    assert hardware.sram_bytes(np.array([float(live)])).tolist() == [capacity]


def test_more_capacity_never_costs_less():
    cost = hardware.sram_cost(2.0 ** np.arange(13, 40), LIBRARIES["generic-45nm"].scaling)

    assert (np.diff(cost.area_mm2) > 0).all()
    assert (np.diff(cost.read_pj_per_byte) >= 0).all()
