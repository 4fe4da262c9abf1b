"""The shipped recordings are what their README promises."""

from __future__ import annotations

from pathlib import Path

import pytest

import traces
from traces import catalog

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
