"""Every address mapping is a bijection, puts neighbours where its name says, and says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dse.errors import InputError, LookupFailed
from simulators.dram.memory.devices import device, device_ids
from simulators.dram.memory.mapping import FIELDS, MAPPINGS, AddressMapping

DDR3, DDR4 = "ddr3-1600-1gb-x8-dimm", "ddr4-2400-8gb-x8"


def shape(name):
    """What an address mapping sees of a device."""
    d = device(name)
    organisation = (d.channels, d.ranks, d.bank_groups, d.banks_per_group, d.rows, d.columns)
    return (*organisation, d.burst_length, d.bus_width_bits, d.pseudo_channels)


PAIRS = [(d, m) for d in {shape(name): name for name in device_ids()}.values() for m in MAPPINGS]
WIDE = device(DDR4).arranged(channels=4, ranks=2)
TEXTS = (
    "row:bank:bank_group:rank:column:channel",
    "channel:row[15:8]:bank:row[7:0]:rank:column[6:2]:bank_group:column[1:0]",
    "row:rank:bank:bank_group:column:channel;bank^=row;bank_group^=row[3:2];channel^=row[9:8];channel^=column",
    "row:rank:column:bank:bank_group:channel;row[0]^=row[15];rank^=bank[1]",
)


def bursts(chosen, seed, n=500):
    """Addresses of different bursts anywhere in the memory."""
    numbers = np.random.default_rng(seed).integers(0, chosen.capacity_bytes // chosen.burst_bytes, size=n)
    return np.unique(numbers).astype(np.uint64) * np.uint64(chosen.burst_bytes)


def place(chosen, decoded):
    """One number a decoded place, in an order of its own."""
    number = decoded.channel.astype(np.int64) * chosen.ranks * chosen.banks + decoded.bank
    return (number * chosen.rows + decoded.row) * chosen.columns + decoded.column


def fields_of(decoded, chosen):
    rank, bank = np.divmod(decoded.bank.astype(np.int64), chosen.banks)
    group, bank = np.divmod(bank, chosen.banks_per_group)
    parts = (decoded.row, rank, bank, group, decoded.column // chosen.burst_length, decoded.channel)
    return dict(zip(FIELDS, parts, strict=True))


@pytest.mark.parametrize(("device_id", "name"), PAIRS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_different_bursts_go_to_different_places(device_id, name, seed):
    chosen = device(device_id)
    address = bursts(chosen, seed)

    decoded = AddressMapping.preset(name, chosen).decode(address)

    assert len(np.unique(place(chosen, decoded))) == len(address)
    assert decoded.channel.max() < chosen.channels
    assert decoded.bank.max() < chosen.ranks * chosen.banks
    assert decoded.row.max() < chosen.rows
    assert decoded.column.max() < chosen.columns


@pytest.mark.parametrize("text", [*MAPPINGS, *TEXTS])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_channels_and_ranks_are_part_of_the_bijection(text, seed):
    address = bursts(WIDE, seed)

    decoded = AddressMapping.of(text, WIDE).decode(address)

    assert len(np.unique(place(WIDE, decoded))) == len(address)


@pytest.mark.parametrize(("device_id", "name"), PAIRS)
def test_the_bits_of_a_mapping_cover_the_address_space_once(device_id, name):
    chosen = device(device_id)

    bits = [bit for field in AddressMapping.preset(name, chosen).bits.values() for bit in field]

    assert sorted(bits) == list(range(chosen.capacity_bytes.bit_length() - 1))


def test_row_bank_column_of_ddr3_is_the_mapping_of_dramgym():
    mapping = AddressMapping.preset("row-bank-column", device(DDR3))

    assert mapping.bits["column"] == tuple(range(3, 13))
    assert mapping.bits["bank"] == (13, 14, 15)
    assert mapping.bits["row"] == tuple(range(16, 30))


def test_row_column_bank_sends_neighbouring_bursts_to_different_bank_groups():
    chosen = device(DDR4)
    decoded = AddressMapping.preset("row-column-bank", chosen).decode(
        np.arange(4, dtype=np.uint64) * np.uint64(64)
    )

    assert sorted(decoded.bank // chosen.banks_per_group) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["row-bank-column", "row-column-bank", "row-bank-column-xor"])
def test_neighbouring_bursts_take_turns_over_the_channels(name):
    address = np.arange(8, dtype=np.uint64) * np.uint64(64)

    decoded = AddressMapping.preset(name, WIDE).decode(address)

    assert decoded.channel.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_bank_row_column_keeps_a_region_in_one_bank():
    address = np.arange(1 << 14, dtype=np.uint64) * np.uint64(64)

    decoded = AddressMapping.preset("bank-row-column", WIDE).decode(address)

    assert set(decoded.channel) == set(decoded.bank) == {0}


def test_a_text_puts_each_field_where_it_says():
    mapping = AddressMapping.of("row:rank:channel:bank:column[6:1]:bank_group:column[0]", WIDE)

    found = fields_of(
        mapping.decode(np.array([1 << 6, 1 << 7, 1 << 15, 1 << 17, 1 << 19, 1 << 20]).astype(np.uint64)), WIDE
    )

    assert found["column"].tolist() == [1, 0, 0, 0, 0, 0]
    assert found["bank_group"].tolist() == [0, 1, 0, 0, 0, 0]
    assert found["bank"].tolist() == [0, 0, 1, 0, 0, 0]
    assert found["channel"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["rank"].tolist() == [0, 0, 0, 0, 1, 0]
    assert found["row"].tolist() == [0, 0, 0, 0, 0, 1]


def test_a_term_without_brackets_takes_the_low_bits_of_its_source():
    plain, folded = (
        AddressMapping.of(f"row:rank:bank:bank_group:column:channel{term}", WIDE)
        for term in ("", ";bank^=row")
    )
    address = bursts(WIDE, 1)

    before, after = fields_of(plain.decode(address), WIDE), fields_of(folded.decode(address), WIDE)

    assert np.array_equal(after["bank"], before["bank"] ^ (before["row"] & 3))
    assert np.array_equal(after["row"], before["row"])


def test_a_term_on_columns_counts_bursts():
    folded = AddressMapping.of("row:rank:bank:bank_group:column:channel;channel^=column[1:0]", WIDE)
    address = bursts(WIDE, 2)

    found = fields_of(folded.decode(address), WIDE)

    plain = fields_of(
        AddressMapping.of("row:rank:bank:bank_group:column:channel", WIDE).decode(address), WIDE
    )
    assert np.array_equal(found["channel"], plain["channel"] ^ (plain["column"] & 3))


def test_one_text_serves_devices_that_lack_a_field():
    text = "row:rank:bank:bank_group:column:channel;bank_group^=row"

    mapping = AddressMapping.of(text, device(DDR3))

    assert mapping.bits == AddressMapping.preset("row-bank-column", device(DDR3)).bits
    assert mapping.folds == ()


def test_xor_folding_spreads_rows_of_one_bank():
    chosen = device(DDR3)
    rows = np.arange(8, dtype=np.uint64) << np.uint64(16)

    plain = AddressMapping.preset("row-bank-column", chosen).decode(rows)
    folded = AddressMapping.preset("row-bank-column-xor", chosen).decode(rows)

    assert len(set(plain.bank)) == 1
    assert len(set(folded.bank)) == 8


def test_the_named_xor_mapping_is_the_text_that_it_stands_for():
    text = "row:rank:bank:bank_group:column:channel;bank^=row;bank_group^=row[3:2]"
    address = bursts(WIDE, 3)

    named = AddressMapping.of("row-bank-column-xor", WIDE).decode(address)
    written = AddressMapping.of(text, WIDE).decode(address)

    assert np.array_equal(place(WIDE, named), place(WIDE, written))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row:rank:bank:column:channel", r"'bank_group\[0\]', 'bank_group\[1\]' missing"),
        ("row:rank:bank:bank_group:row[3]:column:channel", r"'row\[3\]' used twice"),
        ("row:rank:bank:bank_group:column[6:1]:channel", r"'column\[0\]' missing"),
        ("row:rank:bank:bank_groups:column:channel", "bank_group"),
        ("row:rank:bank:bank_group:column[7:0]:channel", r"whose column has 7 bits"),
        ("row:rank:bank:bank_group:column:channel;bank^=row;row^=bank", "is always 0"),
        ("row:rank:bank:bank_group:column:channel;bank[0]^=bank[0]", r"the XOR of 'bank\[0\]' is always 0"),
        ("row:rank:bank:bank_group:column:channel;bank+row", "no XOR term"),
        ("row:rank:bank:bank_group:column:channel;bank[0]^=row[3:2]", "folds 2 bits into 1"),
    ],
)
def test_what_is_no_bijection_is_refused_with_the_bits(text, words):
    with pytest.raises(InputError, match=words):
        AddressMapping.of(text, WIDE)


def test_an_address_beyond_the_memory_is_refused_with_the_request():
    mapping = AddressMapping.preset("row-bank-column", device(DDR3))

    with pytest.raises(InputError, match=r"request 2: address 0x40000000 lies beyond"):
        mapping.check_within(np.array([0, (1 << 30) - 1, 1 << 30, 1 << 40], dtype=np.uint64))


def test_an_unknown_mapping_names_the_nearest():
    with pytest.raises(LookupFailed, match="row-bank-column"):
        AddressMapping.of("row-bank-colum", device(DDR4))
