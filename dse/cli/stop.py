"""`dse stop`: ask the process that runs a campaign to end at its next batch boundary."""

from __future__ import annotations

import logging
import time
from typing import Annotated

import typer

from dse.cli.ls import StoreOption
from dse.cli.tail import CampaignGone, how_it_ended
from dse.cli.terminal import print_json
from dse.errors import DseError
from dse.store import Store, StoreReader, default_store, open_reader, place_of

log = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 0.1


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    store: StoreOption = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return only when the campaign has ended.")] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=0, metavar="SECONDS", help="How long --wait waits.")
    ] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a running campaign to stop after its current batch; every finished trial is kept.

    Says so if nothing is running, which is no error. `dse resume` continues a stopped campaign. Exit code 1
    says that --wait gave up, or that the process was killed meanwhile.
    """
    path = store or default_store()
    with open_reader(path) as reader:
        record = reader.campaign(int(campaign) if campaign.isdigit() else campaign)
        running = record.state == "running"
        if running:
            with Store(path) as opened:
                opened.request_stop(record.id)
            log.info("asked campaign %r of %s to stop", record.name, str(place_of(path)))
            if wait:
                _wait(reader, record.id, record.name, timeout_s)
        state = reader.campaign(record.id).state
        trials = reader.n_trials(record.id)
        state = state if state == "running" else how_it_ended(reader, record.id)
    if as_json:
        print_json({"campaign": record.name, "requested": running, "state": state, "trials": trials})
    elif not running:
        print(f"{record.name} is not running: it is {state}, with {trials:,} trials. Nothing was changed.")
    elif state == "running":
        print(f"{record.name} will stop after its current batch; --wait would wait for that.")
    else:
        print(f"{record.name} has ended ({state}) with {trials:,} trials.")
    if running and state == "killed":
        raise CampaignGone(f"the process that ran campaign {record.name!r} was killed before it could stop")


def _wait(reader: StoreReader, campaign: int, name: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while reader.campaign(campaign).state == "running":
        if time.monotonic() > deadline:
            raise DseError(
                f"campaign {name!r} has not stopped within {timeout_s:g} s; it will at the end of its batch. "
                "Wait longer with --timeout, or follow it with `dse tail`"
            )
        time.sleep(_SECONDS_BETWEEN_LOOKS)
