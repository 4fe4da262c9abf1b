"""The race of refining teams with searches: all are counted alike, its log is kept, its sums are right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.docs.pages import ROOT
from tests.examples.conftest import of_script

FILE = ROOT / "examples" / "refine_against_search.py"


race = of_script("refine_against_search")


def run_of(method, found, seed=1):
    row = {"workload": "bursty", "method": method, "seed": seed, "budget": 30, "spent": 30}
    return {**row, "median": 1.0, "found": found}


@pytest.mark.parametrize("method", ["team, nudging", "cem"])
def test_a_run_counts_every_design_that_is_simulated_and_keeps_what_was_better(race, method):
    row = race.run("bursty", method, 1, 40)

    places, worths = zip(*row["found"], strict=True)
    assert row["spent"] == 40
    assert places[0] == 1
    assert list(places) == sorted(set(places))
    assert list(worths) == sorted(worths, reverse=True)


def test_the_same_run_is_the_same_again(race):
    assert race.run("bursty", "team, setting", 1, 30) == race.run("bursty", "team, setting", 1, 30)


def test_regret_is_measured_from_the_best_of_all_to_the_median_random_design(race):
    rows = [
        run_of("random", [[1, 2.0], [20, 0.5]]),
        run_of("cem", [[1, 0.75], [25, 0.0]]),
    ]

    found = {(row["method"], row["budget"]): row for row in race.summary(rows, [10, 30])}

    assert found["random", 10]["median"] == 1.0  # worse than typical
    assert found["random", 30]["median"] == 0.5
    assert found["cem", 10]["median"] == 0.75
    assert found["cem", 30]["median"] == 0.0
    assert found["random", 30]["better_than_cem"][0] == 0.0
    assert found["cem", 30]["better_than_cem"] is None


@pytest.mark.slow
def test_what_is_in_the_log_is_not_run_again(race, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(FILE.parent)  # for the processes that it starts
    log = tmp_path / "runs.jsonl"
    asked = ["--seeds", "1", "--workloads", "1", "--budget", "40", "--json", "--runs", str(log)]

    race.main(asked)
    first, kept = json.loads(capsys.readouterr().out), log.read_text()
    race.main(asked)

    assert json.loads(capsys.readouterr().out) == first
    assert log.read_text() == kept
    assert {row["method"] for row in first} == set(race.METHODS)
    assert np.isfinite([row["median"] for row in first]).all()
