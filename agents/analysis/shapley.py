"""Exact Shapley values: what each subsystem contributes to the difference between a design and the baseline.

The players are the subsystems; a coalition is the design in which its members are set as in the design and
all others as in the baseline. All 2^k coalitions of the k subsystems that differ are simulated and weighted
as Shapley did (A value for n-person games, 1953): no sampling, no error. A subsystem in which the designs
are equal contributes exactly nothing and costs no simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agents.analysis.bench import KNEE, Bench, Measured
from agents.analysis.compared import analysed
from dse.errors import ConfigError, DseError
from dse.importance import Shapley, Share
from dse.point import DesignPoint
from dse.simulator import Simulator
from dse.space import IndexMatrix
from dse.subsystem import Subsystem

MOST_PLAYERS = 12


def shapley(
    store: Path | str,
    campaign: int | str,
    design: DesignPoint | int | str = KNEE,
    metrics: Sequence[str] | None = None,
    *,
    threads: int | None = None,
    announce: Callable[[int], None] | None = None,
    simulator: Simulator | None = None,
) -> Shapley:
    """Split the difference of a design from the campaign's baseline over the subsystems.

    design: see `Bench.pick`. metrics: by default the objectives. announce: told the number of new simulations
    before they start. Raises ConfigError if more than 12 subsystems differ or none does, DseError if a
    coalition is forbidden or fails.
    """
    with Bench(store, campaign, threads=threads, simulator=simulator) as bench:
        label, point = bench.pick(design)
        compared, columns = analysed(bench.result, metrics)
        before, after = bench.space.rows([bench.baseline(), point])
        subsystems = bench.space.subsystems
        players = [s for s in subsystems if (before[list(s.indices)] != after[list(s.indices)]).any()]
        _check(players, label)
        rows = bench.space.canonical(coalitions(before, after, [player.indices for player in players]))
        if announce is not None:
            announce(bench.unknown(rows))
        measured = bench.measure(rows)
        values = measured.metrics[:, columns]
        _check_measured(measured, values, players, label)
        split = dict(zip((p.name for p in players), shapley_values(values), strict=True))
        nothing = np.zeros(len(columns))
        return Shapley(
            campaign=bench.result.name,
            design=label,
            metrics=compared,
            before=tuple(values[0].tolist()),
            after=tuple(values[-1].tolist()),
            shares=tuple(
                Share(
                    s.name, _changed(s, bench.baseline(), point), tuple(split.get(s.name, nothing).tolist())
                )
                for s in subsystems
            ),
            coalitions=len(rows),
            simulated=measured.simulated,
        )


def coalitions(before: IndexMatrix, after: IndexMatrix, players: Sequence[Sequence[int]]) -> IndexMatrix:
    """(2^k, D): row c has the columns of player j from `after` where bit j of c is set."""
    rows = np.repeat(before[None, :], 1 << len(players), axis=0)
    number = np.arange(len(rows))
    for j, columns in enumerate(players):
        members = (number >> j) & 1 == 1
        for column in columns:
            rows[members, column] = after[column]
    return rows


def shapley_values(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, M) values of the players from what every coalition is worth, (2^k, M), members as bits.

    Player j gets the mean, over the orders of arrival, of what it adds: coalitions of s others weigh
    s! (k - s - 1)! / k!. The values add up to worth[-1] - worth[0].
    """
    k = (len(worth) - 1).bit_length()
    number = np.arange(len(worth))
    size = np.array([int(c).bit_count() for c in number.tolist()])
    weight = np.array([1.0 / (k * math.comb(k - 1, s)) for s in range(k)])
    values = np.empty((k, worth.shape[1]))
    for j in range(k):
        without = number[(number >> j) & 1 == 0]
        values[j] = weight[size[without]] @ (worth[without | (1 << j)] - worth[without])
    return values


def _check(players: Sequence[Subsystem], label: str) -> None:
    if not players:
        raise ConfigError(
            f"{label} is the baseline itself: there is no difference to split. Name another design"
        )
    if len(players) > MOST_PLAYERS:
        raise ConfigError(
            f"{label} differs from the baseline in {len(players)} subsystems, which takes 2^{len(players)} "
            f"simulations; exact Shapley values are given for at most {MOST_PLAYERS}. "
            "Use one-at-a-time instead"
        )


def _check_measured(
    measured: Measured, values: NDArray[np.float64], players: Sequence[Subsystem], label: str
) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if not len(bad):
        return
    first = int(bad[0])
    members = [player.name for j, player in enumerate(players) if first >> j & 1]
    why = "violates a constraint of the space" if measured.forbidden[first] else "could not be simulated"
    raise DseError(
        f"{label}: {len(bad)} of {len(values)} mixtures with the baseline have no metrics, so the difference "
        f"cannot be split; the first one ({', '.join(members) or 'the baseline'} changed) {why}. "
        "Use one-at-a-time, or another design"
    )


def _changed(
    subsystem: Subsystem, before: DesignPoint, after: DesignPoint
) -> tuple[tuple[str, object, object], ...]:
    return tuple(
        (name, before[name], after[name]) for name in subsystem.parameters if before[name] != after[name]
    )
