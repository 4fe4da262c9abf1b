"""Fronts: non-dominated designs, hypervolume, knee and distance to a reference front.

All functions take costs (n, M) to minimise. Non-dominated sorting and hypervolume are those of moocore
(Lopez-Ibanez and others); of designs with equal costs only the first counts. `FrontArchive` keeps a front
that grows (ext/front.pyx).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.metrics import Metrics, MetricSchema
from dse.objective import Objective
from dse.point import DesignPoint
from dse.space import DesignSpace, IndexMatrix
from ext.front import FrontArchive

if TYPE_CHECKING:
    import pandas

__all__ = [
    "Front",
    "FrontArchive",
    "FrontDesign",
    "HypervolumeTrace",
    "adrs",
    "costs_of",
    "hypervolume",
    "knee",
    "non_dominated",
    "relative_change",
]

Costs = NDArray[np.float64]


def non_dominated(costs: ArrayLike) -> NDArray[np.bool_]:
    """Mask (n,) of the rows that no other row dominates; rows with NaN are never among them."""
    from moocore import is_nondominated

    matrix = _matrix(costs)
    mask: NDArray[np.bool_] = np.logical_not(np.isnan(matrix).any(axis=1))
    if mask.any():
        mask[mask] = is_nondominated(np.ascontiguousarray(_finite(matrix[mask])))
    return mask


def hypervolume(costs: ArrayLike, reference: ArrayLike) -> float:
    """Volume between the front of `costs` and the reference point (M,); points beyond it add nothing."""
    from moocore import hypervolume as exact

    matrix = _matrix(costs)
    point = np.asarray(reference, dtype=np.float64)
    inside = matrix[(matrix < point).all(axis=1)]
    if np.isneginf(inside).any():
        return float("inf")
    return float(exact(np.ascontiguousarray(inside), ref=point)) if len(inside) else 0.0


class HypervolumeTrace:
    """Hypervolume of a growing set of designs, computed anew only when the front of those inside moved."""

    def __init__(self, reference: ArrayLike) -> None:
        self.reference = np.asarray(reference, dtype=np.float64)
        self.value = 0.0
        self._archive = FrontArchive(len(self.reference))

    def add(self, costs: ArrayLike) -> float:
        """Add feasible designs (n, M), NaN rows ignored, and return the new hypervolume."""
        fresh = _matrix(costs)
        fresh = fresh[(fresh < self.reference).all(axis=1)]
        added, _ = self._archive.insert(fresh, np.zeros(len(fresh), dtype=np.int64))
        if len(added):
            self.value = hypervolume(self._archive.costs, self.reference)
        return self.value


def knee(costs: ArrayLike) -> int:
    """Row of the front farthest below the plane through its extremes, each objective scaled to 0..1."""
    matrix = _matrix(costs)
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    scaled = (matrix - low) / np.where(high > low, high - low, 1.0)
    return int(np.argmin(scaled.sum(axis=1)))


def adrs(found: ArrayLike, reference_front: ArrayLike) -> float:
    """Average distance from a reference set: how far, relatively, `found` is from each of its designs.

    The mean over the reference designs of the least, over the found ones, of the largest relative excess in
    any objective; 0 when every reference design is reached. Infinite if nothing was found.
    """
    ours, best = _matrix(found), _matrix(reference_front)
    if not len(ours):
        return float("inf")
    scale = np.where(best == 0, 1.0, np.abs(best))
    excess = np.maximum((ours[None, :, :] - best[:, None, :]) / scale[:, None, :], 0.0)
    return float(excess.max(axis=2).min(axis=1).mean())


@dataclass(frozen=True, slots=True)
class FrontDesign:
    """One design of a front: its trial number in the store, the design and what it measured."""

    trial: int
    point: DesignPoint
    metrics: Metrics


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Front(Sequence[FrontDesign]):
    """The feasible, non-dominated designs of a campaign, sorted by the first objective.

    trials: (n,) numbers in the store. indices: (n, D). metrics: (n, M), combined over the workloads.
    objectives: those optimised; their costs are `costs` (n, number of objectives). reference: the point for
    the hypervolume. baseline: what the others are compared with.
    """

    space: DesignSpace
    schema: MetricSchema
    objectives: tuple[Objective, ...]
    trials: NDArray[np.int64]
    indices: IndexMatrix
    metrics: NDArray[np.float64]
    reference: Costs
    baseline: Metrics | None = None

    @property
    def costs(self) -> Costs:
        """(n, number of objectives), to minimise."""
        return costs_of(self.objectives, self.schema, self.metrics)

    @property
    def hypervolume(self) -> float:
        """Hypervolume up to the campaign's reference point, in the objectives' units multiplied."""
        return hypervolume(self.costs, self.reference)

    @property
    def knee(self) -> FrontDesign:
        """The best compromise; IndexError if the front is empty."""
        if not len(self):
            raise IndexError("the front is empty: no feasible design was found")
        best: FrontDesign = self[knee(self.costs)]
        return best

    def __len__(self) -> int:
        return len(self.trials)

    def __iter__(self) -> Iterator[FrontDesign]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[p] for p in range(*position.indices(len(self)))]
        point = self.space.from_indices(self.indices[position])
        return FrontDesign(int(self.trials[position]), point, Metrics(self.schema, self.metrics[position]))

    def to_dicts(self) -> list[dict[str, Any]]:
        """One JSON-able record a design: trial, design, metrics, difference from the baseline in per cent."""
        return [self._record(design) for design in self]

    def _record(self, design: FrontDesign) -> dict[str, Any]:
        metrics = design.metrics.to_dict()
        record: dict[str, Any] = {
            "trial": design.trial,
            "design": design.point.to_dict(),
            "design_id": design.point.id,
            "metrics": metrics,
        }
        if self.baseline is not None:
            record["change_percent"] = relative_change(metrics, self.baseline)
        return record

    def to_frame(self) -> pandas.DataFrame:
        """A pandas frame: trial, parameters, metrics."""
        import pandas

        columns: dict[str, Any] = {"trial": self.trials, **self.space.decode(self.indices)}
        columns.update({name: self.metrics[:, m] for m, name in enumerate(self.schema.names)})
        return pandas.DataFrame(columns)

    def __repr__(self) -> str:
        ranges = [_range(o.metric, self.metrics[:, self.schema.index(o.metric)]) for o in self.objectives]
        return (
            f"Front({len(self)} designs: {', '.join(ranges)})" if len(self) else "Front(no feasible design)"
        )

    def _repr_html_(self) -> str:
        names = [objective.metric for objective in self.objectives]
        shown: str = self.to_frame()[["trial", *names, *self.space.names]].to_html(index=False, escape=True)
        return shown


def costs_of(objectives: Sequence[Objective], schema: MetricSchema, metrics: NDArray[np.float64]) -> Costs:
    """Costs (n, number of objectives) of metric rows (n, M)."""
    columns = [objective.costs(metrics[:, schema.index(objective.metric)]) for objective in objectives]
    return np.stack(columns, axis=1) if columns else np.zeros((len(metrics), 0))


def relative_change(metrics: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float | None]:
    """Per cent by which each metric differs from the baseline's; None where that has no meaning."""
    changes: dict[str, float | None] = {}
    for name, value in metrics.items():
        base = baseline[name]
        defined = base != 0 and np.isfinite(base) and np.isfinite(value)
        changes[name] = float(100.0 * (value - base) / abs(base)) if defined else None
    return changes


def _finite(costs: Costs) -> Costs:
    """Costs without infinities that dominate each other in the same way: their ranks, where needed.

    moocore 0.3.2 takes +inf for the end of a list, and reads beyond its memory at -inf (3 objectives).
    """
    if np.isfinite(costs).all():
        return costs
    ranks = [np.unique(column, return_inverse=True)[1] for column in costs.T]
    return np.stack(ranks, axis=1).astype(np.float64)


def _range(name: str, values: Costs) -> str:
    return f"{name} {values.min():.5g} to {values.max():.5g}"


def _matrix(costs: ArrayLike) -> Costs:
    return np.atleast_2d(np.asarray(costs, dtype=np.float64))
