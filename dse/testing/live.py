"""What every simulator that can be re-tuned while it runs must hold to, as functions that authors run.

    from dse.testing.live import check_live
    check_live(MySimulator(), workloads)

Epochs are of random length, about `epoch_ns`; give one by which a run of the workloads takes some tens of
epochs (what is left after 60 of them is run to its end without being re-tuned). Each check raises
AssertionError that says what was wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, LookupFailed, SpaceError
from dse.metrics import Values
from dse.simulator import Fleet, LiveSimulator
from dse.space import IndexMatrix
from traces.instruction_workload import AnyWorkload

_MEMBERS = 3
_MOST_EPOCHS = 60
_ROUNDING = 1e-9  # sums of epochs and of whole runs are taken in another order
Plan = list[tuple[float, IndexMatrix]]


def check_live(
    simulator: LiveSimulator, workloads: Sequence[AnyWorkload], *, epoch_ns: float = 1000.0, seed: int = 0
) -> None:
    """All checks, on each workload."""
    rng = np.random.default_rng(seed)
    check_live_schema(simulator)
    for workload in workloads:
        plan = random_plan(simulator, epoch_ns, rng)
        check_sums(simulator, workload, plan)
        check_untouched_runs(simulator, workload, plan)
        check_company(simulator, workload, plan)
        check_snapshots(simulator, workload, plan)
        check_refusals(simulator, workload, plan)


def random_plan(simulator: LiveSimulator, epoch_ns: float, rng: np.random.Generator) -> Plan:
    """Lengths of epochs, and rows (members, D) to begin with or to go on as: others every second epoch."""
    space = simulator.space
    live = [space.names.index(name) for name in simulator.live_parameters]
    rows = space.sample(_MEMBERS, rng, feasible=True)
    plan: Plan = []
    for epoch in range(_MOST_EPOCHS):
        plan.append((float(epoch_ns * rng.uniform(0.01, 2.0)), rows))
        if epoch % 2:
            others = rows.copy()
            others[:, live] = space.sample(_MEMBERS, rng, feasible=True)[:, live]
            forbidden = space.violations(space.canonical(others))
            rows = np.where(forbidden.any(axis=1, keepdims=True), rows, others)
    return plan


def check_live_schema(simulator: LiveSimulator) -> None:
    """It has sums and ratios only; a name means the same as in `schema`; there is what can be re-tuned."""
    assert simulator.live_parameters, "there is nothing that can be re-tuned"
    for name in simulator.live_parameters:
        assert name in simulator.space.names, f"the space has no live parameter {name!r}"
    live, whole = simulator.live_schema, simulator.schema
    for spec in live:
        assert spec.combine in ("sum", "ratio"), f"{spec.name} combines as {spec.combine!r}"
        if spec.name in whole.names:
            known = whole.spec(spec.name)
            same = (spec.unit, spec.direction) == (known.unit, known.direction)
            assert same, f"{spec.name} is in {spec.unit!r} here and in {known.unit!r} in the schema"
    assert live.spec(simulator.live_work).combine == "sum", "live_work is no sum"
    for name in simulator.live_fixed:
        assert live.spec(name).combine == "sum", f"{name} is fixed, and no sum"


def check_sums(simulator: LiveSimulator, workload: AnyWorkload, plan: Plan) -> None:
    """The sums of all epochs, and the ratios of them, are what `measured` gives in the end; those that
    re-tuning is said not to change are those of an untouched run."""
    fleet = _begun(simulator, workload, plan[0][1])
    live, whole = simulator.live_schema, simulator.schema
    totals = live.with_ratios(np.nansum(_epochs(fleet, plan, to_the_end=True), axis=0))
    untouched = _begun(simulator, workload, plan[0][1])
    unchanged = np.nansum(_epochs(untouched, [(1e6, plan[0][1])], to_the_end=True), axis=0)
    for name in simulator.live_fixed:
        found, expected = (one[:, live.index(name)] for one in (totals, unchanged))
        same = np.allclose(found, expected, rtol=_ROUNDING)
        assert same, f"{name} is said to be fixed, and re-tuning made {found} of {expected}"
    for member in range(_MEMBERS):
        measured = fleet.measured(member)
        for name in live.names:
            if name not in whole.names:
                continue
            total, whole_run = float(totals[member, live.index(name)]), measured[name]
            if np.isnan(total):
                continue  # a ratio over nothing
            close = np.isclose(total, whole_run, rtol=_ROUNDING, atol=_ROUNDING)
            assert close, f"{name} adds up to {total} over the epochs and is {whole_run} of the whole run"


def check_untouched_runs(simulator: LiveSimulator, workload: AnyWorkload, plan: Plan) -> None:
    """A member that is never re-tuned measures what `run` does, asked in the midst or at the end; neither
    that nor rows that do not change have an effect on what is counted."""
    rows = plan[0][1]
    expected = [simulator.run(point, workload) for point in simulator.space.points(rows)]
    quiet, asked = (_begun(simulator, workload, rows) for _ in range(2))
    for epoch, (time_ns, _) in enumerate(plan):
        done, alone = quiet.advance(time_ns)
        asked.retune(rows)
        found = asked.advance(time_ns)[1]
        assert _same(found, alone), "rows that do not change, or to measure, change what is counted"
        if epoch in (1, len(plan) - 1) or done.all():
            for member, whole in enumerate(expected):
                assert asked.measured(member) == whole, f"member {member} does not measure what run() does"
        if done.all():
            break


def check_company(simulator: LiveSimulator, workload: AnyWorkload, plan: Plan) -> None:
    """Threads, the number of members and a member's number change nothing; a done member counts zeros."""
    expected = _epochs(_begun(simulator, workload, plan[0][1]), plan)
    threaded = _epochs(_begun(simulator, workload, plan[0][1], threads=3), plan)
    assert _same(expected, threaded), "the number of threads changes what is counted"
    last = _MEMBERS - 1
    alone = simulator.fleet(1)
    alone.begin(0, plan[0][1][last], workload)
    found = _epochs(alone, [(time_ns, rows[last:]) for time_ns, rows in plan])
    n = len(found)
    assert _same(found[:, 0], expected[:n, last]), "the number of members changes what is counted"
    done, more = alone.advance(plan[0][0])
    if done.all():
        assert not np.nan_to_num(more).any(), "a member that is done goes on counting"
    backwards = _begun(simulator, workload, plan[0][1][::-1].copy())
    found = _epochs(backwards, [(time_ns, rows[::-1].copy()) for time_ns, rows in plan])
    assert _same(found[:, ::-1], expected), "the number that a member has changes what it counts"


def check_snapshots(simulator: LiveSimulator, workload: AnyWorkload, plan: Plan) -> None:
    """From a snapshot a member goes on bit for bit, its row, its counters and its part of a cycle included;
    so does another member that was begun alike."""
    fleet = _begun(simulator, workload, plan[0][1])
    _epochs(fleet, plan[:3])
    states = [fleet.snapshot(member) for member in range(_MEMBERS)]
    rest = plan[3:9]
    first = _epochs(fleet, rest)
    for member, state in enumerate(states):
        fleet.restore(member, state)
    assert _same(first, _epochs(fleet, rest)), "a member goes on otherwise from its snapshot"
    other = _begun(simulator, workload, plan[0][1])
    for member, state in enumerate(states):
        other.restore(member, state)
    assert _same(first, _epochs(other, rest)), "another fleet goes on otherwise from a snapshot"
    for damaged in (b"", b"no snapshot", states[0][:-1]):
        _refused(ValueError, "a damaged snapshot", other.restore, 0, damaged)


def check_refusals(simulator: LiveSimulator, workload: AnyWorkload, plan: Plan) -> None:
    """Bad input is an error that says what, and changes nothing."""
    (time_ns, rows), work = plan[0], workload
    empty = simulator.fleet(_MEMBERS)
    _refused(ConfigError, "a fleet of no members", simulator.fleet, 0)
    _refused(ConfigError, "a fleet of no threads", simulator.fleet, 1, 0)
    _refused(ConfigError, "to advance where nothing was begun", empty.advance, time_ns)
    _refused(LookupFailed, "to measure what was not begun", empty.measured, 0)
    fleet = _begun(simulator, work, rows)
    for member in (-1, _MEMBERS):
        _refused(LookupFailed, f"member {member}", fleet.begin, member, rows[0], work)
        _refused(LookupFailed, f"member {member}", fleet.snapshot, member)
    for no_time in (0.0, -1.0, float("nan"), float("inf")):
        _refused(ConfigError, f"an epoch of {no_time} ns", fleet.advance, no_time)
    beyond = rows.copy()
    beyond[-1] = 32_767
    for bad in (rows[:-1], rows[:, :-1], rows + 0.5, beyond):
        _refused(SpaceError, f"rows {bad.shape} of {bad.dtype}", fleet.retune, bad)
    _refused(SpaceError, "a row that is too short", fleet.begin, 0, rows[0, :-1], work)
    for column, name in enumerate(simulator.space.names):
        moved = _with_other_value(simulator, plan, column)
        if name in simulator.live_parameters or moved is None:
            continue
        error = _refused(SpaceError, f"another {name}", fleet.retune, moved)
        assert getattr(error, "key", None) == name, f"the error about {name} does not name it: {error}"
    untouched = _begun(simulator, work, rows)
    for length_ns, _ in plan[:5]:
        same = _same(fleet.advance(length_ns)[1], untouched.advance(length_ns)[1])
        assert same, "what was refused has left its mark"


def _with_other_value(simulator: LiveSimulator, plan: Plan, column: int) -> IndexMatrix | None:
    """Other live values for all, and another one of that column for the last member, or None if it cannot."""
    rows = next((later for _, later in plan if not np.array_equal(later, plan[0][1])), plan[0][1]).copy()
    n_values = len(simulator.space.parameters[column])
    rows[-1, column] = (rows[-1, column] + 1) % n_values
    before = simulator.space.canonical(plan[0][1][-1:])[0]
    return rows if simulator.space.canonical(rows[-1:])[0, column] != before[column] else None


def _begun(simulator: LiveSimulator, workload: AnyWorkload, rows: IndexMatrix, threads: int = 1) -> Fleet:
    fleet = simulator.fleet(len(rows), threads)
    for member, row in enumerate(rows):
        fleet.begin(member, row, workload)
    return fleet


def _epochs(fleet: Fleet, plan: Plan, *, to_the_end: bool = False) -> Values:
    """What each epoch counted, (epochs, members, S), until all are done."""
    found = []
    done: NDArray[np.bool_] = np.zeros(len(fleet), dtype=np.bool_)
    for time_ns, rows in plan:
        fleet.retune(rows)
        done, values = fleet.advance(time_ns)
        found.append(values)
        if done.all():
            break
    while to_the_end and not done.all():
        done, values = fleet.advance(1e6)
        found.append(values)
    return np.stack(found)


def _refused(kind: type[Exception], what: str, call: Callable[..., object], *given: Any) -> Exception:
    try:
        call(*given)
    except kind as error:
        return error
    raise AssertionError(f"{what} is not refused: expected {kind.__name__}")


def _same(one: Values, other: Values) -> bool:
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
