"""What every simulator must hold to, as functions that authors run on their own.

    from dse.testing.simulator import check_simulator
    check_simulator(MySimulator(), workloads)

Each check raises AssertionError that says what was wrong.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from dse.simulator import Simulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload

_DESIGNS = 6
_RATIO_TOLERANCE = 1e-9  # a ratio is computed once by the simulator and once from its parts


def check_simulator(simulator: Simulator, workloads: Sequence[AnyWorkload], *, seed: int = 0) -> None:
    """All checks, on a few feasible random designs and the default one."""
    rng = np.random.default_rng(seed)
    space = simulator.space
    sampled = space.sample(_DESIGNS, rng, feasible=True)
    rows = np.concatenate([space.encode(space.default())[None, :], sampled])
    check_description(simulator)
    check_batches(simulator, rows, workloads)
    check_single_runs(simulator, rows, workloads)
    check_ratios(simulator, rows, workloads)


def check_description(simulator: Simulator) -> None:
    """The description is JSON, and an equal simulator built from it has the same space, schema and build."""
    options = json.loads(json.dumps(simulator.describe()))
    again = type(simulator)(**options)
    for what in ("space", "schema", "build_id", "name"):
        assert getattr(again, what) == getattr(simulator, what), f"{what} is lost by describe()"


def check_batches(simulator: Simulator, rows: IndexMatrix, workloads: Sequence[AnyWorkload]) -> None:
    """Threads, order and size of a batch change nothing; shapes are (designs, workloads, metrics)."""
    whole = simulator.run_batch(rows, workloads, threads=1)
    shape = (len(rows), len(workloads), len(simulator.schema))
    assert whole.values.shape == shape, f"values have shape {whole.values.shape}, expected {shape}"
    assert whole.seconds.shape == shape[:2], f"seconds have shape {whole.seconds.shape}, expected {shape[:2]}"
    threaded = simulator.run_batch(rows, workloads, threads=3)
    assert _same(whole.values, threaded.values), "the number of threads changes results"
    backwards = simulator.run_batch(rows[::-1].copy(), workloads, threads=2)
    assert _same(whole.values, backwards.values[::-1]), "the order of a batch changes results"
    points = simulator.run_batch(simulator.space.points(rows), workloads)
    assert _same(whole.values, points.values), "designs as points give other results than as indices"


def check_single_runs(simulator: Simulator, rows: IndexMatrix, workloads: Sequence[AnyWorkload]) -> None:
    """`run` measures what `run_batch` does."""
    batch = simulator.run_batch(rows, workloads)
    for p, point in enumerate(simulator.space.points(rows)):
        for w, workload in enumerate(workloads):
            alone = simulator.run(point, workload)
            assert alone == batch[p][w], f"run() differs from run_batch() for {point} on {workload.name}"


def check_ratios(simulator: Simulator, rows: IndexMatrix, workloads: Sequence[AnyWorkload]) -> None:
    """A metric that combines as a ratio is, on one workload, that ratio."""
    values = simulator.run_batch(rows, workloads).values
    schema = simulator.schema
    for spec in schema:
        if spec.numerator is None or spec.denominator is None:
            continue
        above, below = values[..., schema.index(spec.numerator)], values[..., schema.index(spec.denominator)]
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = spec.scale * above / below
        found = values[..., schema.index(spec.name)]
        defined = np.isfinite(expected)
        close = np.allclose(found[defined], expected[defined], rtol=_RATIO_TOLERANCE)
        assert close, f"{spec.name} is not {spec.scale:g} * {spec.numerator} / {spec.denominator}"


def _same(one: np.ndarray[tuple[int, ...], np.dtype[np.float64]], other: object) -> bool:
    return np.array_equal(one, np.asarray(other), equal_nan=True)
