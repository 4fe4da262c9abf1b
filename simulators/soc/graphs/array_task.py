"""A network on a systolic array as work for the engine: cycles of the cells, and lines for the DMA.

The steps and the addresses are those of `systolic.schedule`; how long the DMA takes is decided by
interconnect and memory. Several arrays share the rows of tiles of each layer: each reads its rows of the
inputs and all weights, and writes its rows of the outputs. They do not wait for one another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError
from ext.soc_fields import STEP_FIELDS
from simulators.soc.graphs.network import Layer, Network
from simulators.soc.graphs.systolic import LINE_BYTES, Addresses, Array, Pieces, places, works

MOST_LINES = 1 << 22
"""That one array moves: 256 MiB."""
_STEPS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, eq=False)
class ArrayTask:
    """What one array does. Its arrays are read-only.

    steps: int64 (n, 4) of `ext.soc_fields.STEP_FIELDS`: cycles of the cells, where its lines end in `reads`
    and in `writes`, and whether it begins a layer. reads, writes: uint64, physical line numbers in the order
    in which they are asked for. macs: multiply-accumulates. fed_lines: from the buffers to the cells.
    """

    steps: NDArray[np.int64]
    reads: NDArray[np.uint64]
    writes: NDArray[np.uint64]
    macs: int
    fed_lines: int

    def __post_init__(self) -> None:
        for array in (self.steps, self.reads, self.writes):
            array.setflags(write=False)

    @property
    def arguments(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.uint64]]:
        """As `ext.soc_engine.SocEngine` takes it."""
        return self.steps, self.reads, self.writes

    @property
    def computing_cycles(self) -> int:
        """Of the cells, in all steps together."""
        return int(self.steps[:, 0].sum())


def task(
    network: Network, array: Array, base_line: int = 0, part: int = 0, parts: int = 1
) -> ArrayTask | None:
    """What the array numbered `part` of so many computes of a network that lies from that line on.

    None if no layer has a row of tiles for it. InputError for too many steps, or for more lines than
    `MOST_LINES`.
    """
    steps: list[tuple[int, bool]] = []  # cycles of the cells, and whether it begins a layer
    reads, writes = _Side(base_line), _Side(base_line)
    macs = fed_lines = 0
    for whole, place in places(network, array.element_bytes):
        layer, own = _share(whole, place, array, part, parts)
        begins_layer, fed_bytes = True, 0
        for work in works(layer, array, own) if layer.m else ():
            steps.append((work.cycles, begins_layer))
            reads.add(work.reads)
            writes.add(work.writes)
            if reads.n_lines + writes.n_lines > MOST_LINES:
                raise InputError(
                    f"network {network.name!r} on {array.rows} x {array.columns} cells moves more than "
                    f"{MOST_LINES} lines: take larger buffers, more or larger arrays, or a smaller network",
                    key="network",
                )
            fed_bytes += work.fed_bytes
            begins_layer = False
        macs += layer.macs
        fed_lines += -(-fed_bytes // LINE_BYTES)
    if not steps:
        return None
    (read, read_ends), (written, written_ends) = reads.lines(), writes.lines()
    cycles, begins = zip(*steps, strict=True)
    table = np.stack([cycles, read_ends, written_ends, begins], axis=1).astype(np.int64)
    assert table.shape[1] == len(STEP_FIELDS)
    return ArrayTask(table, read, written, macs, fed_lines)


def footprint_bytes(network: Network, element_bytes: int) -> int:
    """Of all matrices together, in whole pages of 4 KiB."""
    return max(place.end for _, place in places(network, element_bytes))


def _share(layer: Layer, place: Addresses, array: Array, part: int, parts: int) -> tuple[Layer, Addresses]:
    """The rows of a layer that one of the arrays computes, and where they lie; the first ones have more."""
    tiles, more = divmod(-(-layer.m // array.rows), parts)
    first = min(layer.m, array.rows * (part * tiles + min(part, more)))
    last = min(layer.m, first + array.rows * (tiles + (part < more)))
    size = array.element_bytes
    own = replace(
        place,
        inputs=place.inputs + first * layer.k * size,
        outputs=place.outputs + first * layer.n * size,
    )
    return replace(layer, m=last - first), own


class _Side:
    """What the DMA moves one way, step after step; pieces become lines many steps at a time."""

    def __init__(self, base_line: int) -> None:
        self.n_lines = 0
        """Of all steps but the last ones."""
        self._base_line = base_line
        self._pieces: list[tuple[Pieces, ...]] = []
        self._lines: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        self._ends: list[NDArray[np.int64]] = []

    def add(self, pieces: tuple[Pieces, ...]) -> None:
        """The pieces of the next step."""
        self._pieces.append(pieces)
        if len(self._pieces) == _STEPS_AT_ONCE:
            self._convert()

    def lines(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """All lines, and where those of each step end."""
        self._convert()
        return np.concatenate(self._lines).astype(np.uint64), np.concatenate(self._ends)

    def _convert(self) -> None:
        """Lines in order; one that follows itself in a step is moved once."""
        counts = [sum(len(one.addresses) for one in pieces) for pieces in self._pieces]
        step = np.repeat(np.arange(len(counts)), counts)
        flat = [one for pieces in self._pieces for one in pieces]
        start = np.concatenate([np.empty(0, np.int64), *(one.addresses for one in flat)])
        sizes = np.array([one.n_bytes for one in flat], np.int64)
        n_bytes = np.repeat(sizes, np.array([len(one.addresses) for one in flat], np.int64))
        first = start // LINE_BYTES
        n_lines = (start + n_bytes - 1) // LINE_BYTES - first + 1
        line = np.repeat(first - (np.cumsum(n_lines) - n_lines), n_lines) + np.arange(n_lines.sum())
        step = np.repeat(step, n_lines)
        is_new = (np.diff(line, prepend=-1) != 0) | (np.diff(step, prepend=-1) != 0)
        kept = np.bincount(step[is_new], minlength=len(counts))
        self._lines.append(line[is_new] + self._base_line)
        self._ends.append(self.n_lines + np.cumsum(kept))
        self.n_lines += int(kept.sum())
        self._pieces = []
