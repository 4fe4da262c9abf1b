"""How well pieces of a trace tell what the whole trace would: the tables of docs/intervals.md.

    python -m tests.benchmarks.bench_intervals [accuracy|warmup|time]

accuracy: the default design and 20 random ones on the shipped samples and on three synthetic traces with
phases; errors of latency, bandwidth and energy a bit, for the first requests and for representative intervals
that simulate the same share. warmup: the same intervals with more or less warm-up before them. time: of the
choice itself. The first two are the same on every machine.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import traces
from dse.registry import make_simulator
from traces.intervals import Interval, head, phases, representative
from traces.workload import Workload

DESIGNS = 20
SEED = 7
SHARES = (0.05, 0.1, 0.25)
METRICS = {
    "read_latency_mean_ns": "mean read latency",
    "bandwidth_gbps": "bandwidth",
    "energy_per_bit_pj": "energy a bit",
}
COLUMNS = ("default", "all 20", "keeping up", "all 20, as ratios", "keeping up, as ratios", "order")
IN_SHORT = {
    "read_latency_mean_ns": ("latency", 4),
    "bandwidth_gbps": ("bandwidth", 3),
    "energy_per_bit_pj": ("energy", 3),
}
KEEPS_UP = 0.98
WARMUPS = (0, 500, 1000, 2000, 4000, 8000)
TRACES = {
    **{name: f"sample:{name}" for name in traces.samples()},
    "phases, short": "synthetic:phases?n=160000&seed=1",
    "phases, long": (
        "synthetic:phases?n=160000&seed=2&kinds=stream,uniform_random,zipf_rows&phase_length=40000"
    ),
    "phases, mixed": (
        "synthetic:phases?n=160000&seed=3&kinds=pointer_chase,bursty,strided,zipf_rows&phase_length=9000"
    ),
}

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A trace, what full simulations of the designs measured on it, and how pieces of it are simulated."""

    workload: Workload
    full: Values
    measure: Callable[[Sequence[Workload]], Values]
    combine: Callable[[Values, Values], Values]
    columns: dict[str, int]

    def estimate(self, pieces: Sequence[Interval]) -> Values:
        """(designs, metrics) from the pieces alone."""
        works = [self.workload.cut(piece.start, piece.length, piece.warmup) for piece in pieces]
        return self.combine(self.measure(works), np.array([piece.weight for piece in pieces]))

    def errors(self, estimate: Values, metric: str) -> Values:
        """(COLUMNS,) in percent: of the default design; mean of the 20 others, and of those that keep up; of
        their ratios to the default design, likewise; and the rank correlation of all designs times 100."""
        from scipy.stats import spearmanr

        served = self.full[1:, self.columns["served_load"]]
        fine = np.isfinite(served) & (served >= KEEPS_UP)
        found, true = estimate[:, self.columns[metric]], self.full[:, self.columns[metric]]
        raw = abs(found / true - 1)
        relative = abs(found[1:] / found[0] / (true[1:] / true[0]) - 1)
        order = float(spearmanr(found, true)[0])
        return 100 * np.array(
            [raw[0], raw[1:].mean(), raw[1:][fine].mean(), relative.mean(), relative[fine].mean(), order]
        )


def subjects() -> dict[str, Subject]:
    """Every trace, simulated in full."""
    simulator = make_simulator("dram")
    schema = simulator.schema
    drawn = simulator.space.sample(DESIGNS, np.random.default_rng(SEED))
    rows = np.vstack([simulator.space.encode(simulator.space.default())[None], drawn])

    def measure(works: Sequence[Workload]) -> Values:
        values: Values = simulator.run_batch(rows, works, threads=2).values
        return values

    found = {}
    for name, spec in TRACES.items():
        workload = Workload.of(traces.load(spec))
        columns = {metric: schema.index(metric) for metric in (*METRICS, "served_load")}
        found[name] = Subject(workload, measure([workload])[:, 0], measure, schema.combined, columns)
    return found


def accuracy() -> None:
    """Head and representative intervals: means over all traces, then the main errors of every trace."""
    chosen = {"head": head, "intervals": representative}
    everything = subjects()
    errors: dict[tuple[str, float, str], dict[str, Values]] = {}
    for name, subject in everything.items():
        for share in SHARES:
            for way, choose in chosen.items():
                estimate = subject.estimate(choose(subject.workload, share))
                for metric in METRICS:
                    of_way = errors.setdefault((metric, share, way), {})
                    of_way[name] = subject.errors(estimate, metric)

    def cells(metric: str, share: float, name: str | None = None) -> list[str]:
        both = (errors[metric, share, way] for way in chosen)
        values = [np.mean(list(one.values()), axis=0) if name is None else one[name] for one in both]
        return [f"{a:.1f} / {b:.1f}" for a, b in zip(*values, strict=True)]

    _table("metric", "share", *COLUMNS)
    for metric in METRICS:
        for share in SHARES:
            _row(METRICS[metric], share, *cells(metric, share))
    _table("trace", "share", *(f"{short}, {COLUMNS[i]}" for short, i in IN_SHORT.values()))
    for name in everything:
        for share in SHARES:
            _row(name, share, *(cells(metric, share, name)[i] for metric, (_, i) in IN_SHORT.items()))


def warmup() -> None:
    """The same intervals, share 0.1, with other warm-ups: mean errors over all traces."""
    everything = subjects()
    measured = [f"{short}, {what}" for short, _ in IN_SHORT.values() for what in ("default", "as ratios")]
    _table("warm-up", "simulated", *measured)
    for requests in WARMUPS:
        cells, simulated = [], []
        for subject in everything.values():
            pieces = [_warmed(piece, requests) for piece in representative(subject.workload, 0.1)]
            simulated.append(sum(piece.length for piece in pieces) / len(subject.workload))
            estimate = subject.estimate(pieces)
            cells.append([subject.errors(estimate, metric)[[0, 4]] for metric in METRICS])
        shown = [f"{value:.1f}" for value in np.mean(cells, axis=0).ravel()]
        _row(requests, f"{np.mean(simulated):.1%}", *shown)


def _warmed(piece: Interval, requests: int) -> Interval:
    """The same interval after another warm-up; it stands for as many requests as before."""
    begin, end = piece.start + piece.warmup, piece.start + piece.length
    start = max(0, begin - requests)
    return Interval(start, end - start, begin - start, piece.weight * piece.length / (end - start))


def choosing() -> None:
    """Seconds to choose, by length of the trace; best of three."""
    for requests in (100_000, 1_000_000, 4_000_000):
        workload = Workload.of(traces.load(f"synthetic:phases?n={requests}&seed=1"))
        for share in (0.01, 0.1):
            seconds = []
            for _ in range(3):
                started = time.perf_counter()
                found = phases(workload, share)
                seconds.append(time.perf_counter() - started)
            counts = f"{len(found.cluster)} intervals, {len(found.pieces)} chosen"
            _say(f"{requests:>9,} requests, share {share}: {min(seconds):.2f} s ({counts})")


def _table(*columns: str) -> None:
    _say("")
    _row(*columns)
    _say("|" + "---|" * len(columns))


def _row(*cells: object) -> None:
    _say("| " + " | ".join(str(cell) for cell in cells) + " |")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main(*what: str) -> None:
    """All of it, or what is named."""
    for name, run in (("accuracy", accuracy), ("warmup", warmup), ("time", choosing)):
        if not what or name in what:
            run()


if __name__ == "__main__":
    main(*sys.argv[1:])
