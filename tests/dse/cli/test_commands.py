from __future__ import annotations

import csv
import io
import json
import sqlite3

import pytest

from dse.errors import EXIT_CODES
from dse.safe_output import safe_cell


def test_a_run_prints_its_front_and_ends_well(dse_process, campaign_file):
    done = dse_process("run", campaign_file())

    assert done.returncode == 0
    assert "Front of small" in done.stdout
    assert "local" in done.stdout
    assert done.stderr == ""


def test_json_of_a_run_is_strict_and_complete(dse, campaign_file):
    done = dse("run", campaign_file(), "--json")

    data = json.loads(done.stdout, parse_constant=pytest.fail)
    assert data["front"][0]["metrics"]["time_ns"] > 0
    assert data["front"][0]["change_percent"]["energy_pj"] > 0
    assert {agent["unique"] for agent in data["agents"]} == {60, 120}


def test_a_second_run_of_a_file_gets_a_name_of_its_own(dse, dse_process, campaign_file):
    dse("run", campaign_file(), "--quiet")

    second = dse("run", campaign_file(), "--quiet")

    assert second.returncode == 0
    assert "this one is 'small-2'\n" in second.stderr
    assert [row["name"] for row in json.loads(dse_process("ls", "--json").stdout)] == ["small-2", "small"]


def test_the_front_of_a_stored_campaign_is_a_csv_that_spreadsheets_read(dse_process, campaign_file):
    dse_process("run", campaign_file(), "--quiet")

    rows = list(csv.DictReader(io.StringIO(dse_process("front", "small", "--csv").stdout)))

    assert len(rows) > 3
    assert float(rows[0]["time_ns"]) < float(rows[-1]["time_ns"])
    assert "energy_pj_change_percent" in rows[0]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_text_that_looks_like_a_formula_is_quoted(text):
    assert safe_cell(text) == "'" + text


def test_numbers_stay_numbers_in_csv():
    assert safe_cell(-5.0) == -5.0


def test_a_dry_run_stores_nothing(dse, campaign_file, tmp_path):
    done = dse("run", campaign_file(), "--dry-run")

    assert done.returncode == 0
    assert "486 raw, 378 distinct, 216 feasible" in done.stdout
    assert not (tmp_path / "store.sqlite").exists()


def test_a_mistake_in_the_file_is_one_message_and_exit_code_3(dse_process, campaign_file):
    path = campaign_file(("seed = 7", "sede = 7"))

    done = dse_process("run", path)

    assert done.returncode == 3
    assert done.stderr == f"dse: error: {path}:3: sede: unknown key 'sede'. Did you mean 'seed'?\n"
    assert done.stdout == ""


def test_wrong_usage_is_exit_code_2(dse):
    assert dse("run").returncode == 2
    assert dse("rnu").returncode == 2
    assert dse("run", "x.toml", "--thread", "2").returncode == 2


def test_no_feasible_design_is_exit_code_4(dse, campaign_file):
    done = dse("run", campaign_file(("at_least = 0.8", "at_least = 1.5")))

    assert done.returncode == 4
    assert "No feasible design was found" in done.stderr


def test_a_space_without_feasible_design_is_exit_code_4(dse, campaign_file):
    done = dse("run", campaign_file(("[budget]", '[space]\nmode = "unsafe"\n[budget]')))

    assert done.returncode == 4
    assert "no design of the space satisfies safe" in done.stderr


def test_a_failing_baseline_is_exit_code_1(dse, campaign_file):
    done = dse("run", campaign_file(('name = "fake"', 'name = "fake"\npoison = [2]')))

    assert done.returncode == 1
    assert "poisoned" in done.stderr


def test_a_store_of_another_kind_is_exit_code_5(dse, campaign_file, tmp_path):
    novel = tmp_path / "novel.txt"
    novel.write_text("It was a dark and stormy night. " * 100)

    for args in (("run", campaign_file(), "--store", novel), ("list", "--store", novel)):
        done = dse(*args)
        assert done.returncode == 5
        assert "not a store of marl-dse" in done.stderr


def test_a_locked_store_is_exit_code_5_and_keeps_its_trials(dse_process, campaign_file, tmp_path):
    store = tmp_path / "store.sqlite"
    dse_process("run", campaign_file(), "--quiet")
    other = sqlite3.connect(store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    done = dse_process("run", campaign_file(), DSE_STORE_WAIT_S="0.1")

    other.close()
    assert done.returncode == 5
    assert "locked" in done.stderr
    assert "Front of small" in dse_process("front", "small").stdout


def test_a_missing_store_or_campaign_is_exit_code_3(dse, campaign_file):
    assert dse("front", "small").returncode == 3
    dse("run", campaign_file(), "--quiet")

    done = dse("front", "smal")

    assert done.returncode == 3
    assert "Did you mean 'small'?" in done.stderr


def test_every_exit_code_is_documented():
    assert sorted(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 130]


def test_the_space_of_a_file_is_listed_with_its_sizes(dse, campaign_file):
    data = json.loads(
        dse("space", campaign_file(("[budget]", "[space]\ndepth = 2\n[budget]")), "--json").stdout
    )

    assert data["sizes"] == {"raw": 81, "distinct": 63, "feasible": 36}


def test_options_of_a_space_are_numbers_switches_and_tables(dse_process):
    options = ["-o", "node_nm=45", "-o", "translation=false", "-o", "fixed.l2_ways=16"]

    shown = dse_process("space", "--simulator", "soc", *options, "--json")

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["sizes"]["feasible"] > 1e12


def test_agents_are_listed_without_loading_them(dse_process):
    data = json.loads(dse_process("agents", "--json").stdout)

    assert data["nsga2"].startswith("NSGA-II")


def test_help_names_every_command(dse_process):
    shown = dse_process("--help").stdout

    assert all(
        name in shown for name in ("run", "resume", "front", "ls", "dashboard", "replay", "export", "trace")
    )
