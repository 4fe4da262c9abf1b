"""What a power report is about: the sizes of an SoC's parts, fixed when the chip is designed.

Nothing here depends on a clock or a voltage of the run, so neither do area and the energies at nominal
voltage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dse.errors import InputError, listed
from simulators.soc.power.sram import Access, Cell, SramDesign
from simulators.soc.power.technology import Style, check_node, check_style

Topology = Literal["crossbar", "ring", "mesh"]


@dataclass(frozen=True, slots=True)
class CacheDesign:
    """One cache.

    ports: accesses that it takes in one cycle. mshrs: miss status registers. table_bits: storage beside
    tags and data, such as replacement state and the tables of a prefetcher. gated_share: of the ways, those
    that are switched off; they stay silicon. The rest is as in `SramDesign`.
    """

    size_bytes: int
    ways: int
    cell: Cell = "hp"
    banks: int = 1
    access: Access = "auto"
    ports: int = 1
    mshrs: int = 16
    table_bits: int = 0
    gated_share: float = 0.0

    def __post_init__(self) -> None:
        _at_least(self, 1, "ports", "mshrs")
        _at_least(self, 0, "table_bits")
        if not 0 <= self.gated_share < 1:
            raise InputError(f"gated_share={self.gated_share!r} of a cache: expected 0 or more, and under 1")

    def sram(self, node_nm: float) -> SramDesign:
        """Its data and tags as a memory."""
        return SramDesign(self.size_bytes, self.ways, node_nm, self.cell, self.banks, self.access)


@dataclass(frozen=True, slots=True)
class CoreDesign:
    """One core and its private caches.

    width: instructions fetched, dispatched and retired a cycle. issue_width: started a cycle.
    scheduler_entries: waiting instructions whose sources are compared with every result. predictor_bits:
    storage of the direction predictor. front_end_depth: stages from fetch to dispatch. memory_ports: loads
    and stores a cycle. stlb_entries: 0 for none. An in-order core has neither renaming nor scheduler nor
    ROB.
    """

    width: int
    issue_width: int
    rob: int
    scheduler_entries: int
    load_queue: int
    store_queue: int
    predictor_bits: int
    btb_entries: int
    itlb_entries: int
    dtlb_entries: int
    l1i: CacheDesign
    l1d: CacheDesign
    l2: CacheDesign | None = None
    stlb_entries: int = 0
    front_end_depth: int = 10
    memory_ports: int = 1
    in_order: bool = False
    style: Style = "performance"

    def __post_init__(self) -> None:
        check_style(self.style)
        sizes = ("width", "issue_width", "rob", "scheduler_entries", "load_queue", "store_queue")
        tables = ("btb_entries", "itlb_entries", "dtlb_entries", "front_end_depth", "memory_ports")
        _at_least(self, 1, *sizes, *tables)
        _at_least(self, 0, "predictor_bits", "stlb_entries")


@dataclass(frozen=True, slots=True)
class NocDesign:
    """The on-chip interconnect.

    link_bits: width of a link, that of a flit. buffer_flits: of an input port and virtual network. link_mm:
    mean length of a link; None takes it from the topology and the area of the chip.
    """

    topology: Topology
    nodes: int
    link_bits: int = 128
    buffer_flits: int = 4
    networks: int = 4
    router_stages: int = 2
    link_mm: float | None = None

    def __post_init__(self) -> None:
        topologies = ("crossbar", "ring", "mesh")
        if self.topology not in topologies:
            raise InputError(
                f"topology={self.topology!r} of the interconnect: expected one of {listed(topologies)}"
            )
        _at_least(self, 1, "nodes", "link_bits", "buffer_flits", "networks", "router_stages")
        if self.link_mm is not None and not self.link_mm > 0:
            raise InputError(
                f"link_mm={self.link_mm!r} of the interconnect: expected a positive length, or None"
            )


@dataclass(frozen=True, slots=True)
class MemoryDesign:
    """The side of the DRAM channels that lies on the chip.

    interface_mm2: pads, drivers and receivers of one channel (`simulators.dram.cost` has it by standard).
    controller_kge: gates of the controllers of all channels (`simulators.dram.area`).
    """

    channels: int
    interface_mm2: float = 10.0
    controller_kge: float = 0.0

    def __post_init__(self) -> None:
        _at_least(self, 0, "channels", "interface_mm2", "controller_kge")


@dataclass(frozen=True, slots=True)
class AcceleratorDesign:
    """A systolic array of multiply-accumulate cells, and its buffer in banks of high-performance SRAM.

    number_format: "int8", "int32", "fp16" or "fp32".
    """

    rows: int
    columns: int
    number_format: str
    buffer_bytes: int
    buffer_banks: int = 1

    def __post_init__(self) -> None:
        formats = ("int8", "int32", "fp16", "fp32")
        if self.number_format not in formats:
            raise InputError(f"number_format={self.number_format!r}: expected one of {listed(formats)}")
        _at_least(self, 1, "rows", "columns", "buffer_bytes", "buffer_banks")


@dataclass(frozen=True, slots=True)
class SocDesign:
    """A chip and its memory. Parts are named core0, core1, ..., llc, noc, memory, accelerator0, ..."""

    node_nm: float
    cores: tuple[CoreDesign, ...]
    llc: CacheDesign | None = None
    noc: NocDesign | None = None
    memory: MemoryDesign | None = None
    accelerators: tuple[AcceleratorDesign, ...] = ()

    def __post_init__(self) -> None:
        check_node(self.node_nm)
        if not self.cores and not self.accelerators:
            raise InputError("an SoC without cores and accelerators: expected at least one of them")


def _at_least(part: object, least: int, *names: str) -> None:
    for name in names:
        value = getattr(part, name)
        if not value >= least:
            raise InputError(f"{type(part).__name__}.{name}={value!r}: expected {least} or more")
