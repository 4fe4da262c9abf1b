"""A comparison from end to end on the fake simulator: tables, warnings, files, resumption."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import dse
from agents.search.random import RandomSearch
from dse import registry
from dse.campaign.loop import CampaignLoop
from dse.campaign.study import Study
from dse.comparison.compare import compare
from dse.comparison.statistics import iqm
from dse.errors import ConfigError, LookupFailed
from dse.store import open_reader
from tests.dse.comparison.conftest import ONE, SEVERAL


@pytest.fixture
def found(study, store):
    return compare(study, store=store, targets=[0.3, 0.0])


def test_it_is_a_public_name(study, store):
    assert dse.compare is compare


def test_every_cell_agent_and_budget_has_a_row(found):
    frame = found.frame("budgets")

    assert frame.groupby("cell", sort=False).size().to_dict() == {"all": 6, SEVERAL: 6, ONE: 6}
    assert frame[frame["cell"] == "all"]["runs"].unique().tolist() == [6]
    assert frame["budget"].unique().tolist() == [4, 12, 40]
    assert (frame["iqm_low"] <= frame["iqm"]).all()
    assert (frame["iqm"] <= frame["iqm_high"]).all()


def test_all_cells_together_are_the_iqm_of_all_runs(found, study, store):
    from dse.comparison.curves import read_cell
    from dse.comparison.plan import Plan

    with open_reader(store) as reader:
        cells = [read_cell(reader, cell) for cell in Plan.of(Study.of(study)).cells]
    scores = np.concatenate([cell.scores("random", 12) for cell in cells])

    row = next(r for r in found.budgets if (r.cell, r.agent, r.budget) == ("all", "random", 12))

    assert len(scores) == 6
    assert row.iqm == iqm(scores)


def test_regret_never_rises_along_a_curve(found):
    for (_, _), rows in found.frame("curves").groupby(["cell", "agent"]):
        assert (np.diff(rows["regret"]) <= 1e-12).all()
        assert rows["spent"].iloc[-1] == 40


def test_somebody_has_reached_the_best_known(found):
    """Of one objective the best known was found by a run, or by the reference sample that nobody pays for."""
    assert {row.known for row in found.cells} == {"best known"}
    assert all(0 <= row.median <= 1 for row in found.budgets)


def test_the_control_is_the_first_agent_unless_another_is_named(study, store):
    first = compare(study, store=store)
    other = compare(study, store=store, against="local")

    assert {(row.agent, row.against) for row in first.improvement} == {("local", "random")}
    pairs = zip(first.improvement, other.improvement, strict=True)
    assert all(a.probability == pytest.approx(1 - b.probability) for a, b in pairs)


def test_targets_count_who_arrived(found):
    rows = [row for row in found.targets if row.cell != "all"]

    assert {row.target for row in rows} == {0.3, 0.0}
    assert all(row.reached + row.censored == row.runs == 3 for row in rows)
    easy = [row for row in rows if row.target == 0.3]
    assert all(row.median <= 40 and row.expected >= 1 for row in easy if row.reached == 3)
    assert sum(row.runs for row in rows) == sum(row.runs for row in found.targets if row.cell == "all")


def test_proposals_are_counted_with_those_that_were_repeats(found, store):
    for row in found.effort:
        result = dse.CampaignResult.load(store, f"which objectives=#{1 if row.cell == SEVERAL else 2}")
        trials = result.to_frame()
        asked = trials[trials["agent"] == row.agent]
        assert (row.runs, row.spent) == (3, 40.0)
        assert row.proposals == pytest.approx(len(asked) / 3)


def test_few_seeds_are_warned_of(found):
    assert found.warnings[0].startswith("Fewer than 10 seeds (the least: 3)")


def test_ten_seeds_are_enough(study, store):
    for agent in study["agents"]:
        agent["seeds"] = 10

    assert not any("seeds" in warning for warning in compare(study, store=store).warnings)


def test_runs_that_a_stop_rule_ended_are_counted_and_said(study, store):
    study["stop"] = {"stalled_designs": 8}

    found = compare(study, store=store)

    early = {row.agent: row.ended_early for row in found.budgets if (row.cell, row.budget) == ("all", 40)}
    assert early["random"] > 0
    assert any("runs ended before 40 simulations (random" in warning for warning in found.warnings)


class Brief(RandomSearch):
    """Asks for 24 designs."""

    def ask(self, n):
        return super().ask(min(n, 24 - len(self.state()["seen"])))


def test_runs_of_a_searcher_that_has_nothing_left_to_ask_for_say_so(study, store, monkeypatch):
    monkeypatch.setitem(registry.SEARCHERS, "brief", f"{__name__}:Brief")
    study["agents"].append({"name": "brief", "seeds": 3})

    found = compare(study, store=store)

    early = {row.agent: row.ended_early for row in found.budgets if (row.cell, row.budget) == ("all", 40)}
    assert early["brief"] == 6
    assert any("(brief 3 of 3: nothing left to ask for" in warning for warning in found.warnings)


def test_a_cell_that_tells_nobody_apart_is_said(study, store):
    study["agents"] = [{"name": "grid", "seeds": 2}, {"name": "random", "seeds": 2}]
    study["budget"]["unique"] = 500

    found = compare(study, store=store)

    assert any("tells no agents apart" in warning for warning in found.warnings)
    assert [row.agent for row in found.wins] == ["grid = random"] * 2
    assert any("exact" in note for note in found.notes)


def test_entries_of_one_algorithm_are_ranked_with_the_default_among_them(study, store):
    study["agents"] += [
        {"name": "local", "label": f"local {n}", "seeds": 3, "options": {"chains": n}} for n in (1, 9)
    ]

    found = compare(study, store=store, by="name")

    assert [row.rank for row in found.entries] == [1, 2, 3]
    assert {row.agent: row.default for row in found.entries} == {
        "local": True,
        "local 1": False,
        "local 9": False,
    }
    (row,) = found.algorithms
    values = sorted(entry.iqm for entry in found.entries)
    assert (row.entries, row.best, row.median, row.worst) == (3, *values)
    assert row.default == next(entry.iqm for entry in found.entries if entry.default)


def test_entries_are_looked_at_only_when_asked_for(found):
    assert found.entries == found.algorithms == ()


def test_a_number_does_not_depend_on_which_budgets_are_asked_for(study, store, found):
    alone = compare(study, store=store, budgets=[40])

    assert alone.budgets[0] == next(r for r in found.budgets if r.budget == 40 and r.cell == "all")


def test_an_interrupted_comparison_goes_on_to_the_same_report(study, store, monkeypatch):
    original = CampaignLoop._batch
    batches = []

    def interrupt(self, run, meter):
        original(self, run, meter)
        batches.append(run)
        self.stop.raised = len(batches) == 35

    monkeypatch.setattr(CampaignLoop, "_batch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        compare(study, store=store)
    with open_reader(store) as reader:
        assert sorted(row.state for row in reader.campaigns()) == ["finished", "interrupted"]

    resumed = compare(study, store=store)

    assert resumed == compare(study, store=store.with_name("whole.sqlite"))


def test_called_again_it_simulates_and_replays_nothing(study, store, found, monkeypatch):
    def never(self):
        raise AssertionError("a finished campaign was run")

    monkeypatch.setattr(CampaignLoop, "run", never)

    assert compare(study, store=store, targets=[0.3, 0.0]) == found


@pytest.mark.parametrize(
    ("run", "said"),
    [(True, "the campaign file changed since it was started"), (False, "is not that of this file")],
)
def test_another_file_by_the_name_of_a_finished_campaign_is_refused(study, store, found, run, said):
    study["budget"]["unique"] = 48

    with pytest.raises(ConfigError, match=said):
        compare(study, store=store, run=run)


def test_without_running_the_report_is_the_same(study, store, found):
    assert compare(study, store=store, targets=[0.3, 0.0], run=False) == found


def test_without_running_what_is_missing_is_an_error(study, store):
    compare({**study, "matrix": {"seed": [1]}}, store=store)

    with pytest.raises(LookupFailed, match="no campaign"):
        compare(study, store=store, run=False)


def test_unequal_numbers_of_seeds_are_said(study, store):
    study["agents"][0]["seeds"] = 5

    assert "The agents have 3 to 5 seeds" in compare(study, store=store).warnings[1]


def test_partial_simulations_cost_their_share(study, store):
    del study["matrix"]
    study["fidelity"] = {"rungs": [0.5], "sampling": "head"}
    study["budget"] = {"unique": 20, "batch": 8}

    found = compare(study, store=store)

    assert any("cost its share" in note for note in found.notes)
    assert {row.ended_early for row in found.budgets} == {0}
    assert found.plot().layout.xaxis.title.text == "Full simulations spent"


def test_a_metric_to_raise_is_compared_by_its_highest_value(study, store):
    study["matrix"] = {"objectives": [[{"metric": "power_mw", "direction": "max"}]]}
    study["matrix"]["objectives"][0] += [{"metric": "served", "at_least": 0.8}]

    found = compare(study, store=store)

    trials = dse.CampaignResult.load(store, "which objectives=#1").to_frame()
    assert found.cells[0].best == trials[trials["feasible"]]["power_mw"].max() > 0
    assert all(0 <= row.regret <= 1 for row in found.curves)


def test_a_table_that_is_not_there_is_named(found):
    with pytest.raises(LookupFailed, match="Did you mean 'budgets'"):
        found.frame("budget")


def test_what_is_saved_is_what_was_found(found, tmp_path):
    written = found.save(tmp_path / "new" / "report")

    data = json.loads((tmp_path / "new/report/report.json").read_text(), parse_constant=pytest.fail)
    with (tmp_path / "new/report/budgets.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {path.name for path in written} == {
        "report.html",
        "report.json",
        *(
            f"{name}.csv"
            for name in ("cells", "budgets", "improvement", "wins", "targets", "effort", "profiles", "curves")
        ),
    }
    assert data["budgets"][0]["iqm"] == found.budgets[0].iqm
    assert [float(row["iqm"]) for row in rows] == [row.iqm for row in found.budgets]


def test_a_label_that_a_spreadsheet_would_run_is_quoted(study, store, tmp_path):
    study["agents"][1]["label"] = "=cmd()"

    compare(study, store=store).save(tmp_path)

    assert "\n'=cmd()," in (tmp_path / "profiles.csv").read_text()
