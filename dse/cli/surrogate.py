"""`dse surrogate`: how well models predict a campaign's metrics, to know what screening is worth."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from dse.campaign.result import CampaignResult
from dse.cli.picture import check_picture, write_picture
from dse.cli.terminal import add_row, console, print_json, table
from dse.store import default_store
from dse.surrogate_accuracy import MetricAccuracy, SurrogateAccuracy

_PANEL_PIXELS = 520


def command(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name or number in the store.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="forest: random forests. gp: Gaussian processes. Give it again for more (default: all).",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Any metric; give it again for more (default: the objectives and bounds)."),
    ] = None,
    designs: Annotated[
        int, typer.Option(min=20, help="How many to use, at random if there are more; fewer are quicker.")
    ] = 1000,
    store: Annotated[
        str | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the models and of the folds.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, every prediction too, as JSON.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also draw predicted against simulated: .html, .png, .svg, .pdf."),
    ] = None,
) -> None:
    """Show how well models predict the metrics of designs that they have not seen, by cross-validation."""
    from agents.models.validation import cross_validate

    check_picture(plot)
    result = CampaignResult.load(store or default_store(), int(campaign) if campaign.isdigit() else campaign)
    accuracy = cross_validate(result, metric, model, designs=designs, seed=seed)
    if as_json:
        print_json(accuracy.to_dict())
    else:
        _show(accuracy)
    if plot is not None:
        panels = len(accuracy.of(accuracy.models[0]))
        write_picture(accuracy.plot(), plot, width=max(2, panels) * _PANEL_PIXELS)


def _show(accuracy: SurrogateAccuracy) -> None:
    left = ["metric", "model", "scale"]
    made = table(
        f"Models on {accuracy.designs} designs of {accuracy.campaign}, learnt from {accuracy.learnt}",
        [*left, "Kendall tau", "R2", "error, median", "95 %", "within 2 std", "best"],
        left=left,
    )
    for first in accuracy.of(accuracy.models[0]):
        for name in accuracy.models:
            one = next(one for one in accuracy.of(name) if one.metric == first.metric)
            add_row(made, one.metric, one.model, one.scale, *_cells(one))
    made.caption = (
        "tau: of the order, 1 if it is right. R2: in the scale. within: errors below twice the deviation\n"
        "that the model gave, 95 % if it is honest. best: share of the best tenth of the designs that\n"
        "screening for the best quarter would have kept."
    )
    shown = console()
    shown.print(made)
    if accuracy.measured > accuracy.designs:
        shown.print(f"Drawn at random from {accuracy.measured} distinct designs; --designs takes more.")
    if accuracy.failed:
        shown.print(f"{accuracy.failed} designs without metrics (failed or forbidden) were left out.")


def _cells(one: MetricAccuracy) -> tuple[str, ...]:
    shares = (one.error_median, one.error_p95, one.within, one.best_kept)
    digits = (2, 2, 0, 0)
    return (
        *("-" if math.isnan(value) else f"{value:.3f}" for value in (one.kendall_tau, one.r2)),
        *(
            "-" if math.isnan(value) else f"{100 * value:.{d}f} %"
            for value, d in zip(shares, digits, strict=True)
        ),
    )
