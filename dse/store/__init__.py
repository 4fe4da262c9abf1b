"""The store: append-only trials of many campaigns in one SQLite file, and their design cache.

`Store` writes (one per process and file), `open_reader` reads at any time; `schema` has the tables.
"""

from __future__ import annotations

from pathlib import Path

from dse.store.connection import DEFAULT_STORE, default_store
from dse.store.reader import StoreReader
from dse.store.records import (
    CampaignHeader,
    CampaignRecord,
    CampaignRow,
    Origin,
    ResultBlock,
    RunRow,
    TrialBlock,
    TrialDetail,
    Trials,
)
from dse.store.store import Store

__all__ = [
    "DEFAULT_STORE",
    "CampaignHeader",
    "CampaignRecord",
    "CampaignRow",
    "Origin",
    "ResultBlock",
    "RunRow",
    "Store",
    "StoreReader",
    "TrialBlock",
    "TrialDetail",
    "Trials",
    "default_store",
    "open_reader",
]


def open_reader(path: Path | str) -> StoreReader:
    """Open a store for reading; LookupFailed if there is none, StoreError if the file is not a store."""
    return StoreReader(path)
