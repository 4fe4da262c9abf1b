from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dse.campaign import Campaign
from dse.campaign.result import CampaignResult
from dse.errors import LookupFailed, StoreError
from dse.exchange import (
    CampaignArchive,
    ExchangeError,
    export_campaign,
    import_campaign,
    merge_stores,
    work_of,
)
from dse.store import CampaignCopy, StoreReader, TransferReader, TransferWriter, open_reader
from tests.dse.exchange.campaigns import stop_after, stored

KILLED = """
import os, signal, sys
from dse.exchange import merge_stores

def kill(done):
    if done >= int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

merge_stores(sys.argv[1], sys.argv[2], progress=kill)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return stored(tmp_path / "source.sqlite")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target.sqlite"


def outcomes(source: Path, target: Path) -> list[tuple[str, str, str]]:
    merged = merge_stores(source, target)
    return [(one.name, one.outcome, one.name_there) for one in merged.campaigns]


def names(store: Path) -> list[str]:
    with open_reader(store) as reader:
        return [row.name for row in reader.campaigns()]


def test_a_campaign_comes_over_whole(source, target):
    merged = merge_stores(source, target)

    one, other = CampaignArchive.load(source, "one"), CampaignArchive.load(target, "one")
    assert [(c.name, c.outcome, c.trials) for c in merged.campaigns] == [("one", "added", 80)]
    assert other.content == one.content
    assert (other.created, other.state, other.header.runs) == (one.created, one.state, one.header.runs)
    with open_reader(target) as reader:
        assert reader.snapshot(1, 1, 99) == (2, b"state")
        assert reader.front_trials(1).id.tolist() == one.front.tolist()


def test_cached_results_come_over_with_their_notes(source, target):
    assert merge_stores(source, target).results == 2

    with TransferReader(source) as one, TransferReader(target) as other:
        assert other.benches() == one.benches()
        (_, before), (_, after) = one.results(one.benches()[0]), other.results(other.benches()[0])
    assert list(after.designs) == list(before.designs) == [5, 7]
    assert np.array_equal(after.values, before.values)
    assert after.notes == before.notes == [(("short",),), ((),)]


def test_merging_twice_changes_nothing(source, target):
    merge_stores(source, target)

    again = merge_stores(source, target)

    assert [(c.outcome, c.name_there) for c in again.campaigns] == [("skipped", "one")]
    assert again.results == 0
    assert names(target) == ["one"]


def test_another_campaign_of_the_same_name_is_renamed_and_then_recognised(source, target):
    stored(target, seed=1)

    assert outcomes(source, target) == [("one", "renamed", "one-2")]
    assert outcomes(source, target) == [("one", "skipped", "one-2")]


def test_a_campaign_that_grew_is_another_one(source, target, tmp_path):
    merge_stores(source, target)
    export_campaign(source, "one", tmp_path / "a.jsonl")
    archive = CampaignArchive.load(source, "one")
    shorter = tmp_path / "shorter.sqlite"
    with TransferWriter(shorter) as writer:
        bench = writer.add_bench(*archive.cached_as[0], archive.header.schema.names)
        copy = CampaignCopy(
            archive.header, (bench,), archive.created, "interrupted", None, None, None, None, None, ()
        )
        writer.add_campaign(copy, list(archive.blocks())[:2])

    assert outcomes(shorter, target) == [("one", "renamed", "one-2")]


def test_an_imported_campaign_is_recognised_by_merge(source, target, tmp_path):
    export_campaign(source, "one", tmp_path / "a.csv")
    import_campaign(tmp_path / "a.csv", target, name="by file")

    assert outcomes(source, target) == [("one", "skipped", "by file")]


def test_campaigns_keep_their_order(source, target):
    stored_names = ["one", "two", "three"]
    for name in stored_names[1:]:
        stored(source, name)

    merge_stores(source, target)

    assert names(target) == names(source)


def test_the_folder_of_the_campaign_file_is_still_found(campaign_file, tmp_path):
    Campaign.from_file(campaign_file(("unique = 60", "unique = 20"))).run(store=tmp_path / "a.sqlite")
    (tmp_path / "deeper").mkdir()

    merge_stores(tmp_path / "a.sqlite", tmp_path / "deeper" / "b.sqlite")

    with open_reader(tmp_path / "deeper" / "b.sqlite") as reader:
        assert reader.campaign(1).config_base == ".."


def test_a_merged_campaign_shows_each_workload_as_before(campaign_file, tmp_path):
    Campaign.from_file(campaign_file(("unique = 60", "unique = 20"))).run(store=tmp_path / "a.sqlite")

    merge_stores(tmp_path / "a.sqlite", tmp_path / "b.sqlite")

    with open_reader(tmp_path / "a.sqlite") as one, open_reader(tmp_path / "b.sqlite") as other:
        assert other.detail(1, 5).workloads == one.detail(1, 5).workloads
        assert not other.detail(1, 5).workloads[0][1].failed


def test_what_was_merged_is_not_simulated_again(campaign_file, tmp_path):
    path = campaign_file(("unique = 60", "unique = 20"))
    first = Campaign.from_file(path).run(store=tmp_path / "a.sqlite")
    merge_stores(tmp_path / "a.sqlite", tmp_path / "b.sqlite")

    again = Campaign.from_file(path).run(store=tmp_path / "b.sqlite")

    assert again.name != first.name
    assert 0 not in again.trials.origin[again.trials.run > 0]


def test_an_interrupted_campaign_is_resumed_after_a_merge_as_if_never_cut(
    campaign_file, tmp_path, monkeypatch
):
    whole = Campaign.from_file(campaign_file()).run()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        stop_after(patch, 5)
        Campaign.from_file(campaign_file()).run(store=tmp_path / "cut.sqlite")

    merge_stores(tmp_path / "cut.sqlite", tmp_path / "there.sqlite")
    resumed = Campaign.from_file(campaign_file()).resume(store=tmp_path / "there.sqlite")

    assert resumed.trials.indices.tolist() == whole.trials.indices.tolist()
    assert resumed.trials.metrics.tobytes() == whole.trials.metrics.tobytes()
    assert resumed.trials.origin.tolist() == whole.trials.origin.tolist()


def test_progress_ends_at_the_work_that_was_announced(source, target):
    seen: list[int] = []

    merge_stores(source, target, progress=seen.append)

    assert seen == sorted(seen)
    assert seen[-1] == work_of(source) == 82


@pytest.mark.parametrize("at", [1, 60, 120])
def test_a_merge_that_is_killed_leaves_whole_campaigns_and_is_finished_by_another(at, source, target):
    stored(source, "two", seed=2)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(target), str(at)],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
        timeout=60,
    )
    with StoreReader(target) as reader:
        for row in reader.campaigns():
            assert row.n_trials == 80
    merge_stores(source, target)

    assert killed.returncode == -signal.SIGKILL
    assert names(target) == ["two", "one"]
    assert CampaignArchive.load(target, "two").content == CampaignArchive.load(source, "two").content


def test_an_error_among_the_blocks_adds_nothing(source, target):
    archive = CampaignArchive.load(source, "one")

    def broken():
        yield next(archive.blocks())
        raise RuntimeError("no more")

    with TransferWriter(target) as writer:
        copy = CampaignCopy(
            archive.header,
            (writer.add_bench("s", "w", ["m"]),),
            archive.created,
            "finished",
            None,
            None,
            None,
            None,
            None,
            (),
        )
        with pytest.raises(RuntimeError, match="no more"):
            writer.add_campaign(copy, broken())
        assert writer.add_campaign(copy, archive.blocks()) == 1
        with pytest.raises(StoreError, match="has a campaign 'one' already"):
            writer.add_campaign(copy, archive.blocks())

    assert CampaignResult.load(target, "one").trials.id.tolist() == list(range(1, 81))


def test_a_store_is_not_merged_into_itself(source, tmp_path):
    (tmp_path / "link.sqlite").symlink_to(source)

    for same in (source, tmp_path / "link.sqlite"):
        with pytest.raises(ExchangeError, match="the same store"):
            merge_stores(source, same)


def test_a_missing_source_is_named_and_makes_no_target(target, tmp_path):
    with pytest.raises(LookupFailed, match="there is no store"):
        merge_stores(tmp_path / "none.sqlite", target)

    assert not target.exists()


def test_a_store_of_version_one_is_merged_as_it_is(target, old):
    with sqlite3.connect(old) as raw:
        raw.execute("INSERT INTO bench VALUES (1, 's', 'h', '[]')")
    raw.close()
    before = old.read_bytes()

    merged = merge_stores(old, target)

    assert [(c.outcome, c.trials) for c in merged.campaigns] == [("added", 3)]
    assert old.read_bytes() == before
    assert CampaignArchive.load(target, 1).content == CampaignArchive.load(old, 1).content


def test_a_store_that_lost_a_bench_is_named(target, old):
    with pytest.raises(
        StoreError, match=r"is damaged: its design cache does not know workload 'w' of campaign"
    ):
        merge_stores(old, target)
