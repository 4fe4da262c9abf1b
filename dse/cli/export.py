"""`dse export`: a design of a campaign as the configuration of another simulator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.cli.terminal import add_row, console, print_json, table
from dse.errors import ConfigError, did_you_mean
from dse.export import ExportManifest, Loss, exporter
from dse.registry import names


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    trial: Annotated[
        int, typer.Argument(metavar="TRIAL", help="Number of the design (dse front lists them).")
    ],
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="dramsys, ramulator2 or dramsim3.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to (default: CAMPAIGN-TRIAL-TARGET).")
    ] = None,
    target_version: Annotated[
        str | None,
        typer.Option("--target-version", help="Version of the target, for example 4.0 for DRAMSys."),
    ] = None,
    with_trace: Annotated[
        bool, typer.Option("--with-trace/--no-trace", help="Also write the workload in the target's format.")
    ] = True,
    workload: Annotated[str | None, typer.Option(help="Which workload (default: the first).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    store: Annotated[
        Path | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest.")] = False,
) -> None:
    """Write a design for another simulator, and say what that simulator cannot represent."""
    from dse.cli.picked import as_one_trace, pick_trial

    if to not in names("exporter"):
        raise ConfigError(
            f"no exporter is called {to!r}: expected one of {', '.join(names('exporter'))}."
            f"{did_you_mean(to, names('exporter'))}",
            key="--to",
        )
    picked = pick_trial(campaign, trial, store)
    picked.check_replays_requests()
    folder = out or Path(re.sub(r"[^A-Za-z0-9._-]+", "-", f"{picked.label}-{to}").lstrip(".-"))
    options: dict[str, Any] = {} if target_version is None else {"version": target_version}
    manifest = exporter(to)(
        picked.point,
        picked.description,
        folder,
        trace=as_one_trace(picked.workload(workload)) if with_trace else None,
        metrics=picked.metrics,
        force=force,
        **options,
    )
    if as_json:
        print_json({"directory": str(folder), **manifest.to_dict()})
    else:
        _show(manifest, folder)


def _show(manifest: ExportManifest, folder: Path) -> None:
    shown = console()
    shown.print(f"{manifest.target} {manifest.version} in {folder}:", markup=False)
    for name in manifest.files:
        shown.print(f"  {name}", markup=False)
    for note in manifest.notes:
        shown.print(f"  {note}", markup=False)
    if manifest.losses:
        shown.print(_losses(manifest.losses))
    else:
        shown.print("Every parameter carries over.")


def _losses(losses: tuple[Loss, ...]) -> Any:
    columns = ["parameter", "value", "written as", "because"]
    made = table(f"What does not carry over ({len(losses)})", columns, left=columns)
    for loss in losses:
        add_row(made, loss.parameter, loss.value, loss.written_as or "-", loss.reason)
    return made
