"""What knowing the phase is worth: an oracle that switches a running system at every change of phase, against
the best design that never changes.

Both are searched for in the same space: all that a running session can change, the rest at its default. The
static design is found by random search and hill climbing on the whole workload, with several weights of the
two objectives and from many starts. The oracle is one design for each kind of phase: found on each kind
alone, put together, and improved on the whole workload, where `session.retune` switches at the phases'
boundaries and is charged what the simulator charges. Tables and findings: docs/live-phases.md.

    python examples/live_phases.py dram --seeds 1,2,3 --budget 1000
    python examples/live_phases.py soc --seeds 1 --budget 200 --json
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

import dse
import traces
from dse.front import hypervolume, non_dominated

Rows = NDArray[np.int16]  # a design (D,), or a schedule (kinds, D): one for each kind of phase
Costs = NDArray[np.float64]  # of the two objectives
Score = Callable[[Costs], float]

WEIGHTS = (0.5, 0.25, 0.75, 0.0, 1.0)  # of the first objective, in the order in which they are climbed
RANDOM_SHARE = 0.25
ENOUGH_SERVED = 0.99
_WHOLE = -1


@dataclass(frozen=True, slots=True)
class Study:
    """A system, its phase-changing workload without seed and length, and the two costs.

    objectives: name of each metric, and of the one that it is a mean over (none: a sum). fixed: what the chip
    was made with. live: what of it is switched (none: all that can change while it runs). slow: of these,
    what takes time to change.
    """

    system: str
    space: str
    workload: str
    n: int
    objectives: tuple[tuple[str, str | None], ...]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    slow: tuple[str, ...] = ()


def studies() -> dict[str, Study]:
    """The two studies of docs/live-phases.md."""
    from simulators.soc.session import LIVE

    latency, energy = ("read_latency_mean_ns", "reads"), ("energy_per_bit_pj", "served_bytes")
    policies = (
        "page_policy", "scheduler", "scheduler_buffer", "request_buffer_size", "page_timeout_cycles",
        "row_hit_cap", "write_high_watermark", "write_low_watermark", "max_active_transactions",
        "power_down_policy", "power_down_timeout_cycles", "self_refresh_timeout_cycles",
        "refresh_max_postponed", "refresh_max_pulledin",
    )  # fmt: skip
    return {
        "dram": Study("dram", "dram-full", "synthetic:query", 40_000, (latency, energy)),
        "soc": Study(
            "soc",
            "soc",
            "synthetic:particles",
            260_000,
            (("time_us", None), ("energy_uj", None)),
            {"l2_prefetcher": "next_line", "llc_mib": 0},
            (*LIVE, *policies),
            ("core_point", "uncore_point", "governor", "power_cap_w"),
        ),
    }


class Bench:
    """Simulates designs on the whole workload, on the phases of one kind alone, and schedules; each once."""

    def __init__(
        self, study: Study, seed: int, n: int | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        """options: further ones of the workload's generator, as in its spec."""
        self._study = study
        given = {"seed": str(seed), **(options or {})}
        spec = _spec(study, given | {"n": str(study.n if n is None else n)})
        self.phases = traces.phases_of(spec)
        self.kinds = tuple(sorted({phase.kind for phase in self.phases}))
        self.system = _system(study)
        self.space = self.system.space
        self._whole = _load(study, spec)
        self._starts = _starts(self._whole, self.phases, self.system)
        self._alone = [
            _load(study, _spec(study, given | {"kinds": kind, "n": str(self._share(kind))}))
            for kind in self.kinds
        ]
        self._known: dict[tuple[int, bytes], dict[str, float]] = {}
        self.simulations = 0

    def static(self, row: Rows) -> Costs:
        """Costs of a design that runs all the time."""
        return self._costs([self._run(_WHOLE, row, lambda: self._finish(self._whole, row))])

    def of_kind(self, kind: int) -> Callable[[Rows], Costs]:
        """Costs of a design on the phases of one kind alone."""
        return lambda row: self._costs([self._of_kind(kind, row)])

    def together(self, schedule: Rows) -> Costs:
        """What the kinds alone make one expect of a schedule: no simulation of the whole, no switching."""
        return self._costs([self._of_kind(kind, row) for kind, row in enumerate(schedule)])

    def scheduled(self, schedule: Rows) -> Costs:
        """Costs of a schedule on the whole workload, switched where the phases change."""
        return self._costs([self._run(_WHOLE, schedule, lambda: self._switched(schedule))])

    def _of_kind(self, kind: int, row: Rows) -> dict[str, float]:
        return self._run(kind, row, lambda: self._finish(self._alone[kind], row))

    def _switched(self, schedule: Rows) -> Any:
        points = dict(zip(self.kinds, map(self.space.from_indices, schedule), strict=True))
        session = self.system.open(points[self.phases[0].kind], self._whole)
        for phase, start in zip(self.phases[1:], self._starts[1:], strict=True):
            _advance(session, self._study.system, start)
            session.retune(points[phase.kind])
        return session.finish()

    def _finish(self, workload: Any, row: Rows) -> Any:
        return self.system.run(self.space.from_indices(row), workload)

    def _run(self, part: int, rows: Rows, simulate: Callable[[], Any]) -> dict[str, float]:
        key = part, rows.tobytes()
        if key not in self._known:
            self.simulations += 1
            self._known[key] = simulate().to_dict()
        return self._known[key]

    def _costs(self, measured: Sequence[Mapping[str, float]]) -> Costs:
        """Infinite for a design that does not serve the load: there latency is that of a growing queue."""
        if any(one.get("served_load", 1.0) < ENOUGH_SERVED for one in measured):
            return np.full(len(self._study.objectives), np.inf)
        found = []
        for name, over in self._study.objectives:
            weights = [1.0 if over is None else one[over] for one in measured]
            total = sum(one[name] * weight for one, weight in zip(measured, weights, strict=True))
            found.append(total if over is None else total / sum(weights))
        return np.array(found)

    def _share(self, kind: str) -> int:
        """How much of the workload is of one kind, in requests or instructions."""
        own = [phase for phase in self.phases if phase.kind == kind]
        if self._study.system == "soc":
            return sum(phase.end - phase.start for phase in own)
        at = self._whole.arrival_cycle
        return sum(int(np.sum((at >= phase.start) & (at < phase.end))) for phase in own)


def _system(study: Study) -> Any:
    """The system, in whose space all that a session cannot change has one value."""
    whole = dse.make_simulator(study.system, space=study.space)
    default = whole.space.default().to_dict() | dict(study.fixed)
    live = study.live or whole.live_parameters
    kept = {name: default[name] for name in whole.space.names if name not in live}
    return dse.make_simulator(study.system, space=whole.space.restrict(kept))


def _spec(study: Study, options: Mapping[str, str]) -> str:
    return f"{study.workload}?{urlencode(options, safe=',')}"


def _load(study: Study, spec: str) -> Any:
    return traces.load_instructions(spec) if study.system == "soc" else traces.load(spec)


def _starts(workload: Any, phases: Sequence[traces.Phase], system: Any) -> list[int]:
    """Where to switch: instructions, or device cycles at which the first request of a phase arrives."""
    if isinstance(workload, traces.InstructionTrace):
        return [phase.start for phase in phases]
    first = np.searchsorted(workload.arrival_cycle, [phase.start for phase in phases])
    cycles: list[int] = workload.device_cycles(system.device.tck_fs)[first].tolist()
    return cycles


def _advance(session: Any, system: str, until: int) -> None:
    """Go on to a cycle of the memory or to so many instructions."""
    if system == "soc":
        left = until - sum(core["retired"] for core in session.core_counts())
        if left > 0:
            session.advance(requests=left)
    elif until > session.cycle:
        session.advance(cycles=until - session.cycle)


# ------------------------------------------------------------------------------------------------- searching


def weighted(weight: float) -> Score:
    """Of the logarithms, so that units do not matter; at 0.5 the geometric mean."""

    def score(costs: Costs) -> float:
        if not np.isfinite(costs).all():
            return np.inf
        return float(weight * np.log(costs[0]) + (1 - weight) * np.log(costs[1]))

    return score


def both_below(static: Costs) -> Score:
    """The objective that gains less over `static`; the geometric mean decides between equals."""
    return lambda costs: float(np.log(costs / static).max() + 0.01 * np.log(costs / static).sum())


class Search:
    """Hill climbing with a budget of evaluations; `seen` keeps them all.

    moves: what is one step from a design or a schedule.
    """

    def __init__(
        self,
        evaluate: Callable[[Rows], Costs],
        moves: Callable[[Rows], Rows],
        rng: np.random.Generator,
    ) -> None:
        self._evaluate, self._moves, self._rng = evaluate, moves, rng
        self.seen: dict[bytes, tuple[Rows, Costs]] = {}

    def __call__(self, rows: Rows) -> Costs:
        key = rows.tobytes()
        if key not in self.seen:
            self.seen[key] = rows, self._evaluate(rows)
        return self.seen[key][1]

    def best(self, score: Score, many: int = 1) -> list[Rows]:
        """Of all that were seen, best first."""
        found = sorted(self.seen.values(), key=lambda one: score(one[1]))
        return [rows for rows, _ in found[:many]]

    def front(self) -> list[tuple[Rows, Costs]]:
        """Of all that were seen, those that no other is better than in both objectives."""
        seen = [one for one in self.seen.values() if np.isfinite(one[1]).all()]
        kept = non_dominated(np.array([costs for _, costs in seen]))
        return [one for one, is_kept in zip(seen, kept, strict=True) if is_kept]

    def climb(self, score: Score, starts: Sequence[Rows], budget: int) -> None:
        """From each start in turn, take the first better step in random order, until there is none or the
        budget is spent.
        """
        most = len(self.seen) + budget
        for start in starts:
            rows, reached = start, score(self(start))
            steps = iter(self._rng.permutation(self._moves(rows)))
            while len(self.seen) < most and (step := next(steps, None)) is not None:
                found = score(self(step))
                if found < reached - 1e-9:
                    rows, reached = step, found
                    steps = iter(self._rng.permutation(self._moves(rows)))


def search(
    space: Any,
    evaluate: Callable[[Rows], Costs],
    budget: int,
    rng: np.random.Generator,
    starts: Sequence[Rows],
) -> Search:
    """Of designs: random ones, then climbs from the best of them and of the starts, for each weight; half of
    these go to the equal weight.
    """
    found = Search(evaluate, lambda row: _neighbours(space, row), rng)
    n_random = round(RANDOM_SHARE * budget)
    for row in (*starts, *space.sample(n_random, rng, feasible=True)):
        found(row)
    for weight in WEIGHTS:
        share = (budget - n_random) // (2 if weight == WEIGHTS[0] else 2 * (len(WEIGHTS) - 1))
        found.climb(weighted(weight), found.best(weighted(weight), 5), share)
    return found


def put_together(bench: Bench, pools: Sequence[Sequence[Rows]], start: Rows, score: Score) -> Rows:
    """The best of each kind's pool, one kind after the other until nothing gains, as `together` expects."""
    chosen, reached = start.copy(), score(bench.together(start))
    gains = True
    while gains:
        gains = False
        for kind, pool in enumerate(pools):
            for row in pool:
                tried = chosen.copy()
                tried[kind] = row
                found = score(bench.together(tried))
                if found < reached - 1e-9:
                    chosen, reached, gains = tried, found, True
    return chosen


def _neighbours(space: Any, row: Rows) -> Rows:
    moves: Rows = space.neighbours(row)
    return moves[~(space.violations(moves) > 0).any(axis=1)]


def _steps(space: Any, schedule: Rows) -> Rows:
    """Schedules of which one kind's design is a neighbour."""
    found = []
    for kind, row in enumerate(schedule):
        moves = _neighbours(space, row)
        many = np.repeat(schedule[None], len(moves), axis=0)
        many[:, kind] = moves
        found.append(many)
    return np.concatenate(found)


# ------------------------------------------------------------------------------------------------- comparing


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed. Costs are those of the study's objectives; gains are 1 - oracle / static.

    static: costs of the static design with the best geometric mean. best_of_each: those of the best static
    design for each objective alone. volume: hypervolume of the oracle's front over that of the static one, up
    to 1.2 times the costs of `static`. fronts: the costs of all non-dominated static designs and schedules.
    by_kind: costs of the static design and of the oracle's on the phases of one kind alone. Designs are given
    by what a session can change.
    """

    seed: int
    phases: int
    simulations: int
    static: list[float]
    oracle: list[float]
    gains: list[float]
    best_of_each: list[list[float]]
    volume: float
    fronts: dict[str, list[list[float]]]
    by_kind: dict[str, list[list[float]]]
    static_design: dict[str, Any]
    oracle_designs: dict[str, dict[str, Any]]


def compare(
    study: Study, seed: int, budget: int, n: int | None = None, options: Mapping[str, str] | None = None
) -> Outcome:
    """The best static design and the oracle on the workload of that seed; `budget` simulations of the whole
    for each of them, and as many of single kinds of phases.
    """
    bench, rng = Bench(study, seed, n, options), np.random.default_rng(seed)
    space, each = bench.space, range(len(bench.kinds))
    default = space.encode({})
    alone = [search(space, bench.of_kind(k), budget // len(each), rng, [default]) for k in each]
    parts = [row for found in alone for weight in WEIGHTS for row in found.best(weighted(weight))]
    static = search(space, bench.static, budget, rng, [default, *parts])
    best = static.best(weighted(0.5))[0]
    costs = static(best)
    shared = [row for row, _ in static.front()]
    pools = [[*(row for row, _ in found.front()), *shared] for found in alone]
    always = np.repeat(best[None], len(each), axis=0)
    schedules = Search(bench.scheduled, lambda schedule: _steps(space, schedule), rng)
    schedules(always)
    for pool in (pools, [_as_slow_as(space, rows, best, study.slow) for rows in pools]):
        for score in (both_below(costs), *(weighted(float(w)) for w in np.linspace(0.0, 1.0, 11))):
            schedules(put_together(bench, pool, always, score))
    schedules.climb(both_below(costs), schedules.best(both_below(costs)), budget)
    oracle = schedules.best(both_below(costs))[0]
    return Outcome(
        seed=seed,
        phases=len(bench.phases),
        simulations=bench.simulations,
        static=costs.tolist(),
        oracle=schedules(oracle).tolist(),
        gains=(1 - schedules(oracle) / costs).tolist(),
        best_of_each=[static(static.best(weighted(weight))[0]).tolist() for weight in (1.0, 0.0)],
        volume=_volume(schedules, costs) / _volume(static, costs),
        fronts={"static": _sorted(static), "oracle": _sorted(schedules)},
        by_kind={
            kind: [bench.of_kind(k)(row).tolist() for row in (best, oracle[k])]
            for k, kind in enumerate(bench.kinds)
        },
        static_design=_live(space, best),
        oracle_designs={kind: _live(space, row) for kind, row in zip(bench.kinds, oracle, strict=True)},
    )


def _sorted(found: Search) -> list[list[float]]:
    return sorted(costs.tolist() for _, costs in found.front())


def _live(space: Any, row: Rows) -> dict[str, Any]:
    """The values of a design that are not the same in all of the space."""
    design = space.from_indices(row).to_dict()
    return {one.name: design[one.name] for one in space.parameters if len(one.values) > 1}


def _as_slow_as(space: Any, rows: Sequence[Rows], like: Rows, slow: Sequence[str]) -> list[Rows]:
    """The designs with everything that takes time to change as in another: they switch at no cost."""
    changed = np.array(rows)
    columns = [space.names.index(name) for name in slow]
    changed[:, columns] = like[columns]
    return list(space.canonical(changed))


def _volume(found: Search, costs: Costs) -> float:
    return hypervolume(np.array([reached / costs for _, reached in found.front()]), [1.2, 1.2])


# ------------------------------------------------------------------------------------------------- printing


def report(study: Study, outcomes: Sequence[Outcome], budget: int) -> dict[str, Any]:
    """Everything as JSON: each seed, and the median and the range of the gains."""
    gains = np.array([outcome.gains for outcome in outcomes])
    names = [name for name, _ in study.objectives]
    return {
        "system": study.system,
        "workload": study.workload,
        "objectives": names,
        "budget": budget,
        "gains": {
            name: {"median": float(np.median(column)), "range": [float(column.min()), float(column.max())]}
            for name, column in zip(names, gains.T, strict=True)
        },
        "seeds": [asdict(outcome) for outcome in outcomes],
    }


def text_of(found: Mapping[str, Any]) -> str:
    """The report for people."""
    names = found["objectives"]
    lines = [f"{found['workload']} on {found['system']}: {names[0]}, {names[1]}"]
    for one in found["seeds"]:
        static, oracle = ("{:.2f}, {:.2f}".format(*one[which]) for which in ("static", "oracle"))
        gains = ", ".join(f"{100 * gain:.1f} %" for gain in one["gains"])
        lines.append(
            f"seed {one['seed']}: {one['phases']} phases; best static {static}; oracle {oracle}; "
            f"gains {gains}; hypervolume x{one['volume']:.2f}; {one['simulations']} simulations"
        )
        lines.append(f"  static: {_told(one['static_design'], {})}")
        for kind, design in one["oracle_designs"].items():
            lines.append(f"  {kind}: {_told(design, one['static_design'])}")
    for name, gain in found["gains"].items():
        low, high = gain["range"]
        lines.append(
            f"{name}: median gain {100 * gain['median']:.1f} %, from {100 * low:.1f} to {100 * high:.1f} %"
        )
    return "\n".join(lines)


def _told(design: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The values in which a design differs from another."""
    told = [f"{name}={value}" for name, value in design.items() if other.get(name) != value]
    return ", ".join(told) or "the same"


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, compare for each seed, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("system", choices=sorted(studies()))
    parser.add_argument("--seeds", default="1", help="of the workloads, with commas between (default: 1)")
    parser.add_argument("--budget", type=int, default=500, help="simulations of each search (default: 500)")
    parser.add_argument("--n", type=int, help="requests or instructions (default: those of the study)")
    parser.add_argument(
        "--option", action="append", default=[], help="of the workload, NAME=VALUE; may be repeated"
    )
    parser.add_argument(
        "--fixed", action="append", default=[], help="of the chip, NAME=VALUE; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    study = studies()[given.system]
    study = replace(study, fixed={**study.fixed, **_pairs(parser, given.fixed)})
    seeds, options = [int(seed) for seed in given.seeds.split(",")], _pairs(parser, given.option)
    outcomes = [compare(study, seed, given.budget, given.n, options) for seed in seeds]
    found = report(study, outcomes, given.budget)
    print(json.dumps(found, indent=1) if given.json else text_of(found))


def _pairs(parser: argparse.ArgumentParser, written: Sequence[str]) -> dict[str, str]:
    for one in written:
        if "=" not in one:
            parser.error(f"{one!r}: expected NAME=VALUE")
    return dict(one.split("=", 1) for one in written)


if __name__ == "__main__":
    main()
