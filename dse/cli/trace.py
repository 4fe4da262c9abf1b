"""`dse trace`: look at traces, convert them, generate them, and record them from real programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dse.cli.trace_intervals import intervals

if TYPE_CHECKING:
    from traces.record import Progress
    from traces.trace import Trace

app = typer.Typer(no_args_is_help=True, help="Look at traces, convert, generate and record them.")

Spec = Annotated[
    str,
    typer.Argument(
        metavar="TRACE",
        help="A file, sample:NAME, synthetic:GENERATOR?option=value&..., or accesses:TRACE?gap=3.",
    ),
]
ClockMhz = Annotated[
    float | None,
    typer.Option(
        "--clock-mhz", help="Clock in which a text trace counts its arrivals; .npz carries its own."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FormatName = Annotated[str | None, typer.Option(help="Format of the input, when its suffix does not say it.")]
AsInstructions = Annotated[
    bool,
    typer.Option(
        "--instructions", help="TRACE is an instruction trace, where its name is one of both kinds."
    ),
]

# Label, key of TraceStats, how to print it, factor.
_SHOWN: tuple[tuple[str, str, str, float], ...] = (
    ("requests", "requests", "{:,.0f}", 1),
    ("duration", "duration_us", "{:,.1f} us", 1),
    ("arrival clock", "clock_ns", "{:g} ns", 1),
    ("read share", "read_share", "{:.1f} %", 100),
    ("sources", "sources", "{:.0f}", 1),
    ("footprint", "footprint_bytes", "{:,.0f} KiB", 1 / 1024),
    ("address span", "address_span_bytes", "{:,.0f} KiB", 1 / 1024),
    ("requests per line", "requests_per_line", "{:.2f}", 1),
    ("intensity", "intensity_requests_per_us", "{:.1f} requests/us", 1),
    ("offered", "offered_gbps", "{:.2f} GB/s", 1),
    ("offered, busiest us", "peak_offered_gbps", "{:.2f} GB/s", 1),
    ("gap variation", "interarrival_variation", "{:.2f} (0 even, 1 random, more in bursts)", 1),
    ("next line", "next_line_share", "{:.1f} %", 100),
    ("same 1 KiB row", "same_row_1kib_share", "{:.1f} %", 100),
    ("same 2 KiB row", "same_row_2kib_share", "{:.1f} %", 100),
    ("same 8 KiB row", "same_row_8kib_share", "{:.1f} %", 100),
)
_SHOWN_SPREAD: tuple[tuple[str, str, str, float], ...] = (
    ("banks used", "banks_used", "{:.0f}", 1),
    ("bank evenness", "bank_evenness", "{:.1f} %", 100),
    ("busiest bank", "busiest_bank_share", "{:.1f} % of requests", 100),
    ("row hits, in order", "row_hit_share", "{:.1f} %", 100),
    ("peak of the bus", "peak_gbps", "{:.2f} GB/s", 1),
    ("offered load", "offered_load", "{:.1f} % of the peak", 100),
)


@app.command()
def info(
    trace: Spec,
    device: Annotated[
        str | None, typer.Option(help="A DRAM device: adds bank spread and offered load.")
    ] = None,
    mapping: Annotated[str, typer.Option(help="Address mapping used with --device.")] = "row-bank-column",
    clock_mhz: ClockMhz = None,
    format: FormatName = None,
    caches: Annotated[
        bool, typer.Option("--caches", help="Also how often caches of all sizes would hit.")
    ] = False,
    instructions: AsInstructions = False,
    as_json: AsJson = False,
) -> None:
    """Locality, read share, intensity and footprint of a trace.

    Of an instruction trace its mix, branches, footprint and dependences.
    """
    import traces
    from dse.cli.trace_caches import curve_of, print_curve
    from traces.instruction_spec import holds_instructions

    if instructions or holds_instructions(trace, format=format):
        from dse.cli.trace_instructions import show_info

        show_info(trace, format, as_json, caches, for_memory={"--device": device, "--clock-mhz": clock_mhz})
        return
    loaded = traces.load(trace, clock_mhz=clock_mhz, format=format)
    stats = traces.describe(loaded).to_dict()
    spread = None if device is None else _spread(loaded, device, mapping, float(stats["offered_gbps"]))
    if as_json:
        shown: dict[str, Any] = {"trace": trace, **_identity(loaded), "stats": stats}
        if spread is not None:
            shown["banks"] = {"device": device, "mapping": mapping, **spread}
        if caches:
            shown["caches"] = curve_of(loaded).to_dict()
        _print_json(shown)
        return
    print(f"{loaded.name or trace}  (hash {loaded.hash})")
    for key, value in loaded.provenance.items():
        print(f"  {key}: {value}")
    _print_rows(_SHOWN, stats)
    if spread is not None:
        print(f"on {device} with {mapping}")
        _print_rows(_SHOWN_SPREAD, spread)
    if caches:
        print_curve(curve_of(loaded))


@app.command()
def convert(
    trace: Spec,
    target: Annotated[Path, typer.Argument(help="File to write; its suffix says format and compression.")],
    clock_mhz: ClockMhz = None,
    format: FormatName = None,
    to: Annotated[
        str | None, typer.Option(help="Format of the output, when its suffix does not say it.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=1, help="Keep only the first requests or instructions.")
    ] = None,
    instructions: AsInstructions = False,
    as_json: AsJson = False,
) -> None:
    """Write a trace in another format, saying what that format cannot hold.

    An instruction trace becomes one of another format; a memory trace becomes one as accesses:TRACE?gap=3.
    """
    import traces
    from traces.formats import is_of_instructions
    from traces.instruction_spec import holds_instructions, told_as_memory
    from traces.writers import losses

    if instructions or holds_instructions(trace, format=format):
        from dse.cli.trace_instructions import convert_instructions

        convert_instructions(
            trace, target, format, to, length, as_json, for_memory={"--clock-mhz": clock_mhz}
        )
        return
    if is_of_instructions(target, to):
        raise told_as_memory(trace)
    loaded = traces.load(trace, clock_mhz=clock_mhz, format=format)
    if length is not None:
        loaded = loaded.head(length)
    traces.write(loaded, target, format=to)
    _print_written(loaded, target, as_json, lost=losses(loaded, target, format=to))


@app.command()
def generate(
    generator: Annotated[
        str, typer.Argument(help="stream, triad, strided, uniform_random, pointer_chase, ...")
    ],
    target: Annotated[Path, typer.Argument(help="File to write; its suffix says format and compression.")],
    requests: Annotated[int, typer.Option("--requests", "-n", min=1, help="Number of requests.")] = 100_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="KEY=VALUE", help="Option; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a synthetic trace."""
    import traces
    from traces.spec import generate_with
    from traces.writers import losses

    options = {"n": str(requests), "seed": str(seed), **_pairs(option or [])}
    made = generate_with(generator, options)
    traces.write(made, target)
    _print_written(made, target, as_json, lost=losses(made, target))


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def record(
    ctx: typer.Context,
    command: Annotated[list[str], typer.Argument(metavar="-- PROGRAM ARGS", help="What to run and record.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; PROGRAM.npz if not given.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the trace; the program's if not given.")] = "",
    cache: Annotated[
        str, typer.Option(help="Levels SIZE_KIB:WAYS, next to the core first, separated by commas.")
    ] = "16:4,128:8",
    line_bytes: Annotated[int, typer.Option(help="Line size of the cache, at most 64.")] = 64,
    core_mhz: Annotated[float, typer.Option(help="Clock of the modelled core.")] = 3000.0,
    cpi: Annotated[float, typer.Option(help="Core cycles an instruction.")] = 0.5,
    skip_instructions: Annotated[
        int, typer.Option("--skip-instructions", "--skip", min=0, help="Leave out this much of the start.")
    ] = 0,
    max_requests: Annotated[int, typer.Option(min=1, help="Stop after this many requests.")] = 1_000_000,
    instructions: Annotated[
        bool, typer.Option("--instructions", help="Record what the processor executes instead.")
    ] = False,
    first: Annotated[
        str, typer.Option("--from", metavar="FUNCTION", help="Begin when this function is called.")
    ] = "",
    last: Annotated[
        str, typer.Option("--to", metavar="FUNCTION", help="End when this function is called.")
    ] = "",
    max_instructions: Annotated[
        int, typer.Option(min=1, help="Stop after this many instructions.")
    ] = 1_000_000,
    as_json: AsJson = False,
) -> None:
    """Record a real program: what misses a small cache, through valgrind.

    Arrivals are instructions times --cpi in a clock of --core-mhz: a model, not a measurement.

    With --instructions the trace holds every instruction with its registers, branches and addresses, for the
    simulation of a processor; --from, --to and --max-instructions say which part of the run is kept.
    """
    import traces
    from dse.cli.trace_record import check_options, record_to_file
    from traces.record import CoreModel, Window, record
    from traces.writers import losses

    given = [key for key in ctx.params if _is_given(ctx, key)]
    check_options(given, instructions)
    if instructions:
        from traces.record_instructions import Span

        span = Span(first, last, skip_instructions, max_instructions)
        record_to_file(command, output, name=name, span=span, as_json=as_json)
        return
    target = output if output is not None else Path(f"{Path(command[0]).name}.npz")
    model, core = _cache_model(cache, line_bytes), CoreModel(core_mhz, cpi)
    window = Window(skip_instructions, max_requests)
    with _progress(max_requests) as progress:
        made = record(command, name=name, cache=model, core=core, window=window, progress=progress)
    traces.write(made, target)
    _print_written(made, target, as_json, lost=losses(made, target))


app.command()(intervals)


def _is_given(ctx: typer.Context, parameter: str) -> bool:
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


def _spread(trace: Trace, device_id: str, mapping: str, offered_gbps: float) -> dict[str, int | float]:
    from simulators.dram.memory.devices import device
    from simulators.dram.memory.mapping import AddressMapping
    from traces.stats import bank_spread

    chosen = device(device_id)
    decoded = AddressMapping.preset(mapping, chosen).decode(trace.address)
    return bank_spread(
        decoded.bank,
        decoded.row,
        banks=chosen.banks,
        offered_gbps=offered_gbps,
        peak_gbps=chosen.peak_bandwidth_gbps,
    ).to_dict()


def _cache_model(text: str, line_bytes: int) -> Any:
    from traces.errors import TraceError
    from traces.record import CacheModel

    try:
        levels = [tuple(int(number) for number in level.split(":")) for level in text.split(",")]
        sizes, ways = zip(*((size * 1024, ways) for size, ways in levels), strict=True)
    except ValueError:
        raise TraceError(f"--cache {text!r}: expected SIZE_KIB:WAYS, for example 16:4,128:8") from None
    return CacheModel(sizes, ways, line_bytes)


def _pairs(options: list[str]) -> dict[str, str]:
    from traces.errors import TraceError

    split = [option.partition("=") for option in options]
    for key, equals, value in split:
        if not key or not equals or not value:
            raise TraceError(f"--option {key + equals + value!r}: expected KEY=VALUE")
    return {key: value for key, _, value in split}


@contextmanager
def _progress(max_requests: int) -> Iterator[Progress]:
    """A bar on standard error, so that standard output stays clean."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("recording"), BarColumn(), TextColumn("{task.fields[what]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("recording", total=max_requests, what="")

        def show(requests: int, instructions: int) -> None:
            what = f"{requests:,} requests, {instructions / 1e6:,.0f} M instructions"
            bar.update(task, completed=min(requests, max_requests), what=what)

        yield show


def _identity(trace: Trace) -> dict[str, Any]:
    return {"name": trace.name, "hash": trace.hash, "provenance": dict(trace.provenance)}


def _print_written(trace: Trace, target: Path, as_json: bool, lost: tuple[str, ...] = ()) -> None:
    size_bytes = target.stat().st_size
    if as_json:
        written = {"file": str(target), "bytes": size_bytes, "requests": len(trace), "lost": list(lost)}
        _print_json({**written, **_identity(trace)})
        return
    print(f"{target}: {len(trace):,} requests over {trace.duration_ns / 1000:,.1f} us, {size_bytes:,} bytes")
    if lost:
        print(f"not kept by this format: {', '.join(lost)}")


def _print_rows(rows: tuple[tuple[str, str, str, float], ...], values: dict[str, int | float]) -> None:
    for label, key, pattern, factor in rows:
        print(f"  {label:<20} {pattern.format(values[key] * factor)}")


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2))
