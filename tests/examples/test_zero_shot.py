"""The study of what a trained policy is worth at once: it runs, its log is kept, its sums are right."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.docs.pages import ROOT
from tests.examples.conftest import of_script

FILE = ROOT / "examples" / "zero_shot.py"


study = of_script("zero_shot")


def run_of(agent, found, seed=1, workload="stream"):
    """found: [place, latency, energy] in logarithms of the default's."""
    return {
        "workload": workload,
        "seed": seed,
        "steps": 1,
        "agent": agent,
        "found": found,
        "median": [1.0, 1.0],
    }


def test_nothing_unseen_is_learnt_from(study):
    learnt_from = study.training_workloads(60)
    unseen = {name: table["trace"] for name, (_, table) in study.unseen_workloads().items()}

    assert len(set(learnt_from)) == 60
    assert not set(learnt_from) & set(unseen.values())
    assert len(unseen) == 18
    assert {spec.partition("?")[0] for spec in learnt_from} == {f"synthetic:{f}" for f in study.FAMILIES}


@pytest.mark.slow
def test_policies_are_learnt_once_and_searched_with(study, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(FILE.parent)  # for the processes that it starts
    log, policies = tmp_path / "runs.jsonl", tmp_path / "policies"
    asked = ["--seeds", "1", "--steps", "256", "--workloads", "1", "--json"]
    asked += ["--policies", str(policies), "--runs", str(log)]

    study.main(asked)
    first = json.loads(capsys.readouterr().out)
    kept = log.read_text()
    study.main(asked)

    assert json.loads(capsys.readouterr().out) == first
    assert log.read_text() == kept
    assert sorted(path.name for path in policies.iterdir()) == ["blind-256-1.npz", "policy-256-1.npz"]
    assert {row["agent"] for row in first["regret"]} == set(study.AGENTS)


def test_only_designs_that_nothing_before_dominates_are_noticed(study):
    costs = np.array([[2.0, 2.0], [np.nan, 0.0], [3.0, 1.0], [2.0, 2.0], [1.0, 1.0]])

    assert study._noticed(costs) == [0, 2, 4]


def test_regrets_are_shares_of_the_best_known(study):
    quick = run_of("policy", [[3, 0.0, 0.0]])
    slow = run_of("local", [[3, 0.5, 0.5], [90, -1.0, 0.0]])
    nothing = run_of("cem", [])

    measured = {
        (row["measure"], row["agent"]): row["regret"] for row in study.regrets([quick, slow, nothing])
    }

    assert measured["front", "policy"] == pytest.approx([0.5] * 4)
    assert measured["front", "local"] == pytest.approx([0.875, 0.875, 0.0, 0.0])
    assert measured["even", "policy"] == pytest.approx([1 / 3] * 4)
    assert measured["even", "local"] == pytest.approx([2 / 3, 2 / 3, 0.0, 0.0])
    assert measured["front", "cem"] == [1.0] * 4


def test_medians_over_seeds_come_before_means_over_workloads(study):
    rows = [
        run_of(agent, [[1, cost, cost]], seed, workload)
        for workload in ("stream", "sort")
        for agent in study.AGENTS
        for seed, cost in (
            (1, 0.0),
            (2, 0.0 if agent != "random" else 0.5),
            (3, 0.0 if workload == "sort" else 0.5),
        )
    ]

    summed = {(row["measure"], row["group"], row["agent"]): row for row in study.summary(rows)}

    assert summed["even", "all", "random"]["regret"][0] == pytest.approx(0.25)
    assert summed["even", "programs", "random"]["regret"][0] == pytest.approx(0.0)
    assert summed["even", "all", "policy"]["regret"][0] == pytest.approx(0.0)
    assert summed["even", "all", "policy"]["seeds"] == 3
    won = study.wins(rows)
    assert won[0] == {"measure": "front", "against": "best searcher", "won": [2] * 4, "of": 2}
    assert "at least level with the best searcher on 2 after 10" in study.table(list(summed.values()), won)
