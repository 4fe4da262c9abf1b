"""The examples of the SoC simulator run, and find better chips than the default one."""

from __future__ import annotations

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.file import read_campaign_file
from tests.docs.pages import ROOT


def best_against_baseline(example: str, folder, unique: int, metric: str) -> float:
    path = ROOT / "examples" / example
    config, _ = read_campaign_file(path)
    smaller = config.model_copy(update={"budget": config.budget.model_copy(update={"unique": unique})})
    result = Campaign(smaller, base=path.parent).run(store=folder / "store.sqlite")
    column = result.trials.metrics[:, result.record.schema.index(metric)]
    return float(np.nanmin(column) / column[0])


def test_the_example_of_a_chip_finds_faster_ones(tmp_path):
    assert best_against_baseline("soc.toml", tmp_path, 16, "time_us") < 0.9


@pytest.mark.slow
def test_the_example_of_an_accelerator_finds_faster_ones(tmp_path):
    assert best_against_baseline("soc-accelerator.toml", tmp_path, 20, "accelerator_time_us") < 0.6


@pytest.mark.slow
def test_the_example_of_software_finds_better_code(tmp_path):
    assert best_against_baseline("soc-software.toml", tmp_path, 20, "time_us") < 0.6
