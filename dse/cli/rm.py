"""`dse rm`: remove a campaign from a store."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from dse.cli.ls import StoreOption
from dse.cli.terminal import print_json
from dse.errors import ConfigError, StoreError
from dse.store import Store, default_store, open_reader, place_of

log = logging.getLogger(__name__)


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    store: StoreOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove it without asking.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; needs --yes.")] = False,
) -> None:
    """Remove a campaign: its trials, front, runs and saved states. This cannot be undone.

    What its designs measured stays in the design cache, so that another campaign need not simulate them
    again. A campaign that a process is running is refused (exit code 5): stop it first.
    """
    path = store or default_store()
    with open_reader(path) as reader:
        record = reader.campaign(int(campaign) if campaign.isdigit() else campaign)
        trials = reader.n_trials(record.id)
    if record.state == "running":
        raise StoreError(
            f"campaign {record.name!r} is running and cannot be removed; end it with: "
            f"dse stop {record.name!r} --wait"
        )
    if not yes:
        _ask(record.name, trials, record.state, str(place_of(path)))
    with Store(path) as opened:
        opened.remove_campaign(record.id)
    log.info("removed campaign %r with %d trials from %s", record.name, trials, str(place_of(path)))
    if as_json:
        print_json({"campaign": record.name, "removed": True, "trials": trials})
        return
    print(
        f"Removed {record.name} with its {trials:,} trials. Their room in the store is free for new trials; "
        "`dse store vacuum` gives it back to the disk."
    )


def _ask(name: str, trials: int, state: str, store: str) -> None:
    if not sys.stdin.isatty():
        raise ConfigError(f"removing {name!r} has to be confirmed, and there is no terminal: add --yes")
    typer.confirm(f"Remove {name} ({state}, {trials:,} trials) from {store}?", abort=True)
