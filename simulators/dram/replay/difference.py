"""Where the nanoseconds and the picojoules of two designs differ: two recordings of the same requests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dse.metrics import MetricSpec
from simulators.dram.power import COMPONENTS
from simulators.dram.replay.recording import Recording, SourceStatistics, by_source, time_by_cause

STALL_GROUP = "stall"
"""Metrics that say as shares what the time by cause says in ns."""
_SOURCE_VALUES = ("read_latency_mean_ns", "read_latency_p95_ns", "write_latency_mean_ns")


class Row(NamedTuple):
    """One quantity of both designs."""

    name: str
    unit: str
    first: float
    second: float

    @property
    def difference(self) -> float:
        """Second less first, in `unit`."""
        return self.second - self.first

    @property
    def relative(self) -> float:
        """The difference as a share of the first; infinite where the first is 0 and the second is not."""
        if self.difference == 0:
            return 0.0
        return self.difference / abs(self.first) if self.first else math.copysign(math.inf, self.difference)


class Section(NamedTuple):
    """Rows of one group, the largest difference first; `total` is their sum where they have one."""

    title: str
    rows: tuple[Row, ...]
    total: Row | None = None


def difference(first: Recording, second: Recording) -> tuple[Section, ...]:
    """Elapsed time by cause, latency, energy by component, then every other group of metrics.

    What only one of them knows (a peer that is mimicked keeps no account of stalls) is left out. Rows of
    one unit that add up are sorted by the size of their difference in that unit, others by its share of
    the first design's value. Rows with no difference come last.
    """
    return (
        _elapsed(first, second),
        *_sources(first, second),
        _energy(first, second),
        *_groups(first, second),
    )


def _elapsed(first: Recording, second: Recording) -> Section:
    before, after = time_by_cause(first), time_by_cause(second)
    rows = [
        Row(cause.replace("_", " "), "ns", before[cause], after[cause]) for cause in before if cause in after
    ]
    total = Row("elapsed", "ns", first.elapsed_ns, second.elapsed_ns)
    return Section("elapsed time by cause", _by_size(rows), total)


def _energy(first: Recording, second: Recording) -> Section:
    """What the memory drew by component, what refresh it owes, and the controller: they add up to the
    total."""
    names = [(name.replace("_", " "), f"energy_{name}_pj") for name in COMPONENTS]
    names.append(("refresh owed", "refresh_owed_energy_pj"))
    a, b = first.metrics, second.metrics
    rows = [Row(words, "pJ", a[name], b[name]) for words, name in names]
    controllers = [m["total_energy_pj"] - m["charged_energy_pj"] for m in (a, b)]
    rows.append(Row("controller, static", "pJ", *controllers))
    total = Row("energy", "pJ", a["total_energy_pj"], b["total_energy_pj"])
    return Section("energy by component", _by_size(rows), total)


def _sources(first: Recording, second: Recording) -> Iterator[Section]:
    pairs = list(zip(by_source(first), by_source(second), strict=True))
    if len(pairs) > 1:
        rows = [row for pair in pairs for row in _of_source(*pair)]
        yield Section("latency by source", _by_size(rows))


def _of_source(before: SourceStatistics, after: SourceStatistics) -> Iterator[Row]:
    for name in _SOURCE_VALUES:
        a, b = float(getattr(before, name)), float(getattr(after, name))
        if math.isfinite(a) and math.isfinite(b):
            yield Row(f"source {before.source}: {name.removesuffix('_ns').replace('_', ' ')}", "ns", a, b)


def _groups(first: Recording, second: Recording) -> Iterator[Section]:
    """The metrics by group, in the order of the schema, without those that the sections above have
    split."""
    split = {f"energy_{name}_pj" for name in COMPONENTS}
    schema = first.metrics.schema
    for group in dict.fromkeys(spec.group for spec in schema if spec.group != STALL_GROUP):
        specs = [spec for spec in schema if spec.group == group and spec.name not in split]
        rows = [
            Row(spec.name, spec.unit, first.metrics[spec.name], second.metrics[spec.name]) for spec in specs
        ]
        known = [row for row in rows if math.isfinite(row.difference)]
        yield Section(group, _by_size(known) if _one_unit(specs) else _by_share(known))


def _one_unit(specs: Iterable[MetricSpec]) -> bool:
    return len({spec.unit for spec in specs}) == 1


def _by_size(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -abs(row.difference)))


def _by_share(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -abs(row.relative)))
