"""Search by ask and tell: proposals, results and the role `Searcher`.

`ask` gives whole designs as an index matrix; `tell` gives their costs and violations back in the same row
order. State is saved only between a tell and the next ask, and a searcher that loads it proposes exactly what
the saved one would have proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_type_hints, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, did_you_mean, listed
from dse.objective import Objective
from dse.space import DesignSpace, IndexMatrix
from dse.state import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """Designs to evaluate: indices (B, D) int16, canonical.

    context: (B, C) the conditions each row was chosen for (preference weights, workload), or None.
    token: whatever the proposer wants back in `tell`, untouched; it is never stored.
    """

    indices: IndexMatrix
    context: NDArray[np.float64] | None = None
    token: Any = None

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What the proposed designs were worth, in the order in which they were asked.

    costs: (B, M), to minimise; a row of NaN has no costs (it failed, or was not simulated because it violates
    a constraint of the space). violations: (B, K), feasible where <= 0. cached: (B,) True where this proposer
    had the design before, so that no budget was spent.
    """

    costs: NDArray[np.float64]
    violations: NDArray[np.float64]
    cached: NDArray[np.bool_]

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """(B,) rows that have costs and violate nothing."""
        measured = np.logical_not(np.isnan(self.costs).any(axis=1))
        return np.logical_and(measured, (self.violations <= 0).all(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class SearchProblem:
    """What a searcher is told about its task.

    objectives: the minimised ones (M). n_constraints: K, constraints of the space first, then the bounded
    metrics. reference, ideal: (M,) cost units; the point for hypervolume and scaling, worst and best.
    context: (C,) what the workloads are like (`dse.env.descriptor`, their mean by weight), or None: told to
    searchers that want it (`Capabilities.workloads`).
    """

    space: DesignSpace
    objectives: tuple[Objective, ...]
    n_constraints: int
    reference: NDArray[np.float64]
    ideal: NDArray[np.float64]
    context: NDArray[np.float64] | None = None

    @property
    def n_objectives(self) -> int:
        """M."""
        return len(self.objectives)

    def scaled(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Costs (..., M) with the ideal at 0 and the reference point at 1."""
        span = self.reference - self.ideal
        scaled: NDArray[np.float64] = (costs - self.ideal) / np.where(span > 0, span, 1.0)
        return scaled


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a searcher can use; the campaign adapts or refuses.

    max_batch: most rows that one `ask` may give (None: any). needs_exhaustion: it stops by itself when it has
    proposed everything (a grid). workloads: it wants `SearchProblem.context`.
    """

    multi_objective: bool = True
    constraints: bool = True
    contextual: bool = False
    max_batch: int | None = None
    needs_exhaustion: bool = False
    workloads: bool = False


@runtime_checkable
class Searcher(Protocol):
    """Proposes whole designs. Built as `Class(problem, seed: np.random.SeedSequence, **options)`."""

    capabilities: ClassVar[Capabilities]

    def ask(self, n: int) -> Proposal:
        """At most n designs, at least one; none at all means there is nothing left to propose."""
        ...

    def tell(self, proposal: Proposal, results: Results) -> None:
        """The results of a proposal, row for row."""
        ...

    def state(self) -> State:
        """Everything that decides the next proposals: JSON values, dicts, lists and numpy arrays."""
        ...

    def load(self, state: State) -> None:
        """Continue from a state saved by an equal searcher."""
        ...


@runtime_checkable
class Listener(Protocol):
    """A searcher that also takes designs which it did not ask for: of an earlier campaign, or of others."""

    def hear(self, indices: IndexMatrix, results: Results) -> None:
        """Learn from these canonical designs (B, D), and never propose them.

        Called only where `state` may be: between a tell and the next ask.
        """
        ...


def parse_options(options: type[T], given: Mapping[str, Any], who: str) -> T:
    """Build a frozen dataclass of options from what the user wrote; `who` is named in the messages.

    Raises ConfigError for an unknown name (with the nearest one), a wrong type or a missing value.
    """
    known = {field.name: field for field in fields(options)}  # type: ignore[arg-type]
    hints = get_type_hints(options)
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) or f" The options are {listed(known)}."
            raise ConfigError(f"{who}: unknown option {name!r}.{hint}", key=name)
        if not _fits(value, hints[name]):
            expected = getattr(hints[name], "__name__", str(hints[name]))
            raise ConfigError(f"{who}: option {name}={value!r} should be {expected}", key=name)
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(f"{who}: option {name!r} is missing", key=name)
    lists_as_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    return options(**lists_as_tuples)


def _fits(value: object, hint: Any) -> bool:
    """Whether a JSON-like value suits a plain annotation; anything elaborate is left to the class itself."""
    allowed = set(get_args(hint)) or {hint}
    if not allowed <= {int, float, str, bool, type(None)}:
        return True
    kind = type(value)
    return kind in allowed or (kind is int and float in allowed)
