"""From Python: simulate one design and many, then let searchers tune a controller on a trace of your own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import dse
import traces


def own_trace(n: int = 20_000) -> traces.Trace:
    """A table walk beside a log: reads of random rows, and every eighth request writes the next line."""
    rng = np.random.default_rng(1)
    is_write = np.arange(n) % 8 == 0
    address = np.where(is_write, np.arange(n) * 64, (1 << 28) + rng.integers(0, 1 << 14, n) * 8192)
    return traces.Trace(
        arrival_cycle=np.arange(n) * 7,
        address=address,
        is_write=is_write,
        clock_ns=0.833,
        name="table and log",
    )


def main() -> None:
    """Each step prints what it found."""
    trace = own_trace()
    system = dse.make_simulator("dram", device="ddr4-2400-8gb-x8")

    one = system.run(system.space.default(), trace)
    print(f"default design: p95 {one.read_latency_p95_ns:.0f} ns, {one.energy_per_bit_pj:.1f} pJ/bit")

    policies = ("Open", "OpenAdaptive", "Closed", "ClosedAdaptive")
    many = system.run_batch(
        [system.space.point(page_policy=policy) for policy in policies], [trace], threads=2
    )
    for policy, row in zip(policies, many, strict=True):
        print(f"{policy:>15}: p95 {row[0].read_latency_p95_ns:.0f} ns, {row[0].energy_per_bit_pj:.1f} pJ/bit")

    with tempfile.TemporaryDirectory() as folder:
        traces.write(trace, Path(folder) / "own.npz")
        result = dse.Campaign(
            {
                "name": "own trace",
                "workloads": [{"trace": "own.npz"}],
                "objectives": [
                    {"metric": "read_latency_p95_ns"},
                    {"metric": "energy_per_bit_pj"},
                    {"metric": "served_load", "at_least": 0.98},
                ],
                "agents": [{"name": "random"}, {"name": "ippo"}],
                "budget": {"unique": 96},
            },
            base=folder,
        ).run()
    for agent in result.agents:
        print(f"{agent.agent:>15}: {agent.unique} designs, front of {len(result.front_of(agent.agent))}")
    print(
        result.front.to_frame()[["trial", "read_latency_p95_ns", "energy_per_bit_pj"]].to_string(index=False)
    )


if __name__ == "__main__":
    main()
