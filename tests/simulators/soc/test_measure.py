"""From counts to metrics: what adds up, and what a reader is warned of."""

from __future__ import annotations

import numpy as np
import pytest

import traces
from dse.metrics import Metrics
from simulators.soc.activity import Mix
from simulators.soc.schema import soc_schema
from simulators.soc.simulator import SocSimulator
from traces.instruction_workload import InstructionWorkload
from traces.instructions import InstructionTrace


def measured(program: str = "synthetic:matmul?n=20000", options=None, **design) -> Metrics:
    simulator = SocSimulator(space="soc", **(options or {}))
    point = simulator.space.point(**(simulator.space.default().to_dict() | design))
    return simulator.run(point, traces.load_instructions(program))


def test_every_metric_is_a_number():
    found = measured("synthetic:gups?n=20000")

    assert np.isfinite(found.values_array).all()
    assert (found.values_array >= 0).all()


def test_leakage_that_runs_away_is_a_note_and_the_temperature_at_which_silicon_fails():
    found = measured(options={"package": "phone", "ambient_c": 100.0}, cores=8, llc_mib=16)

    assert found["peak_temperature_c"] == pytest.approx(150)
    assert any("thermal runaway" in note for note in found.notes)


def test_memories_beyond_the_table_are_named():
    found = measured(llc_ways=32, llc_mib=8, llc_banks=16)

    assert any("extrapolated: llc.cache" in note for note in found.notes)


def test_a_run_of_few_instructions_is_a_note():
    assert any("short run" in note for note in measured("synthetic:chase?n=500").notes)
    assert not measured("synthetic:chase?n=12000").notes


def test_without_a_last_level_nothing_misses_it():
    found = measured(llc_mib=0)

    assert found["llc_misses"] == found["llc_accesses"] == found["energy_llc_uj"] == 0
    assert found["memory_reads"] > 0


def test_what_memory_reads_are_the_lines_that_nothing_on_the_chip_had():
    found = measured("synthetic:stream?n=40000", llc_inclusion="inclusive")

    assert found["memory_reads"] == pytest.approx(found["llc_misses"], abs=16)  # some are on their way
    assert found["memory_read_bytes"] == 64 * found["memory_reads"]


def test_bandwidth_is_bytes_over_time():
    found = measured("synthetic:stream?n=40000")

    gbps = found["memory_read_bytes"] / (1000 * found["time_us"])
    assert found["memory_read_gbps"] == pytest.approx(gbps)


def test_prefetches_that_are_used_turn_misses_into_hits():
    without = measured("synthetic:stream?n=40000")
    having = measured("synthetic:stream?n=40000", l2_prefetcher="next_line", l2_prefetch_degree=4)

    assert without["prefetch_coverage"] == 0
    assert having["prefetch_coverage"] > 0.2
    assert having["prefetch_accuracy"] > 0.5
    assert having["time_us"] < without["time_us"]


def test_a_slow_clock_takes_longer_but_less_power():
    fast, slow = measured(core_point=12), measured(core_point=1)

    assert slow["time_us"] > fast["time_us"]
    assert slow["power_w"] < fast["power_w"]
    assert slow["area_mm2"] == fast["area_mm2"]


def test_averages_over_workloads_are_ratios_of_sums():
    simulator = SocSimulator()
    works = [InstructionWorkload((traces.load_instructions(f"synthetic:{kind}?n=5000"),))
             for kind in ("chase", "matmul")]  # fmt: skip

    (row,) = simulator.run_batch([simulator.space.default()], works)

    both = row.combined
    assert both["instructions"] == row[0]["instructions"] + row[1]["instructions"]
    assert both["ipc"] == pytest.approx(both["instructions"] / both["cycles"])
    assert both["power_w"] == pytest.approx(both["energy_uj"] / both["time_us"])
    assert both["peak_temperature_c"] == max(row[0]["peak_temperature_c"], row[1]["peak_temperature_c"])


def test_fetch_groups_end_at_taken_branches():
    zeros = np.zeros(10, np.uint8)
    taken = np.zeros(10, np.bool_)
    taken[[1, 5]] = True
    trace = InstructionTrace(
        ip=np.arange(10), branch=np.where(taken, 1, 0), taken=taken, operation=zeros,
        sources=np.zeros((10, 4), np.uint8), destinations=np.zeros((10, 2), np.uint8), n_loads=zeros,
        n_stores=zeros, address=np.zeros(0, np.uint64),
    )  # fmt: skip

    mix = Mix.of(trace)

    assert mix.groups(4) == pytest.approx(3 / 10)  # of 2, 4 and 4
    assert mix.groups(3) == pytest.approx(5 / 10)  # of 2, 3 + 1 and 3 + 1


def test_names_of_metrics_end_with_their_units():
    for spec in soc_schema():
        if spec.unit in ("ns", "us", "uJ", "W", "mm2"):
            assert spec.name.endswith(f"_{spec.unit.lower()}")
