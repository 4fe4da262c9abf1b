from __future__ import annotations

import json

import pytest

from dse.campaign.config import BudgetConfig, CampaignConfig, StopConfig

MATRIX = "[matrix]\nseed = [1, 2]\n[stop]\nstalled_designs = 50\n[budget]"


def test_the_schema_has_every_key_of_a_campaign_file(dse):
    schema = json.loads(dse("campaign", "schema").stdout)

    assert set(schema["properties"]) == {*CampaignConfig.model_fields, "matrix"}
    assert set(schema["$defs"]["BudgetConfig"]["properties"]) == set(BudgetConfig.model_fields)
    assert set(schema["$defs"]["StopConfig"]["properties"]) == set(StopConfig.model_fields)


def test_a_check_shows_what_a_file_means_and_stores_nothing(dse, campaign_file, tmp_path):
    done = dse("campaign", "check", campaign_file(("[budget]", MATRIX)), "--json")

    found = json.loads(done.stdout)
    assert [one["campaign"] for one in found] == ["small seed=1", "small seed=2"]
    assert found[0]["feasible"] == 216
    assert found[0]["stop"] == ["when 50 designs raise the hypervolume by 0 % or less"]
    assert not (tmp_path / "store.sqlite").exists()


def test_a_check_finds_a_mistake_in_a_combination(dse_process, campaign_file):
    path = campaign_file(("[budget]", MATRIX.replace("seed = [1, 2]", "space.depth = [[1, 2], [9]]")))

    done = dse_process("campaign", "check", path)

    assert done.returncode == 3
    assert "depth" in done.stderr


@pytest.mark.parametrize("word", ["486", "local, 2 seeds", "60 unique designs", "time_ns", "safe"])
def test_a_check_is_readable(dse, campaign_file, word):
    assert word in dse("campaign", "check", campaign_file()).stdout


def test_a_study_runs_from_the_command_line_and_again_without_doing_more(dse, campaign_file):
    path = campaign_file(("[budget]", MATRIX))

    first = dse("run", path, "--json")
    second = dse("run", path, "--json")

    found = json.loads(first.stdout)
    assert [one["campaign"] for one in found] == ["small seed=1", "small seed=2"]
    assert json.loads(second.stdout) == found
    assert [row["name"] for row in json.loads(dse("ls", "--json").stdout)] == ["small seed=2", "small seed=1"]


def test_a_study_has_no_single_name(dse, campaign_file):
    done = dse("run", campaign_file(("[budget]", MATRIX)), "--name", "other")

    assert done.returncode == 3
    assert "--name is for a file of one campaign" in done.stderr


def test_a_dry_run_of_a_study_lists_its_campaigns(dse, campaign_file):
    done = dse("run", campaign_file(("[budget]", MATRIX)), "--dry-run")

    assert done.returncode == 0
    assert "small seed=2" in done.stdout


def test_without_a_feasible_design_the_front_shows_the_nearest(dse, campaign_file):
    ran = dse("run", campaign_file(("at_least = 0.8", "at_least = 5.0")), "--quiet")

    shown = dse("front", "small")

    assert ran.returncode == 4
    assert "Nearest to feasible" in shown.stdout
    assert "served >= 5: 0.8" in shown.stdout


def test_the_front_as_json_counts_the_trials_that_miss_a_constraint(dse, campaign_file):
    dse("run", campaign_file(), "--quiet")

    found = json.loads(dse("front", "small", "--json").stdout)

    assert set(found["violated"]) == {"safe", "served >= 0.8"}
    assert found["trials"] - found["feasible_trials"] >= found["violated"]["served >= 0.8"] > 0
