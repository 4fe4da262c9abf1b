"""Experiment R: teams of learners against PPO and SAC on DRAMGym as it was published (arXiv 2211.16385).

Four traces of 10,000 reads, one a cycle at 800 MHz, 442,368 designs, rewards T / |T - x| with targets of 1 W
and 0.1 ms, one design an episode. All 166,464 distinct designs are simulated once a trace (about four minutes
each) and kept in tables, so that runs simulate nothing and regret is exact. The learners see noise, as the
published team did. Tables and findings: docs/experiments.md.

    python examples/as_published.py --tables tables --runs runs.jsonl --plot as-published.html
    python examples/as_published.py --tables tables --traces stream --seeds 2 --budget 500 --json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from rich.progress import Progress, track

import dse
import traces
from dashboards.figures.style import FONT, LIGHT
from dse.cli.picture import check_picture, write_picture
from dse.comparison.statistics import Interval, improvement, interval, median
from dse.env.rewards import TARGET_CAP
from dse.env.rollout import train
from dse.env.side_by_side import SideBySide
from dse.objective import Objective
from dse.registry import make_simulator, resolve
from dse.search import Results, SearchProblem
from dse.tabulated import Tabulated, tabulate
from traces.workload import Workload

_READS = "n=10000&interval_cycles=1&clock_mhz=800"
TRACES = {
    "stream": f"synthetic:stream?{_READS}&footprint_bytes=1073741824",
    "random": f"synthetic:uniform_random?{_READS}&write_share=0",
    "cloud-1": f"synthetic:alternating?{_READS}&block_seed=1",
    "cloud-2": f"synthetic:alternating?{_READS}&block_seed=2",
}
DEVICE = "ddr3-1600-1gb-x8-dimm"
TARGETS = {"average_power_mw": 1000.0, "elapsed_ns": 100_000.0}
OBJECTIVES = {
    "low power": ("average_power_mw",),
    "low latency": ("elapsed_ns",),
    "joint": ("average_power_mw", "elapsed_ns"),
}
LEARNING_RATES = (1e-5, 1e-4, 1e-3, 1e-2)
"""Every learner is tried with each. The first one is that of the public code; the last is beyond what was
published, because the one before it was the best for all that can learn at all."""
TUNED_ON = ("stream",)
_TUNING_SEED, _TUNING_RUNS = 1001, 2
_TOGETHER = 50
_LAST = 0.1
_POINTS = 20


@dataclass(frozen=True)
class Learning:
    """A learner, how it meets the environment, and its options beside those that all have."""

    learner: str
    granularity: str = "all"
    binning: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


_NETWORKS = {"hidden": 32, "layers": 3}
_PPO = {**_NETWORKS, "clip": 0.2, "epochs": 8, "minibatches": 1}
_SAC = {**_NETWORKS, "temperature": 0.1, "updates": 8}
LEARNERS = {
    "team": Learning("ppo:Ppo", "parameter", None, {**_PPO, "entropy": 0.1}),
    "ppo-published": Learning("gaussian_ppo:GaussianPpo", "all", "published", {**_PPO, "entropy": 0.1}),
    "sac-published": Learning("gaussian_sac:GaussianSac", "all", "published", _SAC),
    "ppo-even": Learning("gaussian_ppo:GaussianPpo", "all", "even", {**_PPO, "entropy": 0.1}),
    "sac-even": Learning("gaussian_sac:GaussianSac", "all", "even", _SAC),
    # its bonus is that of the mean parameter: ten times as much is what the ten agents of a team have
    "ppo-factored": Learning("ppo:Ppo", "all", None, {**_PPO, "entropy": 1.0}),
}
SEARCHERS = ("random", "cem", "local", "nsga2")


@dataclass(frozen=True)
class Job:
    """Some runs of one method on one cell, side by side. learning_rate: 0 for a searcher. seed: of the first
    run; learners draw all from it, searchers count from it on."""

    trace: str
    objective: str
    algorithm: str
    learning_rate: float
    seed: int
    n_runs: int
    budget: int


def workload_of(trace: str) -> Workload:
    """One of `TRACES`."""
    return Workload((traces.load(TRACES[trace]),), name=trace)


def make_tables(names: Sequence[str], folder: Path) -> None:
    """Simulate all designs on the traces that have no table yet."""
    folder.mkdir(parents=True, exist_ok=True)
    with Progress(disable=not sys.stderr.isatty()) as bar:
        for name in [name for name in names if not (folder / f"{name}.npz").exists()]:
            task = bar.add_task(f"all designs on {name}", total=None)
            simulator = make_simulator("dram", space="dramgym-published", device=DEVICE)
            tabulate(
                simulator,
                [workload_of(name)],
                folder / f"{name}.npz",
                metrics=list(TARGETS),
                told=lambda done, of, task=task: bar.update(task, completed=done, total=of),  # type: ignore[misc]
            )


class Cell:
    """A trace and an objective, of which the reward of every design is known.

    rewards: (N,) of the designs of the table. distances: (N, metrics) from the targets, in their units.
    """

    def __init__(self, trace: str, objective: str, folder: Path) -> None:
        self.table, self.workload = _table(folder / f"{trace}.npz"), workload_of(trace)
        self.metrics = OBJECTIVES[objective]
        self.targets = {name: TARGETS[name] for name in self.metrics}
        columns = [self.table.schema.index(name) for name in self.metrics]
        aims = np.array([*self.targets.values()])
        self.values = self.table.values(self.workload)[:, columns]
        self.distances = np.abs(aims - self.values)
        with np.errstate(divide="ignore"):
            self.rewards = np.minimum((aims / self.distances).prod(axis=1), TARGET_CAP)
        space = self.table.space
        keys = space.keys(self.table.rows)
        self._place = np.full(space.raw_size, -1, dtype=np.int64)
        self._place[keys] = np.arange(len(keys))

    def places(self, rows: NDArray[np.int16]) -> NDArray[np.int64]:
        """(n,) numbers in the table of canonical designs (n, D)."""
        found: NDArray[np.int64] = self._place[self.table.space.keys(rows)]
        return found


@cache
def _table(path: Path) -> Tabulated:
    return Tabulated(path)


def run(job: Job, folder: Path) -> dict[str, Any]:
    """Some runs, as a row of the runs file."""
    started = time.perf_counter()
    cell = Cell(job.trace, job.objective, folder)
    if job.algorithm in LEARNERS:
        runs = _learnt(job, cell)
    else:
        runs = [_searched(job, cell, job.seed + number) for number in range(job.n_runs)]
    found = [_judged(cell, places) for places in runs]
    return {**asdict(job), "runs": found, "seconds": time.perf_counter() - started}


def _judged(cell: Cell, places: NDArray[np.int64]) -> dict[str, Any]:
    """What a run came to. places: of its designs in the table, in the order in which they were simulated."""
    rewards = cell.rewards[places]
    best = int(places[rewards.argmax()])
    last = max(1, round(_LAST * len(rewards)))
    return {
        "final": float(rewards[-last:].mean()),
        "best": float(cell.rewards[best]),
        "regret": float(cell.rewards.max() - cell.rewards[best]),
        "values": dict(zip(cell.metrics, cell.values[best].tolist(), strict=True)),
        "distinct": len(np.unique(places)),
        "curve": [float(window.mean()) for window in np.array_split(rewards, _POINTS)],
    }


def farther(cell: Cell, values: Mapping[str, float]) -> dict[str, float]:
    """By how much a design with these values is farther from each target than the best of all designs: in the
    metric's unit."""
    nearest = cell.distances[cell.distances.prod(axis=1).argmin()]
    return {
        metric: abs(cell.targets[metric] - values[metric]) - float(least)
        for metric, least in zip(cell.metrics, nearest, strict=True)
    }


def _learnt(job: Job, cell: Cell) -> list[NDArray[np.int64]]:
    """Of each run the designs in the order in which the learner simulated them."""
    how = LEARNERS[job.algorithm]
    module, _, name = how.learner.partition(":")
    learner_of = getattr(import_module(f"agents.learning.{module}"), name)
    env = dse.make(
        "dram/design-v0",
        workload=cell.workload,
        objectives=cell.metrics,
        simulator=cell.table,
        reward="product",
        targets=cell.targets,
        granularity=how.granularity,
        binning=how.binning,
        n_envs=_TOGETHER * job.n_runs,
    )
    runs: Any = SideBySide(env, job.n_runs, noise=3, seed=job.seed)
    entropy = np.random.SeedSequence([job.seed, len(job.algorithm)])
    learner = learner_of(runs, entropy, learning_rate=job.learning_rate, **how.options)
    told: list[NDArray[np.float32]] = []
    first = [f"{number}/{env.possible_agents[0]}" for number in range(job.n_runs)]
    designs: list[NDArray[np.int64]] = []

    def note(_: int, rollout: Any) -> None:
        told.append(np.stack([rollout.rewards[agent][0, :, 0] for agent in first]))
        designs.append(cell.places(runs.infos["final_info"]["design"]).reshape(job.n_runs, _TOGETHER))

    train(runs, learner, job.budget, seed=job.seed, horizon=1, told=note)
    whole = np.concatenate(designs, axis=1)
    np.testing.assert_allclose(np.concatenate(told, axis=1), cell.rewards[whole], rtol=1e-5)
    return list(whole)


def _searched(job: Job, cell: Cell, seed: int) -> NDArray[np.int64]:
    """The same of a searcher, which minimises the reward times -1 and proposes no design twice."""
    costs = -cell.rewards
    sampled = np.random.default_rng(seed).choice(costs, 50)
    ends = np.array([sampled.max()]), np.array([sampled.min()])
    problem = SearchProblem(cell.table.space, (Objective("cost", "min"),), 0, *ends)
    searcher = resolve("searcher", job.algorithm)(problem, np.random.SeedSequence(seed))
    found: list[NDArray[np.int64]] = []
    left = job.budget
    while left:
        proposal = searcher.ask(min(_TOGETHER, left))
        if not len(proposal):
            break
        places = cell.places(proposal.indices)
        n = len(places)
        results = Results(costs[places][:, None], np.zeros((n, 0)), np.zeros(n, dtype=np.bool_))
        searcher.tell(proposal, results)
        found.append(places)
        left -= n
    return np.concatenate(found)


def run_all(jobs: Sequence[Job], folder: Path, workers: int, log: Path | None) -> dict[Job, dict[str, Any]]:
    """What is in the log, and what is not: run in so many processes, and added to it."""
    known = _read(log)
    left = [job for job in jobs if job not in known]
    if left:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(run, job, folder): job for job in left}
            for done in track(as_completed(running), "runs", len(left), disable=not sys.stderr.isatty()):
                known[running[done]] = done.result()
                if log is not None:
                    with log.open("a") as file:
                        file.write(json.dumps(done.result()) + "\n")
    return {job: known[job] for job in jobs}


def _read(log: Path | None) -> dict[Job, dict[str, Any]]:
    if log is None or not log.exists():
        return {}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {Job(**{name: line[name] for name in Job.__dataclass_fields__}): line for line in lines}


def tuned(
    runs: Mapping[Job, Mapping[str, Any]], highest: Mapping[tuple[str, str], float]
) -> dict[str, float]:
    """Learner to the learning rate with the highest final reward, as a mean share of the cell's best."""
    shares: dict[tuple[str, float], list[float]] = {}
    for job, found in runs.items():
        finals = [one["final"] / highest[job.trace, job.objective] for one in found["runs"]]
        shares.setdefault((job.algorithm, job.learning_rate), []).extend(finals)
    means = {key: float(np.mean(values)) for key, values in shares.items()}
    return {
        name: max(LEARNING_RATES, key=lambda rate: means[name, rate])
        for name in dict.fromkeys(job.algorithm for job in runs)
    }


def highest_rewards(cells: Sequence[tuple[str, str]], folder: Path) -> dict[tuple[str, str], float]:
    """The best reward of each cell."""
    return {
        (trace, objective): float(Cell(trace, objective, folder).rewards.max()) for trace, objective in cells
    }


def summary(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each cell and method: medians over seeds with 95 % bootstrap intervals."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for one in runs:
        groups.setdefault((one["trace"], one["objective"], one["method"]), []).append(one)
    rows = []
    for (trace, objective, method), group in groups.items():
        row: dict[str, Any] = {"trace": trace, "objective": objective, "method": method, "seeds": len(group)}
        for what in ("final", "regret", "distinct"):
            row[what] = _interval([one[what] for one in group])._asdict()
        if len(group[0]["farther"]) == 1:
            ((metric, _),) = group[0]["farther"].items()
            row[f"farther_{metric}"] = _interval([one["farther"][metric] for one in group])._asdict()
        rows.append(row)
    return rows


def _interval(values: Sequence[float]) -> Interval:
    return interval([np.array(values)], median, np.random.default_rng(0))


def duels(runs: Sequence[Mapping[str, Any]], ours: str, what: str = "final") -> list[dict[str, Any]]:
    """Method against `ours`: in how many cells ours is better, worse, or neither for sure (the interval of
    the probability of improvement has 0.5 in it), and the probability over all cells."""
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    sign = -1.0 if what == "final" else 1.0
    for one in runs:
        of_cell = found.setdefault((one["trace"], one["objective"]), {})
        of_cell.setdefault(one["method"], []).append(sign * one[what])
    rows = []
    for other in dict.fromkeys(one["method"] for one in runs if one["method"] != ours):
        pairs = [(np.array(cell[ours]), np.array(cell[other])) for cell in found.values()]
        each = [improvement([mine], [its], np.random.default_rng(0)) for mine, its in pairs]
        whole = improvement([mine for mine, _ in pairs], [its for _, its in pairs], np.random.default_rng(0))
        rows.append(
            {
                "ours": ours,
                "other": other,
                "what": what,
                "cells": len(pairs),
                "better": sum(one.low > 0.5 for one in each),
                "worse": sum(one.high < 0.5 for one in each),
                "probability": whole._asdict(),
            }
        )
    return rows


def table(rows: Sequence[Mapping[str, Any]], what: str) -> str:
    """Medians with intervals as Markdown: a line a cell, a column a method."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    cells = dict.fromkeys((row["trace"], row["objective"]) for row in rows)
    known = {(row["trace"], row["objective"], row["method"]): row for row in rows}
    lines = ["| cell | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for cell in cells:
        texts = [_text(known[(*cell, method)][what]) for method in methods]
        lines.append(f"| {', '.join(cell)} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def _text(one: Mapping[str, float]) -> str:
    numbers = [
        f"{one[name]:.3g}" if one[name] < 1000 else f"{one[name]:.0f}" for name in ("value", "low", "high")
    ]
    return numbers[0] if len(set(numbers)) == 1 else f"{numbers[0]} ({numbers[1]} to {numbers[2]})"


def picture(runs: Sequence[Mapping[str, Any]], highest: Mapping[tuple[str, str], float]) -> go.Figure:
    """Mean reward over samples as a share of the best one, a panel a cell, a line a method (medians)."""
    names = list(dict.fromkeys(one["trace"] for one in runs))
    objectives = list(dict.fromkeys(one["objective"] for one in runs))
    methods = list(dict.fromkeys(one["method"] for one in runs))
    titles = [f"{trace}, {objective}" for objective in objectives for trace in names]
    figure = make_subplots(len(objectives), len(names), subplot_titles=titles, shared_xaxes=True)
    for (row, objective), (column, trace) in product(enumerate(objectives, 1), enumerate(names, 1)):
        for number, method in enumerate(methods):
            mine = [
                one["curve"]
                for one in runs
                if (one["trace"], one["objective"], one["method"]) == (trace, objective, method)
            ]
            if not mine:
                continue
            y = np.median(mine, axis=0) / highest[trace, objective]
            budget = next(one["budget"] for one in runs)
            x = (np.arange(_POINTS) + 0.5) * budget / _POINTS
            look = {
                "color": LIGHT.agents[number % len(LIGHT.agents)],
                "dash": "dot" if method in SEARCHERS else "solid",
            }
            shown = (row, column) == (1, 1)
            line = go.Scatter(
                x=x, y=y, mode="lines", line=look, name=method, legendgroup=method, showlegend=shown
            )
            figure.add_trace(line, row, column)
    figure.update_xaxes(title_text="designs", row=len(objectives))
    figure.update_yaxes(title_text="share of the best reward", col=1, rangemode="tozero")
    figure.update_yaxes(gridcolor=LIGHT.grid)
    font, paper = {"family": FONT, "color": LIGHT.ink}, {"plot_bgcolor": LIGHT.paper}
    return figure.update_layout(font=font, height=720, width=_WIDTH, margin={"t": 40}, **paper)


_WIDTH = 1100


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, make tables, run what is not in the log, print."""
    methods = (*LEARNERS, *SEARCHERS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables of all designs")
    parser.add_argument("--traces", default=",".join(TRACES), help="with commas between (default: all)")
    parser.add_argument("--objectives", default=",".join(OBJECTIVES), help="the same of objectives")
    parser.add_argument("--algorithms", default=",".join(methods), help="the same of algorithms")
    parser.add_argument("--seeds", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--slow-seeds", type=int, default=3, help="of them at the public rate (default: 3)")
    parser.add_argument("--budget", type=int, default=10_000, help="designs a run (default: 10,000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--runs", type=Path, help="a file of finished runs, one JSON object a line")
    parser.add_argument("--plot", type=Path, help="draw learning curves (.html, .png, .svg, .pdf)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    names = _chosen(parser, "--traces", asked.traces, TRACES)
    objectives = _chosen(parser, "--objectives", asked.objectives, OBJECTIVES)
    algorithms = _chosen(parser, "--algorithms", asked.algorithms, methods)
    check_picture(asked.plot)
    cells = list(product(names, objectives))
    make_tables(list(dict.fromkeys([*names, *TUNED_ON])), asked.tables)
    rates, runs = study(asked, cells, algorithms)
    if asked.plot is not None:
        write_picture(picture(runs, highest_rewards(cells, asked.tables)), asked.plot, width=_WIDTH)
    report(rates, runs, as_json=asked.json)


def study(
    asked: argparse.Namespace, cells: Sequence[tuple[str, str]], algorithms: Sequence[str]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The learning rates that were chosen, and the runs with the name of their method."""
    learners = [name for name in algorithms if name in LEARNERS]
    trials = [
        Job(trace, objective, name, rate, _TUNING_SEED, _TUNING_RUNS, asked.budget)
        for trace, objective, name, rate in product(TUNED_ON, OBJECTIVES, learners, LEARNING_RATES)
    ]
    highest = highest_rewards(list(product(TUNED_ON, OBJECTIVES)), asked.tables)
    rates = tuned(run_all(trials, asked.tables, asked.workers, asked.runs), highest)
    jobs = {
        Job(trace, objective, name, rates.get(name, 0.0), 1, asked.seeds, asked.budget): name
        for (trace, objective), name in product(cells, algorithms)
    }
    jobs |= {
        Job(trace, objective, name, LEARNING_RATES[0], 1, asked.slow_seeds, asked.budget): f"{name}, 1e-5"
        for (trace, objective), name in product(cells, learners)
        if asked.slow_seeds and rates[name] != LEARNING_RATES[0]
    }
    found = run_all(list(jobs), asked.tables, asked.workers, asked.runs)
    known = {cell: Cell(*cell, asked.tables) for cell in cells}
    named = []
    for job, method in jobs.items():
        cell, shared = known[job.trace, job.objective], {**asdict(job), "method": method}
        named += [shared | one | {"farther": farther(cell, one["values"])} for one in found[job]["runs"]]
    return rates, named


def report(rates: Mapping[str, float], runs: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print tables and duels."""
    rows = summary(runs)
    methods = dict.fromkeys(one["method"] for one in runs)
    fights = [one for what in ("final", "regret") if "team" in methods for one in duels(runs, "team", what)]
    if as_json:
        print(json.dumps({"learning_rates": rates, "cells": rows, "duels": fights}, indent=2))
        return
    print(f"learning rates, tuned on {' and '.join(TUNED_ON)}: {rates}")
    for what, title in (
        ("final", "mean reward of the last tenth"),
        ("regret", "reward that the best design lacks"),
        ("distinct", "distinct designs simulated"),
    ):
        print(f"\n{title}\n\n{table(rows, what)}")
    for metric in TARGETS:
        those = [row for row in rows if f"farther_{metric}" in row]
        if those:
            print(f"\n{metric}: farther from its target than the best\n\n{table(those, f'farther_{metric}')}")
    for fight in fights:
        probability = "{value:.2f} ({low:.2f} to {high:.2f})".format(**fight["probability"])
        print(
            f"{fight['what']}: {fight['ours']} beats {fight['other']} in {fight['better']} of "
            f"{fight['cells']} cells and loses in {fight['worse']}; probability {probability}"
        )


def _chosen(parser: Any, option: str, given: str, known: Any) -> list[str]:
    chosen = given.split(",")
    for name in chosen:
        if name not in known:
            parser.error(f"{option}: {name!r} is not one of {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    main()
