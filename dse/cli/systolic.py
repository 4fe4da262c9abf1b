"""`dse systolic`: a network on a systolic array, layer by layer, and its traffic as a trace."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dse.cli.terminal import add_row, console, print_json, table


def command(
    network: Annotated[
        str,
        typer.Argument(metavar="NETWORK", help="lenet-5, transformer-block, or a TOML file of your own."),
    ],
    rows: Annotated[int, typer.Option(help="Rows of cells.")] = 16,
    columns: Annotated[int, typer.Option(help="Columns of cells.")] = 16,
    input_kib: Annotated[int, typer.Option(help="Buffer of inputs, both halves.")] = 64,
    weight_kib: Annotated[int, typer.Option(help="Buffer of weights, both halves.")] = 64,
    dma_bytes: Annotated[int, typer.Option(help="Bytes a cycle that the DMA moves, each way.")] = 16,
    number_format: Annotated[
        str, typer.Option("--format", help="Of the numbers: int8, int32, fp16 or fp32.")
    ] = "int8",
    clock_mhz: Annotated[float, typer.Option(help="Clock of the array.")] = 500.0,
    node_nm: Annotated[float, typer.Option(help="Technology, for energy and area.")] = 45.0,
    trace: Annotated[
        Path | None,
        typer.Option(help="Write what the DMA asks for to this file, as a trace for the DRAM controller."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a network of matrix products on a systolic array: cycles, traffic, energy and area."""
    import traces
    from simulators.soc.graphs.network import network as find
    from simulators.soc.graphs.systolic import Array, schedule

    array = Array(
        rows=rows,
        columns=columns,
        input_kib=input_kib,
        weight_kib=weight_kib,
        dma_bytes=dma_bytes,
        number_format=number_format,
        clock_mhz=clock_mhz,
        node_nm=node_nm,
    )
    found = schedule(find(network), array)
    if trace is not None:
        traces.write(found.trace(), trace)
    if as_json:
        print_json(_data(found))
        return
    made = table(
        f"{found.network.name} on {rows} x {columns} cells",
        ("layer", "m", "k", "n", "cycles", "computing", "read B", "written B", "in use", "energy uJ"),
        left=("layer",),
    )
    for run in found.layers:
        layer = run.layer
        sizes = (f"{run.cycles:,}", f"{run.compute_cycles:,}", f"{run.read_bytes:,}", f"{run.write_bytes:,}")
        add_row(
            made,
            layer.name,
            layer.m,
            layer.k,
            layer.n,
            *sizes,
            f"{run.utilisation:.1%}",
            f"{run.energy_uj:.4g}",
        )
    shown = console()
    shown.print(made)
    summary = _data(found)
    shown.print(
        f"{found.cycles:,} cycles, {summary['time_ms']:.4g} ms at {clock_mhz:g} MHz; "
        f"{found.utilisation:.1%} of the cells' cycles in use; "
        f"{summary['energy_uj']:.4g} uJ; {summary['area_mm2']:.4g} mm2"
    )


def _data(found: Any) -> dict[str, Any]:
    """A `Schedule` as JSON."""
    array = found.array
    area = array.silicon_mm2()
    return {
        "network": found.network.name,
        "array": asdict(array),
        "cycles": found.cycles,
        "time_ms": found.cycles / (array.clock_mhz * 1e3),
        "utilisation": found.utilisation,
        "energy_uj": sum(run.energy_uj for run in found.layers),
        "area_mm2": sum(area.values()),
        "area_parts_mm2": area,
        "layers": [{**asdict(run), "cycles": run.cycles} for run in found.layers],
    }
