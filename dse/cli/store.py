"""`dse store`: look after a store, and carry campaigns from one to another."""

from __future__ import annotations

import typer

from dse.cli.store_exchange import export_trials, import_trials, merge

app = typer.Typer(no_args_is_help=True, help="Export, import and merge the campaigns of a store.")
app.command("export")(export_trials)
app.command("import")(import_trials)
app.command("merge")(merge)
