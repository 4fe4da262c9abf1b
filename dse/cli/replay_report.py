"""What `dse replay` says of one run: metrics, where the time went, what each source of requests got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dse.cli.terminal import add_row, console, table
from dse.load_curve import LoadCurve
from dse.metrics import Metrics
from dse.units import format_value

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from dse.cli.picked import Picked
    from traces.workload import Workload

Recording = Any  # simulators.dram.replay.recording.Recording: the wings are imported inside functions only
_MOST_SOURCES = 16
_STALL_GROUP = "stall"  # has a table of its own
_MOST_VIOLATIONS = 20


@dataclass(frozen=True, slots=True)
class Report:
    """One run; `scheduler` is the user's class or the peer, where one of those scheduled it."""

    label: str
    picked: Picked
    workload: Workload
    recording: Recording
    scheduler: str | None = None

    @property
    def metrics(self) -> Metrics:
        found: Metrics = self.recording.metrics
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything, for --json."""
        from simulators.dram.replay.recording import by_source, time_by_cause

        picked, workload = self.picked, self.workload
        return {
            "design": picked.point.to_dict(),
            "design_id": picked.point.id,
            "simulator": dict(picked.description),
            "scheduler": self.scheduler,
            "workload": {"name": workload.name, "requests": len(workload), "hash": workload.hash},
            "metrics": self.metrics.to_dict(),
            "time_by_cause_ns": time_by_cause(self.recording),
            "sources": [one._asdict() for one in by_source(self.recording)],
            "notes": list(self.metrics.notes),
        }


def show(report: Report, data: Mapping[str, Any], curve: LoadCurve | None) -> None:
    """Tables on stdout. data: what was written, as `Wanted.write` gives it."""
    from simulators.dram.replay.recording import time_by_cause

    shown = console()
    shown.print(f"{report.label} on {_of(report.workload)}", markup=False)
    shown.print(metrics_table(report.metrics, report.picked.metrics if _same(report) else None))
    if time_by_cause(report.recording):
        shown.print(_causes(report))
    if len(_sources(report)) > 1:
        shown.print(_source_table(report))
    for note in report.metrics.notes:
        shown.print(f"note: {note}", markup=False)
    show_written(shown, data)
    if curve is not None:
        shown.print(_loads(curve))


def show_written(shown: Console, data: Mapping[str, Any]) -> None:
    """What lies in files now, and what the audit found."""
    if "log" in data:
        shown.print(f"{data['log']['commands']:,} commands in {data['log']['file']}", markup=False)
    if "timeline" in data:
        shown.print(_timeline(data["timeline"]), markup=False)
    if "plot" in data:
        shown.print(f"plot in {data['plot']}", markup=False)
    if "violations" in data:
        for text in data["violations"][:_MOST_VIOLATIONS]:
            shown.print(f"violation: {text}", markup=False)
        shown.print(f"audit: {len(data['violations'])} violations", markup=False)


def curve_dict(curve: LoadCurve | None) -> dict[str, Any]:
    """The load curve for --json; empty if there is none."""
    if curve is None:
        return {}
    points = [point._asdict() for point in curve.points]
    return {"load_curve": {"peak_gbps": curve.peak_gbps, "points": points}}


def _of(workload: Workload) -> str:
    return f"{workload.name} ({len(workload):,} requests)"


def _timeline(data: Mapping[str, Any]) -> str:
    text = (
        f"{data['commands']:,} commands from {data['from_ns']:,.0f} ns to {data['to_ns']:,.0f} ns "
        f"in {data['file']}: open it at https://ui.perfetto.dev"
    )
    if data["left_out"]:
        text += f"\n{data['left_out']:,} later commands were left out: choose the time with --from NS --to NS"
    return text


def _same(report: Report) -> bool:
    """Whether the campaign measured this same workload alone, so that its numbers can stand beside ours."""
    picked = report.picked
    return (
        report.scheduler is None
        and len(picked.workloads) == 1
        and picked.metrics is not None
        and report.workload.hash == picked.workload().hash
    )


def metrics_table(metrics: Metrics, before: Metrics | None) -> Table:
    """Every metric but the stalls, group by group; beside those of the campaign where there are any."""
    made = table(
        "", ["metric", "value", *(["in the campaign"] if before is not None else [])], left=["metric"]
    )
    group = None
    for spec in metrics.schema:
        if spec.group == _STALL_GROUP:
            continue
        if spec.group != group and group is not None:
            made.add_section()
        group = spec.group
        cells = [spec.name, format_value(metrics[spec.name], spec.unit)]
        if before is not None:
            cells.append(format_value(before[spec.name], spec.unit))
        add_row(made, *cells)
    return made


def _causes(report: Report) -> Table:
    """Every cause that cost time, the largest first."""
    from simulators.dram.replay.recording import time_by_cause

    columns = ["cause", "time", "share", "meaning"]
    made = table("where the time went (mean over the channels)", columns, left=["cause", "meaning"])
    elapsed_ns, schema = report.recording.elapsed_ns, report.metrics.schema
    for cause, time_ns in sorted(time_by_cause(report.recording).items(), key=lambda item: -item[1]):
        if time_ns > 0:
            meaning = schema.spec(f"stall_{cause}_fraction").description
            share = f"{time_ns / elapsed_ns:.1%}"
            add_row(made, cause.replace("_", " "), format_value(time_ns, "ns"), share, meaning)
    return made


def _sources(report: Report) -> list[Any]:
    from simulators.dram.replay.recording import by_source

    return by_source(report.recording)


def _source_table(report: Report) -> Table:
    columns = [
        "source",
        "reads",
        "writes",
        "bandwidth",
        "read latency mean",
        "p95",
        "p99",
        "write latency mean",
    ]
    sources = _sources(report)
    busiest = sorted(sources, key=lambda one: -(one.reads + one.writes))[:_MOST_SOURCES]
    left_out = f" (the {_MOST_SOURCES} busiest of {len(sources)})" if len(sources) > _MOST_SOURCES else ""
    made = table(f"by source of requests{left_out}", columns)
    for one in busiest:
        add_row(
            made,
            one.source,
            f"{one.reads:,}",
            f"{one.writes:,}",
            format_value(one.bandwidth_gbps, "GB/s"),
            format_value(one.read_latency_mean_ns, "ns"),
            format_value(one.read_latency_p95_ns, "ns"),
            format_value(one.read_latency_p99_ns, "ns"),
            format_value(one.write_latency_mean_ns, "ns"),
        )
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
