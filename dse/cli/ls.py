"""`dse ls`: the campaigns of a store, with what each has done and found."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from dse.cli.campaign_status import CampaignFollower, CampaignStatus, shown_budget
from dse.cli.terminal import add_row, console, print_json, table
from dse.store import CampaignRow, StoreReader, default_store, open_reader, place_of

StoreOption = Annotated[
    str | None,
    typer.Option("--store", metavar="STORE", help="Store (default: $DSE_STORE or campaigns.sqlite)."),
]
_SECONDS_OF_RATE = 0.5
_SLOW = "<2/s"
"""No trial in half a second."""


def command(
    store: StoreOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the campaigns of a store, the newest first.

    The rate is that of the last half second, and only running campaigns have one. The hypervolume is relative
    to the box between the ideal and the reference point of the campaign.
    """
    path = store or default_store()
    with open_reader(path) as reader:
        rows = reader.campaigns()
        rates = _rates(reader, [row.id for row in rows if row.state == "running"])
        listed = [(row, CampaignFollower(reader, row.id).status(), rates.get(row.id)) for row in rows]
    if as_json:
        print_json([_to_json(*line) for line in listed])
        return
    titles = [
        "",
        "name",
        "state",
        "trials",
        "budget",
        "rate",
        "front",
        "hypervolume",
        "objectives",
        "created",
    ]
    made = table(f"Campaigns in {place_of(path)}", titles, left=["name", "state", "objectives"])
    for row, status, rate in listed:
        measured = "" if rate is None else f"{rate:,.0f}/s" if rate else _SLOW
        volume = "" if status.relative_hypervolume is None else f"{status.relative_hypervolume:.3f}"
        add_row(
            made, row.id, row.name, row.state, f"{status.trials:,}", shown_budget(status), measured,
            f"{status.front:,}", volume, ", ".join(row.objectives), row.created[:16],
        )  # fmt: skip
    console().print(made)


def _rates(reader: StoreReader, running: list[int]) -> dict[int, float]:
    """Trials a second of the running campaigns over half a second; takes no time if there are none."""
    if not running:
        return {}
    started = time.monotonic()
    before = {campaign: reader.n_trials(campaign) for campaign in running}
    time.sleep(_SECONDS_OF_RATE)
    seconds = time.monotonic() - started
    return {campaign: (reader.n_trials(campaign) - before[campaign]) / seconds for campaign in running}


def _to_json(row: CampaignRow, status: CampaignStatus, rate: float | None) -> dict[str, Any]:
    fields = ("id", "name", "created", "state", "simulator", "space", "workloads", "objectives")
    data = {field: getattr(row, field) for field in fields}
    return {**data, "n_trials": status.trials, "rate": rate, **status.to_dict()}
