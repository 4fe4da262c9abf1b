"""`dse store check`, `vacuum` and `migrate`: look after a store."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from dse.cli.terminal import console, print_json
from dse.cli.waiting import waiting
from dse.store import default_store

_DAMAGED = 5

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store", help="A file or postgresql://... (default: $DSE_STORE, or campaigns.sqlite here)."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def check(store: StoreOption = None, as_json: AsJson = False) -> None:
    """Look for damage: in the database, in trials and their arrays, in the kept fronts and files.

    Changes nothing. Ends with exit code 5 if something is wrong.
    """
    from dse.store.upkeep import check_store

    with waiting("checking the store"):
        found = check_store(store or default_store())
    if as_json:
        print_json(asdict(found))
    else:
        shown = console()
        what = "is whole" if not found.problems else f"is damaged: {len(found.problems)} problems"
        shown.print(
            f"store {found.store} (version {found.version}, {found.campaigns} campaigns, "
            f"{found.trials:,} trials) {what}",
            markup=False,
        )
        for problem in found.problems:
            shown.print(f"  {problem}", markup=False)
    if found.problems:
        raise typer.Exit(_DAMAGED)


def vacuum(store: StoreOption = None, as_json: AsJson = False) -> None:
    """Give the space of removed campaigns and their files back. Refused while a campaign is running."""
    from dse.store.upkeep import vacuum_store

    with waiting("rewriting the store"):
        done = vacuum_store(store or default_store())
    if as_json:
        print_json(asdict(done))
        return
    console().print(
        f"store {done.store}: {done.bytes_before:,} bytes before, {done.bytes_after:,} now", markup=False
    )


def migrate(store: StoreOption = None, as_json: AsJson = False) -> None:
    """Bring the tables of an older store up to date, all or nothing; its trials stay as they are."""
    from dse.store.upkeep import migrate_store

    done = migrate_store(store or default_store())
    if as_json:
        print_json(asdict(done))
        return
    text = (
        f"is of version {done.version}, nothing to do"
        if done.version_before == done.version
        else f"brought from version {done.version_before} to {done.version}"
    )
    console().print(f"store {done.store} {text}", markup=False)
