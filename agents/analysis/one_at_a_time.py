"""One-at-a-time sensitivity: every value of every parameter around a design, all else equal, simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from agents.analysis.bench import KNEE, Bench, Measured
from agents.analysis.compared import analysed
from dse.errors import DseError
from dse.importance import OneAtATime, Step
from dse.point import DesignPoint
from dse.simulator import Simulator


def one_at_a_time(
    store: Path | str,
    campaign: int | str,
    design: DesignPoint | int | str = KNEE,
    metrics: Sequence[str] | None = None,
    *,
    threads: int | None = None,
    announce: Callable[[int], None] | None = None,
    simulator: Simulator | None = None,
) -> OneAtATime:
    """Change each parameter of a design to each of its other values in the campaign's search space.

    design: see `Bench.pick`. metrics: by default the objectives. announce: told the number of new simulations
    before they start. Raises DseError if the design itself cannot be measured.
    """
    with Bench(store, campaign, threads=threads, simulator=simulator) as bench:
        label, point = bench.pick(design)
        compared, columns = analysed(bench.result, metrics)
        search = bench.result.record.search_space
        named = [(p, value) for p in search.parameters for value in p.values]
        rows = bench.space.rows([point, *(point.replace(**{p.name: value}) for p, value in named)])
        if announce is not None:
            announce(bench.unknown(rows))
        measured = bench.measure(rows)
        values = measured.metrics[:, columns]
        if not np.isfinite(values[0]).all():
            raise DseError(f"{label} of campaign {bench.result.name!r} was not measured: nothing to compare")
        steps = tuple(
            Step(
                parameter=parameter.name,
                subsystem=parameter.subsystem,
                value=value,
                current=value == point[parameter.name],
                state=_state(
                    measured, i, same=bool((rows[i] == rows[0]).all()) and value != point[parameter.name]
                ),
                feasible=bool(measured.feasible[i]),
                values=tuple(values[i].tolist()),
            )
            for i, (parameter, value) in enumerate(named, start=1)
        )
        return OneAtATime(
            campaign=bench.result.name,
            design=label,
            point=point.to_dict(),
            metrics=compared,
            values=tuple(values[0].tolist()),
            steps=steps,
            simulated=measured.simulated,
        )


def _state(
    measured: Measured, row: int, *, same: bool
) -> Literal["measured", "forbidden", "failed", "no effect"]:
    if measured.forbidden[row]:
        return "forbidden"
    if np.isnan(measured.metrics[row]).all():
        return "failed"
    return "no effect" if same else "measured"
