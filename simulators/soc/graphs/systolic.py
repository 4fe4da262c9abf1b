"""A systolic array of R x C multiply-accumulate cells, output stationary, with double-buffered SRAM and a
DMA.

A cell keeps one output while k pairs of operands pass. A tile of R x C outputs takes 2 R + C + k - 2 cycles
from the first operand to the last output (SCALE-Sim, Samajdar et al., 2018), full or not. The buffers of
inputs and of weights have two halves: while a step is computed from one, the DMA fills the other. A step is a
tile, or, where its operands do not fit a half, a part of its k; the partial sums stay in the cells. A row of
tiles keeps its inputs if all of its k fits a half, and a layer keeps its weights if all of them do. Outputs
leave by the DMA's write side when their tile is done. Order: rows of tiles, tiles of a row, parts of k.

The DMA moves `dma_bytes` a cycle each way. Its requests, with their cycles and addresses, are what the array
asks of the interconnect and the DRAM (`Schedule.requests`, `Schedule.trace`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, did_you_mean, listed
from simulators.soc.graphs.network import Layer, Network
from simulators.soc.power.accelerator import MULTIPLY_ADD_PJ, accelerator_energy_j, accelerator_parts
from simulators.soc.power.counts import AcceleratorCounts
from simulators.soc.power.design import AcceleratorDesign
from traces.trace import Trace

ELEMENT_BYTES = {"int8": 1, "fp16": 2, "int32": 4, "fp32": 4}
LINE_BYTES = 64
MOST_STEPS = 1_000_000
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Array:
    """rows, columns: of cells. input_kib, weight_kib: of each buffer, both halves. dma_bytes: a cycle, each
    way. number_format: of inputs, weights and outputs; sums are wider. node_nm: 22 to 65.
    Raises InputError for what cannot be built.
    """

    rows: int = 16
    columns: int = 16
    input_kib: int = 64
    weight_kib: int = 64
    dma_bytes: int = 16
    number_format: str = "int8"
    clock_mhz: float = 500.0
    node_nm: float = 45.0

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "input_kib", "weight_kib", "dma_bytes"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= 1 << 16:
                raise InputError(f"{name}={value!r}: expected 1 to {1 << 16}", key=name)
        if not 0 < self.clock_mhz <= 10_000:
            raise InputError(f"clock_mhz={self.clock_mhz!r}: expected up to 10,000 MHz", key="clock_mhz")
        if self.number_format not in MULTIPLY_ADD_PJ:
            raise InputError(
                f"number_format={self.number_format!r}: expected one of {listed(MULTIPLY_ADD_PJ)}."
                f"{did_you_mean(self.number_format, MULTIPLY_ADD_PJ)}",
                key="number_format",
            )
        for name, kib, cells in (
            ("input_kib", self.input_kib, self.rows),
            ("weight_kib", self.weight_kib, self.columns),
        ):
            if kib * 512 < cells * self.element_bytes:
                raise InputError(f"{name}={kib}: a half holds less than one operand for each cell", key=name)
        self.silicon_mm2()

    @property
    def element_bytes(self) -> int:
        """Of an input, a weight or an output."""
        return ELEMENT_BYTES[self.number_format]

    def tile_cycles(self, k: int) -> int:
        """First operand to last output of one tile."""
        return 2 * self.rows + self.columns + k - 2

    def silicon_mm2(self) -> dict[str, float]:
        """Area of the "array" and its "buffer"."""
        return {name: part.area_mm2 for name, part in accelerator_parts(self.design, self.node_nm).items()}

    def energy_uj(self, macs: int, buffer_reads: int, buffer_writes: int, seconds: float) -> dict[str, float]:
        """Of so many multiply-accumulates and lines of the buffers, and of the leakage in that time."""
        counts = AcceleratorCounts(macs, buffer_reads, buffer_writes)
        found = accelerator_energy_j(self.design, counts, self.node_nm)
        parts = accelerator_parts(self.design, self.node_nm)
        found["leakage"] = sum(part.leakage_w for part in parts.values()) * seconds
        return {name: joules * 1e6 for name, joules in found.items()}

    @property
    def design(self) -> AcceleratorDesign:
        """As the power model takes it."""
        total = (self.input_kib + self.weight_kib) * 1024
        return AcceleratorDesign(self.rows, self.columns, self.number_format, total, buffer_banks=4)


@dataclass(frozen=True, slots=True)
class LayerRun:
    """One layer: first cycle and the one after its last output has left, cycles in which the cells were fed
    or drained, and bytes that the DMA moved. utilisation: of all cells over all of its cycles.
    """

    layer: Layer
    start_cycle: int
    end_cycle: int
    compute_cycles: int
    read_bytes: int
    write_bytes: int
    utilisation: float
    energy_uj: float

    @property
    def cycles(self) -> int:
        """From its first to its last."""
        return self.end_cycle - self.start_cycle


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """What the DMA asked for, a contiguous piece each, in order of time. Arrays of shape (n,): cycle, int64,
    when it is asked for; address, uint64; n_bytes, int64; is_write, bool.
    """

    cycle: NDArray[np.int64]
    address: NDArray[np.uint64]
    n_bytes: NDArray[np.int64]
    is_write: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """A network on an array, with a memory that is as fast as the DMA."""

    network: Network
    array: Array
    layers: tuple[LayerRun, ...]
    requests: Requests

    @property
    def cycles(self) -> int:
        """Until the last output has left."""
        return self.layers[-1].end_cycle

    @property
    def utilisation(self) -> float:
        """Share of the cells' cycles that are multiply-accumulates."""
        macs = sum(run.layer.macs for run in self.layers)
        return macs / (self.cycles * self.array.rows * self.array.columns)

    def trace(self) -> Trace:
        """The requests as lines of 64 bytes, in the array's clock: a workload for the DRAM controller."""
        found = self.requests
        size = found.n_bytes.astype(np.uint64)
        first = found.address // LINE_BYTES
        n_lines = ((found.address + size - 1) // LINE_BYTES - first + 1).astype(np.int64)
        which = np.repeat(np.arange(len(first)), n_lines)
        offset = np.arange(len(which)) - np.repeat(np.cumsum(n_lines) - n_lines, n_lines)
        cycle = found.cycle[which] + offset * LINE_BYTES // self.array.dma_bytes
        order = np.argsort(cycle, kind="stable")
        return Trace(
            arrival_cycle=cycle[order],
            address=((first[which] + offset.astype(np.uint64)) * LINE_BYTES)[order],
            is_write=found.is_write[which][order],
            clock_mhz=self.array.clock_mhz,
            name=f"{self.network.name} on {self.array.rows} x {self.array.columns} cells",
            provenance={one.name: str(getattr(self.array, one.name)) for one in fields(Array)},
        )


def schedule(network: Network, array: Array) -> Schedule:
    """Every layer, one after the other. InputError for more than `MOST_STEPS` steps."""
    run = _Run(array)
    layers = [run.layer(layer, place) for layer, place in places(network, array.element_bytes)]
    return Schedule(network, array, tuple(layers), run.requests())


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a layer's matrices begin: inputs and outputs by rows, weights by columns. end: of them all."""

    inputs: int
    weights: int
    outputs: int
    end: int


def places(network: Network, element_bytes: int) -> Iterator[tuple[Layer, Addresses]]:
    """The layers with their matrices, one behind the other, from address 0 on; each in pages of its own."""
    inputs = 0
    for layer in network.layers:
        weights = _next_page(inputs + layer.m * layer.k * element_bytes)
        outputs = _next_page(weights + layer.k * layer.n * element_bytes)
        yield (
            layer,
            Addresses(inputs, weights, outputs, _next_page(outputs + layer.m * layer.n * element_bytes)),
        )
        inputs = outputs  # the next layer reads them


def _next_page(address: int) -> int:
    return -(-address // _PAGE_BYTES) * _PAGE_BYTES


@dataclass(frozen=True, slots=True)
class _Step:
    """Part of a tile: its rows and columns, and k from `first` to `last`. loads_*: what is not there yet."""

    row: int
    n_rows: int
    column: int
    n_columns: int
    first: int
    last: int
    loads_inputs: bool
    loads_weights: bool


def steps(layer: Layer, array: Array) -> Iterator[_Step]:
    """The steps of a layer in order."""
    bytes_ = array.element_bytes
    keeps_inputs = array.rows * layer.k * bytes_ <= array.input_kib * 512
    keeps_weights = layer.k * layer.n * bytes_ <= array.weight_kib * 512
    part = layer.k
    if not keeps_inputs:
        part = min(part, array.input_kib * 512 // (array.rows * bytes_))
    if not keeps_weights:
        part = min(part, array.weight_kib * 512 // (array.columns * bytes_))
    count = -(-layer.m // array.rows) * -(-layer.n // array.columns) * -(-layer.k // part)
    if count > MOST_STEPS:
        raise InputError(
            f"layer {layer.name!r} takes {count} steps: expected at most {MOST_STEPS}; use a larger array or "
            "larger buffers"
        )
    for row in range(0, layer.m, array.rows):
        for column in range(0, layer.n, array.columns):
            for first in range(0, layer.k, part):
                yield _Step(
                    row=row,
                    n_rows=min(array.rows, layer.m - row),
                    column=column,
                    n_columns=min(array.columns, layer.n - column),
                    first=first,
                    last=min(first + part, layer.k),
                    loads_inputs=column == 0 or not keeps_inputs,
                    loads_weights=row == 0 or not keeps_weights,
                )


@dataclass(frozen=True, slots=True)
class Pieces:
    """Contiguous pieces of memory, so many bytes each, and where they begin."""

    addresses: NDArray[np.int64]
    n_bytes: int

    @property
    def total_bytes(self) -> int:
        """Of all of them."""
        return len(self.addresses) * self.n_bytes


@dataclass(frozen=True, slots=True)
class Work:
    """What a step is to cells and DMA.

    reads: what must be there before it begins. cycles: of the cells. writes: what leaves when it is computed.
    fed_bytes: from the buffers to the cells.
    """

    reads: tuple[Pieces, ...]
    cycles: int
    writes: tuple[Pieces, ...]
    fed_bytes: int


def works(layer: Layer, array: Array, place: Addresses) -> Iterator[Work]:
    """The steps of a layer whose matrices lie there, in order."""
    size = array.element_bytes
    for step in steps(layer, array):
        part = step.last - step.first
        rows = np.arange(step.row, step.row + step.n_rows)
        reads, writes = [], []
        if step.loads_inputs:
            reads.append(Pieces(place.inputs + (rows * layer.k + step.first) * size, part * size))
        if step.loads_weights:
            columns = np.arange(step.column, step.column + step.n_columns)
            reads.append(Pieces(place.weights + (columns * layer.k + step.first) * size, part * size))
        is_last = step.last == layer.k
        if is_last:
            writes.append(
                Pieces(place.outputs + (rows * layer.n + step.column) * size, step.n_columns * size)
            )
        cycles = part + (array.tile_cycles(0) if is_last else 0)
        yield Work(tuple(reads), cycles, tuple(writes), (array.rows + array.columns) * part * size)


class _Run:
    """Clocks of the two sides of the DMA and of the cells, and the requests so far."""

    def __init__(self, array: Array) -> None:
        self._array = array
        self._reads_free = self._writes_free = self._cells_free = 0
        self._half_free = (
            0  # when the half that is filled next is empty: the last step has begun in the other
        )
        self._pieces: list[tuple[NDArray[np.int64], NDArray[np.int64], int, bool]] = []

    def layer(self, layer: Layer, place: Addresses) -> LayerRun:
        """Compute a layer when the outputs of the one before have left."""
        array = self._array
        start = max(self._reads_free, self._writes_free, self._cells_free)
        self._reads_free = self._writes_free = self._cells_free = self._half_free = start
        compute = read = written = fed = 0
        for work in works(layer, array, place):
            self._reads_free = max(self._reads_free, self._half_free)
            for pieces in work.reads:
                self._reads_free = self._move(pieces, self._reads_free, is_write=False)
                read += pieces.total_bytes
            begins = max(self._reads_free, self._cells_free)
            self._half_free, self._cells_free = begins, begins + work.cycles
            compute += work.cycles
            fed += work.fed_bytes
            for pieces in work.writes:
                free = max(self._writes_free, self._cells_free)
                self._writes_free = self._move(pieces, free, is_write=True)
                written += pieces.total_bytes
        end = max(self._cells_free, self._writes_free)
        energy = array.energy_uj(
            layer.macs,
            -(-fed // LINE_BYTES),
            -(-read // LINE_BYTES),
            (end - start) / (array.clock_mhz * 1e6),
        )
        return LayerRun(
            layer=layer,
            start_cycle=start,
            end_cycle=end,
            compute_cycles=compute,
            read_bytes=read,
            write_bytes=written,
            utilisation=layer.macs / ((end - start) * array.rows * array.columns),
            energy_uj=sum(energy.values()),
        )

    def requests(self) -> Requests:
        """All of them in order of time; reads before writes of the same cycle."""
        cycle = np.concatenate([one[0] for one in self._pieces])
        address = np.concatenate([one[1] for one in self._pieces])
        n_bytes = np.concatenate([np.full(len(one[0]), one[2]) for one in self._pieces])
        is_write = np.concatenate([np.full(len(one[0]), one[3]) for one in self._pieces])
        order = np.lexsort((is_write, cycle))
        return Requests(cycle[order], address[order].astype(np.uint64), n_bytes[order], is_write[order])

    def _move(self, pieces: Pieces, start: int, *, is_write: bool) -> int:
        """Ask for one piece after the other; when the last one is there."""
        count, n_bytes, a_cycle = len(pieces.addresses), pieces.n_bytes, self._array.dma_bytes
        cycles = start + np.arange(count) * n_bytes // a_cycle
        self._pieces.append((cycles, pieces.addresses, n_bytes, is_write))
        return start - (-count * n_bytes // a_cycle)
