"""`dse tail`: follow a campaign that another process runs, until it ends or is killed."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import typer

from dse.campaign.digest import in_full
from dse.cli.campaign_status import CampaignFollower, CampaignStatus, shown_budget
from dse.cli.ls import StoreOption
from dse.errors import DseError
from dse.safe_output import strict
from dse.store import CampaignRecord, StoreReader, Trials, default_store, open_reader
from dse.units import format_value, unit_of

_SECONDS_BETWEEN_LINES = 1.0
_SECONDS_BETWEEN_LOOKS = 0.2


class CampaignGone(DseError):
    """The process that ran a campaign ended without saying so."""


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    store: StoreOption = None,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="With --json: every batch, not only those from now on.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a batch, and one at the end.")
    ] = False,
) -> None:
    """Follow a running campaign: a line of progress a second, or with --json one object a batch.

    Ends when the campaign ends. Exit code 1 says that it failed, or that its process was killed: every
    committed trial is kept, and `dse resume` goes on from there. Ctrl-C ends only the following.
    """
    with open_reader(store or default_store()) as reader:
        record = reader.campaign(int(campaign) if campaign.isdigit() else campaign)
        follower = CampaignFollower(reader, record.id, from_start=from_start and as_json)
        if as_json:
            _follow_as_json(follower)
        else:
            _follow_as_lines(follower)
        _say_how_it_ended(reader, record.id, record.name, as_json)


def how_it_ended(reader: StoreReader, campaign: int) -> str:
    """The state of a campaign that no process runs: finished, interrupted, failed, or killed."""
    written = reader.written_state(campaign)
    return "killed" if written == "running" else written


def _looks(follower: CampaignFollower, seconds: float) -> Iterator[Trials]:
    """New trials, again and again; the last ones are those found after the campaign's end."""
    while True:
        running = follower.reader.campaign(follower.campaign).state == "running"
        yield follower.news()
        if not running:
            return
        time.sleep(seconds)


def _follow_as_json(follower: CampaignFollower) -> None:
    for fresh in _looks(follower, _SECONDS_BETWEEN_LOOKS):
        for one in _batches(follower, fresh):
            print(json.dumps(strict(one)), flush=True)


def _follow_as_lines(follower: CampaignFollower) -> None:
    """On a terminal one line that changes; elsewhere a line whenever something has changed."""
    rewritten = sys.stdout.isatty()
    last, moment, before = "", 0.0, follower.status().trials
    for fresh in _looks(follower, _SECONDS_BETWEEN_LINES):
        now = time.monotonic()
        follower.take(fresh)
        status = follower.status()
        line = _line(follower.record, status, len(fresh) / (now - moment) if last else None)
        moment = now
        if rewritten:
            width = shutil.get_terminal_size().columns - 1  # a line that wraps could not be rewritten
            print(f"\r\x1b[2K{line[:width]}", end="", flush=True)
        elif status.trials != before or not last:
            print(line, flush=True)
        last, before = line, status.trials
    if rewritten:
        print()


def _line(record: CampaignRecord, status: CampaignStatus, rate: float | None) -> str:
    unit = "full simulations" if record.config.get("fidelity") else "designs"
    best = [f"{metric} {format_value(value, unit_of(metric))}" for metric, value in status.best.items()]
    volume = "" if status.relative_hypervolume is None else f"  hypervolume {status.relative_hypervolume:.3f}"
    speed = "" if rate is None else f", {rate:,.0f}/s"
    return (
        f"{record.name}: {shown_budget(status)} {unit}, {status.trials:,} trials{speed}  "
        f"front {status.front}{'  best ' if best else ''}{', '.join(best)}{volume}"
    )


def _batches(follower: CampaignFollower, fresh: Trials) -> Iterator[dict[str, Any]]:
    """The batches among new trials: who asked for each, and the status of the campaign after it."""
    record = follower.record
    starts = np.flatnonzero((np.diff(fresh.run) != 0) | (np.diff(fresh.batch) != 0)) + 1
    parts: list[Any] = np.split(np.arange(len(fresh)), starts) if len(fresh) else []
    for rows in parts:
        one = fresh.taken(rows)
        follower.take(one)
        run = record.runs[int(one.run[0])]
        yield {
            "event": "batch",
            "campaign": record.name,
            "agent": run.agent,
            "seed": run.repetition,
            "batch": int(one.batch[0]),
            "first_trial": int(one.id[0]),
            "last_trial": int(one.id[-1]),
            "feasible": int((one.feasible & in_full(one)).sum()),
            "estimated": int((~in_full(one)).sum()),
            "status": follower.status().to_dict(),
        }


def _say_how_it_ended(reader: StoreReader, campaign: int, name: str, as_json: bool) -> None:
    end = how_it_ended(reader, campaign)
    trials = reader.n_trials(campaign)
    if as_json:
        print(json.dumps({"event": "end", "campaign": name, "state": end, "trials": trials}), flush=True)
    if end == "killed":
        raise CampaignGone(
            f"the process that ran campaign {name!r} is gone (killed, or its machine went down); its "
            f"{trials:,} committed trials are kept. Continue with: dse resume {name!r}"
        )
    if end == "failed":
        raise CampaignGone(f"campaign {name!r} failed after {trials:,} trials; its own process said why")
    if not as_json:
        hint = (
            f"; continue with: dse resume {name!r}" if end == "interrupted" else f"; see: dse front {name!r}"
        )
        print(f"{name} {'was interrupted' if end == 'interrupted' else end} after {trials:,} trials{hint}")
