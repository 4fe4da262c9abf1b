"""Static memories: access time, energy, leakage and area from a table of CACTI 7 runs, never from a run of
it.

`data/sram.csv` holds 248 runs of CACTI 7 (commit 1ffd8df): 64-byte lines, one read-write port, one bank, no
ECC, 350 K, objective weights 100:20:20:10:10, deviations 60:100000 and more, ED^2. High-performance cells
(`hp`) with data and tags read in parallel up to 2 MiB, tags before data from 4 MiB; low-standby-power cells
(`lstp`) with tags before data from 256 KiB. A point of the table is reproduced exactly; between points
every quantity is straight in log space, first along the size, then the ways, then the node. Outside the
table the outer slope goes on and the result says "extrapolated". Sequential arrays are clean power laws
(within 2 % at 22 nm, hp), so that is safe for them; parallel ones change organisation with their shape and
are not.

A bank is an array of its share of the size. The wires between banks are the interconnect's.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from dse.errors import InputError, listed
from simulators.soc.power.technology import NODES_NM, along, check_node

LINE_BYTES = 64
_TAG_BITS = 32
"""Of a line: about 28 bits of tag and the state. Our assumption, for the share of a look-up that the tags
cost."""
_SMALLEST_BANK, _LARGEST_BANK = 1 << 10, 1 << 28
_LARGEST_PARALLEL_KIB = 2048
_MOST_WAYS = 64
_QUANTITIES = ("access_ns", "cycle_ns", "read_nj", "write_nj", "leakage_mw", "gate_leakage_mw", "area_mm2")

Cell = Literal["hp", "lstp"]
Access = Literal["auto", "parallel", "sequential"]
Basis = Literal["table", "interpolated", "extrapolated"]
Kind = tuple[int, str, str]
"""Node, cell and access of a part of the table."""


@dataclass(frozen=True, slots=True)
class SramDesign:
    """A memory of lines of 64 bytes.

    size_bytes: of all banks. ways: 1 to 64. cell: "hp" (fast, leaks) or "lstp" (about 2.4 times slower,
    leaks some hundred times less). access: "parallel" reads data and tags at once, "sequential" the tags
    first; "auto" is parallel for hp banks of up to 2 MiB and sequential for all others. lstp is always
    sequential.
    """

    size_bytes: int
    ways: int
    node_nm: float
    cell: Cell = "hp"
    banks: int = 1
    access: Access = "auto"

    def __post_init__(self) -> None:
        check_node(self.node_nm)
        for name, value, known in (
            ("cell", self.cell, ("hp", "lstp")),
            ("access", self.access, ("auto", "parallel", "sequential")),
        ):
            if value not in known:
                raise InputError(f"{name}={value!r} of a memory: expected one of {listed(known)}")
        if self.banks < 1 or not 1 <= self.ways <= _MOST_WAYS:
            raise InputError(
                f"banks={self.banks}, ways={self.ways} of a memory: expected at least one bank and 1 to "
                f"{_MOST_WAYS} ways"
            )
        if not max(_SMALLEST_BANK, self.ways * LINE_BYTES) <= self.bank_bytes <= _LARGEST_BANK:
            raise InputError(
                f"size_bytes={self.size_bytes} in {self.banks} banks of {self.ways} ways: expected banks of "
                f"1 KiB to 256 MiB with at least one line of {LINE_BYTES} bytes a way"
            )
        if self.access == "parallel" and (
            self.cell == "lstp" or self.bank_bytes > _LARGEST_PARALLEL_KIB << 10
        ):
            raise InputError(
                f"access='parallel' of a bank of {self.bank_bytes / 1024:g} KiB of {self.cell}: only hp "
                f"banks of up to {_LARGEST_PARALLEL_KIB} KiB have it; expected 'auto' or 'sequential'"
            )

    @property
    def bank_bytes(self) -> float:
        """Of one bank."""
        return self.size_bytes / self.banks

    @property
    def reads_in_parallel(self) -> bool:
        """Whether data and tags are read at once."""
        if self.access != "auto":
            return self.access == "parallel"
        return self.cell == "hp" and self.bank_bytes <= _LARGEST_PARALLEL_KIB << 10


@dataclass(frozen=True, slots=True)
class Sram:
    """What a memory costs at its nominal voltage.

    access_s: address to data of one bank. cycle_s: between accesses to one bank. read_j, write_j: of one
    line. tag_j: of a look-up that reads no data. leakage_w: of all banks, below the threshold, at 350 K;
    gate_leakage_w: through the gates. area_mm2: of all banks, without the layout around them. basis:
    whether the numbers stand in the table, between its points or outside them.
    """

    access_s: float
    cycle_s: float
    read_j: float
    write_j: float
    tag_j: float
    leakage_w: float
    gate_leakage_w: float
    area_mm2: float
    basis: Basis

    def access_cycles(self, clock_hz: float) -> int:
        """Whole cycles of a clock that an access takes; at least one."""
        return max(1, math.ceil(self.access_s * clock_hz * (1 - 1e-12)))


@lru_cache(maxsize=4096)
def sram(design: SramDesign) -> Sram:
    """The memory's costs, from the table."""
    access = "parallel" if design.reads_in_parallel else "sequential"
    kib = design.bank_bytes / 1024
    nodes = (design.node_nm,) if design.node_nm in NODES_NM else _neighbours(design.node_nm)
    bank = {}
    for index, quantity in enumerate(_QUANTITIES):
        values = [_of_node((int(node), design.cell, access), index, kib, design.ways) for node in nodes]
        bank[quantity] = along(nodes, values, design.node_nm)
    tag_bits, data_bits = (
        design.ways * _TAG_BITS,
        8 * LINE_BYTES * (design.ways if access == "parallel" else 1),
    )
    return Sram(
        access_s=bank["access_ns"] * 1e-9,
        cycle_s=bank["cycle_ns"] * 1e-9,
        read_j=bank["read_nj"] * 1e-9,
        write_j=bank["write_nj"] * 1e-9,
        tag_j=bank["read_nj"] * 1e-9 * tag_bits / (tag_bits + data_bits),
        leakage_w=bank["leakage_mw"] * 1e-3 * design.banks,
        gate_leakage_w=bank["gate_leakage_mw"] * 1e-3 * design.banks,
        area_mm2=bank["area_mm2"] * design.banks,
        basis=_basis((int(nodes[0]), design.cell, access), kib, design.ways, len(nodes) == 1),
    )


@cache
def node_scale(quantity: str, node_nm: float, from_nm: float) -> float:
    """How a quantity of small, fast circuits goes from one node to another: "energy", "leakage", "area",
    "delay".

    The geometric mean over the first-level caches of the table (hp, up to 128 KiB), whose decoders,
    comparators, sense amplifiers and short wires stand for logic. Our choice: it keeps one source for all
    nodes.
    """
    check_node(node_nm)
    check_node(from_nm)
    index = {"energy": 2, "leakage": 4, "area": 6, "delay": 0}[quantity]
    means = [_mean_of_small(node, index) for node in NODES_NM]
    return along(NODES_NM, means, node_nm) / along(NODES_NM, means, from_nm)


def _mean_of_small(node: int, index: int) -> float:
    values = [values[index] for (kib, _), values in _table()[(node, "hp", "parallel")].items() if kib <= 128]
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def _of_node(kind: Kind, index: int, kib: float, ways: int) -> float:
    """Along the size for each number of ways that the table has nearby, then along the ways.

    In that order, since for shapes that CACTI could not lay out (8 KiB in 8 ways) larger memories of as many
    ways are closer than memories of as many bytes.
    """
    columns = _around(kind, kib, ways)
    values = [
        along(sizes, [_table()[kind][size, column][index] for size in sizes], kib)
        for column, sizes in columns.items()
    ]
    return along(tuple(columns), values, ways)


def _around(kind: Kind, kib: float, ways: int) -> dict[int, tuple[int, ...]]:
    """The columns of the table that a memory is interpolated from: `ways` itself, or the two around or
    nearest.

    Of those that end no further than a factor of two below `kib`, since their outer slopes are steep; if
    there is none, of the nearest. Downwards they are flat.
    """
    columns = _columns(kind)
    distances = {column: max(kib / sizes[-1], 1.0) for column, sizes in columns.items()}
    farthest = max(2.0, min(distances.values()))
    near = [column for column, distance in distances.items() if distance <= farthest]
    if ways in near:
        return {ways: columns[ways]}
    right = next((i for i, known in enumerate(near) if known > ways), len(near) - 1)
    right = max(right, 1)
    return {column: columns[column] for column in near[right - 1 : right + 1]}


def _basis(kind: Kind, kib: float, ways: int, on_node: bool) -> Basis:
    if on_node and (kib, ways) in _table()[kind]:
        return "table"
    columns = _around(kind, kib, ways)
    inside = min(columns) <= ways <= max(columns) and all(
        sizes[0] <= kib <= sizes[-1] for sizes in columns.values()
    )
    return "interpolated" if inside else "extrapolated"


def _neighbours(node_nm: float) -> tuple[float, ...]:
    right = next(i for i, known in enumerate(NODES_NM) if known > node_nm)
    return NODES_NM[right - 1 : right + 1]


@cache
def _columns(kind: Kind) -> dict[int, tuple[int, ...]]:
    """For each number of ways, ascending, the sizes in KiB that the table has."""
    ways = sorted({ways for _, ways in _table()[kind]})
    return {column: tuple(sorted(kib for kib, w in _table()[kind] if w == column)) for column in ways}


@cache
def _table() -> dict[Kind, dict[tuple[int, int], tuple[float, ...]]]:
    """Quantities by kind, then by size in KiB and ways."""
    table: dict[Kind, dict[tuple[int, int], tuple[float, ...]]] = {}
    text = resources.files(__package__).joinpath("data/sram.csv").read_text()
    for row in csv.DictReader(text.splitlines()):
        kind = (int(row["node_nm"]), row["cell"], row["access"])
        point = (int(row["size_kib"]), int(row["ways"]))
        table.setdefault(kind, {})[point] = tuple(float(row[name]) for name in _QUANTITIES)
    return table
