"""`Aggregation`: how the metrics of an objective combine over the workloads, where a campaign says so.

"combined" is the metric's own rule (`MetricSpec.combine`: ratios of sums). "mean" and "geometric" are means
of the workloads' values, "worst" is the worst of them in the objective's direction, and "p90" the value that
90 % of the workloads, by weight, reach or better (p1 to p100). All but "worst" are weighted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dse.errors import ConfigError, did_you_mean
from dse.metrics import MetricSchema

Values = NDArray[np.float64]

COMBINED = "combined"
NAMES = (COMBINED, "mean", "geometric", "worst", "p90")
_PERCENTILE = re.compile(r"p([1-9]\d?|100)")


def check_aggregate(name: str) -> str:
    """The name of a rule as it is. ConfigError for one that does not exist."""
    if name in NAMES or _PERCENTILE.fullmatch(name):
        return name
    hint = did_you_mean(name, NAMES)
    raise ConfigError(
        f"aggregate {name!r} is unknown: expected combined, mean, geometric, worst or a percentile "
        f"from p1 to p100.{hint}",
        key="aggregate",
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One metric's rule: its name and whether more of the metric is better."""

    name: str
    maximised: bool


@dataclass(frozen=True, slots=True, eq=False)
class Aggregation:
    """rules: metric to its rule, where it is not the schema's. weights: (W,) of the workloads."""

    schema: MetricSchema
    weights: Values
    rules: Mapping[str, Rule]

    def combined(self, values: Values) -> Values:
        """(B, W, M) over the workloads into (B, M); NaN where any workload failed.

        A geometric mean of a negative number is NaN, which makes the design a failed one.
        """
        out = self.schema.combined(values, self.weights)
        for metric, rule in self.rules.items():
            column = self.schema.index(metric)
            out[:, column] = _aggregated(values[:, :, column], self.weights, rule)
        return out


def _aggregated(values: Values, weights: Values, rule: Rule) -> Values:
    if rule.name == "mean":
        mean: Values = values @ weights / weights.sum()
        return mean
    if rule.name == "geometric":
        with np.errstate(divide="ignore", invalid="ignore"):
            geometric: Values = np.exp(np.log(values) @ weights / weights.sum())
        return geometric
    costs = -values if rule.maximised else values
    share = 1.0 if rule.name == "worst" else int(rule.name[1:]) / 100
    order = np.argsort(costs, axis=1, kind="stable")
    sums = np.cumsum(weights[order], axis=1)
    reached = sums >= share * weights.sum() * (1 - 1e-12)  # so that rounding of a sum skips no workload
    found = np.take_along_axis(costs, order, axis=1)[np.arange(len(costs)), reached.argmax(axis=1)]
    found = np.where(np.isnan(costs).any(axis=1), np.nan, found)
    return -found if rule.maximised else found
