"""Every address mapping is a bijection, and puts neighbours where its name says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import LookupFailed
from simulators.dram.devices import device, device_ids
from simulators.dram.mapping import MAPPINGS, AddressMapping

PAIRS = [(d, m) for d in device_ids() for m in MAPPINGS]


def _flat(mapping, chosen, decoded):
    """The burst number that a decoded place stands for, in an order of its own."""
    place = decoded.bank.astype(np.int64) * chosen.rows + decoded.row
    return place * chosen.columns + decoded.column


@pytest.mark.parametrize(("device_id", "name"), PAIRS)
@given(seed=st.integers(0, 2**32 - 1))
def test_different_bursts_go_to_different_places(device_id, name, seed):
    chosen = device(device_id)
    mapping = AddressMapping.preset(name, chosen)
    bursts = np.random.default_rng(seed).choice(chosen.capacity_bytes // 64, size=500, replace=True)
    bursts = np.unique(bursts)

    decoded = mapping.decode(bursts.astype(np.uint64) * np.uint64(64))

    assert len(np.unique(_flat(mapping, chosen, decoded))) == len(bursts)
    assert decoded.bank.max() < chosen.banks
    assert decoded.row.max() < chosen.rows
    assert decoded.column.max() < chosen.columns


@pytest.mark.parametrize(("device_id", "name"), PAIRS)
def test_the_bits_of_a_mapping_cover_the_address_space_once(device_id, name):
    chosen = device(device_id)

    bits = [bit for field in AddressMapping.preset(name, chosen).bits.values() for bit in field]

    assert sorted(bits) == list(range(chosen.capacity_bytes.bit_length() - 1))


def test_row_bank_column_of_ddr3_is_the_mapping_of_dramgym():
    mapping = AddressMapping.preset("row-bank-column", device("ddr3-1600-1gb-x8-dimm"))

    assert mapping.bits["column"] == tuple(range(3, 13))
    assert mapping.bits["bank"] == (13, 14, 15)
    assert mapping.bits["row"] == tuple(range(16, 30))


def test_row_column_bank_sends_neighbouring_bursts_to_different_bank_groups():
    chosen = device("ddr4-2400-8gb-x8")
    decoded = AddressMapping.preset("row-column-bank", chosen).decode(
        np.arange(4, dtype=np.uint64) * np.uint64(64)
    )

    assert sorted(decoded.bank // chosen.banks_per_group) == [0, 1, 2, 3]


def test_xor_folding_spreads_rows_of_one_bank():
    chosen = device("ddr3-1600-1gb-x8-dimm")
    rows = np.arange(8, dtype=np.uint64) << np.uint64(16)

    plain = AddressMapping.preset("row-bank-column", chosen).decode(rows)
    folded = AddressMapping.preset("row-bank-column-xor", chosen).decode(rows)

    assert len(set(plain.bank)) == 1
    assert len(set(folded.bank)) == 8


def test_an_unknown_mapping_names_the_nearest():
    with pytest.raises(LookupFailed, match="row-bank-column"):
        AddressMapping.preset("row-bank-colum", device("ddr4-2400-8gb-x8"))
