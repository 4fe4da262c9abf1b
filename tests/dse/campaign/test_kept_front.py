"""The front that the store keeps beside the trials."""

from __future__ import annotations

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.store import open_reader
from tests.dse.campaign.test_limits import interrupted


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


def kept(store):
    """Ids of the front as the table has it, and the last trial that it is of."""
    with open_reader(store) as reader:
        ids = reader._all("SELECT trial FROM front ORDER BY trial")
        upto = reader._all("SELECT front_upto FROM campaign")
    return [trial for (trial,) in ids], upto[0][0]


def test_the_front_table_is_that_of_all_trials(campaign_file, store):
    result = Campaign.from_file(campaign_file()).run(store=store)

    assert kept(store) == (sorted(result.front.trials.tolist()), len(result.trials))


def test_the_front_table_is_kept_while_a_campaign_is_interrupted_and_resumed(
    campaign_file, store, monkeypatch
):
    campaign = Campaign.from_file(campaign_file())

    interrupted(campaign, store, monkeypatch, 4)
    early = CampaignResult.load(store, "small")
    assert kept(store) == (sorted(early.front.trials.tolist()), len(early.trials))

    result = campaign.resume(store=store)
    assert kept(store) == (sorted(result.front.trials.tolist()), len(result.trials))


def test_a_stale_front_is_mended_by_a_resume(campaign_file, store, monkeypatch):
    campaign = Campaign.from_file(campaign_file())
    interrupted(campaign, store, monkeypatch, 2)
    behind = kept(store)
    interrupted_again = Campaign.from_file(campaign_file())
    with monkeypatch.context() as patch:
        patch.setattr("dse.store.Store.set_front", lambda *_: None)  # killed before, each time
        interrupted_again.resume(store=store)
    assert kept(store) == behind

    result = campaign.resume(store=store)

    assert kept(store) == (sorted(result.front.trials.tolist()), len(result.trials))
    with open_reader(store) as reader:
        assert np.array_equal(reader.front_trials(1).id, sorted(result.front.trials.tolist()))
