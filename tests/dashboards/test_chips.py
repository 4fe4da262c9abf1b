"""The panel of a design of a whole chip."""

from __future__ import annotations

import pytest

from dashboards.app import create_app
from dashboards.pages import campaign
from dashboards.source import CampaignSource
from dse.campaign import Campaign
from tests.dashboards.test_pages import _components, _text


@pytest.fixture(scope="module")
def chips(tmp_path_factory):
    store = tmp_path_factory.mktemp("chips") / "store.sqlite"
    config = {
        "name": "chips",
        "simulator": {"name": "soc"},
        "workloads": [{"trace": "synthetic:chase?n=2000"}],
        "objectives": [{"metric": "time_us"}, {"metric": "area_mm2"}],
        "agents": [{"name": "random"}],
        "budget": {"unique": 4, "batch": 4},
    }
    Campaign(config).run(store=store)
    return store


def test_its_metrics_have_units_and_names(chips):
    text = _text(campaign.panel(CampaignSource(chips), "1", 1, "light"))

    assert "mm2" in text
    assert "L1D MPKI" in text
    assert "°C" in text


def test_there_is_nothing_to_download(chips):
    shown = campaign.panel(CampaignSource(chips), "1", 1, "light")

    assert not [part for part in _components(shown) if getattr(part, "className", "") == "export"]


def test_whoever_asks_for_a_download_is_told_why_not(chips):
    answer = create_app(chips).server.test_client().get("/export/1/1/dramsys.zip")

    assert answer.status_code == 422
    assert "no configuration of a memory controller" in answer.get_data(as_text=True)
