"""Does a policy that knows the workload find in 10 simulations what searchers without it need 300 for?

Policies learn to tune a memory controller on many synthetic workloads (`agents.learning.train_policy`): one
that sees what a workload is like, and a blind one that sees only the preference between latency and energy.
Then both start searches (`policy`) on workloads that they never saw, beside searchers that start from
nothing. Every seed is a policy of its own. Tables and findings: docs/zero-shot.md.

    python examples/zero_shot.py --policies policies --runs runs.jsonl   # what is there is not run again
    python examples/zero_shot.py --seeds 1 --steps 2048 --workloads 2    # a first look, in two minutes
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

OBJECTIVES = ("read_latency_mean_ns", "energy_per_bit_pj")
BUDGETS = (10, 30, 100, 300)
SEARCHERS = ("local", "cem", "nsga2", "random")
AGENTS = ("policy", "blind policy", *SEARCHERS)
FAMILIES = ("stream", "strided", "uniform_random", "zipf_rows", "bursty", "query")
OTHER_FAMILIES = ("triad", "pointer_chase", "phases")
PROGRAMS = ("sort", "join", "bfs", "matmul", "stencil", "compress")
GROUPS = {
    "other members": "the families learnt from, other parameters",
    "other families": "families that were not learnt from",
    "programs": "recorded programs",
}
N_TRAINING = 500
_REQUESTS = 1000
_BATCH = 10
_RESAMPLES = 2000

Floats = NDArray[np.float64]
Row = dict[str, Any]


def drawn(family: str, random: np.random.Generator) -> str:
    """A workload of a family of `traces.synthetic`, of 1,000 requests, with parameters drawn at random."""

    def between(low: int, high: int) -> int:
        return round(float(np.exp(random.uniform(np.log(low), np.log(high)))))

    options: dict[str, Any] = {"n": _REQUESTS, "seed": int(random.integers(2**30))}
    pace = {"bursty": (2, 16), "query": (15, 150), "pointer_chase": (30, 300)}.get(family, (3, 200))
    options["interval_cycles"] = between(*pace)
    if family in ("stream", "strided", "uniform_random", "zipf_rows", "bursty"):
        options["write_share"] = round(float(random.uniform(0.0, 0.6)), 2)
    if family in ("stream", "strided", "uniform_random", "bursty"):
        options["footprint_bytes"] = between(2**20 if family == "bursty" else 2**16, 2**30)
    if family == "strided":
        options["stride_bytes"] = 64 * between(2, 512)
    elif family == "zipf_rows":
        options |= {"exponent": round(float(random.uniform(0.5, 2.0)), 2), "rows": between(256, 65536)}
    elif family == "bursty":
        options |= {"burst_length": between(4, 128), "gap_cycles": between(100, 5000)}
    elif family == "query":
        options["period_us"] = between(1, 10)
    elif family == "triad":
        options["array_bytes"] = between(2**16, 2**26)
    elif family == "pointer_chase":
        options["footprint_bytes"] = between(2**20, 2**24)
    elif family == "phases":
        options |= {"phase_length": between(50, 400), "kinds": "stream,uniform_random,zipf_rows,bursty"}
    return f"synthetic:{family}?" + "&".join(f"{name}={value}" for name, value in options.items())


def training_workloads(n: int = N_TRAINING) -> list[str]:
    """What policies learn from."""
    random = np.random.default_rng(1)
    return [drawn(FAMILIES[place % len(FAMILIES)], random) for place in range(n)]


def unseen_workloads() -> dict[str, tuple[str, dict[str, Any]]]:
    """Name to (group, table of a campaign file) of what is searched on, a group each in turn."""
    random = np.random.default_rng(2)
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for place, (member, other, program) in enumerate(
        zip(FAMILIES, OTHER_FAMILIES * 2, PROGRAMS, strict=True)
    ):
        found[member] = "other members", {"trace": drawn(member, random)}
        name = f"{other} {1 + place // len(OTHER_FAMILIES)}"
        found[name] = "other families", {"trace": drawn(other, random)}
        cut = {"trace": f"sample:{program}", "start": 2000, "length": _REQUESTS}
        found[program] = "programs", cut
    return found


def learn(seed: int, blind: bool, steps: int, folder: Path) -> Path:
    """The file of a policy of this seed; what is there is not learnt again."""
    from agents.learning.train_policy import train_policy

    path = folder / f"{'blind' if blind else 'policy'}-{steps}-{seed}.npz"
    if not path.exists():
        workloads = training_workloads()
        policy = train_policy(
            "dram", workloads, steps=steps, seed=seed, blind=blind, objectives=list(OBJECTIVES)
        )
        policy.write(path)
    return path


def agents_of(seed: int, steps: int, folder: Path) -> list[dict[str, Any]]:
    """The tables `[[agents]]` of a campaign."""
    trained = [
        {"name": "policy", "label": label, "options": {"checkpoint": str(learn(seed, blind, steps, folder))}}
        for label, blind in (("policy", False), ("blind policy", True))
    ]
    return [*trained, *({"name": name} for name in SEARCHERS)]


def search(workload: str, seed: int, steps: int, agents: Sequence[Mapping[str, Any]]) -> list[Row]:
    """One campaign: a row for each agent, with the logarithms of what its feasible designs cost, in units of
    the default design's; of those after the first 10 only the ones that nothing before dominates.

    median: of the designs of `random`, likewise.
    """
    from dse.campaign import Campaign

    campaign = Campaign(
        {
            "name": "zero-shot",
            "seed": seed,
            "simulator": {"name": "dram"},
            "workloads": [unseen_workloads()[workload][1]],
            "objectives": [{"metric": metric} for metric in OBJECTIVES],
            "budget": {"unique": max(BUDGETS), "batch": _BATCH},
            "agents": list(agents),
        }
    )
    result = campaign.run(threads=1)
    costs = np.log(result.costs)
    costs -= costs[0]  # the first trial is the default design
    runs = {row.agent: row.number for row in campaign.setup.runs}
    of_random = costs[result.trials.run == runs["random"]]
    median = np.nanmedian(of_random, axis=0)
    rows = []
    for agent, number in runs.items():
        if number:
            paid = costs[result.trials.run == number]
            kept = _noticed(paid)
            found = [[place + 1, *np.round(paid[place], 5).tolist()] for place in kept]
            row = {"workload": workload, "seed": seed, "steps": steps, "agent": agent, "found": found}
            rows.append({**row, "median": np.round(median, 5).tolist()})
    return rows


def _noticed(costs: Floats) -> list[int]:
    """Places of the designs that no earlier one dominates or equals."""
    found: list[int] = []
    for place, one in enumerate(costs):
        if np.isfinite(one).all() and not any((costs[other] <= one).all() for other in found):
            found.append(place)
    return found


def run_all(
    seeds: int, steps: int, names: Sequence[str], workers: int, folder: Path, log: Path | None
) -> list[Row]:
    """What is in the log, and what is not run in so many processes and added to it."""
    known = _read(log, steps)
    jobs = [(name, seed) for seed in range(1, seeds + 1) for name in names]
    left = [job for job in jobs if job not in known]
    if left:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            due = dict.fromkeys(seed for _, seed in left)
            learning = {pool.submit(agents_of, seed, steps, folder): seed for seed in due}
            agents = {
                learning[done]: done.result() for done in _shown(as_completed(learning), "learning", due)
            }
            running = {pool.submit(search, *job, steps, agents[job[1]]): job for job in left}
            for done in _shown(as_completed(running), "searching", left):
                known[running[done]] = done.result()
                if log is not None:
                    with log.open("a") as file:
                        file.writelines(json.dumps(row) + "\n" for row in done.result())
    return [row for job in jobs for row in known[job]]


def _shown(steps: Iterable[Any], what: str, all_of_them: Any) -> Iterable[Any]:
    return track(steps, what, len(all_of_them), disable=not sys.stderr.isatty())


def _read(log: Path | None, steps: int) -> dict[tuple[str, int], list[Row]]:
    """Finished searches; one that was cut off in the middle is run again."""
    found: dict[tuple[str, int], list[Row]] = {}
    for line in log.read_text().splitlines() if log is not None and log.exists() else []:
        row = json.loads(line)
        if row["steps"] == steps:
            found.setdefault((row["workload"], row["seed"]), []).append(row)
    return {job: rows for job, rows in found.items() if len(rows) == len(AGENTS)}


def regrets(rows: Sequence[Row]) -> list[Row]:
    """Of each run, its regret after each budget, in two ways, both 0 for the best of all runs here and 1 for
    a typical random design or worse: "front", the share of the best hypervolume that is missing (logarithms
    of costs, up to the median random design), and "even", the distance of the best mean of both."""
    found = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        mine = [row for row in rows if row["workload"] == workload]
        median = np.median([row["median"] for row in mine], axis=0)
        everything = np.array([one[1:] for row in mine for one in row["found"]])
        for measure, worth in (("front", _volume), ("even", _even)):
            best = worth(everything, median)
            for row in mine:
                of_run = np.array(row["found"]).reshape(-1, 1 + len(OBJECTIVES))
                after = [worth(of_run[of_run[:, 0] <= budget, 1:], median) for budget in BUDGETS]
                regret = [1.0 - one / best for one in after]
                kept = {key: row[key] for key in ("workload", "agent", "seed")}
                found.append({**kept, "measure": measure, "regret": regret})
    return found


def _volume(costs: Floats, median: Floats) -> float:
    from dse.front import hypervolume

    return float(hypervolume(costs, median)) if len(costs) else 0.0


def _even(costs: Floats, median: Floats) -> float:
    return max(float(median.mean() - costs.mean(axis=1).min()), 0.0) if len(costs) else 0.0


def summary(rows: Sequence[Row]) -> list[Row]:
    """A row for each measure, group (and all) and agent: `regret` after each budget, the mean over workloads
    of medians over seeds, with 95 % bootstrap intervals over seeds."""
    found, groups = [], {name: group for name, (group, _) in unseen_workloads().items()}
    measured = regrets(rows)
    for measure in ("front", "even"):
        for group in ("all", *GROUPS):
            for agent in AGENTS:
                of_agent = [
                    row
                    for row in measured
                    if row["measure"] == measure
                    and row["agent"] == agent
                    and group in ("all", groups[row["workload"]])
                ]
                if of_agent:
                    table = _by_workload(of_agent)
                    middle, interval = _middle(table), _interval(table)
                    n = {"workloads": table.shape[0], "seeds": table.shape[1]}
                    where = {"measure": measure, "group": group, "agent": agent}
                    found.append({**where, **n, "regret": middle.tolist(), "interval": interval.tolist()})
    return found


def _by_workload(rows: Sequence[Row]) -> Floats:
    """(workloads, seeds, budgets)."""
    names = dict.fromkeys(row["workload"] for row in rows)
    return np.array([[row["regret"] for row in rows if row["workload"] == name] for name in names])


def _middle(table: Floats) -> Floats:
    """(..., budgets): the mean over workloads of medians over seeds, of (workloads, ..., seeds, budgets)."""
    middle: Floats = np.median(table, axis=-2).mean(axis=0)
    return middle


def _interval(table: Floats) -> Floats:
    """(2, budgets), of policies drawn anew: a seed is the same policy on all workloads."""
    random = np.random.default_rng(0)
    picks = random.integers(0, table.shape[1], (_RESAMPLES, table.shape[1]))
    interval: Floats = np.quantile(_middle(table[:, picks]), (0.025, 0.975), axis=0)
    return interval


def wins(rows: Sequence[Row]) -> list[Row]:
    """For each measure: on how many workloads the policy's median regret after 10 simulations is at most that
    of the best other searcher, and of the blind policy, after each budget."""
    found, measured = [], regrets(rows)
    for measure in ("front", "even"):
        table = {
            agent: np.median(
                _by_workload([r for r in measured if r["measure"] == measure and r["agent"] == agent]), axis=1
            )
            for agent in AGENTS
        }
        best = np.min([table[name] for name in SEARCHERS], axis=0)
        rivals = {"best searcher": best, "blind policy": table["blind policy"]}
        for name, rival in rivals.items():
            won = [int((table["policy"][:, 0] <= rival[:, place]).sum()) for place in range(len(BUDGETS))]
            found.append({"measure": measure, "against": name, "won": won, "of": len(best)})
    return found


def table(summed: Sequence[Row], won: Sequence[Row]) -> str:
    """Both as text, in per cent."""
    heads = "".join(f"{f'after {budget}':>20}" for budget in BUDGETS)
    lines = [f"{'regret, %':9}{'workloads':16}{'agent':14}{heads}"]
    for row in summed:
        cells = zip(row["regret"], *row["interval"], strict=True)
        text = "".join(
            f"{100 * at:9.1f} ({100 * low:.1f} to {100 * high:.1f})".rjust(20) for at, low, high in cells
        )
        lines.append(f"{row['measure']:9}{row['group']:16}{row['agent']:14}{text}")
    for row in won:
        each = ", ".join(f"{n} after {budget}" for n, budget in zip(row["won"], BUDGETS, strict=True))
        lines.append(
            f"{row['measure']}: of {row['of']} workloads the policy after 10 is at least level with the "
            f"{row['against']} on {each}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Read the options, run what is not in the log, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="how many policies of each kind (default: 10)")
    parser.add_argument("--steps", type=int, default=20_480, help="designs that a policy learns from")
    parser.add_argument("--workloads", type=int, help="only so many of the unseen ones")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--policies", type=Path, help="folder in which trained policies are kept")
    parser.add_argument("--runs", type=Path, help="a file of finished runs, one JSON object a line")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    names = list(unseen_workloads())[: asked.workloads]
    with tempfile.TemporaryDirectory(prefix="zero-shot-") as passing:
        folder = asked.policies or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        rows = run_all(asked.seeds, asked.steps, names, asked.workers, folder.absolute(), asked.runs)
    summed, won = summary(rows), wins(rows)
    say(json.dumps({"regret": summed, "wins": won}, indent=2) if asked.json else table(summed, won))


if __name__ == "__main__":
    main()
