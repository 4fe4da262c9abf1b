"""`dse replay`: one design on one trace with all that it did, or two designs and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.cli.terminal import print_json
from dse.cli.waiting import waiting
from dse.errors import ConfigError
from dse.load_curve import load_curve, parse_loads

if TYPE_CHECKING:
    from dse.cli.picked import Picked
    from dse.cli.replay_files import Instead, Wanted
    from dse.cli.replay_report import Report
    from traces.workload import Workload

TWIN_REQUESTS = 10_000
"""What the twin is given unless --length says otherwise: some ten seconds."""


def command(
    designs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAMPAIGN TRIAL | DESIGN",
            help="A campaign and the number of a design in it, CAMPAIGN:TRIAL, or a design in a JSON or TOML "
            "file; the default design if nothing is given. Two designs with --diff.",
        ),
    ] = None,
    trace: Annotated[
        str | None,
        typer.Option(
            metavar="TRACE", help="A file, sample:NAME or synthetic:...; else the campaign's workload."
        ),
    ] = None,
    workload: Annotated[
        str | None, typer.Option(help="Which workload of the campaign (default: the first).")
    ] = None,
    clock_mhz: Annotated[
        float | None, typer.Option(help="Clock in which a text trace counts its arrivals.")
    ] = None,
    arrival_scale: Annotated[
        float | None, typer.Option(help="Multiply arrival times: 2 is half the load.")
    ] = None,
    start: Annotated[int | None, typer.Option(min=0, help="Skip so many requests first.")] = None,
    length: Annotated[int | None, typer.Option(min=1, help="Only so many requests.")] = None,
    warmup: Annotated[
        int | None, typer.Option(min=0, help="Leave these first requests out of latencies.")
    ] = None,
    in_pieces: Annotated[
        bool,
        typer.Option(
            "--in-pieces", help="Read the --trace file piece by piece: one larger than memory. Metrics only."
        ),
    ] = False,
    space: Annotated[
        str | None, typer.Option(help="Design space, for a design that is not from a campaign.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Memory device, likewise.")] = None,
    mapping: Annotated[str | None, typer.Option(help="Address mapping, likewise.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="KEY=VALUE",
            help="Any option of the simulator, such as channels=2, likewise. Repeatable.",
        ),
    ] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Where the time and the energy of two designs differ.")
    ] = False,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:CLASS",
            help=f"Run your own scheduler on the twin (slow: {TWIN_REQUESTS:,} requests unless --length); "
            "with --diff against the design's.",
        ),
    ] = None,
    mimic: Annotated[
        str | None,
        typer.Option(
            metavar="PEER[:CHOICE=VALUE,...]",
            help="Schedule as ramulator2, dramsim3 or dramsys5 does (slow, likewise); with --diff against "
            "the design.",
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="Write every command with its cycle: a .csv or .csv.gz file.")
    ] = None,
    timeline: Annotated[
        Path | None,
        typer.Option(help="Write the commands as a trace for Perfetto: a .json or .json.gz file."),
    ] = None,
    from_ns: Annotated[
        float, typer.Option("--from", min=0, metavar="NS", help="Begin of the --timeline.")
    ] = 0.0,
    to_ns: Annotated[
        float | None, typer.Option("--to", min=0, metavar="NS", help="End of the --timeline.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Judge the command log by the rules of the standard.")
    ] = False,
    load: Annotated[
        str | None, typer.Option(metavar="FIRST:LAST:STEP", help="Latency against bandwidth at these loads.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw bandwidth and latency over time into this HTML file; with --load, that curve instead."
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for --load.")] = 2,
    store: Annotated[
        Path | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run one design on one trace and show all its metrics; or two of them, and where they differ."""
    from dse.cli.replay_designs import Options, pick_one, pick_two
    from dse.cli.replay_files import Wanted

    wanted = Wanted(log=log, timeline=timeline, window_ns=(from_ns, to_ns), audit=audit, plot=plot, load=load)
    instead = _instead(scheduler, mimic)
    wanted.check(alone=not diff, instead=instead)
    options = Options.of(store, option or [], space=space, device=device, address_mapping=mapping)
    words = designs or []
    if in_pieces:
        _pieces(
            pick_one(words, options),
            trace,
            as_json=as_json,
            clock_mhz=clock_mhz,
            arrival_scale=arrival_scale or 1.0,
            warmup=warmup or 0,
            others={
                "--diff": diff,
                "--workload": workload,
                "--start": start is not None,
                "--length": length,
                "--scheduler": scheduler,
                "--mimic": mimic,
                **wanted.given(),
            },
        )
        return
    chosen = pick_two(words, options) if diff and instead is None else (pick_one(words, options),)
    requests = _requests(chosen, trace, workload, clock_mhz)
    if instead is not None and length is None:
        length = min(len(requests), TWIN_REQUESTS)
    requests = _changed(requests, arrival_scale=arrival_scale, start=start, length=length, warmup=warmup)
    if diff:
        _compare(chosen, requests, instead, wanted, as_json=as_json)
    else:
        _report(chosen[0], requests, instead, wanted, threads, as_json=as_json)


def _pieces(picked: Picked, trace: str | None, *, others: Mapping[str, Any], **settings: Any) -> None:
    from dse.cli.replay_pieces import replay_in_pieces

    replay_in_pieces(picked, trace, others=[name for name, value in others.items() if value], **settings)


def _instead(scheduler: str | None, mimic: str | None) -> Instead | None:
    from dse.cli.replay_files import Instead

    if scheduler is not None and mimic is not None:
        raise ConfigError("--scheduler and --mimic exclude each other", key="--mimic")
    if scheduler is not None:
        return Instead("--scheduler", scheduler)
    return None if mimic is None else Instead("--mimic", mimic)


def _requests(
    chosen: Sequence[Picked], trace: str | None, workload: str | None, clock_mhz: float | None
) -> Workload:
    """The trace that was asked for, else a workload of the first design that is from a campaign."""
    import traces
    from traces.workload import Workload

    if trace is None:
        owner = next((picked for picked in chosen if picked.workloads), chosen[0])
        return owner.workload(workload)
    if workload is not None:
        raise ConfigError("--trace and --workload exclude each other", key="--workload")
    with waiting("reading the trace"):
        return Workload.of(traces.load(trace, clock_mhz=clock_mhz))


def _changed(requests: Workload, **given: Any) -> Workload:
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(requests, **changes) if changes else requests


def _report(
    picked: Picked,
    requests: Workload,
    instead: Instead | None,
    wanted: Wanted,
    threads: int,
    *,
    as_json: bool,
) -> None:
    """One design."""
    from dse.cli.replay_report import curve_dict, show

    report = _run(picked, requests, instead, log=wanted.needs_log)
    data = wanted.write([report])
    curve = None
    if wanted.load is not None:
        loads = parse_loads(wanted.load)
        with waiting("measuring latency under load"):
            curve = load_curve(picked.simulator, picked.point, requests, loads, threads)
    data |= wanted.draw([report], curve)
    if as_json:
        print_json(report.to_dict() | data | curve_dict(curve))
    else:
        show(report, data, curve)


def _compare(
    chosen: Sequence[Picked], requests: Workload, instead: Instead | None, wanted: Wanted, *, as_json: bool
) -> None:
    """Two designs, or one on the engine and on what runs instead."""
    from dse.cli.replay_difference import difference_dict, show_difference

    first, second = chosen[0], chosen[-1]
    reports = (
        _run(first, requests, None, log=wanted.needs_log),
        _run(second, requests, instead, log=wanted.needs_log),
    )
    data = wanted.write(reports)
    data |= wanted.draw(reports, None)
    if as_json:
        print_json(difference_dict(*reports) | data)
    else:
        show_difference(*reports, data)


def _run(picked: Picked, requests: Workload, instead: Instead | None, *, log: bool) -> Report:
    """A run on the engine, with the user's scheduler on the twin, or as a peer would do it."""
    from dse.cli.replay_report import Report
    from simulators.dram.simulator import DramSimulator

    simulator = picked.simulator
    if not isinstance(simulator, DramSimulator):
        raise ConfigError(
            f"simulator {simulator.name!r} cannot be replayed: expected 'dram'", key="simulator"
        )
    if instead is None:
        from simulators.dram.replay.recording import record

        with waiting(picked.label, len(requests)) as watch:
            made = record(simulator, picked.point, requests, log=log, watch=watch)
        return Report(picked.label, picked, requests, made)
    if instead.option == "--mimic":
        from simulators.dram.replay.mimicked import parse_peer, record_peer

        peer, choices = parse_peer(instead.text)
        with waiting(f"{picked.label} as {peer}"):
            made = record_peer(simulator, picked.point, requests, peer, choices)
        return Report(f"{picked.label} as {instead.text}", picked, requests, made, instead.text)
    from simulators.dram.replay.own_scheduler import load_scheduler, record_own

    own = load_scheduler(instead.text)
    with waiting(f"{own.__name__} on the twin", len(requests)) as watch:
        made = record_own(simulator, picked.point, requests, own, watch)
    return Report(f"{picked.label} with {own.__name__}", picked, requests, made, own.__name__)
