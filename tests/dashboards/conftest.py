"""Stores that the tests of the dashboard share and do not change, and the source over one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards.source import CampaignSource
from tests.dashboards.stores import HOSTILE, copy_store, dram_store, fake_store


@pytest.fixture(scope="session")
def finished_store(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "finished.sqlite"
    return fake_store(path, unique=40, seeds=2, agents=("random", "local"))


@pytest.fixture(scope="session")
def hostile_store(tmp_path_factory) -> Path:
    return fake_store(tmp_path_factory.mktemp("stores") / "hostile.sqlite", name=HOSTILE)


@pytest.fixture(scope="session")
def dram_campaign(tmp_path_factory) -> Path:
    return dram_store(tmp_path_factory.mktemp("stores") / "dram.sqlite")


@pytest.fixture
def growing_store(finished_store, tmp_path) -> Path:
    """A copy that a test may add trials to."""
    return copy_store(finished_store, tmp_path / "growing.sqlite")


@pytest.fixture
def source(finished_store) -> CampaignSource:
    return CampaignSource(finished_store)


@pytest.fixture
def frame(source):
    return source.frame("1")
