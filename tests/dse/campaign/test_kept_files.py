"""The files that a campaign is made of are kept with it, and found again when they are gone."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest

import traces
from dse.campaign import Campaign
from dse.campaign.file import Source
from dse.campaign.kept_files import files_of
from dse.campaign.study import Study
from dse.exchange import extract_files, list_files
from dse.store import open_reader
from tests.dse.exchange.campaigns import stop_after

CONFIG = {
    "name": "options",
    "simulator": {"name": "fake"},
    "workloads": [{"trace": "synthetic:stream?n=500&seed=1"}],
    "objectives": [{"metric": "time_ns"}],
    "agents": [{"name": "random"}],
    "budget": {"unique": 4},
}


@pytest.fixture
def folder(campaign_file, tmp_path) -> Path:
    """A folder with a campaign file, a design file and a trace file."""
    made = tmp_path / "study"
    (made / "designs").mkdir(parents=True)
    (made / "designs" / "base.toml").write_text('# ours\nmode = "fast"\n')
    traces.write(traces.load("synthetic:stream?n=500&seed=1"), made / "requests.npz")
    campaign_file(
        ('name = "small"', '# why: a trial\nname = "small"\nbaseline = "designs/base.toml"'),
        ("synthetic:stream?n=500&seed=1", "requests.npz"),
        name="study/campaign.toml",
    )
    return made


def test_a_campaign_keeps_its_file_with_comments_its_design_and_its_trace(folder, tmp_path):
    store = tmp_path / "store.sqlite"
    before = {path.name: path.read_bytes() for path in folder.glob("**/*") if path.is_file()}

    Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)

    assert [(one.kind, one.name) for one in list_files(store, 1)] == [
        ("baseline", "designs/base.toml"),
        ("campaign", "campaign.toml"),
        ("trace", "requests.npz"),
    ]
    extract_files(store, 1, tmp_path / "out")
    after = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("**/*") if path.is_file()}
    assert after == before


def test_a_campaign_whose_files_were_extracted_elsewhere_gives_the_same_trials(folder, tmp_path):
    store = tmp_path / "store.sqlite"
    first = Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)
    extract_files(store, 1, tmp_path / "out")
    shutil.rmtree(folder)

    again = Campaign.from_file(tmp_path / "out" / "campaign.toml").run(threads=1)

    assert again.trials.indices.tolist() == first.trials.indices.tolist()
    assert again.trials.metrics.tobytes() == first.trials.metrics.tobytes()


def test_a_campaign_is_resumed_although_its_folder_is_gone(folder, tmp_path, monkeypatch):
    store = tmp_path / "store.sqlite"
    whole = Campaign.from_file(folder / "campaign.toml").run(threads=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 3)
        Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)
    shutil.rmtree(folder)

    resumed = Campaign.from_store(store, "small").resume(store=store, threads=1)

    assert resumed.trials.indices.tolist() == whole.trials.indices.tolist()
    assert resumed.trials.metrics.tobytes() == whole.trials.metrics.tobytes()


def test_a_campaign_run_anew_from_the_store_names_the_same_files(folder, tmp_path):
    store = tmp_path / "store.sqlite"
    Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)
    shutil.rmtree(folder)

    Campaign.from_store(store, "small").run(store=store, threads=1)

    first, second = list_files(store, 1), list_files(store, 2)
    assert second == tuple(one for one in first if one.kind != "campaign")
    with open_reader(store) as reader:
        assert reader.campaign(2).config_base == reader.campaign(1).config_base == "study"


def test_files_beside_the_store_come_before_those_in_it(folder, tmp_path):
    store = tmp_path / "store.sqlite"
    Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)
    (folder / "designs" / "base.toml").write_text('mode = "slow"\n')

    found = Campaign.from_store(store, "small")

    assert found.setup.baseline["mode"] == "slow"


@pytest.mark.parametrize("name", ["../designs/base.toml", "ABSOLUTE"])
def test_files_whose_names_lead_elsewhere_are_not_put_back(name, folder, tmp_path):
    shutil.move(folder / "designs", tmp_path / "designs")
    name = str(tmp_path / "designs" / "base.toml") if name == "ABSOLUTE" else name
    text = (folder / "campaign.toml").read_text().replace("designs/base.toml", name)
    (folder / "campaign.toml").write_text(text)
    store = tmp_path / "store.sqlite"
    Campaign.from_file(folder / "campaign.toml").run(store=store, threads=1)
    shutil.rmtree(tmp_path / "designs")

    with pytest.raises(Exception, match="cannot be read: No such file"):
        Campaign.from_store(store, "small")

    assert not (tmp_path / "designs").exists()


def test_files_that_options_name_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.toml", "words", "seeds.csv"):
        Path(name).write_text(name)
    checked = Campaign(CONFIG).config
    checked.simulator.options.update(device="mine.toml#quick", mode="words", gone="gone.toml", nul="a\0.b")
    checked.agents[0].options.update(start=["seeds.csv", 3, {"more": "mine.toml"}])

    found = files_of(checked, Source(), tmp_path / "elsewhere")

    assert sorted((one.kind, one.name, one.data) for one in found) == [
        ("option", "mine.toml", b"mine.toml"),
        ("option", "seeds.csv", b"seeds.csv"),
    ]


def test_a_file_that_cannot_be_read_is_said_and_not_kept(tmp_path, monkeypatch, caplog, campaign_file):
    campaign = Campaign.from_file(campaign_file())
    monkeypatch.setattr("dse.store.AttachedFile.read", lambda *_: os.stat(tmp_path / "gone"))

    with caplog.at_level(logging.WARNING, "dse"):
        found = files_of(campaign.config, campaign.source, tmp_path)

    assert found == ()
    assert "campaign.toml is not kept with the campaign" in caplog.text


def test_a_campaign_from_python_has_no_file_of_its_own(tmp_path, campaign_file):
    config = Campaign.from_file(campaign_file()).config
    store = tmp_path / "store.sqlite"

    Campaign(config).run(store=store, threads=1)

    assert list_files(store, 1) == ()


def test_the_campaigns_of_a_study_share_its_file(campaign_file, tmp_path):
    file = campaign_file(("[budget]", "[matrix]\nseed = [1, 2]\n[budget]"), ("unique = 60", "unique = 4"))
    store = tmp_path / "store.sqlite"

    Study.from_file(file).run(store=store, threads=1)

    with open_reader(store) as reader:
        kept = [reader.attached(campaign, "campaign", "campaign.toml") for campaign in (1, 2)]
        contents = reader._all("SELECT count(*) FROM blob")[0][0]
    assert kept[0] == kept[1]
    assert kept[0].data == file.read_bytes()
    assert contents == 1
