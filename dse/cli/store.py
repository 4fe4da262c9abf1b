"""`dse store`: look after a store, and carry campaigns from one to another."""

from __future__ import annotations

import typer

from dse.cli.store_exchange import export_trials, import_trials, merge
from dse.cli.store_files import files
from dse.cli.store_upkeep import check, migrate, vacuum

app = typer.Typer(no_args_is_help=True, help="Look after a store; export, import and merge its campaigns.")
app.command("export")(export_trials)
app.command("import")(import_trials)
app.command("merge")(merge)
app.command("files")(files)
app.command("check")(check)
app.command("vacuum")(vacuum)
app.command("migrate")(migrate)
