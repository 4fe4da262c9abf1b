"""`dse enumerate`: counted first, refused when too many, every design once."""

from __future__ import annotations

import csv
import io
import json
from itertools import product

import pytest

import traces
from dse.campaign.result import CampaignResult
from tests.dse.fake import FakeSimulator


@pytest.fixture
def store(tmp_path, monkeypatch):
    path = tmp_path / "new.sqlite"
    monkeypatch.setenv("DSE_STORE", str(path))
    return path


@pytest.fixture
def enumerate_(run, campaign_file, store, monkeypatch):
    """Runs `dse enumerate FILE ...` in an empty folder with a store of its own."""
    monkeypatch.setenv("DSE_STORE", str(store))
    path = str(campaign_file())
    return lambda *args: run("enumerate", path, *args)


def test_every_feasible_design_comes_exactly_once(enumerate_):
    status, out, _ = enumerate_("--json")

    designs = json.loads(out)["designs"]
    assert status == 0
    assert len(designs) == FakeSimulator().space.feasible_size == 216
    assert len({tuple(row["design"].values()) for row in designs}) == 216


def test_with_set_only_these_parameters_vary(enumerate_):
    rows = json.loads(enumerate_("--set", "buffers=1,16,256", "--set", "depth", "--json")[1])["designs"]

    found = [(row["design"]["buffers"], row["design"]["depth"]) for row in rows]
    assert sorted(found) == sorted(product((1, 16, 256), range(1, 7)))
    assert {(row["design"]["mode"], row["design"]["colour"]) for row in rows} == {("slow", "red")}


def test_the_metrics_are_those_of_the_simulator(enumerate_):
    row = json.loads(enumerate_("--set", "buffers=64", "--json")[1])["designs"][0]

    simulator = FakeSimulator()
    alone = simulator.run(simulator.space.point(buffers=64), traces.load("synthetic:stream?n=500&seed=1"))
    assert row["metrics"] == pytest.approx(dict(alone))


def test_the_front_among_them_is_marked(enumerate_, store):
    rows = json.loads(enumerate_("--set", "buffers", "--json")[1])["designs"]

    front = CampaignResult.load(store, "small-enumerated").front_of("grid")
    assert {row["trial"] for row in rows if row["on_front"]} == set(front.trials.tolist())
    assert not any(row["on_front"] for row in rows if not row["feasible"])
    assert any(not row["feasible"] for row in rows)


def test_the_executor_changes_no_result(enumerate_, tmp_path):
    threads = enumerate_("--set", "buffers", "--csv")[1]

    elsewhere = ("--store", str(tmp_path / "elsewhere.sqlite"))  # where no design is known yet
    processes = enumerate_("--set", "buffers", "--csv", "--executor", "processes", *elsewhere)[1]

    assert processes == threads


def test_csv_has_a_column_for_each_parameter_and_metric(enumerate_):
    rows = list(csv.DictReader(io.StringIO(enumerate_("--set", "depth=1,2", "--csv")[1])))

    assert [row["depth"] for row in rows] == ["1", "2"]
    assert float(rows[0]["time_ns"]) > 0


def test_the_table_shows_what_varies_and_what_is_asked_for(enumerate_):
    out = enumerate_("--set", "depth=1,2")[1]

    header = next(line for line in out.splitlines() if "trial" in line)
    assert header.split() == ["trial", "depth", "time_ns", "energy_pj", "served"]
    assert "Kept in" in out


def test_counting_simulates_and_stores_nothing(enumerate_, store):
    status, out, _ = enumerate_("--set", "depth", "--set", "buffers", "--count")

    assert status == 0
    assert out.startswith("54 designs to simulate")
    assert not store.exists()


def test_more_designs_than_the_limit_are_refused_with_their_number(enumerate_, store):
    status, _, err = enumerate_("--limit", "215")

    assert status == 3
    assert "216 designs are more than the limit of 215" in err
    assert not store.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("dept=1", "Did you mean 'depth'?"),
        ("depth=7", "expected some of 1, 2, 3, 4, 5, 6"),
        ("depth=", "expected some of 1"),
        ("mode=fats", "Did you mean 'fast'?"),
    ],
)
def test_a_name_or_value_that_is_not_there_is_named(enumerate_, given, said):
    status, _, err = enumerate_("--set", given)

    assert status == 3
    assert "--set" in err
    assert said in err


def test_a_parameter_given_twice_is_refused(enumerate_):
    assert "given twice" in enumerate_("--set", "depth=1", "--set", "depth=2")[2]


def test_a_stored_campaign_can_be_enumerated_by_its_name_and_costs_nothing_twice(run, enumerate_, store):
    enumerate_("--set", "depth", "--json")

    status, out, _ = run("enumerate", "small-enumerated", "--name", "again", "--json")

    assert status == 0
    assert len(json.loads(out)["designs"]) == 6
    trials = CampaignResult.load(store, "again").trials
    assert set(trials.origin[trials.run == 1].tolist()) == {1}


def test_a_second_enumeration_gets_a_name_of_its_own(enumerate_, store):
    enumerate_("--set", "depth", "--json")

    assert json.loads(enumerate_("--set", "depth", "--json")[1])["campaign"] == "small-enumerated-2"
