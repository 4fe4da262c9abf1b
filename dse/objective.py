"""`Objective`: a metric to minimise or maximise, or, with a bound, a constraint on it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, listed
from dse.metrics import MetricSchema

_TEXT = re.compile(r"^\s*(?:(min|max):)?\s*([A-Za-z_]\w*)\s*(?:(<=|>=)\s*([-+.\deE]+))?\s*$")
_FAILED_VIOLATION = 1.0


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric and what is wanted of it. A bound makes it a constraint and not something to optimise.

    direction: None means the metric's own (filled in by `resolved`). Raises ConfigError for bounds that are
    not finite numbers or that exclude each other.
    """

    metric: str
    direction: Literal["min", "max"] | None = None
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        for name in ("at_most", "at_least"):
            bound = getattr(self, name)
            if bound is not None and not math.isfinite(bound):
                raise ConfigError(
                    f"objective {self.metric}: {name}={bound!r} is not a finite number", key=name
                )
        if self.at_most is not None and self.at_least is not None and self.at_most < self.at_least:
            raise ConfigError(
                f"objective {self.metric}: at_least={self.at_least} is above at_most={self.at_most}"
            )
        if self.direction not in (None, "min", "max"):
            raise ConfigError(
                f"objective {self.metric}: direction {self.direction!r} is neither 'min' nor 'max'"
            )

    @classmethod
    def parse(cls, text: str) -> Objective:
        """From `metric`, `max:metric`, `metric <= 3` or `metric >= 0.98`; ConfigError otherwise."""
        found = _TEXT.match(text)
        if found is None:
            raise ConfigError(
                f"objective {text!r}: expected METRIC, min:METRIC, max:METRIC or METRIC <= NUMBER"
            )
        metric, sign, number = found[2], found[3], found[4]
        try:
            bound = float(number) if number else None
        except ValueError:
            raise ConfigError(f"objective {text!r}: {number!r} is not a number") from None
        way: Literal["min", "max"] | None = "min" if found[1] == "min" else "max" if found[1] else None
        return cls(metric, way, bound if sign == "<=" else None, bound if sign == ">=" else None)

    @property
    def is_constraint(self) -> bool:
        """Whether a bound is given."""
        return self.at_most is not None or self.at_least is not None

    @property
    def text(self) -> str:
        """Short form for people: `min read_latency_p95_ns` or `served_load >= 0.98`."""
        low = f" >= {self.at_least:g}" if self.at_least is not None else ""
        high = f" <= {self.at_most:g}" if self.at_most is not None else ""
        return (
            f"{self.metric}{low}{high}" if self.is_constraint else f"{self.direction or 'min'} {self.metric}"
        )

    def resolved(self, schema: MetricSchema) -> Objective:
        """With the direction of the schema if none was given; ConfigError if the metric has none."""
        own = schema.spec(self.metric).direction
        if self.direction is not None:
            return self
        if own == "none" and not self.is_constraint:
            raise ConfigError(
                f"objective {self.metric}: neither less nor more of it is better by itself; "
                'add direction = "min" or "max", or a bound (at_most, at_least)',
                key="direction",
            )
        way: Literal["min", "max"] = "max" if own == "max" else "min"
        return Objective(self.metric, way, self.at_most, self.at_least)

    def costs(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of the metric as costs: less is better. NaN stays NaN."""
        return -values if self.direction == "max" else values.copy()

    def violation(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the values miss the bound, relative to it; <= 0 where it holds. A failed run gets 1."""
        parts = [np.full(values.shape, -np.inf)]
        if self.at_most is not None:
            parts.append((values - self.at_most) / _scale(self.at_most))
        if self.at_least is not None:
            parts.append((self.at_least - values) / _scale(self.at_least))
        worst = np.maximum.reduce(parts)
        return np.where(np.isnan(values), _FAILED_VIOLATION, worst)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {s: getattr(self, s) for s in ("metric", "direction", "at_most", "at_least")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Objective:
        """The objective that `to_dict` described."""
        return cls(**data)


def check_objectives(objectives: tuple[Objective, ...], schema: MetricSchema) -> tuple[Objective, ...]:
    """Objectives resolved against the schema.

    Raises ConfigError if none is left to optimise, if one is repeated, or if one is only fair beside a
    constraint that is missing (`MetricSpec.needs_constraint`).
    """
    resolved = tuple(objective.resolved(schema) for objective in objectives)
    aims = [objective.metric for objective in resolved if not objective.is_constraint]
    bounded = {objective.metric for objective in resolved if objective.is_constraint}
    if not aims:
        raise ConfigError(
            "no objective to optimise: every metric given has a bound; add one without", key="metric"
        )
    repeated = sorted({metric for metric in aims if aims.count(metric) > 1})
    if repeated:
        raise ConfigError(f"objective {listed(repeated)} is given twice", key="metric")
    for metric in aims:
        needed = schema.spec(metric).needs_constraint
        if needed is not None and needed not in bounded:
            raise ConfigError(
                f"objective {metric} needs a constraint on {needed}: without one the best design is one that "
                f"does the least work. Add an objective {needed} with a bound (at_least = 0.98)",
                key=metric,
            )
    return resolved


def _scale(bound: float) -> float:
    return abs(bound) if bound != 0 else 1.0
