"""Speed of the interconnect's engine, and its latency against load: the numbers of docs/soc-interconnect.md.

    python -m tests.benchmarks.bench_interconnect [FILE]

Sixteen nodes unless named otherwise, flits of 16 bytes, buffers of 8 flits, routers of 2 cycles. Every node
sends to every other alike, at random times, half the messages of 8 bytes and half of 72, over all four
virtual networks. Speed is in links given to packets a second of CPU time, best of five. FILE (.html, or
.png, .svg, .pdf): the latency is drawn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboards.figures.style import DASHES, LIGHT, axis, plain_figure
from dse.cli.picture import check_picture, write_picture
from ext.soc_fabric import NocAlone

WIDTH_BYTES, BUFFER_FLITS, ROUTER_LATENCY = 16, 8, 2
SIZES = (8, 72)
FLITS_A_PACKET = sum(-(-size // WIDTH_BYTES) for size in SIZES) / len(SIZES)
SHAPES: Mapping[str, tuple[str, int, int]] = {
    "crossbar": ("crossbar", 16, 1),
    "ring": ("ring", 16, 1),
    "mesh 4 x 4": ("mesh", 16, 4),
}  # topology, nodes, columns
LARGE: Mapping[str, tuple[str, int, int]] = {"mesh 8 x 8": ("mesh", 64, 8)}
LOADS = np.arange(0.02, 1.0, 0.02)
PACKETS = 60_000
KEEPS_UP = 0.98
_ROUNDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Mean latency in cycles at each load, in flits a node and cycle, up to the last that gets through."""

    name: str
    load: NDArray[np.float64]
    latency: NDArray[np.float64]


def interconnect(shape: tuple[str, int, int]) -> NocAlone:
    topology, nodes, columns = shape
    return NocAlone(
        topology, nodes, WIDTH_BYTES, BUFFER_FLITS, ROUTER_LATENCY, columns=columns, max_packets=PACKETS
    )


def traffic(nodes: int, load: float, seed: int = 1) -> tuple[NDArray[np.int64], ...]:
    """PACKETS packets at random times: time, source, target, network, bytes."""
    rng = np.random.default_rng(seed)
    cycles = PACKETS * FLITS_A_PACKET / (load * nodes)
    source = rng.integers(0, nodes, PACKETS)
    target = rng.integers(0, nodes - 1, PACKETS)
    target += target >= source
    when = np.sort(rng.integers(0, int(cycles), PACKETS))
    return when, source, target, rng.integers(0, 4, PACKETS), rng.choice(SIZES, PACKETS)


def curve(name: str, shape: tuple[str, int, int]) -> Curve:
    """Raise the load until the last packet comes much later than the last was sent."""
    noc = interconnect(shape)
    points = []
    for load in LOADS:
        packets = traffic(shape[1], float(load))
        delivered, _ = noc.run(*packets)
        if packets[0][-1] < KEEPS_UP * delivered.max():
            break
        points.append((load, noc.totals()["latency"].sum() / PACKETS))
    return Curve(name, *np.array(points).T)


def figure(curves: Sequence[Curve]) -> Any:
    """The latency of each interconnect against the load."""
    drawn = plain_figure(LIGHT, "interconnect")
    for k, shown in enumerate(curves):
        line = {"color": LIGHT.agents[k], "width": 2, "dash": DASHES[k]}
        drawn.add_scatter(x=shown.load, y=shown.latency, name=shown.name, mode="lines", line=line)
    drawn.update_layout(
        paper_bgcolor=LIGHT.paper,
        height=420,
        xaxis=axis("flits sent, a node and cycle", LIGHT, rangemode="tozero"),
        yaxis=axis("mean latency (cycles)", LIGHT, range=[0, 80]),
    )
    return drawn


def speed(shape: tuple[str, int, int], load: float) -> tuple[float, float]:
    """Links given to packets, and packets, in millions a second of CPU time: the best of the rounds."""
    noc = interconnect(shape)
    packets = traffic(shape[1], load)
    best = float("inf")
    for _ in range(_ROUNDS):
        started = time.process_time()
        noc.run(*packets)
        best = min(best, time.process_time() - started)
    return noc.links()["packets"].sum() / best / 1e6, PACKETS / best / 1e6


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    check_picture(path)
    for name, shape in {**SHAPES, **LARGE}.items():
        for load in (0.1, 0.3):
            links, packets = speed(shape, load)
            rates = f"{links:5.1f} M links/s, {packets:5.2f} M packets/s"
            sys.stdout.write(f"interconnect, {name:10}, load {load:.1f}: {rates}\n")
    curves = [curve(name, shape) for name, shape in SHAPES.items()]
    for shown in curves:
        last, start = shown.load[-1], shown.latency[0]
        sys.stdout.write(
            f"interconnect, {shown.name:10}: {start:.1f} cycles at first, up to load {last:.2f}\n"
        )
    if path is not None:
        write_picture(figure(curves), path, width=1100)


if __name__ == "__main__":
    main()
