"""Metrics: what a simulation measured, with units, directions and rules of combination.

A metric's name carries its unit. Over several workloads a metric combines by its own rule: a ratio is the sum
of its numerator over the sum of its denominator (average power is energy over time, never a mean of means).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, did_you_mean, listed

Direction = Literal["min", "max", "none"]
Combine = Literal["sum", "mean", "max", "min", "ratio"]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric.

    direction: which way is better ("none": neither). combine: its rule over workloads; for "ratio" it is
    `scale` * sum(numerator) / sum(denominator), both metrics of the same schema. needs_constraint: a metric
    that must be constrained for this one to be a fair objective (average power beside the served load).
    """

    name: str
    unit: str
    direction: Direction
    combine: Combine = "mean"
    description: str = ""
    numerator: str | None = None
    denominator: str | None = None
    scale: float = 1.0
    group: str = ""
    needs_constraint: str | None = None


class MetricSchema(Sequence[MetricSpec]):
    """The ordered metrics of a simulator. Raises ConfigError for repeated names or half a ratio."""

    def __init__(self, specs: Sequence[MetricSpec]) -> None:
        self.specs = tuple(specs)
        self.names = tuple(spec.name for spec in self.specs)
        self._index = {name: position for position, name in enumerate(self.names)}
        if len(self._index) != len(self.specs):
            raise ConfigError("a metric is defined twice in the schema")
        for spec in self.specs:
            if spec.combine == "ratio" and (spec.numerator is None or spec.denominator is None):
                raise ConfigError(f"metric {spec.name}: a ratio needs a numerator and a denominator")
            for part in (spec.numerator, spec.denominator):
                if part is not None:
                    self.index(part)

    def index(self, name: str, *_: Any) -> int:
        """Column of a metric; ConfigError with the nearest name if unknown."""
        found = self._index.get(name)
        if found is None:
            hint = did_you_mean(name, self.names) or f" The metrics are {listed(self.names, 60)}."
            raise ConfigError(f"unknown metric {name!r}.{hint}", key=name)
        return found

    def spec(self, name: str) -> MetricSpec:
        """The metric of that name; ConfigError if unknown."""
        return self.specs[self.index(name)]

    @overload
    def __getitem__(self, position: int) -> MetricSpec: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[MetricSpec]: ...
    def __getitem__(self, position: int | slice) -> MetricSpec | Sequence[MetricSpec]:
        return self.specs[position]

    def __len__(self) -> int:
        return len(self.specs)

    def __contains__(self, name: object) -> bool:
        return name in self._index or name in self.specs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MetricSchema) and self.specs == other.specs

    def __hash__(self) -> int:
        return hash(self.names)

    @cached_property
    def hash(self) -> str:
        """32 hexadecimal digits over everything but the descriptions."""
        data = [{k: v for k, v in item.items() if k != "description"} for item in self.to_list()]
        return hashlib.blake2b(json.dumps(data, sort_keys=True).encode(), digest_size=16).hexdigest()

    def to_list(self) -> list[dict[str, Any]]:
        """JSON form; `MetricSchema.from_list` undoes it."""
        return [asdict(spec) for spec in self.specs]

    @classmethod
    def from_list(cls, data: Sequence[Mapping[str, Any]]) -> MetricSchema:
        """The schema that `to_list` described."""
        return cls([MetricSpec(**item) for item in data])

    def combined(self, values: Values, weights: Values | None = None) -> Values:
        """Combine (..., W, M) over the workloads into (..., M), weighting workload w by weights[w].

        Minimum and maximum ignore the weights. A NaN in any workload makes the result NaN.
        """
        w = np.ones(values.shape[-2]) if weights is None else np.asarray(weights, dtype=np.float64)
        out: Values = np.einsum("...wm,w->...m", values, w)
        for column, spec in enumerate(self.specs):
            if spec.combine == "mean":
                out[..., column] /= w.sum()
            elif spec.combine in ("max", "min"):
                reduce = np.max if spec.combine == "max" else np.min
                out[..., column] = reduce(values[..., column], axis=-1)
        self._ratios(values, w, out)
        return out

    def with_ratios(self, values: Values) -> Values:
        """(..., M) with every ratio computed anew from its parts, NaN where its denominator is 0. A copy."""
        columns, above, below, scale = self._ratio_columns
        out: Values = np.array(values, dtype=np.float64)
        under = out[..., below]
        quotient = np.full(under.shape, np.nan)
        np.divide(out[..., above], under, out=quotient, where=under != 0)
        out[..., columns] = quotient * scale
        return out

    @cached_property
    def _ratio_columns(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Values]:
        """Of each ratio: its column, those of its numerator and its denominator, and its scale."""
        rows = [
            (self.index(spec.name), self.index(spec.numerator), self.index(spec.denominator), spec.scale)
            for spec in self.specs
            if spec.numerator is not None and spec.denominator is not None
        ]
        whole = np.array([row[:3] for row in rows], dtype=np.intp).reshape(-1, 3)
        scale = np.array([row[3] for row in rows], dtype=np.float64)
        return whole[:, 0], whole[:, 1], whole[:, 2], scale

    def _ratios(self, values: Values, weights: Values, out: Values) -> None:
        for column, spec in enumerate(self.specs):
            if spec.numerator is None or spec.denominator is None:
                continue
            above = values[..., self.index(spec.numerator)] @ weights
            below = values[..., self.index(spec.denominator)] @ weights
            if values.shape[-2] == 1:
                out[..., column] = values[..., 0, column]
                continue
            with np.errstate(divide="ignore", invalid="ignore"):
                out[..., column] = np.where(below != 0, spec.scale * above / below, np.nan)


class Metrics(Mapping[str, float]):
    """What one simulation measured: name to number, also as attributes (`metrics.elapsed_ns`).

    values: (M,) float64 in the order of `schema`. notes: remarks a reader should see (too short a run, ...).
    """

    __slots__ = ("notes", "schema", "values_array")

    def __init__(self, schema: MetricSchema, values: Values, notes: Sequence[str] = ()) -> None:
        self.schema = schema
        self.values_array = np.asarray(values, dtype=np.float64)
        self.notes = tuple(notes)

    def __getitem__(self, name: str) -> float:
        if name not in self.schema.names:
            raise KeyError(f"no metric {name!r}.{did_you_mean(name, self.schema.names)}")
        return float(self.values_array[self.schema.index(name)])

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name in Metrics.__slots__:
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(str(error.args[0])) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.schema.names)

    def __len__(self) -> int:
        return len(self.schema)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metrics):
            return NotImplemented
        return self.schema.names == other.schema.names and np.array_equal(
            self.values_array, other.values_array, equal_nan=True
        )

    def __hash__(self) -> int:
        return hash((self.schema.names, self.values_array.tobytes()))

    def __repr__(self) -> str:
        return "Metrics(" + ", ".join(f"{k}={v:.6g}" for k, v in self.items()) + ")"

    @property
    def failed(self) -> bool:
        """Whether the simulation failed (every value is NaN)."""
        return bool(np.isnan(self.values_array).all())

    def to_dict(self) -> dict[str, float]:
        """Name to number, in the order of the schema."""
        return dict(zip(self.schema.names, self.values_array.tolist(), strict=True))


class MetricsRow(Sequence[Metrics]):
    """One design over its workloads: `row[w]` is one workload; attributes are combined over all of them."""

    __slots__ = ("_batch", "_design")

    def __init__(self, batch: MetricsBatch, design: int) -> None:
        self._batch = batch
        self._design = design

    @overload
    def __getitem__(self, workload: int) -> Metrics: ...
    @overload
    def __getitem__(self, workload: slice) -> Sequence[Metrics]: ...
    def __getitem__(self, workload: int | slice) -> Metrics | Sequence[Metrics]:
        if isinstance(workload, slice):
            return [self[w] for w in range(*workload.indices(len(self)))]
        return self._batch.one(self._design, workload)

    def __len__(self) -> int:
        return int(self._batch.values.shape[1])

    @property
    def combined(self) -> Metrics:
        """The metrics over all workloads, equally weighted."""
        notes = [note for one in self._batch.notes[self._design] for note in one] if self._batch.notes else []
        values = self._batch.schema.combined(self._batch.values[self._design])
        return Metrics(self._batch.schema, values, tuple(dict.fromkeys(notes)))

    def __getattr__(self, name: str) -> float:
        if name.startswith("_"):
            raise AttributeError(name)
        value: float = getattr(self.combined, name)
        return value

    def to_dict(self) -> dict[str, float]:
        """The combined metrics by name."""
        return self.combined.to_dict()


@dataclass(frozen=True, slots=True, eq=False)
class MetricsBatch(Sequence[MetricsRow]):
    """What `run_batch` measured.

    values: (P, W, M) float64, designs by workloads by metrics; a failed simulation is a NaN row. notes: for
    each design and workload a tuple of remarks (or an empty list if there are none at all). seconds: (P, W).
    """

    schema: MetricSchema
    values: Values
    notes: Sequence[Sequence[tuple[str, ...]]]
    seconds: Values

    @overload
    def __getitem__(self, design: int) -> MetricsRow: ...
    @overload
    def __getitem__(self, design: slice) -> Sequence[MetricsRow]: ...
    def __getitem__(self, design: int | slice) -> MetricsRow | Sequence[MetricsRow]:
        if isinstance(design, slice):
            return [self[p] for p in range(*design.indices(len(self)))]
        if not -len(self) <= design < len(self):
            raise IndexError(f"design {design} of a batch of {len(self)}")
        return MetricsRow(self, design)

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def one(self, design: int, workload: int) -> Metrics:
        """What one design measured on one workload."""
        notes = self.notes[design][workload] if self.notes else ()
        return Metrics(self.schema, self.values[design, workload], notes)

    def combined(self, weights: Values | None = None) -> Values:
        """(P, M) over all workloads, weighted if weights (W,) are given."""
        return self.schema.combined(self.values, weights)
