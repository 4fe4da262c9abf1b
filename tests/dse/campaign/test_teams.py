"""Teams as a campaign file writes them."""

from __future__ import annotations

import pytest

from dse.campaign import Campaign
from dse.errors import ConfigError
from tests.dse.campaign.test_campaign import digest
from tests.dse.exchange.campaigns import stop_after

TEAM = """
[[agents]]
name = "team"
seeds = 2
[agents.options]
play = "PLAY"
[[agents.options.members]]
subsystems = ["queue"]
name = "nsga2"
options = { population = 4 }
[[agents.options.members]]
subsystems = ["core"]
name = "ippo"
options = { batch = 8 }
"""
AGENTS = '[[agents]]\nname = "random"\n[[agents]]\nname = "nsga2"\nseeds = 2\n'


@pytest.mark.parametrize("play", ["alternating", "simultaneous"])
def test_a_team_of_a_campaign_file_resumes_exactly(play, campaign_file, tmp_path, monkeypatch):
    file, store = campaign_file((AGENTS, TEAM.replace("PLAY", play))), tmp_path / "store.sqlite"
    whole = Campaign.from_file(file).run(threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 3)
        Campaign.from_file(file).run(store=store, threads=1)

    resumed = Campaign.from_file(file).resume(store=store, threads=1)

    assert len(whole.front) > 3
    assert digest(resumed) == digest(whole)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '["queue"]',
            '["queues"]',
            r"no subsystem 'queues'; the space has 'queue', 'core'.*Did you mean 'queue'",
        ),
        ('["core"]', '["core", "queue"]', "member 2: subsystem 'queue' is member 1's already"),
        ('"ippo"', '"ipo"', r"member 2 \(ipo\): no searcher is called 'ipo'. Did you mean 'ippo'"),
        ("population = 4", "populaton = 4", r"member 1 \(nsga2\): .*Did you mean 'population'"),
    ],
)
def test_a_mistake_in_a_team_is_located_in_the_file(old, new, said, campaign_file):
    file = campaign_file((AGENTS, TEAM.replace("PLAY", "alternating").replace(old, new)))

    with pytest.raises(ConfigError, match=said) as caught:
        Campaign.from_file(file)

    assert caught.value.path == str(file)
    assert caught.value.key.startswith("agents[0].options")
