"""Teams that refine designs step by step against searches of whole designs, at equal unique simulations.

One memory controller, four workloads, one aim: the mean of the logarithms of read latency and energy per
bit, below the default design's. Teams of PPO agents learn in `dram/refine-v0`, in episodes of eight steps,
while what they simulate is counted; searchers ask for whole designs. A recorder around the simulator sees
every design that either simulates, so that nothing is counted differently. Table and findings:
docs/experiments.md.

    python examples/refine_against_search.py --runs runs.jsonl --workers 2   # what is there is not run again
    python examples/refine_against_search.py --seeds 1 --workloads 1         # a first look
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

import traces
from dse.comparison.statistics import improvement, interval, median
from dse.objective import Objective
from dse.search import Results, SearchProblem
from traces import Workload

WORKLOADS = {
    "bursty": "synthetic:bursty?n=1000&seed=1",
    "query": "synthetic:query?n=1000&seed=1&period_us=3",
    "random": "synthetic:uniform_random?n=1000&seed=1&interval_cycles=16",
    "sort": "sample:sort",
}
OBJECTIVES = ("read_latency_mean_ns", "energy_per_bit_pj")
BUDGETS = (100, 300, 1000)
MOVES: dict[str, dict[str, Any]] = {
    "team, setting": {"moves": "set"},
    "team, nudging": {"moves": "nudge"},
    "team, nudging from random designs": {"moves": "nudge", "start": "random"},
}
SEARCHERS = ("mappo", "ippo", "cem", "local", "nsga2", "random")
METHODS = (*MOVES, *SEARCHERS)
_REQUESTS = 1000
_STEPS, _MEMBERS, _BATCH = 8, 16, 32
_WORTH = Objective("worth", "min")
_LONGEST = 20
"""Steps of a team for each simulation that it may run; known designs cost nothing."""

Floats = NDArray[np.float64]
Row = dict[str, Any]


class Recorder:
    """A simulator that notes what each new design is worth: the mean of the logarithms of its costs, in units
    of the first design's, which is the default one."""

    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self._columns = [simulator.schema.names.index(name) for name in OBJECTIVES]
        self.costs: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulator, name)

    def run_batch(self, points: Any, workloads: Any, threads: int = 1) -> Any:
        """As the simulator, for one workload."""
        batch = self._simulator.run_batch(points, workloads, threads)
        self.costs += np.log(batch.values[:, 0, self._columns]).mean(axis=1).tolist()
        return batch

    @property
    def worth(self) -> Floats:
        """(n,) of the designs after the default one; less is better."""
        return np.array(self.costs[1:]) - self.costs[0]


class _Spent(Exception):
    """The budget is."""


def run(workload: str, method: str, seed: int, budget: int) -> Row:
    """One run: when it found something better, and what that was worth."""
    from dse.registry import make_simulator

    recorder = Recorder(make_simulator("dram"))
    (_refine if method in MOVES else _search)(recorder, workload, method, seed, budget)
    worth = recorder.worth[:budget]
    best = np.minimum.accumulate(worth)
    steps = np.flatnonzero(np.diff(best, prepend=np.inf))
    found = [[int(step) + 1, round(float(best[step]), 6)] for step in steps]
    row = {"workload": workload, "method": method, "seed": seed, "budget": budget}
    return {**row, "spent": len(worth), "median": float(np.median(worth)), "found": found}


def _workload(name: str) -> Workload:
    """1,000 requests; of a recorded program those in its middle."""
    trace = traces.load(WORKLOADS[name])
    return Workload((trace,), name=name, start=(len(trace) - _REQUESTS) // 2, length=_REQUESTS)


def _refine(recorder: Recorder, workload: str, method: str, seed: int, budget: int) -> None:
    """A team learns until it has simulated so many designs."""
    import dse
    from agents.learning.ppo import Ppo
    from dse.env.rollout import Rollout, train

    env = dse.make(
        "dram/refine-v0",
        workload=_workload(workload),
        objectives=list(OBJECTIVES),
        reward="linear",
        steps=_STEPS,
        n_envs=_MEMBERS,
        simulator=recorder,
        **MOVES[method],
    )

    def told(steps: int, rollout: Rollout) -> None:
        if len(recorder.worth) >= budget:
            raise _Spent

    learner = Ppo(env, np.random.SeedSequence([seed, 1]), critic="state")
    with suppress(_Spent):
        train(env, learner, _LONGEST * budget, seed=1000 * seed, horizon=_STEPS, told=told)


def _search(recorder: Recorder, workload: str, method: str, seed: int, budget: int) -> None:
    """A searcher asks for so many designs."""
    from dse.registry import resolve

    space, work = recorder.space, [_workload(workload)]
    recorder.run_batch([space.default()], work)
    problem = SearchProblem(space, (_WORTH,), len(space.constraints), np.ones(1), np.zeros(1))
    searcher = resolve("searcher", method)(problem, np.random.SeedSequence([seed, 2]))
    while (left := budget - len(recorder.worth)) > 0:
        proposal = searcher.ask(min(_BATCH, left))
        recorder.run_batch(proposal.indices, work)
        worth = recorder.worth[-len(proposal) :, None]
        violations = space.violations(proposal.indices)
        searcher.tell(proposal, Results(worth, violations, np.zeros(len(proposal), dtype=np.bool_)))


def run_all(jobs: Sequence[tuple[str, str, int]], budget: int, workers: int, log: Path | None) -> list[Row]:
    """What is in the log, and what is not run in so many processes and added to it."""
    known = _read(log, budget)
    left = [job for job in jobs if job not in known]
    if left:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(run, *job, budget): job for job in left}
            done = track(as_completed(running), "running", len(left), disable=not sys.stderr.isatty())
            for one in done:
                known[running[one]] = one.result()
                if log is not None:
                    with log.open("a") as file:
                        file.write(json.dumps(one.result()) + "\n")
    return [known[job] for job in jobs]


def _read(log: Path | None, budget: int) -> dict[tuple[str, str, int], Row]:
    lines = log.read_text().splitlines() if log is not None and log.exists() else []
    rows = [row for row in map(json.loads, lines) if row["budget"] == budget]
    return {(row["workload"], row["method"], row["seed"]): row for row in rows}


def summary(rows: Sequence[Row], budgets: Sequence[int]) -> list[Row]:
    """A row for each method: median regret over all runs after each budget, with its 95 % bootstrap interval
    over runs, and the probability that a run of it has less regret than one of `cem`.

    Regret: 0 for the best design of all runs on the workload, 1 for the median random one and worse.
    """
    regret = {(row["workload"], row["method"], row["seed"]): one for row, one in _regrets(rows, budgets)}
    found = []
    for method in dict.fromkeys(row["method"] for row in rows):
        for place, budget in enumerate(budgets):
            mine, cem = (_cells(regret, name, place) for name in (method, "cem"))
            random = np.random.default_rng(0)
            middle = interval(mine, median, random)
            chance = improvement(mine, cem, random) if method != "cem" and cem else None
            found.append(
                {
                    "method": method,
                    "budget": budget,
                    "runs": sum(map(len, mine)),
                    "median": middle.value,
                    "interval": [middle.low, middle.high],
                    "better_than_cem": None if chance is None else list(chance),
                }
            )
    return found


def _regrets(rows: Sequence[Row], budgets: Sequence[int]) -> list[tuple[Row, Floats]]:
    """Each run with its regret after each budget."""
    found = []
    for workload in dict.fromkeys(row["workload"] for row in rows):
        mine = [row for row in rows if row["workload"] == workload]
        best = min(row["found"][-1][1] for row in mine)
        typical = float(np.median([row["median"] for row in mine if row["method"] == "random"]))
        for row in mine:
            steps = np.array(row["found"])
            after = [steps[steps[:, 0] <= budget, 1].min() for budget in budgets]
            found.append((row, np.clip((np.array(after) - best) / (typical - best), 0.0, 1.0)))
    return found


def _cells(regret: Mapping[tuple[str, str, int], Floats], method: str, place: int) -> list[Floats]:
    """The runs of a method on each workload, at one budget."""
    names = dict.fromkeys(workload for workload, _, _ in regret)
    return [
        np.array([one[place] for (work, who, _), one in regret.items() if (work, who) == (name, method)])
        for name in names
    ]


def table(summed: Sequence[Row]) -> str:
    """Median regret in per cent, and the chance to be better than cem after the last budget."""
    budgets = list(dict.fromkeys(row["budget"] for row in summed))
    lines = [f"{'regret, %':36}" + "".join(f"{f'after {one}':>22}" for one in budgets) + "   better than cem"]
    for method in dict.fromkeys(row["method"] for row in summed):
        mine = [row for row in summed if row["method"] == method]
        cells = [f"{100 * row['median']:.1f} ({_range(row['interval'], 100)})".rjust(22) for row in mine]
        chance = mine[-1]["better_than_cem"]
        said = "" if chance is None else f"   {chance[0]:.2f} ({_range(chance[1:], 1, 2)})"
        lines.append(f"{method:36}{''.join(cells)}{said}")
    return "\n".join(lines)


def _range(ends: Sequence[float], scale: float, digits: int = 1) -> str:
    return " to ".join(f"{scale * end:.{digits}f}" for end in ends)


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Read the options, run what is not in the log, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="runs of a method on a workload (default: 10)")
    parser.add_argument("--workloads", type=int, help="only so many of them")
    parser.add_argument("--budget", type=int, default=max(BUDGETS), help="unique simulations of each run")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--runs", type=Path, help="a file of finished runs, one JSON object a line")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    jobs = [
        (workload, method, seed)
        for seed in range(1, asked.seeds + 1)
        for workload in list(WORKLOADS)[: asked.workloads]
        for method in METHODS
    ]
    rows = run_all(jobs, asked.budget, asked.workers, asked.runs)
    budgets = [one for one in BUDGETS if one < asked.budget]
    summed = summary(rows, [*budgets, asked.budget])
    say(json.dumps(summed, indent=2) if asked.json else table(summed))


if __name__ == "__main__":
    main()
