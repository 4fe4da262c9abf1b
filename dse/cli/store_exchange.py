"""`dse store export`, `import` and `merge`: campaigns out of a store and into another."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.cli.ls import StoreOption
from dse.cli.terminal import add_row, console, print_json, table
from dse.cli.waiting import waiting
from dse.store import StoreReader, default_store, place_of

if TYPE_CHECKING:
    from dse.exchange import Merged

Format = Annotated[
    str | None,
    typer.Option("--format", help="parquet, csv, json or jsonl (default: what the file's suffix says)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")]


def export_trials(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write: .parquet, .csv, .json or .jsonl.")],
    file_format: Format = None,
    store: StoreOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write all trials of a campaign, with its space, units and provenance, to a file."""
    from dse.exchange import export_campaign

    place = store or default_store()
    number = int(campaign) if campaign.isdigit() else campaign
    with StoreReader(place) as reader:
        total = reader.n_trials(reader.campaign(number).id)
    with waiting(f"exporting {campaign}", total, "trials") as progress:
        done = export_campaign(place, number, out, format=file_format, force=force, progress=progress)
    if as_json:
        print_json({**asdict(done), "files": [str(path) for path in done.files]})
        return
    shown = console()
    shown.print(f"{done.trials:,} trials of {done.campaign} in", markup=False)
    for path in done.files:
        shown.print(f"  {path}", markup=False)


def import_trials(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `dse store export` wrote; for CSV the .csv file.")
    ],
    file_format: Format = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the campaign in the store (default: its own).")
    ] = None,
    store: StoreOption = None,
    as_json: AsJson = False,
) -> None:
    """Add an exported campaign to a store, all of it or nothing."""
    from dse.exchange import import_campaign

    place = store or default_store()
    with waiting(f"importing {file.name}") as progress:
        done = import_campaign(file, place, name=name, format=file_format, progress=progress)
    if as_json:
        print_json(asdict(done))
        return
    renamed = f" (in the file: {done.file_name})" if done.name != done.file_name else ""
    console().print(f"{done.trials:,} trials in {place_of(place)} as {done.name}{renamed}", markup=False)


def merge(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The store to read; it stays as it is.")],
    store: Annotated[
        str | None, typer.Option(help="The store to add to (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add all campaigns and cached results of one store to another; what is there already is skipped."""
    from dse.exchange import merge_stores, work_of

    place = store or default_store()
    with waiting(f"merging {Path(source).name}", work_of(source), "trials and results") as progress:
        done = merge_stores(source, place, progress=progress)
    if as_json:
        print_json(asdict(done))
        return
    shown = console()
    shown.print(_merged(done, f"Merged into {place_of(place)}"))
    shown.print(f"{done.results:,} new results in the design cache", markup=False)


def _merged(done: Merged, title: str) -> Any:
    columns = ["campaign", "what", "name there", "trials"]
    made = table(title, columns, left=columns[:3])
    for one in done.campaigns:
        add_row(made, one.name, one.outcome, one.name_there, f"{one.trials:,}")
    return made
