from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.exchange import FORMATS as KINDS
from dse.exchange import CampaignArchive, ExchangeError, export_campaign, import_campaign
from dse.exchange.csv_file import guarded, unguarded
from dse.exchange.header import header_to_dict
from dse.exchange.whole_file import no_progress
from dse.store import open_reader
from tests.dse.exchange.campaigns import FORMATS, in_memory, stop_after, stored
from tests.dse.store.campaigns import COLUMNS

NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "=1+1",
        "'=1+1",
        "''@x",
        "+",
        "-",
        "\t",
        "\r",
        '"',
        '"1"',
        "1",
        "true",
        "nan",
        "",
        ",",
        "\n",
        "a\r\nb",
        "\0",
    ]
)
VALUES = st.lists(
    NASTY | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=True),
    min_size=1,
    max_size=8,
    unique_by=lambda value: (
        "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "number",
        value,
    ),
)
METRICS = st.lists(st.tuples(st.floats(), st.floats()), max_size=12)
VERSION_1 = Path(__file__).parent / "data" / "version1.jsonl"  # as the first version of the tool wrote it
QUICK = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return stored(tmp_path / "store.sqlite")


@pytest.mark.parametrize("kind", FORMATS)
def test_what_was_imported_is_exported_as_the_same_bytes(kind, store, tmp_path):
    first = export_campaign(store, "one", tmp_path / f"a.{kind}")
    import_campaign(first.files[0], tmp_path / "other.sqlite")

    again = export_campaign(tmp_path / "other.sqlite", "one", tmp_path / f"b.{kind}")

    assert [path.read_bytes() for path in again.files] == [path.read_bytes() for path in first.files]


@pytest.mark.parametrize("kind", FORMATS)
def test_an_imported_campaign_equals_the_exported_one(kind, store, tmp_path):
    export_campaign(store, "one", tmp_path / f"a.{kind}")

    import_campaign(tmp_path / f"a.{kind}", tmp_path / "other.sqlite")

    with open_reader(store) as one, open_reader(tmp_path / "other.sqlite") as other:
        before, after = one.trials(1), other.trials(1)
        for name in COLUMNS:
            assert getattr(before, name).tobytes() == getattr(after, name).tobytes(), name
        given, found = one.campaign("one"), other.campaign("one")
        assert found.state == "finished"
        for name in (
            "created",
            "config",
            "space",
            "search_space",
            "schema",
            "objectives",
            "constraints",
            "runs",
        ):
            assert getattr(found, name) == getattr(given, name), name
        assert found.baseline == given.baseline
        assert found.baseline_point == given.baseline_point
        assert found.reference.tolist() == given.reference.tolist()


@pytest.mark.parametrize("kind", FORMATS)
def test_an_imported_campaign_shows_the_same_front_and_frame(kind, campaign_file, tmp_path):
    result = Campaign.from_file(campaign_file(("unique = 60", "unique = 20"))).run(
        store=tmp_path / "a.sqlite"
    )
    export_campaign(tmp_path / "a.sqlite", result.name, tmp_path / f"a.{kind}")

    import_campaign(tmp_path / f"a.{kind}", tmp_path / "b.sqlite")

    found = CampaignResult.load(tmp_path / "b.sqlite", result.name)
    assert found.front.trials.tolist() == result.front.trials.tolist()
    assert found.front.hypervolume == result.front.hypervolume
    assert found.to_frame().equals(result.to_frame())
    with open_reader(tmp_path / "b.sqlite") as reader:
        assert reader.front_trials(1).id.tolist() == sorted(result.front.trials.tolist())


@pytest.mark.parametrize("kind", FORMATS)
@QUICK
@given(values=VALUES, agent=NASTY, metrics=METRICS)
def test_hostile_values_and_names_come_back_bit_for_bit(kind, values, agent, metrics, tmp_path):
    given_archive = in_memory(values, agent, np.array(metrics, dtype=np.float64).reshape(-1, 2))
    write, read = KINDS[kind]

    write(given_archive, tmp_path / f"t.{kind}", force=True, progress=no_progress)
    found = read(tmp_path / f"t.{kind}", progress=no_progress)

    assert header_to_dict(found) == header_to_dict(given_archive)
    assert np.array_equal(found.trials.metrics, given_archive.trials.metrics, equal_nan=True)
    assert np.array_equal(np.signbit(found.trials.metrics), np.signbit(given_archive.trials.metrics)) or (
        np.isnan(found.trials.metrics).any()
    )
    assert found.trials.fidelity.tolist() == given_archive.trials.fidelity.tolist()
    assert found.trials.charge.tolist() == given_archive.trials.charge.tolist()
    assert found.trials.indices.tolist() == given_archive.trials.indices.tolist()
    assert [run.agent for run in found.header.runs] == [agent, agent + agent]


@given(text=NASTY)
def test_no_cell_reads_as_a_formula_and_every_text_comes_back(text):
    cell = guarded(text)

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(cell) == text


def test_numbers_stay_numbers_and_formulas_do_not(tmp_path):
    archive = in_memory([-5, 7], "=cmd()", np.array([[-1.5, math.nan]]))

    KINDS["csv"][0](archive, tmp_path / "t.csv", force=False, progress=no_progress)

    with (tmp_path / "t.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["agent"] == "'=cmd()=cmd()"
    assert row["parameter.seed"] == "-5"
    assert row["time_ns"] == "-1.5"
    assert row["metric.run"] == ""


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json_is_strict(kind, tmp_path):
    archive = in_memory(["a"], "x", np.array([[math.nan, math.inf]]))

    def refuse(word: str) -> None:
        raise AssertionError(word)

    KINDS[kind][0](archive, tmp_path / "t", force=False, progress=no_progress)
    text = (tmp_path / "t").read_text()
    last = text.splitlines()[-1] if kind == "jsonl" else text
    data = json.loads(last, parse_constant=refuse)

    trial = data if kind == "jsonl" else data["trials"][0]
    assert trial["metrics"] == {"time_ns": None, "run": "inf"}


def test_parquet_columns_have_types_and_units(store, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export_campaign(store, "one", tmp_path / "a.parquet")

    schema = parquet.read_schema(tmp_path / "a.parquet")

    assert str(schema.field("buffers").type) == "int64"
    assert schema.field("time_ns").metadata[b"unit"] == b"ns"
    assert parquet.read_table(tmp_path / "a.parquet")["time_ns"].null_count == 3


def test_a_name_that_is_taken_gets_a_number(store, tmp_path):
    export_campaign(store, "one", tmp_path / "a.csv")

    names = [import_campaign(tmp_path / "a.csv", store).name for _ in range(2)]

    assert names == ["one-2", "one-3"]


def test_a_file_of_the_first_version_has_only_full_simulations(tmp_path):
    done = import_campaign(VERSION_1, tmp_path / "store.sqlite")

    with open_reader(tmp_path / "store.sqlite") as reader:
        found = reader.trials(done.campaign)
    assert found.origin.tolist() == [2, 1, 3, 2, 1, 1, 1, 3, 3, 0, 1, 2]
    assert found.fidelity.tolist() == [1.0] * 12
    assert found.charge.tolist() == [0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0]


def test_a_file_of_the_first_version_that_was_changed_is_refused(tmp_path):
    text = VERSION_1.read_text()
    (tmp_path / "a.jsonl").write_text(text.replace('"step":6', '"step":7'))

    with pytest.raises(ExchangeError, match="a value was changed"):
        import_campaign(tmp_path / "a.jsonl", tmp_path / "store.sqlite")


def test_an_interrupted_campaign_stays_interrupted(tmp_path):
    store = stored(tmp_path / "store.sqlite", state="running")
    export_campaign(store, "one", tmp_path / "a.jsonl")

    import_campaign(tmp_path / "a.jsonl", tmp_path / "other.sqlite")

    with open_reader(tmp_path / "other.sqlite") as reader:
        assert reader.campaign("one").state == "interrupted"


def test_an_interrupted_campaign_is_resumed_from_an_export_as_if_never_cut(
    campaign_file, tmp_path, monkeypatch
):
    whole = Campaign.from_file(campaign_file()).run()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 5)
        Campaign.from_file(campaign_file()).run(store=tmp_path / "cut.sqlite")
    export_campaign(tmp_path / "cut.sqlite", 1, tmp_path / "cut.jsonl")
    import_campaign(tmp_path / "cut.jsonl", tmp_path / "there.sqlite")

    resumed = Campaign.from_file(campaign_file()).resume(store=tmp_path / "there.sqlite")

    assert len(resumed.trials) == len(whole.trials)
    assert resumed.trials.indices.tolist() == whole.trials.indices.tolist()
    assert resumed.trials.metrics.tobytes() == whole.trials.metrics.tobytes()


def test_a_file_that_exists_is_not_overwritten_unasked(store, tmp_path):
    (tmp_path / "a.csv").write_text("mine")

    with pytest.raises(ExchangeError, match="exists"):
        export_campaign(store, "one", tmp_path / "a.csv")

    assert (tmp_path / "a.csv").read_text() == "mine"
    assert not (tmp_path / "a.csv.json").exists()
    assert export_campaign(store, "one", tmp_path / "a.csv", force=True).trials == 80


def test_an_export_that_fails_leaves_nothing_behind(store, tmp_path):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").mkdir()
    with pytest.raises(ExchangeError, match="No space left"):
        export_campaign(store, "one", tmp_path / "out" / "a.csv", progress=full)

    assert list((tmp_path / "out").iterdir()) == []


def test_an_unknown_format_is_named(store, tmp_path):
    with pytest.raises(ExchangeError, match=r"'xlsx' is no format.*parquet, csv, json, jsonl"):
        export_campaign(store, "one", tmp_path / "a.xlsx")


def test_the_front_of_an_archive_has_no_infeasible_trial(store):
    archive = CampaignArchive.load(store, "one")

    front = archive.front - 1

    assert len(front)
    assert archive.trials.feasible[front].all()
