"""The shipped recordings are what their README promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import traces
from traces import TraceError, catalog
from traces.instructions import Operation
from traces.record_instructions import warnings

SAMPLES = Path(catalog.__file__).parent / "samples"
REFRESH_INTERVAL_US = 7.8


def test_the_catalogue_names_exactly_the_files_that_ship():
    assert sorted(traces.samples()) == sorted(path.stem for path in SAMPLES.glob("*.npz"))


@pytest.mark.parametrize("name", traces.samples())
def test_a_sample_is_small_long_and_mixed(name):
    stats = traces.describe(traces.sample(name))

    assert (SAMPLES / f"{name}.npz").stat().st_size < 300_000
    assert stats.requests >= 100_000
    assert stats.duration_us > 100 * REFRESH_INTERVAL_US
    assert 0.4 < stats.read_share < 0.9
    assert stats.footprint_bytes > 8 * 144 * 1024


@pytest.mark.parametrize("name", traces.samples())
def test_a_sample_offers_a_third_to_a_half_of_a_ddr4_2400_channel(name):
    assert 19.2 * 0.3 < traces.describe(traces.sample(name)).offered_gbps < 19.2 * 0.5


@pytest.mark.parametrize("name", traces.samples())
def test_a_sample_says_where_it_comes_from_and_names_no_machine(name):
    provenance = traces.sample(name).provenance

    assert {"recorded", "tool", "cache", "core", "skipped_instructions", "instructions"} <= set(provenance)
    assert not any("/" in value for value in provenance.values())


@pytest.mark.parametrize("name", traces.samples())
def test_the_readme_of_the_samples_has_a_row_for_each(name):
    trace = traces.sample(name)

    rows = [
        line for line in (SAMPLES / "README.md").read_text().splitlines() if line.startswith(f"| `{name}` |")
    ]

    assert len(rows) == 1
    assert f"| {len(trace):,} |" in rows[0]
    assert f"{trace.duration_ns / 1000:,.0f} us" in rows[0]


def test_a_sample_is_loaded_by_its_spec():
    assert traces.load("sample:sort").hash == traces.sample("sort").hash


def test_every_sample_has_a_description():
    assert all(row.description for row in catalog.CATALOG.values())


# --------------------------------------------------------------------------------------------- instructions

INSTRUCTIONS = SAMPLES / "instructions"
PRODUCTS = [name for name in catalog.instruction_samples() if name.startswith("product-")]


def test_the_catalogue_names_exactly_the_instruction_files_that_ship():
    assert sorted(catalog.instruction_samples()) == sorted(path.stem for path in INSTRUCTIONS.glob("*.npz"))


def test_no_name_means_a_memory_sample_and_an_instruction_sample():
    assert not set(catalog.instruction_samples()) & set(traces.samples())


@pytest.mark.parametrize("name", catalog.instruction_samples())
def test_an_instruction_sample_is_small_and_says_where_it_comes_from(name):
    trace = catalog.instruction_sample(name)

    assert (INSTRUCTIONS / f"{name}.npz").stat().st_size < 150_000
    assert len(trace) >= 100_000
    assert trace.name == name
    assert trace.provenance["recorded"] == catalog.INSTRUCTION_CATALOG[name].program
    assert trace.provenance["begins"].startswith("region_begins")
    assert not any("/" in value for value in trace.provenance.values())
    assert warnings(trace) == []


@pytest.mark.parametrize("name", catalog.instruction_samples())
def test_a_complete_sample_ends_where_its_region_ends(name):
    ends = catalog.instruction_sample(name).provenance["ends"]

    assert (ends == "region_ends") is catalog.INSTRUCTION_CATALOG[name].complete


@pytest.mark.parametrize("name", catalog.instruction_samples())
def test_the_readme_says_how_long_each_instruction_sample_is(name):
    assert f" {len(catalog.instruction_sample(name)):,} " in (SAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_does_the_same_work_with_vectors_of_its_width(name):
    trace = catalog.instruction_sample(name)
    row = catalog.INSTRUCTION_CATALOG[name]
    lanes = {"o0": 1, "o2": 1, "o3": 2, "avx2": 4}[row.optimisation]

    fused_or_multiplied = int((trace.operation == Operation.FLOAT_MULTIPLY).sum())

    assert 48**3 / lanes <= fused_or_multiplied <= 2 * 48**3 / lanes
    assert 54 * 1024 <= 64 * len(np.unique(trace.address // 64)) < 56 * 1024


def test_tiles_and_optimisation_levels_are_all_there():
    rows = [catalog.INSTRUCTION_CATALOG[name] for name in PRODUCTS]

    assert {(row.optimisation, row.tile) for row in rows} == {
        (level, tile) for level in ("o0", "o2", "o3", "avx2") for tile in (0, 8, 16)
    }


@pytest.mark.parametrize(
    ("load", "name", "reason"),
    [
        (catalog.instruction_sample, "chas", "there is no sample 'chas'.*did you mean 'chase'"),
        (catalog.instruction_sample, "join", "'join' holds memory traffic: expected one of instructions"),
        (catalog.sample, "chase", "'chase' holds instructions: expected one of memory traffic"),
    ],
)
def test_a_sample_of_the_other_kind_is_told_from_one_that_is_not_there(load, name, reason):
    with pytest.raises(TraceError, match=reason):
        load(name)
