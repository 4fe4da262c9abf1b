"""Closed forms of the phases: chains, shares, bandwidths, frames. Times are of fast blocks unless said."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.soc.graphs.simulator import GraphSimulator
from traces.trace import Trace
from traces.workload import Workload

FAST = {f"{block}_{what}": value for block in ("memory0", "memory1", "bus0", "bus1") for what, value in (
    ("width", 10), ("clock", 1_000_000))}  # fmt: skip


def _frames(*arrivals_us):
    n = len(arrivals_us)
    return Trace(arrival_cycle=arrivals_us, address=[0] * n, is_write=[False] * n, clock_mhz=1)


def _simulator(*graphs):
    return GraphSimulator([graph.to_dict() for graph in graphs], cores=2, memories=2, buses=2)


def _run(simulator, design, *arrivals_us):
    return simulator.run(simulator.space.point(**FAST | design), _frames(*(arrivals_us or (0,))))


def test_a_chain_takes_the_sum_of_its_tasks(chain):
    metrics = _run(_simulator(chain), {})

    assert metrics.latency_ms == pytest.approx(3.0)
    assert metrics.bottleneck_cores == pytest.approx(1.0)


def test_an_accelerator_takes_its_cycles_over_unrolling_and_clock(chain):
    metrics = _run(_simulator(chain), {"pe_a": "x8"})

    assert metrics.latency_ms == pytest.approx(2.0 + 0.1 / 8)


def test_tasks_on_one_core_share_it(fork):
    metrics = _run(_simulator(fork), {})

    assert metrics.latency_ms == pytest.approx(2.0)


def test_tasks_on_two_cores_run_side_by_side(fork):
    metrics = _run(_simulator(fork), {"pe_b": "core1"})

    assert metrics.latency_ms == pytest.approx(1.0)
    assert metrics.utilisation_cores == pytest.approx(1.0)


def test_a_slow_memory_takes_its_bytes_over_its_bandwidth(chain):
    """The start writes 4,000 B at 1 MB/s; a reads them while it writes its own: each way has a channel."""
    slow = {"memory0_width": 1, "memory0_clock": 1}

    metrics = _run(_simulator(chain), slow)

    assert metrics.latency_ms == pytest.approx(4.0 + 4.0 + 2.0 + 1.0)
    assert metrics.bottleneck_memory0 == pytest.approx(10 / 11)


def test_a_task_goes_as_fast_as_its_slowest_channel(chain):
    slow = {"bus0_width": 10, "bus0_clock": 1}

    metrics = _run(_simulator(chain), slow)

    assert metrics.latency_ms == pytest.approx(0.4 + 1.0 + 1.0 + 1.0)


def test_bytes_to_a_memory_on_another_bus_cross_both(chain):
    away = {"memory0_bus": "bus1", "bus0_width": 1, "bus0_clock": 1}

    metrics = _run(_simulator(chain), away)

    assert metrics.latency_ms == pytest.approx(4.0 + 4.0 + 2.0 + 1.0)
    assert metrics.bottleneck_bus0 > 0.9


def test_an_accelerator_sits_on_the_bus_of_its_memory(chain):
    near = {"memory0_bus": "bus1", "bus0_width": 1, "bus0_clock": 1}
    accelerated = {f"pe_{task}": "x1" for task in "abc"} | near

    metrics = _run(_simulator(chain), accelerated)

    # c writes nothing and sits where it reads; only the source, on a core, crosses the slow bus.
    assert metrics.latency_ms == pytest.approx(4.0 + 3 * 0.1)


def test_an_output_lies_in_its_memory_until_it_is_read(chain):
    metrics = _run(_simulator(chain), {"memory_a": "memory1"})

    assert metrics.memory0_kib == pytest.approx(4000 / 1024)
    assert metrics.memory1_kib == pytest.approx(2000 / 1024)


def test_outputs_that_are_alive_at_once_add_up(chain):
    metrics = _run(_simulator(chain), {})

    assert metrics.memory0_kib == pytest.approx(6000 / 1024)


def test_frames_far_apart_do_not_meet(chain):
    metrics = _run(_simulator(chain), {}, 0, 10_000)

    assert metrics.latency_ms == pytest.approx(3.0)
    assert metrics.elapsed_ms == pytest.approx(13.0)
    assert metrics.frames == 2


def test_frames_at_once_share_the_core(chain):
    metrics = _run(_simulator(chain), {}, 0, 0)

    assert metrics.latency_ms == pytest.approx(6.0)


def test_a_frame_that_comes_during_another_slows_it_from_then_on(chain):
    metrics = _run(_simulator(chain), {}, 0, 1500)

    assert metrics.elapsed_ms == pytest.approx(6.0)
    assert metrics.latency_mean_ms == pytest.approx((4.5 + 4.5) / 2)


def test_warm_up_frames_are_left_out_of_latencies(chain):
    simulator = _simulator(chain)
    late = Workload((_frames(0, 0, 10_000),), warmup=2)

    metrics = simulator.run(simulator.space.point(**FAST), late)

    assert metrics.latency_ms == pytest.approx(3.0)


def test_several_graphs_run_together_each_with_its_latency(chain, fork):
    simulator = _simulator(chain, fork)

    metrics = _run(simulator, {"pe_fork_a": "core1", "pe_fork_b": "core1"})

    assert metrics.latency_chain_ms == pytest.approx(3.0)
    assert metrics.latency_fork_ms == pytest.approx(2.0)
    assert metrics.latency_ms == metrics.latency_chain_ms


def test_shares_of_the_bottlenecks_add_up(chain):
    simulator = _simulator(chain)
    rows = simulator.space.sample(200, np.random.default_rng(1))

    batch = simulator.run_batch(rows, [_frames(0, 500)])

    columns = [k for k, name in enumerate(simulator.schema.names) if name.startswith("bottleneck_")]
    assert np.allclose(batch.values[:, 0, columns].sum(axis=1), 1.0, rtol=1e-12)
