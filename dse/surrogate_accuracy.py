"""How well models predict a campaign's metrics: what cross-validation found, to be shown or drawn.

Plain results, computed by `agents.models.validation` and drawn by `dashboards.figures.surrogate`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from dse.registry import resolve

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class MetricAccuracy:
    """One model on one metric; every design was predicted by a model that had not seen it.

    scale: "log" when the logarithm of the metric was learnt. kendall_tau: of the order of predicted and
    simulated values, 1 if it is the same. r2: share of the variance predicted, in that scale. error_median,
    error_p95: relative to the simulated value. within: share of the errors below twice the deviation that the
    model gave, in that scale. best_kept: share of the best tenth of the designs that the model ranks among
    its best quarter. All of these are NaN where they mean nothing (a metric that never changes, or is better
    neither way). simulated, predicted, deviation: (n,) of the designs, in the metric's unit.
    """

    model: str
    metric: str
    unit: str
    scale: Literal["linear", "log"]
    kendall_tau: float
    r2: float
    error_median: float
    error_p95: float
    within: float
    best_kept: float
    simulated: tuple[float, ...]
    predicted: tuple[float, ...]
    deviation: tuple[float, ...]


_NUMBERS = ("kendall_tau", "r2", "error_median", "error_p95", "within", "best_kept")


@dataclass(frozen=True, slots=True)
class SurrogateAccuracy:
    """Models on the trials of a campaign, by cross-validation.

    designs: how many were used, of `measured` distinct ones with metrics; `failed` had none. learnt: designs
    that each prediction was learnt from. metrics: model by model, and in each in the order asked for.
    """

    campaign: str
    folds: int
    designs: int
    measured: int
    failed: int
    learnt: int
    metrics: tuple[MetricAccuracy, ...]

    def of(self, model: str) -> tuple[MetricAccuracy, ...]:
        """The metrics of one model."""
        return tuple(one for one in self.metrics if one.model == model)

    @property
    def models(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(dict.fromkeys(one.model for one in self.metrics))

    def to_dict(self) -> dict[str, Any]:
        """JSON form, predictions included."""
        return asdict(self)

    def to_frame(self) -> pandas.DataFrame:
        """One row a model and metric, without the predictions."""
        import pandas

        columns = ("model", "metric", "unit", "scale", *_NUMBERS)
        rows = [[getattr(one, column) for column in columns] for one in self.metrics]
        return pandas.DataFrame(rows, columns=list(columns))

    def plot(self, **options: Any) -> Any:
        """A plotly figure (dashboards.figures.surrogate)."""
        return resolve("figure", "surrogate")(self, **options)
