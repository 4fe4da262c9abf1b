"""`dse store files`: the files that a campaign was made of, listed or written to a folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.ls import StoreOption
from dse.cli.terminal import add_row, console, print_json, table
from dse.store import default_store

if TYPE_CHECKING:
    from dse.exchange import ExtractedFile


def files(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the files below this folder (default: list them)."),
    ] = None,
    store: StoreOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """List the files of a campaign as they were when it started, or write them to a folder.

    These are the campaign file with its comments, the design file of its baseline, its traces, and files that
    its options name. Of a file over 16 MiB the store has only name, size and hash.
    """
    from dse.exchange import ExtractedFile, extract_files, list_files

    place = store or default_store()
    which = int(campaign) if campaign.isdigit() else campaign
    if out is None:
        found = tuple(ExtractedFile(one, None) for one in list_files(place, which))
    else:
        found = extract_files(place, which, out, force=force)
    if as_json:
        rows = [{**asdict(one.file), "path": one.path and str(one.path)} for one in found]
        print_json({"campaign": campaign, "files": rows})
        return
    if not found:
        console().print(f"The store has no files of {campaign}.", markup=False)
        return
    _show(campaign, found, extracted=out is not None)


def _show(campaign: str, found: tuple[ExtractedFile, ...], *, extracted: bool) -> None:
    columns = ["file", "kind", "bytes", "hash", "written to" if extracted else "in the store"]
    made = table(f"Files of {campaign}", columns, left=["file", "kind", "hash", columns[-1]])
    for one in found:
        kept = "yes" if one.file.kept else "no: too large"
        where = str(one.path) if one.path else kept
        add_row(made, one.file.name, one.file.kind, f"{one.file.size:,}", one.file.hash[:12], where)
    console().print(made)
