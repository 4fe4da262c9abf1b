"""`dse trace intervals`: a few intervals of a trace that stand for all of it, as a table or drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.errors import ConfigError

if TYPE_CHECKING:
    from traces.intervals import Phases
    from traces.trace import Trace


def intervals(
    trace: Annotated[
        str,
        typer.Argument(
            metavar="TRACE", help="A file, sample:NAME, or synthetic:GENERATOR?option=value&... (see docs)."
        ),
    ],
    share: Annotated[
        float, typer.Option(help="Share of the requests to simulate at most, warm-up included.")
    ] = 0.1,
    length: Annotated[
        int | None,
        typer.Option(min=1, help="Requests of an interval, without warm-up (default: by the share)."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the random projection and the clustering.")] = 0,
    clock_mhz: Annotated[
        float | None,
        typer.Option(help="Clock in which a text trace counts its arrivals; .npz carries its own."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Format of the input, when its suffix does not say it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write what --json prints.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Also draw the clusters over time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Choose a few intervals that stand for a whole trace, as SimPoint does for programs.

    Intervals whose requests behave alike form a cluster; of each cluster one interval is simulated.
    """
    import traces
    from dse.cli.terminal import print_json
    from traces.intervals import phases
    from traces.workload import Workload

    if plot is not None and plot.suffix != ".html":
        raise ConfigError(f"{plot} cannot be drawn: expected a name in .html", key="--plot")
    loaded = traces.load(trace, clock_mhz=clock_mhz, format=format)
    found = phases(Workload.of(loaded), share, seed, length)
    data = {"trace": trace, "name": loaded.name, "hash": loaded.hash, "share": share, "seed": seed}
    data |= _described(found)
    if as_json:
        print_json(data)
    else:
        _show(found, loaded)
    if out is not None:
        with _written(out, "--out"):
            out.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    if plot is not None:
        with _written(plot, "--plot"):
            _draw(found, loaded, plot)


def _described(found: Phases) -> dict[str, Any]:
    requests = int(found.edges[-1])
    simulated = sum(piece.length for piece in found.pieces)
    rows = zip(found.pieces, found.shares.tolist(), found.chosen.tolist(), strict=True)
    return {
        "requests": requests,
        "simulated_requests": simulated,
        "simulated_share": simulated / requests,
        "intervals": [
            {
                "cluster": number,
                "interval": interval,
                "start": piece.start,
                "length": piece.length,
                "warmup": piece.warmup,
                "weight": piece.weight,
                "share": share,
            }
            for number, (piece, share, interval) in enumerate(rows)
        ],
        "edges": found.edges.tolist(),
        "cluster": found.cluster.tolist(),
    }


def _show(found: Phases, trace: Trace) -> None:
    from dse.cli.terminal import add_row, console, table

    columns = ("cluster", "stands for", "start", "length", "warm-up", "weight")
    behaviour = ("requests/us", "writes", "row locality", "regions")
    made = table(f"Intervals that stand for {trace.name or 'the trace'}", [*columns, *behaviour])
    look = found.signatures
    for number, (piece, share) in enumerate(zip(found.pieces, found.shares, strict=True)):
        i = found.chosen[number]
        add_row(
            made,
            number,
            f"{share:.1%}",
            f"{piece.start:,}",
            f"{piece.length:,}",
            f"{piece.warmup:,}",
            f"{piece.weight:.2f}",
            f"{look.requests_per_us[i]:,.1f}",
            f"{look.write_share[i]:.1%}",
            f"{look.row_locality[i]:.1%}",
            f"{look.regions[i]:,}",
        )
    requests, simulated = int(found.edges[-1]), sum(piece.length for piece in found.pieces)
    made.caption = (
        f"{simulated:,} of {requests:,} requests are simulated ({simulated / requests:.1%}); "
        f"{len(found.cluster)} intervals in {len(found.pieces)} clusters"
    )
    console().print(made)


def _draw(found: Phases, trace: Trace, path: Path) -> None:
    from dse.registry import resolve

    figure = resolve("figure", "intervals")(found, f"{trace.name or 'trace'}: clusters of intervals")
    figure.write_html(path, include_plotlyjs=True)


@contextmanager
def _written(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", key=option) from None
