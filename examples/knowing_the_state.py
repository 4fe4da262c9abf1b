"""Where does an agent that sees the state do better than one that does not? The same learner, blinkered.

Teams of PPO agents (`agents.learning.ppo`, one agent a subsystem) learn the same memory controller with more
or less to see: nothing; the clock; what the workload is like; the state; everything. What is not shown is
left out of their observations (`observe=` of `dse.make`), the rest is equal: networks, budget, seeds. After
the last lesson the teams act greedily, on the workloads that they learnt on and on others. Tables and
findings: docs/knowing-the-state.md.

    python examples/knowing_the_state.py --settings design-many,live-one --seeds 10 --runs runs.jsonl
    python examples/knowing_the_state.py --runs runs.jsonl --json    # what is in the file is not run again
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from rich.progress import track

import traces
from dashboards.figures.style import FONT, LIGHT
from dse.cli.picture import check_picture, write_picture
from dse.space import DesignSpace

WORKLOADS = (
    "synthetic:bursty?n=1000&seed=1",
    "synthetic:query?n=1000&seed=1&period_us=3",
    "synthetic:stream?n=1000",
    "synthetic:stream?n=1000&interval_cycles=30",
    "synthetic:uniform_random?n=1000&seed=1",
    "synthetic:uniform_random?n=1000&seed=1&interval_cycles=100",
)
UNSEEN = (
    "synthetic:pointer_chase?n=1000&seed=2",
    "synthetic:triad?n=1000",
    "synthetic:zipf_rows?n=1000&seed=2",
)
QUERY = "synthetic:query?n=1500&period_us=3"
PHASES = (
    f"{QUERY}&seed=1",
    f"{QUERY}&seed=2",
    f"{QUERY}&seed=3&kinds=scan,probe",
    f"{QUERY}&seed=4&kinds=probe,lookup,wait",
    f"{QUERY}&seed=5&interval_cycles=20",
    "synthetic:uniform_random?n=1500&seed=6&interval_cycles=100",
)
UNSEEN_PHASES = (
    f"{QUERY}&seed=11",
    f"{QUERY}&seed=12&interval_cycles=35",
    f"{QUERY}&seed=13&kinds=scan,lookup,wait",
)
DESIGN_STATE = ("improvement:*", "violation:*", "own:*", "position:*")
LIVE_STATE = ("saved:*", "epoch:*", "own:*", "position:*")
CLOCK = "progress"
SEES: dict[str, tuple[str, ...] | None] = {
    "nothing": (),
    "clock": (CLOCK,),
    "workload": ("workload:*",),
    "state": (),  # that of the setting
    "everything": None,
}
FIXED = "best fixed"
_CLIMBS = 16
_STARTS = 16
_FIRST_START = 1_000_000
_RESAMPLES = 2_000
_WIDTH = 1200


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment, its workloads, and how much of it is learnt from.

    budget: steps of all members together. sees: of `SEES`. state: what is shown as the state.
    """

    name: str
    workloads: tuple[str, ...]
    budget: int
    sees: tuple[str, ...]
    state: tuple[str, ...] = DESIGN_STATE
    unseen: tuple[str, ...] = ()
    n_envs: int = 64
    horizon: int = 4
    options: Mapping[str, Any] = field(default_factory=dict)
    learner: Mapping[str, Any] = field(default_factory=dict)

    def make(self, sees: str, n_envs: int) -> Any:
        """The environment of n_envs members, with what agents see."""
        import dse

        observe = (*self.state, *self._clock()) if sees == "state" else SEES[sees]
        options = {"reward": "linear", "observe": observe, "n_envs": n_envs, **self.options}
        return dse.make(self.name, workload=self.workloads, held_out=self.unseen, **options)

    def _clock(self) -> tuple[str, ...]:
        return () if self.name.endswith("design-v0") else (CLOCK,)


def settings() -> dict[str, Setting]:
    """Those of docs/knowing-the-state.md; nothing is drawn at the start of those with one workload but
    `nudge`, which start from random designs."""
    one, many = WORKLOADS[:1], WORKLOADS
    nudge = {"steps": 8, "moves": "nudge", "start": "random"}
    refine: dict[str, Any] = {"name": "dram/refine-v0", "budget": 20_480, "horizon": 8}
    live: dict[str, Any] = {
        "name": "dram/live-v0",
        "budget": 98_304,
        "horizon": 32,
        "n_envs": 32,
        "state": LIVE_STATE,
        "learner": {"discount": 0.9, "entropy": 0.003},
    }
    whole = ("nothing", "workload", "state", "everything")
    return {
        "design-one": Setting("dram/design-v0", one, 8_192, ("nothing", "everything")),
        "design-many": Setting("dram/design-v0", many, 12_288, whole, unseen=UNSEEN),
        "refine-one": Setting(workloads=one, sees=("nothing", "everything"), options={"steps": 4}, **refine),
        "refine-many": Setting(workloads=many, sees=whole, unseen=UNSEEN, options={"steps": 4}, **refine),
        "nudge-one": Setting(workloads=one, sees=("nothing", "clock", "everything"), options=nudge, **refine),
        "nudge-many": Setting(workloads=many, sees=whole, unseen=UNSEEN, options=nudge, **refine),
        "live-one": Setting(workloads=PHASES[:1], sees=("nothing", "clock", "everything"), **live),
        "live-many": Setting(
            workloads=PHASES,
            sees=("nothing", "clock", "workload", "state", "everything"),
            unseen=UNSEEN_PHASES,
            **live,
        ),
    }


def run(name: str, sees: str, seed: int, budget: int | None = None) -> dict[str, Any]:
    """Learn, then act greedily: mean returns on the workloads learnt on ("seen") and on others ("unseen")."""
    from agents.learning.ppo import Ppo
    from dse.env.rollout import train

    setting = settings()[name]
    env = setting.make(sees, setting.n_envs)
    learner = Ppo(env, np.random.SeedSequence([seed, len(name)]), **setting.learner)
    train(env, learner, budget or setting.budget, seed=1000 * seed, horizon=setting.horizon)
    judged = setting.make(sees, _STARTS if setting.options.get("start") == "random" else 1)
    found: dict[str, Any] = {"setting": name, "sees": sees, "seed": seed, "steps": budget or setting.budget}
    for what, workloads in (("seen", setting.workloads), ("unseen", setting.unseen)):
        held_out = what == "unseen"
        each = [_greedy(judged, learner, number, held_out) for number in range(len(workloads))]
        found[what] = float(np.mean(each)) if each else None
    return found


def _greedy(env: Any, learner: Any, workload: int, held_out: bool) -> float:
    from dse.env.rollout import returns_of

    options = {"workload": workload, "held_out": held_out}
    returns = returns_of(env, learner, seed=_FIRST_START, options=options)
    return float(next(iter(returns.values())).mean())


def best_fixed(name: str) -> dict[str, Any]:
    """What the best design saves that never changes, in a setting of `live`: steepest ascent from random
    designs, over all that `live` may change. A row of the table."""
    setting = settings()[name]
    problem = setting.make("nothing", 1).problem
    memory, default = problem.simulator, problem.simulator.space.default()
    kept = set(memory.space.names) - set(memory.live_parameters)
    space = memory.space.restrict({parameter: default[parameter] for parameter in kept})
    costs = [problem.schema.index(objective.metric) for objective in problem.objectives]

    def saved(rows: NDArray[Any], workloads: Sequence[str] = setting.workloads) -> NDArray[np.float64]:
        """(n,) means over workloads and costs, each as a share of what the default pays."""
        designs = [default, *space.points(rows)]
        paid = memory.run_batch(designs, [traces.load(spec) for spec in workloads]).values[:, :, costs]
        shares: NDArray[np.float64] = (1.0 - paid[1:] / paid[0]).mean(axis=(1, 2))
        return shares

    starts = space.sample(_CLIMBS, np.random.default_rng(1), feasible=True)
    climbing = track(starts, f"best fixed design of {name}", disable=not sys.stderr.isatty())
    tops = [_top(space, start, saved) for start in climbing]
    best, score = max(tops, key=lambda top: top[1])
    unseen = {"unseen": float(saved(best[None], setting.unseen)[0])} if setting.unseen else {}
    return {"setting": name, "sees": FIXED, "seen": score, **unseen}


def _top(space: DesignSpace, row: NDArray[Any], worth: Callable[[NDArray[Any]], NDArray[np.float64]]) -> Any:
    """The design from which no neighbour is better, and what it is worth."""
    score = -np.inf
    while True:
        rows = np.concatenate([row[None], space.neighbours(row)])
        rows = rows[~space.violations(rows).any(axis=1)]
        worths = worth(rows)
        if worths.max() <= score:
            return row, score
        row, score = rows[worths.argmax()], float(worths.max())


def run_all(jobs: Sequence[tuple[str, str, int]], workers: int, log: Path | None) -> list[dict[str, Any]]:
    """What is in the log, and what is not run in so many processes and added to it; in the order of jobs."""
    known = _read(log)
    left = [job for job in jobs if job not in known]
    if left:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            running = {pool.submit(run, *job): job for job in left}
            for done in track(as_completed(running), "learning", len(left), disable=not sys.stderr.isatty()):
                known[running[done]] = done.result()
                if log is not None:
                    with log.open("a") as file:
                        file.write(json.dumps(done.result()) + "\n")
    return [known[job] for job in jobs]


def _read(log: Path | None) -> dict[tuple[str, str, int], dict[str, Any]]:
    if log is None or not log.exists():
        return {}
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {(line["setting"], line["sees"], line["seed"]): line for line in lines}


def summary(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each setting and what was seen: medians over seeds with 95 % bootstrap intervals, and the
    share of all pairs of seeds in which it beat "nothing" (0.5: no difference)."""
    rows = []
    groups = dict.fromkeys((run["setting"], run["sees"]) for run in runs)
    for name, sees in groups:
        row: dict[str, Any] = {"setting": name, "sees": sees}
        for what in ("seen", "unseen"):
            mine, blind = _scores(runs, name, sees, what), _scores(runs, name, "nothing", what)
            if mine.size:
                row |= {"seeds": mine.size, what: float(np.median(mine)), f"{what}_interval": _interval(mine)}
                if blind.size and sees != "nothing":
                    row[f"{what}_beats_nothing"] = _share_of_pairs(mine, blind)
        rows.append(row)
    return rows


def _scores(runs: Sequence[Mapping[str, Any]], name: str, sees: str, what: str) -> NDArray[np.float64]:
    scores = [run[what] for run in runs if (run["setting"], run["sees"]) == (name, sees)]
    return np.array([score for score in scores if score is not None])


def _interval(scores: NDArray[np.float64]) -> list[float]:
    drawn = np.random.default_rng(0).choice(scores, (_RESAMPLES, scores.size))
    return [float(end) for end in np.quantile(np.median(drawn, axis=1), (0.025, 0.975))]


def _share_of_pairs(mine: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    gaps = mine[:, None] - others[None, :]
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The summary as text, in hundredths: of a cost that was saved in `live`, of an improvement (natural
    logarithm) elsewhere."""
    lines = [f"{'setting':12} {'sees':11} {'seen':>22} {'> nothing':>9} {'unseen':>22} {'> nothing':>9}"]
    for row in rows:
        cells = []
        for what in ("seen", "unseen"):
            beats = row.get(f"{what}_beats_nothing")
            cells += [_cell(row, what), "" if beats is None else f"{beats:.2f}"]
        lines.append(
            f"{row['setting']:12} {row['sees']:11} {cells[0]:>22} {cells[1]:>9} {cells[2]:>22} {cells[3]:>9}"
        )
    return "\n".join(lines)


def _cell(row: Mapping[str, Any], what: str) -> str:
    if what not in row:
        return ""
    interval = row.get(f"{what}_interval")
    spread = f" ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})" if interval else ""
    return f"{100 * row[what]:.1f}{spread}"


def picture(runs: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Every run as a point, on the workloads learnt on, and boxes of quartiles; a panel a setting."""
    names = list(dict.fromkeys(run["setting"] for run in runs))
    columns, titles = -(-len(names) // 2), [*names[::2], *names[1::2]]  # of one workload above of many
    figure = make_subplots(2, columns, subplot_titles=titles, vertical_spacing=0.2)
    look = {
        "boxpoints": "all",
        "jitter": 0.5,
        "pointpos": 0,
        "fillcolor": "rgba(0, 0, 0, 0)",
        "marker_size": 5,
    }
    for place, name in enumerate(names):
        for sees, colour in zip(SEES, LIGHT.agents, strict=False):
            scores = 100 * _scores(runs, name, sees, "seen")
            box = go.Box(y=scores, x=[sees] * scores.size, line_color=colour, showlegend=False, **look)
            figure.add_trace(box, place % 2 + 1, place // 2 + 1)
    figure.update_yaxes(
        ticksuffix=" %", rangemode="tozero", zeroline=True, zerolinecolor=LIGHT.axis, gridcolor=LIGHT.grid
    )
    font, paper = {"family": FONT, "color": LIGHT.ink}, {"plot_bgcolor": LIGHT.paper}
    return figure.update_layout(font=font, height=640, width=_WIDTH, margin={"t": 40}, **paper)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, run what is not in the log, print."""
    known = settings()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--settings", default=",".join(known), help="with commas between (default: all)")
    parser.add_argument("--seeds", type=int, default=10, help="how many (default: 10)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--runs", type=Path, help="a file of finished runs, one JSON object a line")
    parser.add_argument("--plot", type=Path, help="draw all runs into this file (.html, .png, .svg, .pdf)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args(arguments)
    check_picture(asked.plot)
    names = asked.settings.split(",")
    for name in names:
        if name not in known:
            parser.error(f"--settings: {name!r} is not one of {', '.join(known)}")
    jobs = [
        (name, sees, seed)
        for seed in range(1, asked.seeds + 1)
        for name in names
        for sees in known[name].sees
    ]
    runs = run_all(jobs, asked.workers, asked.runs)
    if asked.plot is not None:
        write_picture(picture(runs), asked.plot, width=_WIDTH)
    rows = summary(runs) + [best_fixed(name) for name in names if name.startswith("live")]
    print(json.dumps(rows, indent=2) if asked.json else table(rows))


if __name__ == "__main__":
    main()
