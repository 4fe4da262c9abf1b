"""The engine's command logs under the audit: random designs on random traces, all devices, all mappings."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

import dse
from simulators.dram.audit import CommandLog, Limits, Served, audit
from simulators.dram.devices import device_ids
from simulators.dram.session import COMMANDS
from traces.trace import Trace
from traces.workload import Workload

DESIGNS_A_SEED = 25


def random_workload(rng):
    """Up to 1,500 requests of three sources: bursts or long gaps, few rows or many, reads and writes."""
    n = int(rng.integers(50, 1500))
    gaps = rng.integers(0, rng.choice([1, 4, 20, 200, 3000]), n) * (rng.random(n) < rng.choice([1.0, 0.1]))
    address = rng.integers(0, 1 << int(rng.choice([12, 16, 20, 26, 30])), n) // 64 * 64
    is_write = rng.random(n) < rng.choice([0.0, 0.3, 0.5, 1.0])
    trace = Trace(
        arrival_cycle=np.cumsum(gaps),
        address=address,
        is_write=is_write,
        clock_ns=float(rng.choice([0.833, 1.25, 2.0])),
        source=rng.integers(0, 3, n),
        name="random",
    )
    return Workload.of(trace)


def judged(system, point, workload):
    session = system.open(point, workload, log=True)
    session.finish()
    found = session.command_log()
    log = CommandLog.of(
        command=np.array(COMMANDS)[found["command"]],
        **{name: found[name] for name in ("cycle", "bank", "row", "column", "request")},
    )
    stream = system.stream(workload, system.mapping_of(point))
    place, merged = stream.decoded, stream.requests
    limits = Limits(
        asdict(system.device.timings),
        system.device.banks,
        system.device.banks_per_group,
        refresh=point.refresh_policy == "AllBank",
        postponed=point.refresh_max_postponed,
        pulledin=point.refresh_max_pulledin,
    )
    served = Served(place.bank, place.row, place.column, merged.is_write, merged.arrival_cycle)
    return audit(log, limits, served)


@pytest.mark.parametrize("device_id", device_ids())
@pytest.mark.parametrize("seed", range(2))
def test_no_design_ever_breaks_a_rule_of_the_standard(device_id, seed):
    rng = np.random.default_rng([seed, *device_id.encode()])
    system = dse.make_simulator("dram", device=device_id)

    for row in system.space.sample(DESIGNS_A_SEED, rng):
        point = system.space.from_indices(row)
        violations = judged(system, point, random_workload(rng))
        assert violations == [], (point.to_dict(), violations[:3])
