"""The frame around every page: header, address, and the choice of the page by the address."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html

from dashboards.figures.style import FONT
from dashboards.pages import campaign, campaigns
from dashboards.pages.address import campaign_of
from dashboards.pages.pieces import empty_state, theme_switch
from dashboards.source import CampaignSource, Unavailable

_GREYS = [
    "#e3e8ef",
    "#c3ccd8",
    "#93a0b1",
    "#6d7a8b",
    "#3d4754",
    "#2a323c",
    "#1f262e",
    "#171b21",
    "#12161b",
    "#0e1115",
]
THEME: dict[str, Any] = {
    "fontFamily": FONT,
    "primaryColor": "blue",
    "defaultRadius": "sm",
    "cursorType": "pointer",
    "colors": {"dark": _GREYS},
    "respectReducedMotion": True,
}


def shell(store_name: str) -> dmc.MantineProvider:
    """The layout that never changes; pages are put into `page`."""
    header = html.Header(
        [
            dcc.Link(
                [html.Span(className="logo", **{"aria-hidden": "true"}), "dse"], href="/", className="brand"
            ),
            html.Nav(id="crumbs", className="crumbs", **{"aria-label": "Breadcrumb"}),
            html.Span(store_name, className="store", title="The store that is shown"),
            theme_switch(),
        ],
        className="top",
    )
    return dmc.MantineProvider(
        [
            dcc.Location(id="url", refresh=False),
            header,
            html.Main(id="page"),
            dcc.Interval(id="tick", interval=2000),
            dcc.Store(id="scheme"),
        ],
        theme=THEME,
        defaultColorScheme="auto",
    )


def register(app: Dash, source: CampaignSource) -> None:
    """Choose the page by the address, and follow the theme."""
    app.clientside_callback(
        ClientsideFunction("dse", "theme"), Output("scheme", "data"), Input("theme", "computedColorScheme")
    )

    @app.callback(
        Output("page", "children"),
        Output("crumbs", "children"),
        Input("url", "pathname"),
        State("url", "search"),
    )
    def show(pathname: str | None, search: str | None) -> Any:
        return page_for(source, pathname, search)


def page_for(source: CampaignSource, pathname: str | None, search: str | None) -> tuple[Any, Any]:
    """The page of an address and its breadcrumbs; a plain message where there is none."""
    chosen = campaign_of(pathname)
    try:
        if chosen is not None:
            frame = source.frame(chosen)
            return campaign.layout(frame, search), [
                dcc.Link("Campaigns", href="/"),
                html.Span(frame.name),
            ]
        if pathname in (None, "", "/"):
            return campaigns.layout(source.summaries()), [html.Span("Campaigns")]
    except Unavailable as problem:
        return empty_state(problem.title, str(problem), problem.command), [dcc.Link("Campaigns", href="/")]
    return empty_state("No such page", "The address leads nowhere in this dashboard."), [
        dcc.Link("Campaigns", href="/")
    ]
