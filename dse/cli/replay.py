"""`dse replay`: one design on one trace, with all its metrics, its command log, its behaviour under load."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import numpy as np
import typer

from dse.cli.terminal import add_row, console, print_json, table
from dse.errors import ConfigError, DseError
from dse.load_curve import LoadCurve, load_curve, parse_loads
from dse.metrics import Metrics
from dse.units import format_value

if TYPE_CHECKING:
    from rich.table import Table

    from dse.cli.picked import Picked
    from traces.workload import Workload

_BLOCK_LINES = 1 << 16


def command(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[CAMPAIGN|FILE]",
            help="A campaign, or a design in a JSON or TOML file; else the default design.",
        ),
    ] = None,
    trial: Annotated[
        int | None, typer.Argument(metavar="[TRIAL]", help="Number of the design in the campaign.")
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
    length: Annotated[int | None, typer.Option(min=1, help="Only the first requests.")] = None,
    warmup: Annotated[
        int | None, typer.Option(min=0, help="Leave these first requests out of latencies.")
    ] = None,
    space: Annotated[
        str | None, typer.Option(help="Design space, for a design that is not from a campaign.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Memory device, likewise.")] = None,
    mapping: Annotated[str | None, typer.Option(help="Address mapping, likewise.")] = None,
    log: Annotated[
        Path | None, typer.Option(help="Write every command with its cycle: a .csv or .csv.gz file.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Judge the command log by the rules of the standard.")
    ] = False,
    load: Annotated[
        str | None, typer.Option(metavar="FIRST:LAST:STEP", help="Latency against bandwidth at these loads.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curve of --load into this HTML file.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for --load.")] = 2,
    store: Annotated[
        Path | None, typer.Option(help="Store (default: $DSE_STORE or campaigns.sqlite).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run one design on one trace and show all its metrics."""
    if plot is not None and load is None:
        raise ConfigError(
            "--plot draws the curve of --load: give --load FIRST:LAST:STEP as well", key="--plot"
        )
    loads = None if load is None else parse_loads(load)
    picked = _pick(source, trial, store, {"space": space, "device": device, "address_mapping": mapping})
    requests = _requests(picked, trace, workload, clock_mhz)
    requests = _changed(requests, arrival_scale=arrival_scale, length=length, warmup=warmup)
    report: dict[str, Any] = {
        "design": picked.point.to_dict(),
        "design_id": picked.point.id,
        "simulator": dict(picked.description),
        "workload": {"name": requests.name, "requests": len(requests), "hash": requests.hash},
    }
    session = _run(picked, requests, log, audit)
    report |= session
    curve = None if loads is None else load_curve(picked.simulator, picked.point, requests, loads, threads)
    if curve is not None:
        report["load_curve"] = {"peak_gbps": curve.peak_gbps, "points": [p._asdict() for p in curve.points]}
        _draw(curve, plot)
    if as_json:
        report["metrics"] = report["metrics"].to_dict()
        print_json(report)
    else:
        _show(picked, report, curve)


def _pick(
    source: str | None, trial: int | None, store: Path | None, options: Mapping[str, str | None]
) -> Picked:
    from dse.cli.picked import pick_design, pick_trial

    given = {name: value for name, value in options.items() if value is not None}
    if trial is None:
        looks_like_a_file = source is not None and Path(source).suffix in (".json", ".toml")
        if source not in (None, "default") and not looks_like_a_file:
            raise ConfigError(
                f"{source!r} is neither a .json or .toml file nor followed by a trial: "
                f"write `dse replay CAMPAIGN TRIAL`, or give a file",
                key="CAMPAIGN",
            )
        return pick_design(source, "dram", given)
    if given:
        raise ConfigError(
            f"a campaign has its own {', '.join(given)}: leave the option out", key=f"--{next(iter(given))}"
        )
    assert source is not None
    return pick_trial(source, trial, store)


def _requests(picked: Picked, trace: str | None, workload: str | None, clock_mhz: float | None) -> Workload:
    import traces
    from traces.workload import Workload

    if trace is None:
        return picked.workload(workload)
    if workload is not None:
        raise ConfigError("--trace and --workload exclude each other", key="--workload")
    return Workload.of(traces.load(trace, clock_mhz=clock_mhz))


def _changed(requests: Workload, **given: Any) -> Workload:
    changes = {name: value for name, value in given.items() if value is not None}
    return replace(requests, **changes) if changes else requests


def _run(picked: Picked, requests: Workload, log: Path | None, audit: bool) -> dict[str, Any]:
    """Metrics and notes; with a log also where it is and what the audit says of it."""
    if log is None and not audit:
        metrics = picked.simulator.run(picked.point, requests)
        return {"metrics": metrics, "notes": list(metrics.notes)}
    from simulators.dram.simulator import DramSimulator

    simulator = picked.simulator
    if not isinstance(simulator, DramSimulator):
        raise ConfigError(f"simulator {simulator.name!r} keeps no command log", key="--log")
    session = simulator.open(picked.point, requests, log=True)
    metrics = session.finish()
    commands = session.command_log()
    found: dict[str, Any] = {"metrics": metrics, "notes": list(metrics.notes)}
    if log is not None:
        _write_log(log, commands, simulator.device.banks_per_group)
        found["log"] = {"file": str(log), "commands": len(commands["cycle"])}
    if audit:
        found["violations"] = _violations(simulator, picked, requests, commands)
    return found


def _write_log(path: Path, commands: Mapping[str, Any], banks_per_group: int) -> None:
    """CSV, one line a command; -1 where a command has no bank, row, column or request."""
    from simulators.dram.session import COMMANDS

    names = np.array(COMMANDS)[commands["command"]].tolist()
    bank = np.asarray(commands["bank"], dtype=np.int64)
    bank = np.where(np.isin(names, ("PREA", "REF", "PDE", "PDX")), -1, bank)
    group = np.where(bank >= 0, bank // banks_per_group, -1)
    columns = [commands["cycle"].tolist(), names, group.tolist(), bank.tolist()]
    columns += [commands[name].tolist() for name in ("row", "column", "request")]
    try:
        with _text_file(path) as file:
            file.write("cycle,command,bank_group,bank,row,column,request\n")
            for start in range(0, len(names), _BLOCK_LINES):
                block = zip(*(column[start : start + _BLOCK_LINES] for column in columns), strict=True)
                file.writelines(f"{','.join(map(str, line))}\n" for line in block)
    except OSError as error:
        raise DseError(f"{path}: the command log cannot be written: {error.strerror}") from None


def _text_file(path: Path) -> TextIO:
    return (
        gzip.open(path, "wt", encoding="utf-8") if path.suffix == ".gz" else path.open("w", encoding="utf-8")
    )


def _violations(simulator: Any, picked: Picked, requests: Workload, commands: Mapping[str, Any]) -> list[str]:
    """What the independent audit has to say about the log."""
    from dataclasses import asdict

    from simulators.dram.audit import CommandLog, Limits, Served, audit
    from simulators.dram.session import COMMANDS

    design, device = picked.point.to_dict(), simulator.device
    limits = Limits(
        timing=asdict(device.timings),
        banks=device.banks,
        banks_per_group=device.banks_per_group,
        refresh=design["refresh_policy"] == "AllBank",
        postponed=int(design["refresh_max_postponed"]),
        pulledin=int(design["refresh_max_pulledin"]),
    )
    stream = simulator.stream(requests, simulator.mapping_of(picked.point))
    decoded, merged = stream.decoded, stream.requests
    served = Served(decoded.bank, decoded.row, decoded.column, merged.is_write, merged.arrival_cycle)
    rest = {name: commands[name] for name in ("cycle", "bank", "row", "column", "request")}
    log = CommandLog.of(command=np.array(COMMANDS)[commands["command"]], **rest)
    return [violation.text for violation in audit(log, limits, served)]


def _draw(curve: LoadCurve, plot: Path | None) -> None:
    if plot is None:
        return
    from dse.registry import resolve

    resolve("figure", "load_curve")(curve).write_html(plot, include_plotlyjs=True)


def _show(picked: Picked, report: Mapping[str, Any], curve: LoadCurve | None) -> None:
    shown = console()
    workload = report["workload"]
    shown.print(f"{picked.label} on {workload['name']} ({workload['requests']:,} requests)", markup=False)
    shown.print(_metrics(report["metrics"], picked.metrics if _same(report, picked) else None))
    for note in report["notes"]:
        shown.print(f"note: {note}", markup=False)
    if "log" in report:
        shown.print(f"{report['log']['commands']:,} commands in {report['log']['file']}", markup=False)
    if "violations" in report:
        for text in report["violations"][:20]:
            shown.print(f"violation: {text}", markup=False)
        shown.print(f"audit: {len(report['violations'])} violations", markup=False)
    if curve is not None:
        shown.print(_loads(curve))


def _same(report: Mapping[str, Any], picked: Picked) -> bool:
    """Whether the campaign measured this same workload alone, so that its numbers can stand beside ours."""
    return (
        len(picked.workloads) == 1
        and picked.metrics is not None
        and report["workload"]["hash"] == picked.workload().hash
    )


def _metrics(metrics: Metrics, before: Metrics | None) -> Table:
    made = table(
        "", ["metric", "value", *(["in the campaign"] if before is not None else [])], left=["metric"]
    )
    group = None
    for spec in metrics.schema:
        if spec.group != group and group is not None:
            made.add_section()
        group = spec.group
        cells = [spec.name, format_value(metrics[spec.name], spec.unit)]
        if before is not None:
            cells.append(format_value(before[spec.name], spec.unit))
        add_row(made, *cells)
    return made


def _loads(curve: LoadCurve) -> Table:
    columns = ["load", "offered", "served", "bandwidth", "read latency mean", "p95"]
    made = table(f"{curve.title} (peak {curve.peak_gbps:.1f} GB/s)", columns)
    for point in curve.points:
        add_row(
            made,
            f"{point.load:.0%}",
            format_value(point.offered_gbps, "GB/s"),
            f"{point.served_load:.1%}",
            format_value(point.bandwidth_gbps, "GB/s"),
            format_value(point.read_latency_mean_ns, "ns"),
            format_value(point.read_latency_p95_ns, "ns"),
        )
    return made
