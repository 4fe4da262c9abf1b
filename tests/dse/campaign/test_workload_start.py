"""A workload that starts later than its traces do, on its way from a campaign file to workers and exports."""

from __future__ import annotations

import numpy as np

from dse.campaign import Campaign
from dse.cli.picked import as_one_trace
from dse.executors.package import pack, unpack
from dse.registry import make_simulator
from traces import Workload
from traces.synthetic import uniform_random

LATER = Workload((uniform_random(300, seed=1),), start=100, length=50, warmup=10)


def test_a_campaign_file_says_where_a_workload_starts():
    campaign = Campaign(
        {
            "name": "later",
            "workloads": [{"trace": "synthetic:uniform_random?n=300&seed=1", "start": 100, "length": 50}],
            "objectives": [{"metric": "energy_pj"}],
            "agents": [{"name": "random"}],
            "budget": {"unique": 1},
        }
    )

    assert campaign.setup.workloads[0].hash == Workload(LATER.traces, start=100, length=50).hash


def test_workers_get_the_same_requests():
    bench = unpack(pack(make_simulator("dram"), [LATER]))

    assert bench.workloads[0].hash == LATER.hash
    assert np.array_equal(bench.workloads[0].merged(833_333).address, LATER.merged(833_333).address)


def test_an_exported_trace_has_the_requests_from_there_on():
    trace = as_one_trace(LATER)

    assert len(trace) == 50
    assert trace.arrival_cycle[0] == 0
    assert trace.address.tolist() == LATER.traces[0].address[100:150].tolist()
