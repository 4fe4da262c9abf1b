"""Running memories side by side: what an epoch counts, re-tuning, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import dse
import traces
from dse.env.own_metrics import OWN_METRICS
from dse.errors import SpaceError
from dse.testing.live import check_live
from simulators.dram.simulator import DramSimulator
from traces.workload import Workload

EPOCH_NS = 900.0


def random_reads_and_writes(n: int = 1200) -> Workload:
    return Workload.of(traces.load(f"synthetic:bursty?n={n}&seed=3"))


@pytest.mark.parametrize("workload", ["bursty?n=1200&seed=3", "stream?n=1500&seed=1"])
def test_the_dram_simulator_holds_to_what_live_simulators_must(workload):
    simulator = dse.make_simulator("dram")

    check_live(simulator, [Workload.of(traces.load(f"synthetic:{workload}"))], epoch_ns=EPOCH_NS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"space": "dram-full"},
        {"space": "dram-system"},
        {"space": "dramgym-published"},
        {"channels": 2, "ranks": 2},
        {"device": "lpddr4-3200-8gb-x16"},
        {"device": "ddr5-4800-16gb-x8", "mitigation": "Prac", "row_hammer_threshold": 64},
        {"device": "ddr5-4800-16gb-x8", "mitigation": "Rfm", "row_hammer_threshold": 64},
        {"mitigation": "Para", "row_hammer_threshold": 2000, "temperature_c": 90.0},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_so_it_does_with_other_spaces_memories_and_mitigations(options):
    simulator = DramSimulator(**options)

    for seed in range(3):
        check_live(simulator, [random_reads_and_writes()], epoch_ns=EPOCH_NS, seed=seed)


def test_a_warm_up_is_left_out_of_the_latencies_of_epochs_too():
    workload = Workload((traces.load("synthetic:bursty?n=1200&seed=3"),), warmup=300)

    check_live(dse.make_simulator("dram"), [workload], epoch_ns=EPOCH_NS)


def test_what_subsystems_see_of_themselves_is_counted_in_epochs():
    names = {part.strip() for own in OWN_METRICS["dram"].values() for name in own for part in name.split("/")}

    assert names <= set(DramSimulator().live_schema.names)


def test_epochs_last_whole_cycles_and_do_not_drift():
    simulator = dse.make_simulator("dram")
    fleet = simulator.fleet(1)
    fleet.begin(0, simulator.space.encode(simulator.space.default()), random_reads_and_writes())
    tck_ns, column = simulator.device.tck_ns, simulator.live_schema.index("elapsed_cycles")

    cycles = [fleet.advance(10.5 * tck_ns)[1][0, column] for _ in range(40)]

    assert cycles == [10.0, 11.0] * 20


def test_lost_cycles_of_an_epoch_are_all_of_its_cycles():
    simulator = dse.make_simulator("dram")
    fleet = simulator.fleet(1)
    fleet.begin(0, simulator.space.encode(simulator.space.default()), random_reads_and_writes())
    stalls = [k for k, name in enumerate(simulator.live_schema.names) if name.startswith("stall_")]
    shares = [k for k in stalls if simulator.live_schema[k].combine == "ratio"]

    values = np.stack([fleet.advance(333.0)[1][0] for _ in range(20)])

    assert np.allclose(values[:, shares].sum(axis=1), 1.0, rtol=1e-12)


def test_a_member_begun_anew_starts_from_nothing():
    simulator, workload = dse.make_simulator("dram"), random_reads_and_writes()
    row = simulator.space.encode(simulator.space.default())
    fleet = simulator.fleet(2)
    fleet.begin(0, row, workload)
    fleet.begin(1, row, workload)
    fleet.advance(1234.5)

    fleet.begin(0, row, workload)
    _, later = fleet.advance(500.0)

    fresh = simulator.fleet(1)
    fresh.begin(0, row, workload)
    assert np.array_equal(fresh.advance(500.0)[1][0], later[0], equal_nan=True)
    assert not np.array_equal(later[0], later[1], equal_nan=True)


def test_where_data_lies_cannot_be_re_tuned():
    simulator = dse.make_simulator("dram", space="dram-system")
    row = simulator.space.encode(simulator.space.default())
    fleet = simulator.fleet(1)
    fleet.begin(0, row, random_reads_and_writes())
    column = simulator.space.names.index("address_mapping")
    moved = row[None].copy()
    moved[0, column] = 1 - moved[0, column]

    with pytest.raises(SpaceError, match=r"address_mapping=.* of member 0 cannot be changed while it runs"):
        fleet.retune(moved)
