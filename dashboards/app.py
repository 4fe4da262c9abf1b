"""The dashboard's application: pages, downloads and protection, put together around one store."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import plotly.io
from dash import Dash, no_update
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from dashboards import downloads
from dashboards.access import Access, is_loopback, protect
from dashboards.pages import campaign, campaigns, shell
from dashboards.source import CampaignSource, Unavailable
from dse.errors import ConfigError, DseError, InputError

TITLE = "dse"


def create_app(
    store_path: str | Path,
    token: str | None = None,
    *,
    allowed_hosts: Iterable[str] = (),
) -> Dash:
    """The application for one store. It only reads, and serves every script and style itself.

    token: asked for when given. allowed_hosts: names, besides loopback, under which it may be reached.
    """
    plotly.io.templates.default = "none"
    source = CampaignSource(Path(store_path))
    app = Dash(
        "dashboards",
        title=TITLE,
        update_title="",
        serve_locally=True,
        suppress_callback_exceptions=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        enable_mcp=False,
        assets_ignore=r"login\.css",
        add_log_handler=False,
        on_error=_calm,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    app.layout = shell.shell(source.name)
    shell.register(app, source)
    campaigns.register(app, source)
    campaign.register(app, source)
    downloads.register(app.server, source)
    protect(app.server, Access.of(token, allowed_hosts), app.csp_hashes())
    return app


def _calm(error: Exception) -> Any:
    """A store that went away, or an id that no page of ours sends, leaves the page as it is."""
    if isinstance(error, Unavailable | DseError | InputError):
        return no_update
    raise error


class _Quiet(WSGIRequestHandler):
    """Keeps connections open and says nothing about requests that succeed."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Only what went wrong."""
        if str(code).startswith("5"):
            super().log_request(code, size)


def make_dashboard_server(
    store_path: str | Path,
    host: str = "127.0.0.1",
    port: int = 8050,
    token: str | None = None,
    *,
    allowed_hosts: Iterable[str] = (),
) -> BaseWSGIServer:
    """A server that is bound and ready; `serve_forever()` runs it, `server_port` tells a port chosen with 0.

    Raises ConfigError when asked to listen beyond loopback without a token, or when the address is taken.
    """
    if not is_loopback(host) and not token:
        raise ConfigError(
            f"host={host!r} can be reached by others: give --token, or keep the default 127.0.0.1"
        )
    names = {*allowed_hosts, host, socket.gethostname()}
    app = create_app(store_path, token, allowed_hosts=names)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    try:
        return make_server(host, port, app.server, threaded=True, request_handler=_Quiet)
    except (OSError, SystemExit) as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error}. Choose another --port, or 0 for any"
        ) from error
