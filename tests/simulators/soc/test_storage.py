"""Bits of predictors and policies, for the power model."""

from __future__ import annotations

import pytest

from ext.soc_fields import PREDICTORS, PREFETCHERS, REPLACEMENTS
from simulators.soc.storage import predictor_bits, prefetcher_bits, replacement_bits


@pytest.mark.parametrize(
    ("policy", "bits"),
    [("lru", 64 * 8 * 3), ("tree_plru", 64 * 7), ("srrip", 64 * 8 * 2), ("drrip", 64 * 8 * 2 + 64 + 10)],
)
def test_a_cache_of_64_sets_and_8_ways_keeps(policy, bits):
    assert replacement_bits(policy, 64, 8, 64) == bits


def test_ship_keeps_a_table_and_what_its_sampled_sets_need():
    """16,384 counters of 3 bits; 64 sets of 8 lines with 14 bits and a mark (Wu et al., MICRO 2011)."""
    assert replacement_bits("ship", 1024, 8, 64) == 1024 * 8 * 2 + 3 * 16_384 + 64 * 8 * 15


@pytest.mark.parametrize("policy", REPLACEMENTS)
def test_every_policy_has_a_size(policy):
    assert replacement_bits(policy, 1024, 16, 64) > 0


@pytest.mark.parametrize("name", PREFETCHERS[1:])
def test_every_prefetcher_marks_its_lines(name):
    assert prefetcher_bits(name, 2048) - prefetcher_bits(name, 1024) == 1024


def test_none_keeps_nothing():
    assert prefetcher_bits("none", 1024) == predictor_bits("not-taken") == 0


def test_predictors_keep_more_the_more_they_know():
    """bimodal 4 KiB, gshare 4 KiB and its history, perceptron 4 KiB, tage 11 KiB."""
    sizes = [predictor_bits(name) / 8192 for name in PREDICTORS]

    assert sizes == pytest.approx([0, 4, 4, 4, 11], abs=0.1)
