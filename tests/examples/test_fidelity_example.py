"""The example of designs simulated in part does what its comments say."""

from __future__ import annotations

import pytest

from dse.campaign import Campaign
from dse.store import Origin
from tests.docs.pages import ROOT


@pytest.mark.slow
def test_the_example_of_fidelity_predicts_estimates_and_simulates():
    campaign = Campaign.from_file(ROOT / "examples" / "fidelity.toml")

    result = campaign.run()

    trials = result.trials.taken(result.trials.run > 0)
    assert {0.0, 0.05, 1.0} <= set(trials.fidelity.tolist())
    assert (trials.origin == Origin.PREDICTED).sum() > 100
    assert all(28.7 < trials.charge[trials.run == run].sum() <= 30 for run in (1, 2))
    assert len(result.front) > 3
