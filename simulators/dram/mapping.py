"""Address mappings: which address bits select column, bank, bank group and row.

A mapping lists, for each field, the address bits that form it (least significant first), plus XOR terms
(bank bit ^= row bit). Shipped by name, written from the most significant field to the least:

* `row-bank-column`: a row of one bank is contiguous; the next row of addresses is in the next bank.
* `row-column-bank`: consecutive bursts go to different banks (bank groups first on DDR4).
* `bank-row-column`: each bank is one contiguous region (worst for bank parallelism, best for isolation).
* `row-bank-column-xor`: as row-bank-column, with the low row bits folded into the bank bits
  (permutation-based interleaving, Zhang et al., MICRO 2000).

On DDR4, `row-bank-column` has the bank-group bits just above the column (order row, bank, bank group,
column). Every mapping is a bijection of the address space of the device; addresses above it wrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.errors import LookupFailed, did_you_mean
from simulators.dram.devices import Device

# Fields from the least significant bit upwards; "burst_column" are the column bits above one burst.
_ORDERS: dict[str, tuple[str, ...]] = {
    "row-bank-column": ("burst_column", "bank_group", "bank", "row"),
    "row-column-bank": ("bank_group", "bank", "burst_column", "row"),
    "bank-row-column": ("burst_column", "row", "bank_group", "bank"),
    "row-bank-column-xor": ("burst_column", "bank_group", "bank", "row"),
}
MAPPINGS = tuple(_ORDERS)
_CHUNK = 1 << 15  # requests decoded at a time, so that what is in between stays in the cache


@dataclass(frozen=True, slots=True)
class Decoded:
    """Where each request goes; all arrays (n,). `bank` is group * banks_per_group + bank in the group."""

    bank: NDArray[np.uint8]
    row: NDArray[np.int32]
    column: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class AddressMapping:
    """`bits[field]`: address bits of the field, least significant first, for byte, column, bank_group,
    bank, row. `xor`: pairs (flat bank bit, row bit): the bank bit is XORed with the row bit."""

    name: str
    bits: Mapping[str, tuple[int, ...]]
    xor: tuple[tuple[int, int], ...]
    banks_per_group: int

    @classmethod
    def preset(cls, name: str, device: Device) -> AddressMapping:
        """The shipped mapping of that name for `device`; `LookupFailed` lists what exists."""
        if name not in _ORDERS:
            raise LookupFailed(
                f"address mapping {name!r} does not exist: expected one of {', '.join(MAPPINGS)}."
                f"{did_you_mean(name, MAPPINGS)}"
            )
        bits = _assign_bits(_ORDERS[name], device)
        xor = _fold_rows(device) if name.endswith("-xor") else ()
        return cls(name, bits, xor, device.banks_per_group)

    def decode(self, address: NDArray[np.uint64]) -> Decoded:
        """Bank, row and column of each byte address (n,). Columns count device columns (a burst is eight)."""
        n = len(address)
        decoded = Decoded(np.empty(n, np.uint8), np.empty(n, np.int32), np.empty(n, np.int32))
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            row = _gather(address[part], self.bits["row"])
            decoded.bank[part] = self._flat_bank(address[part], row)
            decoded.row[part] = row
            decoded.column[part] = _gather(address[part], self.bits["column"])
        return decoded

    def _flat_bank(self, address: NDArray[np.uint64], row: NDArray[np.int64]) -> NDArray[np.int64]:
        group = _gather(address, self.bits["bank_group"])
        flat = group * self.banks_per_group + _gather(address, self.bits["bank"])
        for bank_bit, row_bit in self.xor:
            flat ^= ((row >> row_bit) & 1) << bank_bit
        return flat

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "bits": dict(self.bits), "xor": self.xor}


def _assign_bits(order: tuple[str, ...], device: Device) -> dict[str, tuple[int, ...]]:
    byte_bits = _log2(device.bus_width_bits // 8)
    burst_bits = _log2(device.burst_length)
    widths = {
        "burst_column": _log2(device.columns) - burst_bits,
        "bank_group": _log2(device.bank_groups),
        "bank": _log2(device.banks_per_group),
        "row": _log2(device.rows),
    }
    bits = {"byte": tuple(range(byte_bits))}
    low = byte_bits + burst_bits
    for field in order:
        bits[field] = tuple(range(low, low + widths[field]))
        low += widths[field]
    bits["column"] = tuple(range(byte_bits, byte_bits + burst_bits)) + bits.pop("burst_column")
    return bits


def _fold_rows(device: Device) -> tuple[tuple[int, int], ...]:
    return tuple((bit, bit) for bit in range(_log2(device.banks)))


def _gather(address: NDArray[np.uint64], bits: tuple[int, ...]) -> NDArray[np.int64]:
    """The value formed by `bits` of each address, runs of adjacent bits taken with one shift and mask."""
    value: NDArray[np.int64] | None = None
    position = 0
    while position < len(bits):
        run = 1
        while position + run < len(bits) and bits[position + run] == bits[position] + run:
            run += 1
        part = (address >> np.uint64(bits[position])).view(np.int64) & ((1 << run) - 1)
        value = part if value is None else value | part << position
        position += run
    return np.zeros(address.shape, dtype=np.int64) if value is None else value


def _log2(value: int) -> int:
    if value <= 0 or value & (value - 1):
        raise ValueError(f"{value} is not a power of two")
    return value.bit_length() - 1
