"""Rows of a simulator's metric table, written in the order in which they are read."""

from __future__ import annotations

from dse.metrics import Combine, Direction, MetricSpec


def plain(
    name: str, unit: str, direction: Direction, combine: Combine, group: str, description: str
) -> MetricSpec:
    """A metric that is combined over workloads as it is."""
    return MetricSpec(name, unit, direction, combine, description, group=group)


def ratio(
    name: str,
    unit: str,
    direction: Direction,
    group: str,
    numerator: str,
    denominator: str,
    description: str,
    scale: float = 1.0,
    *,
    needs_constraint: str | None = None,
) -> MetricSpec:
    """A metric that is one sum over another, times `scale`."""
    return MetricSpec(
        name, unit, direction, "ratio", description, numerator, denominator, scale, group, needs_constraint
    )
