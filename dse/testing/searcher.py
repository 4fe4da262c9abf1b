"""Conformance of a searcher: what the campaign relies on, as checks that authors run on their own.

    from dse.testing.searcher import check_searcher

    def test_my_searcher_conforms():
        check_searcher(lambda problem, seed: MySearcher(problem, seed))

Every check builds its searchers with `factory(problem, seed)` and raises AssertionError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.front import hypervolume
from dse.search import Proposal, Results, Searcher, SearchProblem
from dse.space import IndexMatrix
from dse.state import pack, unpack
from dse.testing.toys import Toy, make_toy, tiny_toy

Factory = Callable[[SearchProblem, np.random.SeedSequence], Searcher]

_STALLED = 200  # proposals in a row without a new design that count as the end


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Everything proposed and told, in order: indices (n, D), costs (n, M), violations (n, K)."""

    indices: IndexMatrix
    costs: NDArray[np.float64]
    violations: NDArray[np.float64]

    @property
    def feasible_costs(self) -> NDArray[np.float64]:
        """(m, M) costs of the rows that have costs and violate nothing."""
        kept = np.isfinite(self.costs).all(axis=1) & (self.violations <= 0).all(axis=1)
        return self.costs[kept]


def drive(searcher: Searcher, toy: Toy, n_unique: int, *, batch: int = 32) -> Log:
    """Ask and tell until `n_unique` different designs were proposed, or the searcher stops or stalls."""
    known: set[bytes] = set()
    parts: list[tuple[IndexMatrix, NDArray[np.float64], NDArray[np.float64]]] = []
    stalled = 0
    while len(known) < n_unique and stalled < _STALLED:
        proposal = searcher.ask(min(batch, n_unique - len(known)))
        if not len(proposal):
            break
        results = _told(toy, proposal, known)
        searcher.tell(proposal, results)
        before = len(known)
        known.update(row.tobytes() for row in proposal.indices)
        stalled = 0 if len(known) > before else stalled + 1
        parts.append((proposal.indices, results.costs, results.violations))
    return _joined(parts, toy)


def searched_volume(log: Log, toy: Toy) -> float:
    """Hypervolume of what a run found, with the costs scaled to ideal 0 and reference point 1."""
    scaled = toy.problem.scaled(log.feasible_costs)
    return hypervolume(scaled, np.ones(toy.problem.n_objectives))


def check_searcher(factory: Factory) -> None:
    """All checks below, on toys with two objectives and with one."""
    check_proposals(factory)
    check_determinism(factory)
    check_resume(factory)
    check_saved_state_stands_still(factory)
    check_failed_designs(factory)
    check_exhaustion(factory)
    if factory(tiny_toy().problem, np.random.SeedSequence(0)).capabilities.off_policy:
        check_off_policy(factory)


def check_proposals(factory: Factory, *, n_unique: int = 150) -> None:
    """ask(n) gives 1..n rows: int16, in range, canonical, context row for row; whatever n is."""
    for n_objectives in (1, 2, 3):
        toy = make_toy(1, n_objectives=n_objectives)
        searcher = factory(toy.problem, np.random.SeedSequence(1))
        assert isinstance(searcher, Searcher), f"{type(searcher).__name__} lacks a method of Searcher"
        proposed = 0
        for n in _cycled((1, 7, 32, 2), n_unique):
            proposal = searcher.ask(n)
            check_proposal(proposal, toy.problem, n)
            searcher.tell(proposal, toy.evaluate(proposal.indices))
            proposed += len(proposal)
        assert proposed > 0, "nothing was proposed"


def check_proposal(proposal: Proposal, problem: SearchProblem, n: int) -> None:
    """One proposal: 1..n canonical rows of the space."""
    rows, space = proposal.indices, problem.space
    assert rows.ndim == 2, f"indices have shape {rows.shape}, expected (B, {len(space)})"
    assert rows.shape[1] == len(space), f"indices have {rows.shape[1]} columns, expected {len(space)}"
    assert rows.dtype == np.int16, f"indices are {rows.dtype}, expected int16"
    assert 1 <= len(rows) <= n, f"ask({n}) gave {len(rows)} rows, expected 1 to {n}"
    assert ((rows >= 0) & (rows < space.n_values)).all(), "a value position is out of range"
    assert (space.canonical(rows) == rows).all(), "a row is not in canonical form: use space.canonical"
    if proposal.context is not None:
        assert len(proposal.context) == len(rows), "the context has another number of rows than the proposal"


def check_determinism(factory: Factory, *, n_unique: int = 200) -> None:
    """The same seed gives the same proposals, whatever happened to the global generators."""
    toy = make_toy(2)
    logs = []
    for disturbance in (1, 2):
        np.random.seed(disturbance)  # noqa: NPY002
        logs.append(drive(factory(toy.problem, np.random.SeedSequence(5)), toy, n_unique))
    assert _same(*logs), "two searchers with one seed proposed different designs"


def check_resume(factory: Factory, *, n_unique: int = 176) -> None:
    """State saved after any batch, packed and loaded elsewhere, continues with the same proposals."""
    for toy in (make_toy(3), make_toy(4, n_objectives=1, n_pairs=6)):
        for batch, saved_after in ((32, (0, 1, 4)), (9, (7,))):
            whole = drive(factory(toy.problem, np.random.SeedSequence(7)), toy, n_unique, batch=batch)
            for after in saved_after:
                resumed = _interrupted(factory, toy, n_unique, batch=batch, after=after)
                assert _same(whole, resumed), (
                    f"a run saved after batch {after} (of {batch} designs) went on differently: "
                    "state() leaves out something that decides the next proposals"
                )


def check_saved_state_stands_still(factory: Factory) -> None:
    """What state() returned does not change when the search goes on, and taking it changes nothing."""
    toy = make_toy(5)
    searcher = factory(toy.problem, np.random.SeedSequence(9))
    drive(searcher, toy, 64)
    saved = searcher.state()
    before = pack(saved)
    assert pack(searcher.state()) == before, "taking the state twice gave two different states"
    drive(searcher, toy, 64)
    assert pack(saved) == before, "a saved state changed while the search went on: copy the arrays"


def check_failed_designs(factory: Factory) -> None:
    """Failed designs (NaN), infinite costs and batches without any feasible design are survived."""
    toy = make_toy(8)
    searcher = factory(toy.problem, np.random.SeedSequence(11))
    for step in range(12):
        proposal = searcher.ask(16)
        check_proposal(proposal, toy.problem, 16)
        searcher.tell(proposal, _spoiled(toy.evaluate(proposal.indices), step))
    check_proposal(searcher.ask(16), toy.problem, 16)


def check_exhaustion(factory: Factory) -> None:
    """A space of 18 designs is searched to its end without an error; a sweep says that it is finished."""
    toy = tiny_toy()
    searcher = factory(toy.problem, np.random.SeedSequence(13))
    log = drive(searcher, toy, 1000, batch=8)
    assert len(log.indices) > 0, "nothing was proposed"
    if searcher.capabilities.needs_exhaustion:
        assert len(searcher.ask(8)) == 0, "a finished sweep must give an empty proposal"


def check_off_policy(factory: Factory, *, n_told: int = 256) -> None:
    """What others proposed, told before the first ask, is not asked for again and makes the first ask better.

    Better: of 64 designs the middle one costs less, an infeasible one counting as infinite.
    """
    for seed, n_objectives in ((0, 1), (1, 1), (2, 2)):
        toy = make_toy(seed, n_objectives=n_objectives)
        foreign = toy.problem.space.sample(n_told, np.random.default_rng(seed), feasible=True)
        taught, untaught = (factory(toy.problem, np.random.SeedSequence(3)) for _ in range(2))
        taught.tell(Proposal(foreign), toy.evaluate(foreign))
        asked = taught.ask(64).indices
        both = np.concatenate([foreign, asked])
        assert len(np.unique(both, axis=0)) == len(np.unique(foreign, axis=0)) + len(asked), (
            "a design that had been told was asked for again"
        )
        found, blind = _middle_cost(toy, asked), _middle_cost(toy, untaught.ask(64).indices)
        assert found < blind, f"designs of others changed the middle cost from {blind:g} to {found:g}"


def _middle_cost(toy: Toy, rows: IndexMatrix) -> float:
    """Median of the summed scaled costs."""
    results = toy.evaluate(rows)
    summed = toy.problem.scaled(results.costs).sum(axis=1)
    return float(np.median(np.where(results.feasible, summed, np.inf)))


def _interrupted(factory: Factory, toy: Toy, n_unique: int, *, batch: int, after: int) -> Log:
    """The log of a run that is saved after `after` batches and continued by another searcher."""
    first = factory(toy.problem, np.random.SeedSequence(7))
    known: set[bytes] = set()
    parts = []
    for _ in range(after):
        proposal = first.ask(min(batch, n_unique - len(known)))
        results = _told(toy, proposal, known)
        first.tell(proposal, results)
        known.update(row.tobytes() for row in proposal.indices)
        parts.append((proposal.indices, results.costs, results.violations))
    second = factory(toy.problem, np.random.SeedSequence(1234))
    second.load(unpack(pack(first.state())))
    while len(known) < n_unique:
        proposal = second.ask(min(batch, n_unique - len(known)))
        if not len(proposal):
            break
        results = _told(toy, proposal, known)
        second.tell(proposal, results)
        known.update(row.tobytes() for row in proposal.indices)
        parts.append((proposal.indices, results.costs, results.violations))
    return _joined(parts, toy)


def _told(toy: Toy, proposal: Proposal, known: set[bytes]) -> Results:
    results = toy.evaluate(proposal.indices)
    cached = np.array([row.tobytes() in known for row in proposal.indices], dtype=np.bool_)
    return Results(results.costs, results.violations, cached)


def _spoiled(results: Results, step: int) -> Results:
    """Every third batch without costs, every third with infinite ones, the last third as it was."""
    costs, violations = results.costs.copy(), results.violations.copy()
    if step % 3 == 0:
        costs[:], violations[:, -1] = np.nan, 1.0
    elif step % 3 == 1:
        costs[::2] = np.inf
    return Results(costs, violations, results.cached)


def _joined(parts: list[tuple[IndexMatrix, NDArray[np.float64], NDArray[np.float64]]], toy: Toy) -> Log:
    if not parts:
        empty = toy.evaluate(np.zeros((0, len(toy.problem.space)), dtype=np.int16))
        return Log(np.zeros((0, len(toy.problem.space)), dtype=np.int16), empty.costs, empty.violations)
    indices, costs, violations = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Log(indices, costs, violations)


def _same(one: Log, other: Log) -> bool:
    return np.array_equal(one.indices, other.indices)


def _cycled(sizes: tuple[int, ...], total: int) -> list[int]:
    """Sizes in turn until they add up to at least `total`."""
    chosen: list[int] = []
    while sum(chosen) < total:
        chosen.append(sizes[len(chosen) % len(sizes)])
    return chosen
