"""One campaign: the trade-off, the progress of each agent, the front as a table, and the selected design.

Every callback is a thin shell around a function above or beside it that takes a frame; the browser sends
ids and metric names, which are looked up and never trusted.
"""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Dash, Input, Output, Patch, State, ctx, dcc, html, no_update

from dashboards import labels
from dashboards.data import Frame
from dashboards.figures.front import SELECTED_TRACE, draw_front
from dashboards.figures.front_view import front_view, selected_point, zoomed
from dashboards.figures.hypervolume import hypervolume_figure, hypervolume_view
from dashboards.figures.style import scheme
from dashboards.pages.address import ViewState, view_state
from dashboards.pages.design import design_panel, nothing_selected
from dashboards.pages.overview import overview
from dashboards.pages.pieces import card
from dashboards.pages.table import column_definitions, front_rows_data
from dashboards.source import CampaignSource, Unavailable
from dse.registry import names as registered

_OFFLINE = {"displaylogo": False, "responsive": True, "plotlyServerURL": "", "showSendToCloud": False}
_STILL = {**_OFFLINE, "displayModeBar": False}
_GRAPH = {**_OFFLINE, "displayModeBar": "hover", "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]]}
_BLANK = {
    "layout": {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"visible": False},
        "yaxis": {"visible": False},
    }
}
_GRID_THEME = (
    "themeQuartz.withParams({backgroundColor: 'var(--card)', foregroundColor: 'var(--ink)', "
    "borderColor: 'var(--line)', headerBackgroundColor: 'var(--card)', headerTextColor: 'var(--muted)', "
    "accentColor: 'var(--accent)', rowHoverColor: 'var(--hover)', fontFamily: 'inherit', fontSize: 12.5, "
    "selectedRowBackgroundColor: 'var(--selected)', headerFontSize: 11.5, rowHeight: 27, headerHeight: 38, "
    "spacing: 5, wrapperBorder: false, wrapperBorderRadius: 0, oddRowBackgroundColor: 'transparent', "
    "browserColorScheme: 'inherit'})"
)


def layout(frame: Frame, search: str | None) -> html.Div:
    """The page of a frame, in the state that its address asks for. Plots follow once the theme is known."""
    state = view_state(search, frame)
    view = front_view(
        frame,
        state.x,
        state.y,
        feasible_only=state.feasible_only,
        log_x=state.log_x,
        log_y=state.log_y,
        selected=state.trial,
    )
    graph = dcc.Graph(id="front", figure=_BLANK, config=_GRAPH, className="plot")
    curves = dcc.Graph(id="hypervolume", figure=_BLANK, config=_STILL, className="plot")
    return html.Div(
        [
            dcc.Store(id="campaign", data=frame.campaign_id),
            dcc.Store(id="version", data=frame.version),
            dcc.Store(id="selected", data=state.trial),
            dcc.Store(id="zoom"),
            html.Div(id="address-kept", hidden=True),
            html.H1(f"Campaign {frame.name}", className="sr-only"),
            html.Div(overview(frame), id="overview", className="overview"),
            html.Div(
                [
                    card(
                        "Trade-off",
                        graph,
                        tools=_controls(frame, state, view.x.log, view.y.log),
                        className="front-card",
                    ),
                    card(
                        "Front",
                        _table(frame, state.trial),
                        className="table-card",
                        tools=html.Span(front_caption(frame), id="front-caption", className="muted small"),
                    ),
                    card(
                        "Progress of the agents",
                        curves,
                        className="curves-card",
                        tools=html.Span("share of the best front known", className="muted small"),
                    ),
                    html.Div(id="design", className="design-slot"),
                ],
                className="board",
            ),
        ],
        className="campaign-page",
    )


def register(app: Dash, source: CampaignSource) -> None:
    """All callbacks of the page."""
    _register_polling(app, source)
    _register_plots(app, source)
    _register_selection(app, source)
    app.clientside_callback(
        ClientsideFunction("dse", "keep_address"),
        Output("address-kept", "children"),
        Input("x-axis", "value"),
        Input("y-axis", "value"),
        Input("feasible-only", "checked"),
        Input("x-log", "checked"),
        Input("y-log", "checked"),
        Input("selected", "data"),
    )


def front_caption(frame: Frame) -> str:
    """How many designs the table shows, and of which objectives they are the front."""
    rows = len(frame.front)
    metrics = ", ".join(labels.metric_label(objective.metric).lower() for objective in frame.objectives)
    return f"{labels.count(rows)} designs · {metrics}"


def _controls(frame: Frame, state: ViewState, log_x: bool, log_y: bool) -> list[Any]:
    options = [{"value": name, "label": labels.metric_label(name)} for name in frame.metric_names]
    return [
        _axis_controls("x", "Horizontal axis", options, state.x, log_x),
        _axis_controls("y", "Vertical axis", options, state.y, log_y),
        dmc.Switch(id="feasible-only", checked=state.feasible_only, label="Feasible only", size="xs"),
    ]


def _axis_controls(name: str, label: str, options: list[dict[str, str]], value: str, log: bool) -> html.Div:
    return html.Div(
        [
            html.Span(name, className="axis-name", **{"aria-hidden": "true"}),
            dmc.Select(
                id=f"{name}-axis",
                data=options,
                value=value,
                searchable=True,
                allowDeselect=False,
                size="xs",
                w=196,
                maxDropdownHeight=360,
                **{"aria-label": label},
            ),
            dmc.Checkbox(
                id=f"{name}-log",
                checked=log,
                label="log",
                size="xs",
                **{"aria-label": f"{label} logarithmic"},
            ),
        ],
        className="axis-controls",
    )


def _table(frame: Frame, trial: int | None) -> dag.AgGrid:
    return dag.AgGrid(
        id="front-table",
        columnDefs=column_definitions(frame),
        rowData=front_rows_data(frame),
        getRowId="params.data.id",
        columnSize=None,
        className="grid",
        selectedRows=_chosen(trial),
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "suppressHeaderMenuButton": True,
            "wrapHeaderText": True,
        },
        dashGridOptions={
            "theme": {"function": _GRID_THEME},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "animateRows": False,
            "suppressCellFocus": False,
            "suppressScrollOnNewData": True,
        },
        style={"height": "100%"},
    )


def _chosen(trial: int | None) -> Any:
    return [] if trial is None else {"ids": [str(trial)]}


def _register_polling(app: Dash, source: CampaignSource) -> None:
    @app.callback(
        Output("version", "data"),
        Output("overview", "children"),
        Output("front-table", "rowData"),
        Output("front-caption", "children"),
        Input("tick", "n_intervals"),
        State("campaign", "data"),
        State("version", "data"),
        prevent_initial_call=True,
    )
    def poll(_: int, campaign_id: str, seen: str) -> Any:
        return polled(source, campaign_id, seen)


def polled(source: CampaignSource, campaign_id: str, seen: str) -> tuple[Any, Any, Any, Any]:
    """What changed since `seen`: version, overview, table, caption; all no_update when nothing did."""
    try:
        frame = source.frame(campaign_id)
    except Unavailable:
        return no_update, no_update, no_update, no_update
    if frame.version == seen:
        return no_update, no_update, no_update, no_update
    return frame.version, overview(frame), front_rows_data(frame), front_caption(frame)


def _register_plots(app: Dash, source: CampaignSource) -> None:
    @app.callback(
        Output("front", "figure"),
        Input("version", "data"),
        Input("x-axis", "value"),
        Input("y-axis", "value"),
        Input("feasible-only", "checked"),
        Input("x-log", "checked"),
        Input("y-log", "checked"),
        Input("scheme", "data"),
        State("selected", "data"),
        State("zoom", "data"),
        State("campaign", "data"),
    )
    def redraw_front(_: str, *choices: Any) -> Any:
        x, y, feasible, log_x, log_y, theme, trial, zoom, campaign_id = choices
        state = ViewState(x, y, bool(feasible), bool(log_x), bool(log_y), _trial(trial))
        return redrawn(source, campaign_id, state, theme, zoom)

    app.clientside_callback(
        ClientsideFunction("dse", "keep_zoom"),
        Output("zoom", "data"),
        Input("front", "relayoutData"),
        State("x-axis", "value"),
        State("y-axis", "value"),
        State("x-log", "checked"),
        State("y-log", "checked"),
        State("zoom", "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output("hypervolume", "figure"),
        Input("version", "data"),
        Input("scheme", "data"),
        State("campaign", "data"),
    )
    def redraw_curves(_: str, theme: str | None, campaign_id: str) -> Any:
        if theme is None:
            return no_update
        return hypervolume_figure(hypervolume_view(source.frame(campaign_id)), scheme(theme))


def redrawn(source: CampaignSource, campaign_id: str, state: ViewState, theme: str | None, zoom: Any) -> Any:
    """The trade-off as it is now, where the reader has zoomed to; no_update before the theme is known."""
    frame = source.frame(campaign_id)
    if theme is None or state.x not in frame.metric_names or state.y not in frame.metric_names:
        return no_update
    view = front_view(
        frame,
        state.x,
        state.y,
        feasible_only=state.feasible_only,
        log_x=state.log_x,
        log_y=state.log_y,
        selected=state.trial,
    )
    return draw_front(zoomed(view, zoom), scheme(theme))


def _register_selection(app: Dash, source: CampaignSource) -> None:
    @app.callback(
        Output("selected", "data"),
        Input("front", "clickData"),
        Input("front-table", "cellClicked"),
        prevent_initial_call=True,
    )
    def choose(click: Any, cell: Any) -> Any:
        chosen = clicked_trial(click) if ctx.triggered_id == "front" else clicked_row(cell)
        return no_update if chosen is None else chosen

    @app.callback(
        Output("selected", "data", allow_duplicate=True),
        Input("close-design", "n_clicks"),
        prevent_initial_call=True,
    )
    def close(clicks: int | None) -> Any:
        return None if clicks else no_update

    @app.callback(
        Output("selected", "data", allow_duplicate=True),
        Input({"choose": ALL, "trial": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def start_with(clicks: list[int | None]) -> Any:
        chosen = _trial(ctx.triggered_id["trial"]) if any(clicks) and ctx.triggered_id else None
        return no_update if chosen is None else chosen

    @app.callback(
        Output("front", "figure", allow_duplicate=True),
        Output("front-table", "selectedRows"),
        Input("selected", "data"),
        State("x-axis", "value"),
        State("y-axis", "value"),
        State("campaign", "data"),
        prevent_initial_call=True,
    )
    def mark(trial: int | None, x: str, y: str, campaign_id: str) -> Any:
        frame = source.frame(campaign_id)
        if x not in frame.metric_names or y not in frame.metric_names:
            return no_update, no_update
        patch = Patch()
        across, up = selected_point(frame, x, y, _trial(trial))
        patch["data"][SELECTED_TRACE]["x"], patch["data"][SELECTED_TRACE]["y"] = across, up
        return patch, _chosen(_trial(trial))

    @app.callback(
        Output("design", "children"),
        Input("selected", "data"),
        Input("scheme", "data"),
        State("campaign", "data"),
    )
    def show(trial: int | None, theme: str | None, campaign_id: str) -> Any:
        return no_update if theme is None else panel(source, campaign_id, _trial(trial), theme)


def panel(source: CampaignSource, campaign_id: str, trial: int | None, theme: str | None) -> Any:
    """The panel of one trial, or the hint to choose one."""
    frame = source.frame(campaign_id)
    row = None if trial is None else frame.row_of(trial)
    if row is None:
        return nothing_selected(frame)
    detail = source.detail(campaign_id, int(frame.trial[row]))
    return design_panel(frame, row, detail, registered("exporter"), scheme(theme))


def clicked_trial(click: Any) -> int | None:
    """The trial id of a point that was clicked; None for marks that are no trial."""
    points = click.get("points") if isinstance(click, dict) else None
    return _trial(points[0].get("customdata")) if points else None


def clicked_row(cell: Any) -> int | None:
    """The trial id of a table row that was clicked."""
    text = cell.get("rowId") if isinstance(cell, dict) else None
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None


def _trial(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
