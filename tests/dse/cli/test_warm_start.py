from __future__ import annotations

import json

WARM = (
    ('name = "small"', 'name = "second"'),
    ("[budget]", '[warm_start]\ncampaign = "small"\ndesigns = 4\n[budget]'),
)


def test_a_dry_run_shows_what_would_be_taken(dse, campaign_file):
    dse("run", campaign_file(), "--quiet")

    done = dse("run", campaign_file(*WARM), "--dry-run")

    assert done.returncode == 0
    assert "warm start" in done.stdout
    assert "4 designs of 'small'" in done.stdout


def test_the_check_names_the_campaign_and_looks_nothing_up(dse, campaign_file):
    done = dse("campaign", "check", campaign_file(*WARM), "--json")

    assert json.loads(done.stdout)[0]["warm_start"] == "up to 4 designs of campaign 'small'"


def test_a_campaign_that_is_not_there_is_one_sentence(dse, campaign_file):
    dse("run", campaign_file(), "--quiet")
    file = campaign_file(WARM[0], ("[budget]", '[warm_start]\ncampaign = "smal"\n[budget]'))

    done = dse("run", file)

    assert done.returncode == 3
    assert "Did you mean 'small'?" in done.stderr
    assert "warm_start.campaign" in done.stderr
