"""Campaigns between SQLite and PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dse.exchange import CampaignArchive, export_campaign, import_campaign, merge_stores
from dse.exchange.header import header_to_dict
from dse.store import StoreReader
from tests.dse.exchange.campaigns import FORMATS, stored
from tests.dse.exchange.test_merge import KILLED
from tests.dse.postgres import PostgresServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return stored(tmp_path / "store.sqlite")


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.fresh_url()


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_from_a_server_equals_that_from_a_file(kind, file, url, tmp_path):
    export_campaign(file, "one", tmp_path / f"a.{kind}")
    import_campaign(tmp_path / f"a.{kind}", url)

    export_campaign(url, "one", tmp_path / f"b.{kind}")

    assert (tmp_path / f"b.{kind}").read_bytes() == (tmp_path / f"a.{kind}").read_bytes()


def test_there_and_back_again_is_the_same_campaign(file, url, tmp_path):
    there = merge_stores(file, url)
    back = merge_stores(url, tmp_path / "back.sqlite")

    assert [c.outcome for c in (*there.campaigns, *back.campaigns)] == ["added", "added"]
    assert (there.results, back.results) == (2, 2)
    assert [c.outcome for c in merge_stores(url, file).campaigns] == ["skipped"]
    one, other = (CampaignArchive.load(store, "one") for store in (file, tmp_path / "back.sqlite"))
    assert header_to_dict(other) == header_to_dict(one)


def test_a_merge_into_a_server_that_is_killed_leaves_whole_campaigns(file, url):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(file), url, "60"],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=False,
        timeout=60,
    )
    with StoreReader(url) as reader:
        left = [row.n_trials for row in reader.campaigns()]

    assert killed.returncode == -signal.SIGKILL
    assert left == []
    assert [c.outcome for c in merge_stores(file, url).campaigns] == ["added"]
