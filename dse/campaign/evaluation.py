"""`Evaluator`: metrics of designs, from memory, from the design cache of the store, or from the simulator.

Results are a pure function of design and workloads, so where they come from never changes a campaign; each
answer says which it was (`Origin`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from dse.executors import Executor
from dse.executors.threads import ThreadExecutor
from dse.simulator import Simulator
from dse.space import DesignSpace, IndexMatrix
from dse.store import Origin, ResultBlock, Store
from dse.store.records import default_charge
from traces.instruction_workload import AnyWorkload

Key = int | bytes


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """metrics: (B, M) combined over the workloads. origin: (B,) see `Origin`. seconds: (B,) of simulation.

    fidelity, charge: (B,) as in a `TrialBlock`. fresh: what was simulated just now, to be stored together
    with the trials; others: the same of parts of the workloads, with their benches.
    """

    metrics: NDArray[np.float64]
    origin: NDArray[np.uint8]
    seconds: NDArray[np.float64]
    fidelity: NDArray[np.float64]
    charge: NDArray[np.float64]
    fresh: ResultBlock | None = None
    others: tuple[tuple[Sequence[int], ResultBlock], ...] = ()

    def repeated(self, which: NDArray[np.bool_]) -> Evaluated:
        """The same, in which these rows (B,) are repeats of the run and charged to nobody."""
        origin = np.where(which, Origin.REPEAT, self.origin).astype(np.uint8)
        return replace(self, origin=origin, charge=default_charge(origin))


@dataclass(slots=True)
class Evaluator:
    """Evaluates rows of the simulator's space on the campaign's workloads.

    threads: of the simulator, unless an `executor` is given to run it. space: whose constraints forbid a
    design (default: the simulator's). combine: metrics (R, W, M) to (R, M) (default: the rules of the schema
    with the weights). works: positions of the workloads among those of the executor (default: all of them).
    """

    simulator: Simulator
    workloads: Sequence[AnyWorkload]
    weights: NDArray[np.float64]
    store: Store
    benches: Sequence[int]
    threads: int = 1
    executor: Executor | None = None
    space: DesignSpace | None = None
    combine: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    works: Sequence[int] | None = None
    simulated: int = 0
    _slot: dict[Key, int] = field(default_factory=dict)
    _known: NDArray[np.float64] = field(init=False)
    _ask_store: bool = field(init=False)
    _executor: Executor = field(init=False)
    _space: DesignSpace = field(init=False)

    def __post_init__(self) -> None:
        self._known = np.empty((1024, len(self.simulator.schema)))
        self._ask_store = self.store.has_results(self.benches)
        self._executor = self.executor or ThreadExecutor(self.simulator, self.workloads, self.threads)
        self._space = self.space or self.simulator.space

    def evaluate(self, rows: IndexMatrix, keys: Sequence[Key]) -> Evaluated:
        """Metrics of canonical rows (B, D) with their keys; every design is simulated at most once.

        A design that violates a constraint of the space is not simulated and has no metrics (NaN).
        """
        origin = np.full(len(rows), Origin.CACHE, dtype=np.uint8)
        seconds = np.zeros(len(rows))
        todo = self._first_new(keys)
        if todo:
            violated = (self._space.violations(rows[todo]) > 0).any(axis=1)
            forbidden = set(np.asarray(todo)[violated].tolist())
            self._remember([keys[i] for i in todo if i in forbidden], None)
            todo = [i for i in todo if i not in forbidden]
        todo = self._from_store(todo, keys)
        fresh = self._simulate(rows[todo], [keys[i] for i in todo]) if todo else None
        if fresh is not None:
            seconds[todo] = fresh.seconds.sum(axis=1)
            origin[todo] = Origin.SIMULATED
        metrics = self._known[[self._slot[key] for key in keys]]
        unmeasured = np.isnan(metrics).all(axis=1)
        if unmeasured.any():
            no = (self._space.violations(rows[unmeasured]) > 0).any(axis=1)
            origin[np.flatnonzero(unmeasured)[no]] = Origin.FORBIDDEN
        return Evaluated(metrics, origin, seconds, np.ones(len(rows)), default_charge(origin), fresh)

    def remember(self, keys: Sequence[Key], metrics: NDArray[np.float64]) -> None:
        """Know these designs' combined metrics (B, M) from the log of a resumed campaign."""
        fresh = self._first_new(keys)
        self._remember([keys[i] for i in fresh], metrics[fresh])

    def _first_new(self, keys: Sequence[Key]) -> list[int]:
        """Positions of the first occurrence of each key that is not known yet."""
        known, first = self._slot, dict[Key, int]()
        for position, key in enumerate(keys):
            if key not in known and key not in first:
                first[key] = position
        return list(first.values())

    def _from_store(self, todo: list[int], keys: Sequence[Key]) -> list[int]:
        """Take what the design cache has; returns the positions that are left to simulate."""
        if not (todo and self._ask_store):
            return todo
        found = self.store.cached(self.benches, [keys[i] for i in todo])
        if found:
            values = np.stack(list(found.values()))
            self._remember(list(found), self._combined(values))
        return [i for i in todo if keys[i] not in found]

    def _simulate(self, rows: IndexMatrix, keys: list[Key]) -> ResultBlock:
        batch = self._executor.evaluate(rows, self.works)
        self._remember(keys, self._combined(batch.values))
        self.simulated += len(rows)
        return ResultBlock(keys, batch.values, batch.seconds, batch.notes)

    def _combined(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.combine(values) if self.combine else self.simulator.schema.combined(values, self.weights)

    def _remember(self, keys: Sequence[Key], metrics: NDArray[np.float64] | None) -> None:
        first = len(self._slot)
        end = first + len(keys)
        while end > len(self._known):
            self._known = np.concatenate([self._known, np.empty_like(self._known)])
        self._known[first:end] = np.nan if metrics is None else metrics
        self._slot.update(zip(keys, range(first, end), strict=True))
