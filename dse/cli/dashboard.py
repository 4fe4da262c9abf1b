"""`dse dashboard`: the campaigns of a store in a browser, live while they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dse.store import default_store, place_of


def command(
    store: Annotated[Path | None, typer.Option(help="The store to show; it need not exist yet.")] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Beyond loopback a token is required.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = 8050,
    token: Annotated[
        str | None, typer.Option(envvar="DSE_DASHBOARD_TOKEN", help="Ask visitors for this token.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A further name under which this machine is reached. Repeatable.")
    ] = None,
) -> None:
    """Show campaigns in a browser: Pareto fronts, progress, designs and their configurations."""
    from dashboards.app import make_dashboard_server

    path = default_store() if store is None else store
    server = make_dashboard_server(path, host, port, token, allowed_hosts=allow_host or ())
    shown = f"[{host}]" if ":" in host else host
    print(
        f"Dashboard of {place_of(path)}: http://{shown}:{server.server_port}/  (Ctrl-C ends it)", flush=True
    )
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
