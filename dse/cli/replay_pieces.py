"""`dse replay --in-pieces`: one design on a trace that is larger than memory; its metrics alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dse.cli.replay_report import metrics_table
from dse.cli.terminal import console, print_json
from dse.cli.waiting import waiting
from dse.errors import ConfigError

if TYPE_CHECKING:
    from dse.cli.picked import Picked
    from traces.trace import Trace


def replay_in_pieces(
    picked: Picked,
    file: str | None,
    *,
    clock_mhz: float | None,
    arrival_scale: float,
    warmup: int,
    others: Sequence[str],
    as_json: bool,
) -> None:
    """others: options that were given and need the whole run in memory. ConfigError for any of them."""
    from simulators.dram.simulator import DramSimulator
    from traces.chunks import read_chunks

    if others:
        raise ConfigError(
            f"--in-pieces keeps no run in memory: leave {' and '.join(others)} out", key="--in-pieces"
        )
    if file is None or not Path(file).is_file():
        raise ConfigError(
            f"--in-pieces reads a trace file piece by piece: expected --trace FILE, got {file!r}",
            key="--trace",
        )
    simulator = picked.simulator
    if not isinstance(simulator, DramSimulator):
        raise ConfigError(
            f"simulator {simulator.name!r} cannot be replayed: expected 'dram'", key="simulator"
        )
    with waiting(f"{picked.label}, piece by piece") as watch:
        pieces = _counted(read_chunks(file, clock_mhz=clock_mhz), watch)
        metrics = simulator.run_chunks(picked.point, pieces, arrival_scale=arrival_scale, warmup=warmup)
    if as_json:
        design = {"design": picked.point.to_dict(), "simulator": dict(picked.description), "trace": file}
        print_json(design | {"metrics": metrics.to_dict(), "notes": list(metrics.notes)})
        return
    shown = console()
    shown.print(f"{picked.label} on {Path(file).name}, piece by piece", markup=False)
    shown.print(metrics_table(metrics, None))
    for note in metrics.notes:
        shown.print(f"note: {note}", markup=False)


def _counted(pieces: Iterable[Trace], watch: Callable[[int], None]) -> Iterator[Trace]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        watch(done)
