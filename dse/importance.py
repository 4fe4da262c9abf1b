"""What an analysis of a campaign found: importance of parameters, changes around a design, Shapley values.

Plain results, computed by `agents.analysis` and drawn by `dashboards.figures.importance`. All of them give
`to_dict` (JSON) and `to_frame` (pandas, one row a line of the printed table).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from dse.metrics import Direction
from dse.registry import resolve

if TYPE_CHECKING:
    import pandas

Kind = Literal["parameter", "subsystem"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number between 0 and 1 and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Influence:
    """How much of a metric's variance one parameter or subsystem explains.

    first: by itself. total: together with every interaction in which it takes part.
    """

    name: str
    kind: Kind
    subsystem: str
    first: Estimate
    total: Estimate


@dataclass(frozen=True, slots=True)
class MetricImportance:
    """Indices of one metric, parameters first, the most important first; none if `refused` says why.

    scale: "log" when the logarithm of the metric was decomposed. r2: share of the variance of `held_out`
    trials that the model fitted to `trials` others predicted.
    """

    metric: str
    scale: Literal["linear", "log"]
    trials: int
    held_out: int
    r2: float
    refused: str
    influences: tuple[Influence, ...]

    def of(self, kind: Kind) -> tuple[Influence, ...]:
        """The parameters or the subsystems alone."""
        return tuple(one for one in self.influences if one.kind == kind)


@dataclass(frozen=True, slots=True)
class Importance:
    """Sobol's indices of every parameter and subsystem for each metric of a campaign.

    measured: distinct designs with these metrics. failed: designs without. outside: measured, but not in the
    campaign's search space, and so not used (of the 20,000 that are read at most). constant: parameters of
    which only one value was measured. unmeasured: values left out because no trial has them, by parameter.
    estimated: designs left out because none of their trials was simulated in full.
    """

    campaign: str
    metrics: tuple[MetricImportance, ...]
    measured: int
    failed: int
    outside: int
    constant: tuple[str, ...]
    unmeasured: dict[str, tuple[Any, ...]]
    estimated: int = 0

    method = "sobol"

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"method": self.method, **asdict(self)}

    def to_frame(self) -> pandas.DataFrame:
        """One row a metric and parameter or subsystem."""
        import pandas

        columns = ["metric", "kind", "name", "subsystem"]
        numbers = ["first", "first_low", "first_high", "total", "total_low", "total_high", "r2"]
        rows = [
            (
                *(one.metric, i.kind, i.name, i.subsystem),
                *(i.first.value, i.first.low, i.first.high, i.total.value, i.total.low, i.total.high, one.r2),
            )
            for one in self.metrics
            for i in one.influences
        ]
        return pandas.DataFrame(rows, columns=[*columns, *numbers])

    def plot(self, **options: Any) -> Any:
        """A plotly figure (dashboards.figures.importance)."""
        return resolve("figure", "importance")(self, **options)


@dataclass(frozen=True, slots=True)
class AnalysedMetric:
    """A metric that designs were compared by."""

    name: str
    unit: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Step:
    """A design that differs from another one in a single parameter.

    values: of the metrics, in order; NaN where `state` is not "measured". current: this is the design itself.
    feasible: whether it meets the constraints of the space and of the campaign.
    """

    parameter: str
    subsystem: str
    value: Any
    current: bool
    state: Literal["measured", "forbidden", "failed", "no effect"]
    feasible: bool
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OneAtATime:
    """Every value of every parameter around a design, all else equal.

    values: what the design itself measured. simulated: new simulations that this took.
    """

    campaign: str
    design: str
    point: dict[str, Any]
    metrics: tuple[AnalysedMetric, ...]
    values: tuple[float, ...]
    steps: tuple[Step, ...]
    simulated: int

    method = "one-at-a-time"

    def change(self, step: Step, metric: int) -> float:
        """Per cent by which the step changes a metric; NaN if it was not measured or the design has 0."""
        base = self.values[metric]
        return 100.0 * (step.values[metric] - base) / abs(base) if base else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        data = {"method": self.method, **asdict(self)}
        for record, step in zip(data["steps"], self.steps, strict=True):
            record["change_percent"] = [self.change(step, m) for m in range(len(self.metrics))]
        return data

    def to_frame(self) -> pandas.DataFrame:
        """One row a step: its metrics and their change in per cent."""
        import pandas

        rows: list[dict[str, Any]] = []
        for step in self.steps:
            row = {
                "parameter": step.parameter,
                "subsystem": step.subsystem,
                "value": step.value,
                "current": step.current,
                "state": step.state,
                "feasible": step.feasible,
            }
            for m, metric in enumerate(self.metrics):
                row[metric.name] = step.values[m]
                row[f"{metric.name}_change_percent"] = self.change(step, m)
            rows.append(row)
        return pandas.DataFrame(rows)

    def plot(self, **options: Any) -> Any:
        """A plotly figure (dashboards.figures.importance)."""
        return resolve("figure", "importance")(self, **options)


@dataclass(frozen=True, slots=True)
class Share:
    """What one subsystem contributes to the difference of two designs, in each metric and its unit.

    parameters: those in which the designs differ, as (name, value before, value after).
    """

    subsystem: str
    parameters: tuple[tuple[str, Any, Any], ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shapley:
    """Exact Shapley values of the subsystems for a design against the baseline.

    before, after: metrics of the baseline and of the design; the shares add up to their difference.
    coalitions: designs that were compared, all of them simulated; simulated: how many were new.
    """

    campaign: str
    design: str
    metrics: tuple[AnalysedMetric, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    shares: tuple[Share, ...]
    coalitions: int
    simulated: int

    method = "shapley"

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {"method": self.method, **asdict(self)}

    def to_frame(self) -> pandas.DataFrame:
        """One row a subsystem, one column a metric, in the metric's unit."""
        import pandas

        names = [metric.name for metric in self.metrics]
        return pandas.DataFrame(
            [(share.subsystem, *share.values) for share in self.shares], columns=["subsystem", *names]
        )

    def plot(self, **options: Any) -> Any:
        """A plotly figure (dashboards.figures.importance)."""
        return resolve("figure", "importance")(self, **options)


Analysis = Importance | OneAtATime | Shapley
