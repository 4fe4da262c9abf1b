"""What the trade-off shows: two metrics of a campaign's designs, their front, the baseline, the bounds.

Computed without drawing anything: `front.front_figure` draws it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from dashboards import labels
from dashboards.data import Flags, Floats, Frame, Ints, column_scale, front_rows

LOG_SPREAD = 20.0
MOST_STRETCH = 2.5
FRONT_ROOM = 1.5
FARTHEST = 1e15


class Bound(NamedTuple):
    """A constraint on one axis: where it lies and which side is forbidden."""

    value: float
    forbidden: Literal["above", "below"]


class AxisView(NamedTuple):
    """One axis: metric, how it is written, its direction, the range at first (in shown units), its bounds."""

    metric: str
    title: str
    scale: labels.Scale
    direction: str
    log: bool
    visible: tuple[float, float] | None
    bounds: tuple[Bound, ...]


class Cloud(NamedTuple):
    """The designs of one agent, all feasible or all not: trial ids and shown coordinates."""

    agent: str
    number: int
    trials: Ints
    x: Floats
    y: Floats
    feasible: bool = True


class FrontView(NamedTuple):
    """Everything the scatter shows, in shown units. `front` is ordered along x; `total` counts designs.

    outside: designs beyond the range at first. hidden_infeasible: those left out by `feasible_only`.
    """

    campaign_id: str
    x: AxisView
    y: AxisView
    clouds: tuple[Cloud, ...]
    front: Cloud
    front_agents: Ints
    reference_agent: int
    baseline: tuple[float, float] | None
    selected: tuple[float, float] | None
    total: int
    outside: int
    hidden_infeasible: int


def front_view(
    frame: Frame,
    x: str,
    y: str,
    *,
    feasible_only: bool = True,
    log_x: bool | None = None,
    log_y: bool | None = None,
    selected: int | None = None,
) -> FrontView:
    """Two metrics of a frame as a view. Designs an agent met again are left out; NaN never appears."""
    values = frame.columns(x, y)
    usable = frame.unique & np.isfinite(values).all(axis=1)
    shown = usable & frame.feasible if feasible_only else usable
    x_axis = _axis_view(frame, x, values[shown, 0], log_x)
    y_axis = _axis_view(frame, y, values[shown, 1], log_y)
    points = values * (x_axis.scale.factor, y_axis.scale.factor)
    rows = _front_rows(frame, (x, y), usable & frame.feasible)
    clouds = tuple(_clouds(frame, points, shown & ~_covered(points, rows)))
    baseline = _scaled(frame.baseline_values(x, y), x_axis, y_axis)
    x_axis = x_axis._replace(visible=_visible(x_axis, points[shown, 0], points[rows, 0], baseline, 0))
    y_axis = y_axis._replace(visible=_visible(y_axis, points[shown, 1], points[rows, 1], baseline, 1))
    at = frame.row_of(selected) if selected is not None else None
    return FrontView(
        campaign_id=frame.campaign_id,
        x=x_axis,
        y=y_axis,
        clouds=clouds,
        front=Cloud("front", -1, frame.trial[rows], points[rows, 0], points[rows, 1]),
        front_agents=frame.agent_of_row[rows],
        reference_agent=frame.reference_agent,
        baseline=baseline,
        selected=None if at is None else (float(points[at, 0]), float(points[at, 1])),
        total=int(shown.sum()),
        outside=int((~(within(x_axis, points[shown, 0]) & within(y_axis, points[shown, 1]))).sum()),
        hidden_infeasible=int((usable & ~frame.feasible).sum()) if feasible_only else 0,
    )


def zoomed(view: FrontView, zoom: Any) -> FrontView:
    """The view at the ranges that the reader chose, as the browser keeps them.

    zoom: {"key": which axes it belongs to, "x": [low, high], "auto" (everything) or None (follow the
    designs), "y": the same}. Anything else, and a zoom of other axes, is ignored.
    """
    if not isinstance(zoom, dict) or zoom.get("key") != _zoom_key(view):
        return view
    return view._replace(x=_chosen(view.x, zoom.get("x")), y=_chosen(view.y, zoom.get("y")))


def _zoom_key(view: FrontView) -> str:
    """As `keep_zoom` in dashboard.js writes it."""
    return "|".join([view.x.metric, view.y.metric, str(view.x.log).lower(), str(view.y.log).lower()])


def _chosen(part: AxisView, ends: Any) -> AxisView:
    if ends == "auto":
        return part._replace(visible=None)
    if not isinstance(ends, list) or len(ends) != 2:
        return part
    if not all(isinstance(end, int | float) and abs(end) < FARTHEST for end in ends):
        return part
    return part._replace(visible=(float(ends[0]), float(ends[1])))


def default_axes(frame: Frame) -> tuple[str, str]:
    """The first two objectives; with one objective, any other metric that has a direction."""
    names = [objective.metric for objective in frame.objectives]
    others = [name for name in frame.metric_names if name not in names]
    others.sort(key=lambda name: frame.metric(name).direction == "none")
    first, second, *_ = [*names, *others, *names, *names]
    return first, second


def selected_point(frame: Frame, x: str, y: str, trial: int | None) -> tuple[list[float], list[float]]:
    """The coordinates of one trial as the scatter shows them; empty lists when there is none."""
    row = frame.row_of(trial) if trial is not None else None
    if row is None:
        return [], []
    values = frame.columns(x, y)[row]
    point = [float(v * column_scale(frame, name).factor) for v, name in zip(values, (x, y), strict=True)]
    return ([point[0]], [point[1]]) if np.isfinite(point).all() else ([], [])


def _axis_view(frame: Frame, name: str, column: Floats, log: bool | None) -> AxisView:
    scale = column_scale(frame, name)
    title = labels.metric_label(name) + (f" ({scale.unit})" if scale.unit else "")
    positive = len(column) > 0 and float(column.min()) > 0
    wide = positive and float(np.median(column)) > LOG_SPREAD * float(column.min())
    bounds = tuple(_bounds(frame, name, scale.factor))
    return AxisView(
        name,
        title,
        scale,
        frame.metric(name).direction,
        bool(wide if log is None else log and positive),
        None,
        bounds,
    )


def _bounds(frame: Frame, name: str, factor: float) -> list[Bound]:
    found = []
    for constraint in frame.constraints:
        if constraint.metric != name:
            continue
        if constraint.at_most is not None:
            found.append(Bound(constraint.at_most * factor, "above"))
        if constraint.at_least is not None:
            found.append(Bound(constraint.at_least * factor, "below"))
    return found


def _front_rows(frame: Frame, names: tuple[str, str], usable: Flags) -> Ints:
    """Rows on the front of the two metrics, along x; none when a metric has no direction."""
    signs = np.asarray([{"min": 1.0, "max": -1.0}.get(frame.direction(name), 0.0) for name in names])
    if not signs.all() or names[0] == names[1]:
        return np.empty(0, dtype=np.int64)
    rows = front_rows(frame.columns(*names) * signs, usable)
    return rows[:: int(signs[0])]


def _covered(points: Floats, front: Ints) -> Flags:
    """Designs that lie exactly under a mark of the front, and would take the click that is meant for it."""
    place = points @ np.array([1, 1j])
    covered: Flags = np.isin(place, place[front])
    covered[front] = False
    return covered


def _clouds(frame: Frame, points: Floats, shown: Flags) -> list[Cloud]:
    clouds = []
    for number, agent in enumerate(frame.agents):
        for feasible in (False, True):
            rows = np.flatnonzero(shown & (frame.agent_of_row == number) & (frame.feasible == feasible))
            if len(rows):
                place = (frame.trial[rows], points[rows, 0], points[rows, 1])
                clouds.append(Cloud(agent, number, *place, feasible=feasible))
    return clouds


def _scaled(point: tuple[float, ...] | None, x: AxisView, y: AxisView) -> tuple[float, float] | None:
    if point is None or not np.isfinite(point).all():
        return None
    return point[0] * x.scale.factor, point[1] * y.scale.factor


def _visible(
    part: AxisView, column: Floats, front: Floats, baseline: tuple[float, float] | None, side: int
) -> tuple[float, float] | None:
    """The range shown at first: the front with room around it, the better half of the cloud, the baseline.

    A tail of poor designs, or a baseline far off, stays outside rather than squeeze everything else.
    """
    if not len(column):
        return None
    shape = np.log10 if part.log else np.asarray
    low, middle, high = (float(end) for end in shape(np.quantile(column, (0.03, 0.5, 0.97))))
    if len(front):
        first, last = float(shape(front.min())), float(shape(front.max()))
        room = FRONT_ROOM * (last - first)
        if part.direction == "min":
            low, high = min(low, first), max(last, min(high, max(last + room, middle)))
        else:
            low, high = min(first, max(low, min(first - room, middle))), max(high, last)
    if baseline is not None and (baseline[side] > 0 or not part.log):
        at = float(shape(baseline[side]))
        wider = min(low, at), max(high, at)
        if wider[1] - wider[0] <= MOST_STRETCH * (high - low):
            low, high = wider
    pad = 0.06 * (high - low) or abs(high) * 0.05 or 1.0
    return low - pad, high + pad


def within(view: AxisView, values: Floats) -> Flags:
    """Which values lie in the range shown at first."""
    if view.visible is None:
        return np.ones(len(values), dtype=np.bool_)
    low, high = (10**end for end in view.visible) if view.log else view.visible
    return np.asarray((values >= low) & (values <= high))
