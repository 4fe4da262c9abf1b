"""What of a page lives in its address, so that a view can be shared: axes, toggles, the selected design."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote

from dashboards.data import Frame
from dashboards.figures.front_view import default_axes


class ViewState(NamedTuple):
    """The state of a campaign page. `log_x`, `log_y`: None lets the data decide."""

    x: str
    y: str
    feasible_only: bool = True
    log_x: bool | None = None
    log_y: bool | None = None
    trial: int | None = None


def campaign_address(campaign_id: str) -> str:
    """The path of a campaign's page."""
    return f"/campaign/{quote(campaign_id, safe='')}"


def campaign_of(pathname: str | None) -> str | None:
    """The campaign id in a path, or None for the list of campaigns and everything else."""
    parts = (pathname or "").strip("/").split("/")
    return unquote(parts[1]) if len(parts) == 2 and parts[0] == "campaign" and parts[1] else None


def view_state(search: str | None, frame: Frame) -> ViewState:
    """The state that a query asks for. Unknown metrics, trials and values fall back to what is sensible."""
    query = {
        key: values[-1] for key, values in parse_qs((search or "").lstrip("?"), max_num_fields=16).items()
    }
    x, y = default_axes(frame)
    return ViewState(
        x=query["x"] if query.get("x") in frame.metric_names else x,
        y=query["y"] if query.get("y") in frame.metric_names else y,
        feasible_only=query.get("all") != "1",
        log_x=_flag(query.get("logx")),
        log_y=_flag(query.get("logy")),
        trial=_number(query.get("trial")),
    )


def _flag(text: str | None) -> bool | None:
    return {"1": True, "0": False}.get(text or "")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
