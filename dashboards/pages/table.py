"""The front as a table: columns and rows for the grid. Cells are typed values, shown as text."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboards import labels
from dashboards.data import Frame, column_scale

MAX_ROWS = 2_000
_NUMBER = {"function": "dseNumber(params.value)"}
_CHANGE = {"function": "dsePercent(params.value)"}


def column_definitions(frame: Frame) -> list[dict[str, Any]]:
    """Trial, agent, each objective with its change against the baseline, and what was changed."""
    columns: list[dict[str, Any]] = [
        {"field": "trial", "headerName": "Design", "type": "rightAligned", "width": 68},
        {"field": "agent", "headerName": "Agent", "width": 82},
    ]
    for position, objective in enumerate(frame.objectives):
        scale = column_scale(frame, objective.metric)
        label = labels.metric_label(objective.metric) + (f" ({scale.unit})" if scale.unit else "")
        columns.append(
            {
                "field": f"value{position}",
                "headerName": label,
                "type": "rightAligned",
                "width": 104,
                "valueFormatter": _NUMBER,
            }
        )
        if frame.baseline is not None:
            worse, better = _rules(frame.direction(objective.metric))
            columns.append(
                {
                    "field": f"change{position}",
                    "headerName": "Change",
                    "type": "rightAligned",
                    "width": 80,
                    "valueFormatter": _CHANGE,
                    "cellClassRules": {"worse": worse, "better": better},
                }
            )
    changed = {
        "field": "changed",
        "headerName": "Differs from the baseline in",
        "sortable": False,
        "flex": 1,
        "minWidth": 240,
        "tooltipField": "changed",
    }
    return [*columns, changed]


def front_rows_data(frame: Frame) -> list[dict[str, Any]]:
    """One row a design of the front, best first in the first objective."""
    rows = frame.front[:MAX_ROWS]
    values = frame.columns(*(objective.metric for objective in frame.objectives))[rows]
    scales = [column_scale(frame, objective.metric) for objective in frame.objectives]
    baseline = frame.baseline_values(*(objective.metric for objective in frame.objectives))
    table = []
    for at, row in enumerate(rows.tolist()):
        cells: dict[str, Any] = {
            "id": str(frame.trial[row]),
            "trial": int(frame.trial[row]),
            "agent": frame.agents[frame.agent_of_row[row]],
            "changed": differences(frame, row),
        }
        for position, scale in enumerate(scales):
            value = float(values[at, position])
            cells[f"value{position}"] = value * scale.factor
            if baseline is not None:
                change = labels.change(value, baseline[position])
                cells[f"change{position}"] = change if np.isfinite(change) else None
        table.append(cells)
    return table


def differences(frame: Frame, row: int) -> str:
    """`Page policy Closed, Scheduler Fifo`: the parameters in which a design is not the baseline."""
    base = (
        frame.space.encode(frame.space.default())
        if frame.baseline_indices is None
        else frame.baseline_indices
    )
    own = frame.indices[row]
    return ", ".join(
        f"{labels.parameter_label(parameter.name)} {parameter.values[int(own[column])]}"
        for column, parameter in enumerate(frame.space.parameters)
        if own[column] != base[column]
    )


def _rules(direction: str) -> tuple[str, str]:
    up, down = "params.value >= 0.05", "params.value <= -0.05"
    return (down, up) if direction == "max" else (up, down)
