"""The accelerators of a design: what each of them is, runs and costs, and where their data lie.

Each is a systolic array with a DMA of its own. All work on one network, whose rows of tiles they share. Its
matrices have the top of physical memory to themselves, below which pages of programs are placed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dse.errors import InputError
from ext.soc_engine import FEMTOSECONDS
from simulators.soc.config import LINE_BYTES, AcceleratorConfig, ChipConfig
from simulators.soc.graphs.array_task import ArrayTask, footprint_bytes, task
from simulators.soc.graphs.network import Network
from simulators.soc.graphs.systolic import Array
from simulators.soc.options import Options
from simulators.soc.power.dvfs import OperatingPoint, accelerator_points

_CACHED = 16  # designs; of at most `array_task.MOST_LINES` lines


@dataclass(frozen=True, slots=True, eq=False)
class Accelerators:
    """count: how many are alike on the chip. tasks: of those that have something to do, the first ones.
    reserved_bytes: of physical memory, at its end.
    """

    array: Array
    dma: AcceleratorConfig
    count: int
    tasks: tuple[ArrayTask, ...]
    point: OperatingPoint
    reserved_bytes: int

    def joined(self, chip: ChipConfig, nodes: tuple[int, ...]) -> ChipConfig:
        """The chip with those that have something to do, at the first of the nodes."""
        running = len(self.tasks)
        return replace(
            chip,
            accelerators=(self.dma,) * running,
            accelerator_nodes=nodes[:running],
            accelerator_periods_fs=(round(FEMTOSECONDS / self.point.frequency_hz),) * running,
        )


def accelerators_of(design: Mapping[str, Any], options: Options, capacity_bytes: int) -> Accelerators | None:
    """Those of a design; None for a chip without.

    InputError where memory cannot hold the matrices of the network.
    """
    network = options.accelerated
    if network is None:
        return None
    points = accelerator_points(options.node_nm)
    array = Array(
        rows=int(design["array_rows"]),
        columns=int(design["array_columns"]),
        input_kib=int(design["array_input_kib"]),
        weight_kib=int(design["array_weight_kib"]),
        dma_bytes=int(design["dma_bytes"]),
        number_format=options.number_format,
        clock_mhz=points[-1].frequency_hz / 1e6,
        node_nm=options.node_nm,
    )
    page = 1 << options.page_bits
    reserved = -(-footprint_bytes(network, array.element_bytes) // page) * page
    if reserved >= capacity_bytes:
        raise InputError(
            f"the matrices of network {network.name!r} take {reserved} bytes, and memory has "
            f"{capacity_bytes}: expected room for programs beside them; take a larger memory or a smaller "
            "network",
            key="network",
        )
    count, lines = int(design["accelerators"]), int(design["dma_lines"])
    return Accelerators(
        array,
        AcceleratorConfig(LINE_BYTES // array.dma_bytes, lines, lines),
        count,
        _tasks(network, array, (capacity_bytes - reserved) // LINE_BYTES, count),
        points[int(design["accelerator_point"]) - 1],
        reserved,
    )


@lru_cache(maxsize=_CACHED)
def _tasks(network: Network, array: Array, base_line: int, count: int) -> tuple[ArrayTask, ...]:
    parts = (task(network, array, base_line, part, count) for part in range(count))
    return tuple(part for part in parts if part is not None)
