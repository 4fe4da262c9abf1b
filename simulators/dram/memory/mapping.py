"""Address mappings: which address bits select channel, rank, bank group, bank, row and column.

A mapping is an order of fields, from the most significant bit down, plus XOR terms. The bytes of one burst
are always the lowest bits; "column" are the column bits above them. By name:

* `row-bank-column`: a row of one bank is contiguous; the next row of addresses is in the next bank.
* `row-column-bank`: consecutive bursts go to different banks (bank groups first).
* `bank-row-column`: each bank is one contiguous region (worst for parallelism, best for isolation).
* `row-bank-column-xor`: as row-bank-column, with the low row bits folded into the bank and bank-group bits
  (permutation-based interleaving, Zhang et al., MICRO 2000).

Channels take turns burst by burst (the bits just above one burst), as do pseudo channels, because each has a
data bus of its own; ranks share one, and every change of rank costs it clocks, so their bits are above those
of the banks (above the columns in row-column-bank). In bank-row-column, channel and rank are the uppermost.

Or as a text: fields separated by colons, a field in parts with the bits of each part in brackets, then XOR
terms: `row:bank:bank_group:column[6:1]:channel:column[0];bank^=row;bank_group^=row[3:2]`. A term without
brackets takes the low bits of its source; sources are bits before any XOR. A text holds for every device that
has those bits: a field that a device does not have (bank_group on DDR3) is no bits. What is no bijection of
the device's addresses is refused with the bits that are missing, used twice, or sums of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dse.errors import InputError, LookupFailed, did_you_mean, listed
from simulators.dram.memory.devices import Device

FIELDS = ("row", "rank", "bank", "bank_group", "column", "channel")
_ROW_BANK_COLUMN = "row:rank:bank:bank_group:column:channel"
_ORDERS: dict[str, str] = {
    "row-bank-column": _ROW_BANK_COLUMN,
    "row-column-bank": "row:rank:column:bank:bank_group:channel",
    "bank-row-column": "channel:rank:bank:bank_group:row:column",
    "row-bank-column-xor": _ROW_BANK_COLUMN,
}
_PSEUDO_CHANNEL_ORDERS = {
    **_ORDERS,
    "row-bank-column": "row:bank:bank_group:column:rank:channel",
    "row-column-bank": "row:column:bank:bank_group:rank:channel",
    "row-bank-column-xor": "row:bank:bank_group:column:rank:channel",
}
MAPPINGS = tuple(_ORDERS)
_CHUNK = 1 << 15  # requests decoded at a time, so that what is in between stays in the cache
_PART = re.compile(r"([a-z_]+)(?:\[(\d+)(?::(\d+))?\])?")
_SEPARATOR = re.compile(r":(?![^\[]*\])")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Where each request goes; all arrays (n,).

    bank: in its channel, (rank * bank groups + group) * banks a group + bank in the group. column: in device
    columns, of which a burst has several.
    """

    channel: NDArray[np.uint8]
    bank: NDArray[np.uint8]
    row: NDArray[np.int32]
    column: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.bank)


class Fold(NamedTuple):
    """XOR term: `width` bits of `target` from bit `low` on ^= those of `source` from bit `source_low` on."""

    target: str
    low: int
    source: str
    source_low: int
    width: int


@dataclass(frozen=True, slots=True)
class AddressMapping:
    """`bits[field]`: address bits of the field, least significant first, for "byte" and each of FIELDS;
    column includes the bits within a burst. `folds`: the XOR terms, columns counted in device columns too."""

    name: str
    bits: Mapping[str, tuple[int, ...]]
    folds: tuple[Fold, ...]
    capacity_bytes: int

    @classmethod
    def of(cls, text: str, device: Device) -> AddressMapping:
        """The mapping of that name or text; LookupFailed or InputError say what is wrong with it."""
        if text in _ORDERS:
            return cls.preset(text, device)
        if not set(text) & set(":;["):
            raise LookupFailed(
                f"address mapping {text!r} does not exist: expected one of {', '.join(MAPPINGS)}, or an "
                f"order of fields such as {_ROW_BANK_COLUMN!r}.{did_you_mean(text, MAPPINGS)}"
            )
        order, *terms = text.replace(" ", "").split(";")
        widths = _widths(device)
        bits = _place(order, widths, device, text)
        folds = tuple(fold for term in terms if term for fold in _fold(term, widths, device, text))
        _check_bijection(bits, folds, device, text)
        return cls(text, bits, _in_device_columns(folds, device), device.capacity_bytes)

    @classmethod
    def preset(cls, name: str, device: Device) -> AddressMapping:
        """The shipped mapping of that name for `device`; `LookupFailed` lists what exists."""
        if name not in _ORDERS:
            raise LookupFailed(
                f"address mapping {name!r} does not exist: expected one of {', '.join(MAPPINGS)}."
                f"{did_you_mean(name, MAPPINGS)}"
            )
        order = (_PSEUDO_CHANNEL_ORDERS if device.pseudo_channels else _ORDERS)[name]
        bits = _place(order, _widths(device), device, name)
        return cls(name, bits, folds_of(name, device), device.capacity_bytes)

    def decode(self, address: NDArray[np.uint64]) -> Decoded:
        """Channel, bank, row and column of each byte address (n,); bits above the device are ignored."""
        n = len(address)
        decoded = Decoded(
            np.empty(n, np.uint8), np.empty(n, np.uint8), np.empty(n, np.int32), np.empty(n, np.int32)
        )
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            fields = self._fields(address[part])
            decoded.channel[part] = fields["channel"]
            decoded.bank[part] = self._flat_bank(fields)
            decoded.row[part] = fields["row"]
            decoded.column[part] = fields["column"]
        return decoded

    def check_within(self, address: NDArray[np.uint64], first: int = 0) -> None:
        """InputError that names the first request beyond the device, counted from `first`."""
        if not len(address) or int(address.max()) < self.capacity_bytes:
            return
        index = int(np.argmax(address >= np.uint64(self.capacity_bytes)))
        raise InputError(
            f"request {first + index}: address {int(address[index]):#x} lies beyond the memory of "
            f"{self.capacity_bytes:#x} bytes: take a larger memory (channels, ranks), or let addresses wrap "
            "with beyond_capacity='wrap'",
            key="beyond_capacity",
        )

    def _fields(self, address: NDArray[np.uint64]) -> dict[str, NDArray[np.int64]]:
        plain = {name: _gather(address, self.bits[name]) for name in FIELDS}
        folded = dict(plain)
        for fold in self.folds:
            taken = (plain[fold.source] >> fold.source_low) & ((1 << fold.width) - 1)
            folded[fold.target] = folded[fold.target] ^ taken << fold.low
        return folded

    def _flat_bank(self, fields: Mapping[str, NDArray[np.int64]]) -> NDArray[np.int64]:
        bank, group = len(self.bits["bank"]), len(self.bits["bank_group"])
        return fields["rank"] << (group + bank) | fields["bank_group"] << bank | fields["bank"]

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "bits": dict(self.bits), "folds": [list(fold) for fold in self.folds]}


def folds_of(text: str, device: Device) -> tuple[Fold, ...]:
    """The XOR terms of the mapping of that name or text, without the rest of it where it is shipped.

    LookupFailed or InputError say what is wrong with a text.
    """
    if text in _ORDERS:
        return _fold_rows(device) if text.endswith("-xor") else ()
    return AddressMapping.of(text, device).folds


def _widths(device: Device) -> dict[str, int]:
    """Bits of each field; those of the columns above one burst."""
    sizes = {
        "row": device.rows,
        "rank": device.ranks,
        "bank": device.banks_per_group,
        "bank_group": device.bank_groups,
        "column": device.columns // device.burst_length,
        "channel": device.channels,
    }
    return {name: _log2(size, name, device) for name, size in sizes.items()}


def _burst_bits(device: Device) -> tuple[int, int]:
    """Address bits within one column of the bus, and column bits within one burst."""
    return (
        _log2(device.bus_width_bits // 8, "byte", device),
        _log2(device.burst_length, "burst_length", device),
    )


def _place(order: str, widths: Mapping[str, int], device: Device, text: str) -> dict[str, tuple[int, ...]]:
    """Address bits of each field. InputError where a bit of a field is named twice or not at all."""
    byte_bits, burst_bits = _burst_bits(device)
    address_bit = byte_bits + burst_bits
    places: dict[str, dict[int, list[int]]] = {name: {} for name in FIELDS}
    for part in reversed(_SEPARATOR.split(order)):
        name, low, width = _part(part, widths, device, text)
        for bit in range(low, low + width):
            places[name].setdefault(bit, []).append(address_bit)
            address_bit += 1
    twice = [f"{name}[{bit}]" for name, found in places.items() for bit, at in found.items() if len(at) > 1]
    missing = [f"{name}[{bit}]" for name in FIELDS for bit in range(widths[name]) if bit not in places[name]]
    if twice or missing:
        said = [f"{listed(twice)} used twice"] if twice else []
        said += [f"{listed(missing)} missing"] if missing else []
        raise InputError(
            f"address mapping {text!r} is no bijection of the addresses of {device.id}: "
            f"{' and '.join(said)}; every bit of every field must be named once, in any order",
            key="address_mapping",
        )
    bits = {name: tuple(found[bit][0] for bit in range(widths[name])) for name, found in places.items()}
    bits["column"] = tuple(range(byte_bits, byte_bits + burst_bits)) + bits["column"]
    return {"byte": tuple(range(byte_bits)), **bits}


def _part(part: str, widths: Mapping[str, int], device: Device, text: str) -> tuple[str, int, int]:
    """Field, lowest bit and number of bits of `row`, `row[7:4]` or `row[3]`."""
    match = _PART.fullmatch(part)
    if match is None or match[1] not in FIELDS:
        raise InputError(
            f"address mapping {text!r}: {part!r} is no field: expected some of {listed(FIELDS)}, alone or "
            f"with bits as in 'row[7:4]'.{did_you_mean(part.partition('[')[0], FIELDS)}",
            key="address_mapping",
        )
    name, width = match[1], widths[match[1]]
    if match[2] is None:
        return name, 0, width
    high = int(match[2])
    low = high if match[3] is None else int(match[3])
    if not low <= high < width:
        raise InputError(
            f"address mapping {text!r}: {part!r} does not exist on {device.id}, whose {name} has {width} "
            f"bits: expected [high:low] within 0 to {width - 1}",
            key="address_mapping",
        )
    return name, low, high - low + 1


def _fold(term: str, widths: Mapping[str, int], device: Device, text: str) -> Iterator[Fold]:
    """`bank^=row`, `bank[1:0]^=row[5:4]`."""
    target, operator, source = term.partition("^=")
    if not operator:
        raise InputError(
            f"address mapping {text!r}: {term!r} is no XOR term: expected such as 'bank^=row'",
            key="address_mapping",
        )
    target_name, low, width = _part(target, widths, device, text)
    source_name, source_low, source_width = _part(source, widths, device, text)
    if "[" in target and "[" in source and width != source_width:
        raise InputError(
            f"address mapping {text!r}: {term!r} folds {source_width} bits into {width}: expected as many",
            key="address_mapping",
        )
    if width and source_width:
        yield Fold(target_name, low, source_name, source_low, min(width, source_width))


def _check_bijection(
    bits: Mapping[str, tuple[int, ...]], folds: Iterable[Fold], device: Device, text: str
) -> None:
    """Every decoded bit is a sum over GF(2) of address bits: the sums must be independent."""
    above = {**bits, "column": bits["column"][_burst_bits(device)[1] :]}
    sums = {f"{name}[{i}]": 1 << bit for name in FIELDS for i, bit in enumerate(above[name])}
    for fold in folds:
        for i in range(fold.width):
            sums[f"{fold.target}[{fold.low + i}]"] ^= 1 << above[fold.source][fold.source_low + i]
    pivots: dict[int, tuple[int, frozenset[str]]] = {}
    for name, left in sums.items():
        found = frozenset((name,))
        while left and left.bit_length() in pivots:
            pivot, parts = pivots[left.bit_length()]
            left, found = left ^ pivot, found ^ parts
        if not left:
            raise InputError(
                f"address mapping {text!r} is no bijection: the XOR of {listed(sorted(found))} is always 0, "
                "so different addresses would share a place; drop one of the XOR terms",
                key="address_mapping",
            )
        pivots[left.bit_length()] = left, found


def _in_device_columns(folds: Iterable[Fold], device: Device) -> tuple[Fold, ...]:
    """The folds with column bits counted from the first column of a burst."""
    shift = {"column": _burst_bits(device)[1]}
    return tuple(
        fold._replace(
            low=fold.low + shift.get(fold.target, 0),
            source_low=fold.source_low + shift.get(fold.source, 0),
        )
        for fold in folds
    )


def _fold_rows(device: Device) -> tuple[Fold, ...]:
    """The low row bits into the bank bits, those above into the bank-group bits."""
    widths = _widths(device)
    bank, group = widths["bank"], widths["bank_group"]
    folds = (Fold("bank", 0, "row", 0, bank), Fold("bank_group", 0, "row", bank, group))
    return tuple(fold for fold in folds if fold.width)


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


def _log2(value: int, what: str, device: Device) -> int:
    if value <= 0 or value & (value - 1):
        raise InputError(
            f"{device.id}: {what} = {value} is no power of two: address mappings are made of whole bits"
        )
    return value.bit_length() - 1
