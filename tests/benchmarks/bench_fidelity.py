"""What simulating in part first is worth: the tables of docs/fidelity.md.

    python -m tests.benchmarks.bench_fidelity [agreement|campaigns] [SAMPLE ...]

agreement: Kendall's rank correlation between what a rung (or a surrogate) says of 200 random designs and what
they measure in full. campaigns: hypervolume after 100 full simulations, with and without `[fidelity]`, over
ten seeds, on the first 30,000 requests. Both are the same on every machine.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import traces
from dse.campaign import Campaign, CampaignResult
from dse.campaign.fidelity import Estimate, factors
from dse.campaign.screening import Screen
from dse.campaign.setup import Setup
from dse.front import hypervolume

DESIGNS = 200
EXAMPLES = 50
SEEDS = 10
SPEND = 100
REQUESTS = 30_000
SHARES = [0.05, 0.1, 0.25]
SHORT = ("sort", "matmul")
OBJECTIVES: list[dict[str, Any]] = [
    {"metric": "read_latency_p95_ns"},
    {"metric": "energy_per_bit_pj"},
    {"metric": "served_load", "at_least": 0.98},
]
WAYS: dict[str, dict[str, Any] | None] = {
    "in full only": None,
    "head": {"rungs": [0.05, 0.25], "sampling": "head"},
    "intervals": {"rungs": [0.05, 0.25]},
    "one rung": {"rungs": [0.1]},
    "surrogate": {"surrogate": "forest"},
    "intervals, surrogate": {"rungs": [0.05, 0.25], "surrogate": "forest"},
}

Values = NDArray[np.float64]


def main(arguments: list[str]) -> None:
    """Print what was asked for, or both."""
    asked, names = arguments[:1], arguments[1:]
    if not asked or asked == ["agreement"]:
        agreement(names or list(traces.samples()))
    if not asked or asked == ["campaigns"]:
        campaigns(names or list(SHORT))


def say(line: str) -> None:
    """A line on stdout, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def agreement(names: list[str]) -> None:
    """Rank correlation of each rung, and of a model of 50 other designs, with full simulations."""
    from scipy.stats import kendalltau

    metrics = [objective["metric"] for objective in OBJECTIVES[:2]]
    ways = [f"{share:.0%} {sampling}" for sampling in ("head", "intervals") for share in SHARES]
    say(f"{metrics[0]} / {metrics[1]}\n")
    say(f"| sample | {' | '.join(ways)} | forest of {EXAMPLES} others |\n|---|{'---|' * (len(ways) + 1)}")
    for name in names:
        cells = []
        for setup, estimate, full in _estimates(name):
            taus = []
            for metric in metrics:
                column = setup.simulator.schema.index(metric)
                good = np.isfinite(estimate[:, column]) & np.isfinite(full[:, column])
                taus.append(kendalltau(estimate[good, column], full[good, column]).statistic)
            cells.append(" / ".join(f"{tau:.2f}" for tau in taus))
        say(f"| {name} | {' | '.join(cells)} |")


def _estimates(name: str) -> Any:
    """(setup, estimates, full metrics) for the sample, rung by rung."""
    full: Values | None = None
    for sampling in ("head", "intervals"):
        fidelity = {"rungs": SHARES, "sampling": sampling, "keep": 0.5}
        setup = Campaign(_config(name, fidelity, length=None)).setup
        simulator, ladder = setup.simulator, setup.ladder
        assert ladder is not None
        drawn = setup.space.sample(DESIGNS + EXAMPLES, np.random.default_rng(1), feasible=True)
        rows = np.concatenate([setup.full_space.encode(setup.baseline)[None, :], drawn])
        if full is None:
            full = simulator.run_batch(rows, setup.workloads).values
        for rung in ladder.rungs:
            values = simulator.run_batch(rows, rung.workloads).values
            scale = factors(full[0], rung.per_workload(setup.aggregation, values[0]))
            estimate = Estimate(rung, setup.aggregation, scale).combined(values)
            yield setup, estimate[1 : DESIGNS + 1], full[1 : DESIGNS + 1, 0]
        if sampling == "intervals":
            told = _predicted(setup, rows, full[:, 0])
            yield setup, told, full[1 : DESIGNS + 1, 0]


def _predicted(setup: Setup, rows: Any, full: Values) -> Values:
    screen = Screen.of("forest", setup.scorer, 1, setup.runs[1])
    screen.add(rows[DESIGNS + 1 :], full[DESIGNS + 1 :])
    return screen.predict(rows[1 : DESIGNS + 1])


def campaigns(names: list[str]) -> None:
    """Hypervolume of each run by the full simulations that it had paid for."""
    say("| sample | agent | how | designs in full | hypervolume | quartiles | better than in full |")
    say("|---|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite"
        for name in names:
            plain: dict[str, Values] = {}
            for way, fidelity in WAYS.items():
                result = Campaign(_config(name, fidelity, length=REQUESTS)).run(store=store)
                for agent in ("random", "nsga2"):
                    volumes, simulated = _volumes(result, agent)
                    plain.setdefault(agent, volumes)
                    low, middle, high = np.quantile(volumes, [0.25, 0.5, 0.75])
                    wins = int((volumes > plain[agent]).sum())
                    say(
                        f"| {name} | {agent} | {way} | {simulated:.0f} | {middle:.3f} "
                        f"| {low:.3f} to {high:.3f} | {wins} of {SEEDS} |"
                    )


def _volumes(result: CampaignResult, agent: str) -> tuple[Values, float]:
    """Of each seed, relative to the box between the ideal and the reference point; designs run in full."""
    trials, reference, ideal = result.trials, result.reference, result.record.ideal
    assert ideal is not None
    runs = [run.number for run in result.record.runs if run.agent == agent]
    box = float(np.prod(reference - ideal))
    costs = result.costs
    volumes = [hypervolume(costs[(trials.run == run) & trials.feasible], reference) / box for run in runs]
    full = [int(((trials.run == run) & (trials.fidelity == 1) & (trials.charge > 0)).sum()) for run in runs]
    return np.array(volumes), float(np.mean(full))


def _config(name: str, fidelity: dict[str, Any] | None, length: int | None) -> dict[str, Any]:
    agents = [{"name": "random", "seeds": SEEDS}, {"name": "nsga2", "seeds": SEEDS}]
    workload: dict[str, Any] = {"trace": f"sample:{name}"}
    if length is not None:
        workload["length"] = length
    config: dict[str, Any] = {
        "name": f"{name} {fidelity}",
        "simulator": {"name": "dram"},
        "workloads": [workload],
        "objectives": OBJECTIVES,
        "agents": agents,
        "budget": {"unique": SPEND, "batch": 32},
    }
    return config if fidelity is None else {**config, "fidelity": fidelity}


if __name__ == "__main__":
    main(sys.argv[1:])
