"""The metrics by which an analysis compares designs."""

from __future__ import annotations

from collections.abc import Sequence

from dse.campaign.result import CampaignResult
from dse.importance import AnalysedMetric


def analysed(
    result: CampaignResult, metrics: Sequence[str] | None
) -> tuple[tuple[AnalysedMetric, ...], list[int]]:
    """The metrics named, or the campaign's objectives, and their columns; ConfigError for an unknown one."""
    record = result.record
    wanted = {
        objective.metric: objective.direction for objective in (*record.constraints, *record.objectives)
    }
    names = tuple(metrics) if metrics else tuple(objective.metric for objective in record.objectives)
    specs = [record.schema.spec(name) for name in names]
    found = tuple(AnalysedMetric(s.name, s.unit, wanted.get(s.name) or s.direction) for s in specs)
    return found, [record.schema.index(name) for name in names]
